"""The Heidelberg Energy Control: its map, its watchdog and state F, its standby, its need for pauses, its older firmware."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.datasheets.codec import decode, encode
from chargebench.datasheets.load import load
from chargebench.emulator.device import Refused
from chargebench.emulator.kinds import KINDS
from chargebench.emulator.pilot import Pilot
from chargebench.emulator.slave import Slave
from chargebench.emulator.spec import LineAt
from chargebench.manager.drivers.registry import BOXES
from tests.emulator.worlds import Bench, S, box_spec, car_spec

SHEET = load("heidelberg-energy-control")
MS = 1_000
READ_STATE = bytes((4, 0, 5, 0, 1))
WRITE_STANDBY = bytes((6, 1, 2, 0, 4))


def bench(cars=(), **changes):
    standard = {"device": SHEET.name, "at": LineAt("COM1", 19_200, 8, "E", 1), "failsafe_us": 15 * S, "failsafe_ma": 0}
    return Bench([box_spec(**{**standard, **changes})], list(cars))


def charging(**changes):
    return bench([car_spec(below_ma=0, delay_us=0, plugs_us=0)], **changes)


def value(one, name):
    register = SHEET.register(name)
    return decode(register, one.device().read(register.table, register.at, register.count))


def put(one, name, new):
    register = SHEET.register(name)
    one.device().write("holding", register.at, encode(register, new))
    return one


def fed(one, until_us, every_us=5 * S):
    """The same, asked for its state every few seconds until then."""
    while one.world.now_us + every_us < until_us:
        one.to(one.world.now_us + every_us).device().read("input", 5, 1)
    return one.to(until_us)


def ask(slave, one, at_us, pdu=READ_STATE):
    one.to(at_us)
    return slave.answer(1, pdu, at_us, serial=True)


# -- the map ---------------------------------------------------------------------------------------------------------


def test_whatever_can_be_driven_can_be_built():
    assert set(KINDS) == set(BOXES)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("layout_version", 0x108),
        ("charging_state", 3),
        ("current_l1", 0),
        ("pcb_temperature", 25_000),
        ("voltage_l1", 230_000),
        ("extern_lock_state", 1),
        ("power", 0),
        ("hw_max_current", 16_000),
        ("hw_min_current", 6_000),
        ("watchdog_timeout", 15_000),
        ("standby_control", 0),
        ("remote_lock", 1),
        ("current_limit", 16_000),
        ("failsafe_current", 0),
    ],
)
def test_a_box_without_a_car_shows_its_factory_values(name, expected):
    assert value(bench(), name) == expected


def test_a_charging_box_shows_currents_voltages_apparent_power_and_energy():
    one = fed(bench([car_spec(below_ma=42, phases=2, plugs_us=0)], wiring=(1, 2, 0)), 3_600 * S)
    assert [value(one, f"current_l{k}") for k in (1, 2, 3)] == [15_900, 15_900, 0]
    assert [value(one, f"voltage_l{k}") for k in (1, 2, 3)] == [230_000] * 3
    assert value(one, "power") == 2 * 15_958 * 230 // 1_000
    assert (
        value(one, "energy_since_installation") == value(one, "energy_since_power_on") == one.car.energy_wh(3_600 * S)
    )


def test_a_restart_begins_the_energy_since_power_on_anew_and_keeps_that_since_installation():
    one = fed(charging(), 1_800 * S)
    before = value(one, "energy_since_installation")
    one.box.restart(one.world.now_us)
    fed(one.to(1_900 * S), 2_400 * S)
    assert value(one, "energy_since_installation") > before > 5_000
    assert abs(value(one, "energy_since_installation") - before - value(one, "energy_since_power_on")) <= 1


@pytest.mark.parametrize(
    ("change", "cars", "expected"),
    [
        ({}, (), 3),
        ({"boot_enable": False}, (), 2),
        ({}, (car_spec(delay_us=30 * S, plugs_us=0),), 5),
        ({"boot_enable": False}, (car_spec(plugs_us=0),), 4),
        ({}, (car_spec(delay_us=0, plugs_us=0),), 7),
    ],
    ids=["A2", "A1", "B2", "B1", "C2"],
)
def test_the_state_tells_whether_charging_is_permitted(change, cars, expected):
    assert value(bench(cars, **change).to(5 * S), "charging_state") == expected


def test_a_car_that_is_being_stopped_is_in_c1():
    one = put(charging().to(10 * S), "current_limit", 0).to(11 * S)
    assert value(one, "charging_state") == 6


@pytest.mark.parametrize("count", [1, 14, 15])
def test_a_read_may_be_no_longer_than_17_registers(count):
    assert len(bench().device().read("input", 4, count)) == count
    with pytest.raises(Refused) as caught:
        bench().device().read("input", 4, 18)
    assert caught.value.code == 2


# -- the limit -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit_ma", [6_000, 6_100, 15_900, 16_000])
def test_a_limit_takes_effect_in_its_step(limit_ma):
    one = put(charging().to(10 * S), "current_limit", limit_ma)
    assert value(one, "current_limit") == limit_ma
    assert one.to(24 * S).box.pulse.offered_ma == limit_ma


def test_a_limit_of_0_stops_the_car_and_the_next_lets_it_charge_again():
    one = fed(put(charging().to(10 * S), "current_limit", 0), 40 * S)
    assert (value(one, "current_limit"), one.box.pilot, one.box.contactor.closed) == (0, Pilot.B, False)
    one = fed(put(one, "current_limit", 8_000), 60 * S)
    assert (one.drawn_ma(), one.box.pilot) == ((8_000, 8_000, 8_000), Pilot.C)


@pytest.mark.parametrize("name", ["current_limit", "failsafe_current"])
@pytest.mark.parametrize("word", [1, 59, 161, 630])
def test_a_current_that_cannot_be_signalled_is_refused(name, word):
    one = bench()
    with pytest.raises(Refused) as caught:
        one.device().write("holding", SHEET.register(name).at, [word])
    assert caught.value.code == 3
    assert value(one, name) == (16_000 if name == "current_limit" else 0)


def test_a_limit_above_the_hardwares_is_clipped():
    one = bench(max_ma=10_000)
    assert value(put(one, "current_limit", 16_000), "current_limit") == value(one, "hw_max_current") == 10_000


# -- watchdog and state F --------------------------------------------------------------------------------------------


def test_without_a_request_for_15_s_a_charging_box_is_in_state_f_and_its_contactor_open():
    one = charging().to(15 * S - 1)
    assert (one.box.pilot, one.drawn_ma()) == (Pilot.C, (16_000, 16_000, 16_000))
    one.to(15 * S)
    assert (one.box.pilot, one.box.pulse.on) == (Pilot.F, False)
    assert one.to(15 * S + 100 * MS).drawn_ma() == (0, 0, 0)
    assert not one.box.contactor.closed


def test_any_request_feeds_the_watchdog_also_a_refused_one():
    def refused(one):
        with pytest.raises(Refused):
            one.device().read("input", 900, 1)

    for feed in (lambda one: value(one, "power"), lambda one: put(one, "current_limit", 9_000), refused):
        one = charging()
        for k in range(1, 20):
            feed(one.to(k * 14 * S))
        assert one.story("failsafe") == []


def test_the_watchdog_counts_milliseconds():
    one = put(charging().to(100 * MS), "watchdog_timeout", 2_500)
    assert one.to(20 * S).story("failsafe") == [(2_600 * MS, "failsafe", 1, 0)]
    assert value(put(bench(), "watchdog_timeout", 65_535), "watchdog_timeout") == 65_535


def test_a_watchdog_of_0_never_comes():
    one = put(charging().to(S), "watchdog_timeout", 0).to(3_600 * S)
    assert one.story("failsafe") == []
    assert one.box.pilot is Pilot.C


def test_state_f_lasts_10_s_more_when_communication_returns():
    one = charging().to(16 * S)
    assert value(one, "charging_state") == 10
    assert one.to(26 * S - 1).box.pilot is Pilot.F
    assert one.to(26 * S).box.pilot is not Pilot.F
    value(one, "power")
    assert fed(one, 40 * S).drawn_ma() == (16_000, 16_000, 16_000)


def test_state_f_hides_whether_a_car_is_there():
    for cars in ((), (car_spec(plugs_us=0),)):
        assert value(bench(cars).to(60 * S), "charging_state") == 10


def test_silence_within_the_10_s_prolongs_state_f():
    one = put(charging().to(S), "watchdog_timeout", 3_000).to(5 * S)
    value(one, "power")
    assert one.to(30 * S).box.pilot is Pilot.F
    value(one, "power")
    for k in range(31, 45):
        value(one.to(k * S), "power")
    assert one.box.pilot is Pilot.C


@pytest.mark.parametrize("enable", [True, False])
def test_a_failsafe_current_above_0_holds_while_nobody_speaks_also_in_a_stopped_box(enable):
    one = charging(failsafe_ma=8_000, boot_enable=enable).to(60 * S)
    assert (one.drawn_ma(), one.box.pilot) == ((8_000, 8_000, 8_000), Pilot.C)
    assert (
        value(one, "charging_state") == 7
    )  # the request that asks has ended the failsafe, which is felt a little later
    assert value(one.to(61 * S), "charging_state") == (7 if enable else 6)
    assert fed(one, 100 * S).drawn_ma() == ((16_000,) * 3 if enable else (0, 0, 0))


def test_locked_it_is_in_state_f_until_10_s_after_it_is_unlocked():
    one = put(charging().to(10 * S), "remote_lock", 0)
    assert (one.box.pilot, value(one, "remote_lock")) == (Pilot.F, 0)
    one = put(fed(one, 60 * S), "remote_lock", 1)
    assert one.to(70 * S - 1).box.pilot is Pilot.F
    assert fed(one, 90 * S).drawn_ma() == (16_000, 16_000, 16_000)


def test_its_watchdog_runs_once_it_has_booted():
    one = charging().to(S)
    one.box.restart(S)
    assert one.to(22 * S).box.pilot in (Pilot.B, Pilot.C)
    assert one.to(60 * S).story("failsafe") == [(36 * S, "failsafe", 1, 0)]


# -- standby ---------------------------------------------------------------------------------------------------------


def test_after_5_min_without_car_and_request_it_sleeps_and_misses_the_first_request():
    one = bench()
    slave = Slave({1: one.device()})
    assert one.to(299 * S).story("standby") == []
    assert one.to(600 * S).story("standby") == [(300 * S, "standby", 1)]
    assert ask(slave, one, 600 * S) is None
    assert ask(slave, one, 600 * S + 20 * MS) == bytes((4, 2, 0, 3))


@pytest.mark.parametrize("pdu", [b"\x2b\x0e\x01\x00", b"\x03\x01\x01\x00\x01", WRITE_STANDBY])
def test_whatever_the_first_request_is_it_wakes_and_gets_no_answer(pdu):
    one = bench()
    slave = Slave({1: one.device()})
    assert ask(slave, one, 400 * S, pdu) is None
    assert one.story("standby")[-1] == (400 * S, "standby", 0)
    assert value(one, "standby_control") == 0


def test_a_broadcast_wakes_it_and_is_missed():
    one = bench().to(400 * S)
    slave = Slave({1: one.device()})
    for k, awake in enumerate((False, True)):
        slave.answer(0, WRITE_STANDBY, one.to((400 + k) * S).world.now_us, serial=True)
        assert one.box.standby.allowed is not awake


def test_a_request_to_another_unit_does_not_wake_it():
    one = bench().to(400 * S)
    slave = Slave({1: one.device()})
    assert slave.answer(2, READ_STATE, 400 * S, serial=True) is None
    assert one.story("standby") == [(300 * S, "standby", 1)]


def test_told_to_stay_awake_it_does():
    one = put(bench().to(S), "standby_control", 4)
    assert one.to(3_600 * S).story("standby") == []
    assert value(one, "standby_control") == 4


def test_requests_keep_it_awake():
    assert fed(bench(), 1_200 * S).story("standby") == []


def test_a_car_keeps_it_awake_until_5_min_after_it_has_left():
    one = bench([car_spec(plugs_us=0, leaves_us=900 * S)]).to(1_300 * S)
    assert one.story("standby") == [(1_200 * S, "standby", 1)]


def test_a_car_wakes_it_and_is_served():
    one = bench([car_spec(plugs_us=400 * S, delay_us=0, below_ma=0)]).to(410 * S)
    assert one.story("standby")[-1] == (400 * S, "standby", 0)
    assert one.drawn_ma() == (16_000, 16_000, 16_000)


def test_asleep_no_watchdog_runs_and_awake_it_runs_anew():
    one = put(bench(failsafe_us=400 * S).to(S), "watchdog_timeout", 60_000)
    assert one.to(360 * S).story("failsafe", "standby") == [
        (61 * S, "failsafe", 1, 0),
        (301 * S, "standby", 1),
    ]
    assert one.device().hears(360 * S) is False
    assert one.to(421 * S).story("failsafe")[-1] == (420 * S, "failsafe", 1, 0)


def test_a_standby_costs_the_limit_and_nothing_else():
    one = put(put(put(bench().to(S), "current_limit", 6_000), "failsafe_current", 7_000), "watchdog_timeout", 20_000)
    one.to(400 * S)
    assert one.device().hears(400 * S) is False
    one.to(401 * S)
    assert [value(one, name) for name in ("current_limit", "failsafe_current", "watchdog_timeout")] == [
        16_000,
        7_000,
        20_000,
    ]


# -- pauses ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("pause_us", "answered"), [(99_999, False), (100_000, True)])
def test_a_request_that_comes_too_soon_after_the_last_is_not_heard(pause_us, answered):
    one = bench()
    slave = Slave({1: one.device()})
    assert ask(slave, one, S) is not None
    assert (ask(slave, one, S + pause_us) is not None) is answered


def test_a_request_that_is_not_heard_does_not_feed_the_watchdog():
    one = bench()
    slave = Slave({1: one.device()})
    ask(slave, one, S)
    ask(slave, one, S + 50 * MS)
    assert one.to(20 * S).story("failsafe") == [(16 * S, "failsafe", 1, 0)]


# -- the older firmware ----------------------------------------------------------------------------------------------


def old(**changes):
    return bench(quirks=("firmware-1-0-7",), **changes)


def test_the_older_firmware_does_not_show_standby_and_lock_but_takes_them():
    one = old()
    assert value(one, "layout_version") == 0x107
    for name in ("standby_control", "remote_lock"):
        with pytest.raises(Refused) as caught:
            value(one, name)
        assert caught.value.code == 2
    assert put(one, "standby_control", 4).to(3_600 * S).story("standby") == []


@pytest.mark.parametrize("how", ["restart", "standby"])
def test_the_older_firmware_forgets_all_its_settings(how):
    one = put(put(put(old().to(S), "failsafe_current", 7_000), "watchdog_timeout", 0), "current_limit", 6_000)
    if how == "restart":
        one.box.restart(one.world.now_us)
        one.to(30 * S)
    else:
        assert one.to(400 * S).device().hears(400 * S) is False
    assert [value(one, name) for name in ("failsafe_current", "watchdog_timeout", "current_limit")] == [
        0,
        15_000,
        16_000,
    ]


def test_a_quirk_of_another_make_is_refused():
    with pytest.raises(ValueError, match="known quirks are firmware-1-0-7, got second-relay"):
        bench(quirks=("second-relay",))


def test_no_meter_is_attached_to_a_box_that_has_its_own():
    with pytest.raises(ValueError, match="has its meter built in"):
        bench(attached=True)


# -- laws ------------------------------------------------------------------------------------------------------------

acts = st.lists(
    st.tuples(
        st.integers(0, 40_000),
        st.sampled_from(["read", "lock", "unlock", "stop", "limit", "awake", "restart", "none"]),
    ),
    max_size=40,
)
ACTS = {
    "lock": ("remote_lock", 0),
    "unlock": ("remote_lock", 1),
    "stop": ("current_limit", 0),
    "limit": ("current_limit", 9_000),
    "awake": ("standby_control", 4),
}


def played(script, step_us=None, **changes):
    """A box with two visits, and what happens to it at these times (ms apart); looked at every ``step_us`` too."""
    cars = [car_spec("one", plugs_us=20 * S, leaves_us=200 * S), car_spec("two", plugs_us=700 * S)]
    one = bench(cars, **changes)
    slave = Slave({1: one.device()})
    heard_us = [0]
    at_us = 0
    for after_ms, what in script:
        to_us = at_us + after_ms * MS
        while step_us and at_us + step_us < to_us:
            at_us += step_us
            one.to(at_us)
        at_us = to_us
        one.to(at_us)
        if what == "restart":
            one.box.restart(at_us)
        elif what != "none" and not one.box.dark:
            name, new = ACTS.get(what, ("charging_state", 0))
            at, word = SHEET.register(name).at, encode(SHEET.register(name), new)[0]
            function = 4 if what == "read" else 6
            pdu = bytes((function, at >> 8, at & 0xFF, 0, 1 if what == "read" else word))
            if slave.answer(1, pdu, at_us, serial=True) is not None:
                heard_us.append(at_us)
    one.to(at_us + 40 * S)
    return one, heard_us


@given(script=acts, step_us=st.sampled_from([S, 777_777]))
def test_what_it_does_does_not_depend_on_who_looks(script, step_us):
    assert played(script)[0].events == played(script, step_us)[0].events


@given(script=acts)
def test_it_offers_nothing_beyond_15_s_after_the_last_request_that_it_heard_or_its_last_start(script):
    one, heard_us = played(script)
    starts = [at for at, kind, *rest in one.story("boot", "standby") if kind == "boot" or rest == [0]]
    anchors = sorted([*heard_us, *starts])
    for at_us, _, offered_ma in one.story("offer"):
        if not offered_ma:
            continue
        fed_us = max(anchor for anchor in anchors if anchor <= at_us)
        assert at_us < fed_us + 15 * S
    if one.box.pulse.on:
        assert one.world.now_us < anchors[-1] + 15 * S
