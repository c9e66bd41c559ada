"""A Power Brain behind its registers: the whole map, what it takes, what it refuses, and what an access does."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.datasheets.codec import decode
from chargebench.datasheets.load import load
from chargebench.emulator.device import Refused
from chargebench.emulator.devices.power_brain import PILOT_CODES
from chargebench.emulator.devices.registers import Cell, Hooks, SheetDevice, kept
from tests.emulator.worlds import Bench, S, box_spec, car_spec, grid_meter

SHEET = load("power-brain")
VOLATILE = ("disconnect_cp", "relay_select", "relay2", "fixed_current", "charging_cur_limit", "charging_enable")


def bench(attached=False, cars=None, **changes):
    cars = [car_spec(below_ma=0)] if cars is None else cars
    return Bench([box_spec(attached=attached, **changes)], cars)


def value(one, name):
    register = SHEET.register(name)
    return decode(register, one.device().read("holding", register.at, register.count))


def refusal(call, *arguments):
    with pytest.raises(Refused) as caught:
        call("holding", *arguments)
    return caught.value.code


# -- the map ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("vendor_id", 0xCF050000),
        ("product_id", 1),
        ("device_id", 0x100),
        ("serial_no", "W00-0000"),
        ("name", "cFos Power Brain"),
        ("slave_id", 1),
        ("def_fixed_current", 0),
        ("def_charging_cur_limit", 16_000),
        ("def_charging_enable", 1),
        ("fail_safe_duration", 300),
        ("fail_safe_current", 6_000),
        ("disconnect_cp", 0),
        ("relay_select", 0),
        ("relay2", 0),
        ("cable_current", 0),
        ("fixed_current", 0),
        ("charge_pilot_state", 0),
        ("charging_cur_limit", 16_000),
        ("charging_enable", 1),
        ("charging_current", 0),
        ("last_rfid", ""),
        ("detected_rfids", 0),
        ("has_meter", 0),
        ("s0_inputs", 0),
        ("count_restart", 0),
    ],
)
def test_a_box_without_a_car_shows_its_factory_values(name, expected):
    assert value(bench(cars=[], failsafe_us=300 * S), name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cable_current", 13_000),
        ("charge_pilot_state", 2),
        ("charging_current", 13_000),
        ("charging_cur_limit", 15_900),
    ],
)
def test_a_charging_box_shows_what_it_does(name, expected):
    assert value(bench(cable_ma=13_042, boot_limit_ma=15_942).to(60 * S), name) == expected


def test_the_states_have_their_codes():
    one = bench(boot_enable=False).to(20 * S)
    assert value(one, "charge_pilot_state") == 1
    assert value(bench(cars=[]), "charge_pilot_state") == 0


def test_only_the_documented_functions_are_there():
    assert sorted(bench().device().functions) == [3, 6, 16]


def test_every_register_of_the_map_can_be_read():
    one = bench(attached=True)
    for register in SHEET.registers:
        assert len(one.device().read("holding", register.at, register.count)) == register.count


# -- reading ---------------------------------------------------------------------------------------------------------


def test_holes_inside_a_block_read_0_and_a_start_in_a_hole_is_refused():
    device = bench().device()
    assert device.read("holding", 8088, 3) == [0, 0, 0]
    assert device.read("holding", 8031, 10) == [0] * 9 + [1]
    for start in (7999, 8032, 8089, 8114, 8122):
        assert refusal(device.read, start, 1) == 2


def test_a_block_may_end_in_a_hole_but_not_beyond_the_map():
    device = bench().device()
    assert len(device.read("holding", 8113, 5)) == 5
    assert len(device.read("holding", 8120, 2)) == 2
    assert refusal(device.read, 8120, 3) == 2
    assert refusal(device.read, 8000, 126) == 2
    assert len(device.read("holding", 8070 + 10, 42)) == 42


def test_blocks_that_overlap_show_the_same_words_and_are_their_readers_own():
    device = bench().device()
    spans = [(8000, 10), (8001, 3), (8080, 16), (8083, 2), (8084, 3), (8093, 1)]
    for value in (80, 100, 100, 120):
        device.write("holding", 8093, [value])
        device.write("holding", 8083, [value, value])
        seen: dict[int, int] = {}
        for start, count in spans:
            words = list(device.read("holding", start, count))
            for at, word in enumerate(words, start):
                assert seen.setdefault(at, word) == word, at
            held = device.read("holding", start, count)
            if isinstance(held, list):
                held[:] = [0] * count
            assert list(device.read("holding", start, count)) == words
        assert [seen[at] for at in (8083, 8084, 8093)] == [value] * 3


def test_parts_of_a_wide_value_can_be_read():
    device = bench().device()
    assert device.read("holding", 8000, 1) == [0xCF05]
    assert device.read("holding", 8001, 2) == [0, 1]
    assert device.read("holding", 8004, 2) == [0x010E, 1400]


@pytest.mark.parametrize("table", ["input", "coil", "discrete"])
def test_other_tables_are_empty(table):
    device = bench().device()
    for call in (lambda: device.read(table, 8000, 1), lambda: device.write(table, 8093, [100])):
        with pytest.raises(Refused) as caught:
            call()
        assert caught.value.code == 2


def test_registers_of_the_attached_meter_are_there_only_with_a_meter():
    without, with_meter = bench().device(), bench(attached=True).device()
    for address, count in ((8057, 1), (8057, 13), (8058, 4), (8062, 2), (8068, 1), (8047 - 7, 20)):
        assert refusal(without.read, address, count) == 2
        assert len(with_meter.read("holding", address, count)) == count
    assert with_meter.read("holding", 8112, 1) == [1]


def test_an_attached_meter_shows_currents_power_and_energy_of_the_box():
    one = bench(attached=True, cars=[car_spec(phases=2, below_ma=42, plugs_us=0)]).to(3600 * S)
    assert value(one, "meter_flags") == 1
    assert [value(one, f"current_l{k}") for k in (1, 2, 3)] == [15_900, 15_900, 0]
    assert value(one, "power") == 2 * 15_958 * 230 // 1000
    assert value(one, "energy") == one.car.energy_wh(3600 * S) == 7324


def test_an_attached_meter_samples_on_its_own_grid():
    meter = grid_meter("inside", "box", at=None, interval_us=60 * S)
    one = Bench([box_spec(attached=True)], [car_spec(plugs_us=0)], [meter])
    assert value(one.to(59 * S), "power") == 0
    assert value(one.to(60 * S), "power") == 3 * 15_500 * 230 // 1000


# -- writing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "words", "code"),
    [
        (8093, [0], 3),
        (8093, [59], 3),
        (8093, [60], None),
        (8093, [630], None),
        (8093, [631], 3),
        (8094, [2], 3),
        (8094, [1], None),
        (8085, [0], None),
        (8085, [59], 3),
        (8085, [60], None),
        (8085, [631], 3),
        (8080, [0], None),
        (8080, [1], 3),
        (8091, [59], 3),
        (8091, [60], None),
        (8081, [59], 3),
        (8081, [60], None),
        (8082, [2], 3),
        (8083, [0], 3),  # half of a wide value
        (8084, [0], 3),
        (8083, [0, 180], None),
        (8082, [1, 0], 3),
        (8040, [0], 3),
        (8040, [17], None),
        (8086, [65535], None),
        (8092, [1], 2),
        (8095, [60], 2),
        (8000, [1, 1], 2),
        (8089, [0], 2),
        (8070, [1], 2),
        (8094, [1, 0], 2),
        (8112, [1], 2),
        (8120, [0, 7], None),
    ],
)
def test_a_write_is_taken_or_refused(address, words, code):
    device = bench().device()
    if code is None:
        device.write("holding", address, words)
    else:
        assert refusal(device.write, address, words) == code


def test_the_attached_meters_values_cannot_be_written():
    assert refusal(bench(attached=True).device().write, 8058, [0, 0, 0, 0]) == 2


def test_a_write_over_several_registers_is_all_or_nothing():
    one = bench()
    assert refusal(one.device().write, 8093, [100, 7]) == 3
    assert refusal(one.device().write, 8093, [100, 0, 60]) == 2
    assert (value(one, "charging_cur_limit"), value(one, "charging_enable")) == (16_000, 1)
    one.device().write("holding", 8093, [100, 0])
    assert (value(one, "charging_cur_limit"), value(one, "charging_enable")) == (10_000, 0)


def test_a_limit_above_the_model_reads_back_clipped_and_its_boot_register_does_not():
    one = bench(boot_limit_ma=6_000)
    one.device().write("holding", 8093, [320])
    one.device().write("holding", 8081, [320])
    assert (value(one, "charging_cur_limit"), value(one, "def_charging_cur_limit")) == (16_000, 32_000)


@pytest.mark.parametrize(
    ("register", "words"),
    [
        ("def_fixed_current", [130]),
        ("def_charging_cur_limit", [100]),
        ("def_charging_enable", [0]),
        ("fail_safe_duration", [0, 180]),
        ("fail_safe_current", [0]),
        ("count_restart", [1, 2]),
        ("slave_id", [9]),
        ("fixed_current", [130]),
        ("charging_cur_limit", [100]),
        ("charging_enable", [0]),
    ],
)
def test_what_is_written_reads_back_and_wears_the_flash_where_it_is_kept(register, words):
    one = bench()
    address = SHEET.register(register).at
    one.device().write("holding", address, words)
    assert list(one.device().read("holding", address, len(words))) == words
    assert one.device().flash_writes == (0 if register in VOLATILE else 1)
    one.device().write("holding", address, words)
    assert one.device().flash_writes == (0 if register in VOLATILE else 2)


def test_a_refused_write_does_not_wear_the_flash():
    one = bench()
    refusal(one.device().write, 8080, [100, 0])
    assert one.device().flash_writes == 0


def test_a_write_is_told_with_the_values_it_meant():
    one = bench().to(30 * S)
    one.device().write("holding", 8093, [100, 0])
    assert one.story("write", "limit") == [
        (30 * S, "write", "charging_cur_limit", 10_000),
        (30 * S, "write", "charging_enable", 0),
        (30 * S, "limit", 10_000, 0),
    ]


# -- hardware --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quirks", "inputs", "relay2", "select"),
    [((), 0, 3, 3), (("second-relay",), 0x600, None, None), (("phase-switching",), 0x700, None, None)],
)
def test_a_second_relay_must_be_there_to_be_used(quirks, inputs, relay2, select):
    one = bench(quirks=quirks)
    assert value(one, "s0_inputs") == inputs
    for address, code in ((8088, relay2), (8087, select)):
        one.device().write("holding", address, [0])
        if code is None:
            one.device().write("holding", address, [1])
            assert one.device().read("holding", address, 1) == [1]
        else:
            assert refusal(one.device().write, address, [1]) == code
    assert value(one, "s0_inputs") == (inputs | 0x800 if quirks else 0)


@pytest.mark.parametrize(("quirk", "code"), [("second-relay", 3), ("phase-switching", None)])
def test_phases_switch_while_charging_only_where_the_owner_has_released_it(quirk, code):
    one = bench(quirks=(quirk,)).to(60 * S)
    one.device().write("holding", 8087, [0])
    if code is None:
        one.device().write("holding", 8087, [1])
    else:
        assert refusal(one.device().write, 8087, [1]) == code
    assert one.device().read("holding", 8087, 1) == [0 if code else 1]


def test_relay_2_stays_off_while_the_charging_relay_is_closed():
    one = bench(quirks=("second-relay",)).to(60 * S)
    assert refusal(one.device().write, 8088, [1]) == 3
    one.device().write("holding", 8088, [0])


# -- the watchdog and the world --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "access",
    [
        lambda device: device.read("holding", 8000, 1),
        lambda device: device.write("holding", 8094, [1]),
        lambda device: refusal(device.read, 9000, 1),
        lambda device: refusal(device.read, 8057, 1),
        lambda device: refusal(device.read, 8000, 0),
        lambda device: refusal(device.write, 8093, [0]),
        lambda device: refusal(device.write, 8092, [0]),
    ],
    ids=["read", "write", "hole", "no meter", "no words", "out of range", "read-only"],
)
def test_every_access_to_the_unit_feeds_the_watchdog_also_a_refused_one(access):
    one = bench(failsafe_us=60 * S).to(50 * S)
    access(one.device())
    assert one.to(109 * S).story("failsafe") == []
    assert one.to(110 * S).story("failsafe") == [(110 * S, "failsafe", 1, 6_000)]


def test_the_world_says_when_an_access_made_its_next_event_earlier():
    one = bench(cars=[car_spec(plugs_us=0)], failsafe_us=300 * S).to(60 * S)
    calls = []
    one.world.on_change = lambda: calls.append(one.world.next_us)
    one.device().read("holding", 8092, 1)
    assert calls == []
    one.device().write("holding", 8093, [100])
    assert calls == [60_200_000]


def test_a_device_moves_the_whole_world_and_says_when_it_would_change_next():
    one = Bench([box_spec()], [car_spec()], house=[(5 * S, (1, 1, 1))])
    assert one.device().advance(4 * S) == 5 * S
    assert one.device().advance(5 * S) == 10 * S
    assert one.world.now_us == 5 * S


def outcome(call, *arguments):
    """What a call gives, or the code with which it is refused."""
    try:
        return call("holding", *arguments), None
    except Refused as refused:
        return None, refused.code


@given(st.integers(7_990, 8_130), st.integers(1, 130))
def test_a_read_gives_all_its_words_or_a_refusal(address, count):
    words, code = outcome(bench(attached=True).device().read, address, count)
    if code is None:
        assert len(words) == count
        assert all(0 <= word <= 0xFFFF for word in words)
    else:
        assert code == 2


@given(st.integers(7_990, 8_130), st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=16))
def test_a_refused_write_changes_nothing(address, words):
    one = bench()
    before = [list(one.device().read("holding", at, 42)) for at in (8000, 8080)]
    _, code = outcome(one.device().write, address, words)
    assert code in {None, 2, 3}
    assert code is None or [list(one.device().read("holding", at, 42)) for at in (8000, 8080)] == before


def test_every_state_has_its_code():
    assert {state.value: code for state, code in PILOT_CODES.items()} == {
        "A": 0,
        "B": 1,
        "C": 2,
        "D": 3,
        "E": 4,
        "F": 5,
    }


# -- any sheet -------------------------------------------------------------------------------------------------------


def one_register(name, **changes):
    """A device with one register of the sheet, changed."""
    sheet = replace(SHEET, registers=(replace(SHEET.register(name), **changes),))
    hooks = Hooks(lambda _at: None, lambda *_what: None, lambda _at: None)
    return SheetDevice(sheet, {name: kept(6_000)}, bench().world, hooks)


def test_a_value_between_two_steps_is_refused():
    device = one_register("charging_cur_limit", step=500)
    device.write("holding", 8093, [65])
    assert refusal(device.write, 8093, [66]) == 3
    assert device.read("holding", 8093, 1) == [65]


def test_a_value_without_a_name_is_refused_where_all_have_one():
    device = one_register("charging_enable", high=9, values=((0, "off"), (5, "on")))
    device.write("holding", 8094, [5])
    assert refusal(device.write, 8094, [4]) == 3


def test_what_can_only_be_written_reads_0_as_wide_as_it_is():
    assert one_register("fail_safe_duration", readable=False).read("holding", 8083, 2) == [0, 0]


def test_a_cell_for_a_register_that_is_not_there_is_our_mistake():
    hooks = Hooks(lambda _at: None, lambda *_what: None, lambda _at: None)
    with pytest.raises(AssertionError, match="no_such_thing"):
        SheetDevice(SHEET, {"no_such_thing": Cell(lambda: 0)}, bench().world, hooks)
    with pytest.raises(AssertionError, match="neither a meaning nor a default"):
        SheetDevice(SHEET, {}, bench().world, hooks)
