"""Every box that is made by its datasheet: states, limits, pauses, watchdogs, starts, phases, reads, quirks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.datasheets.load import load, names
from chargebench.emulator.device import Refused
from chargebench.emulator.devices.general import refusal
from chargebench.emulator.devices.quirks import named
from chargebench.emulator.kinds import KINDS, kind_of_sheet
from chargebench.emulator.slave import Slave
from chargebench.scenarios.checks.devices import drivable
from tests.emulator.boxes import DUTY, FACTORY_MA, GENERAL, Bank, control, running, watchdog
from tests.emulator.worlds import S

PAUSES = [name for name in GENERAL if control(name).pause]
STOPS = [name for name in GENERAL if control(name).limit.zero == "stops"]
REFUSES = [name for name in GENERAL if control(name).limit.zero in {"refused", "unknown"}]
SETTLED_S = 15


def refused(one, name, value):
    """The exception code by which a value is refused, 0 if it is taken."""
    try:
        one.put(name, value)
    except Refused as refusal_:
        return refusal_.code
    return 0


# -- which there are -------------------------------------------------------------------------------------------------


def test_every_box_with_a_sheet_that_says_enough_can_be_built():
    boxes = [name for name in names() if load(name).kind == "evse"]
    assert len(GENERAL) >= 20
    assert sorted([*GENERAL, *DUTY, *KINDS, *(name for name in boxes if refusal(load(name)))]) == boxes


@pytest.mark.parametrize("name", drivable("evse"))
def test_whatever_can_be_driven_can_be_built(name):
    assert kind_of_sheet(load(name)).manner.quirks == (
        KINDS[name].manner.quirks if name in KINDS else named(load(name))
    )


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("alfen-eve-station", "the datasheet of alfen-eve-station tells neither its states nor how it is told a limit"),
        ("eastron-sdm630", "eastron-sdm630 is no box"),
    ],
)
def test_what_cannot_be_built_says_why(name, sentence):
    with pytest.raises(LookupError, match=sentence):
        kind_of_sheet(load(name))
    with pytest.raises(LookupError, match=f"box: {sentence}"):
        Bank(name)


# -- states ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GENERAL)
def test_a_car_that_plugs_in_is_shown_from_a_over_b_to_c_and_back(name):
    one = Bank(name)
    one.to(1 * S).limit(10_000)
    assert one.letter() == "A"
    assert one.to(10 * S).letter() in {"B", "C"}
    assert one.to(60 * S).letter() == "C"
    assert one.drawn_ma() == (10_000,) * 3


@pytest.mark.parametrize("name", PAUSES + STOPS)
def test_a_car_that_may_not_charge_is_shown_in_b(name):
    one = running(name)
    one.raw(one.sheet.control.pause) if one.sheet.control.pause else one.limit(0)
    assert one.after(40).letter() == "B"
    assert one.drawn_ma() == (0, 0, 0)


@pytest.mark.parametrize("name", GENERAL)
def test_every_register_that_can_be_read_is_read_whole_and_never_fails(name):
    one = running(name)
    blocks = one.sheet.reading.blocks
    for register in one.sheet.registers:
        if register.readable and not blocks:
            words = one.device().read(register.table, register.at, register.count)
            assert len(words) == register.count
            assert all(0 <= word <= 0xFFFF for word in words)


# -- limits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GENERAL)
def test_a_limit_takes_effect_and_is_never_exceeded(name):
    one = running(name)
    for limit_ma in (6_000, 13_000, 8_000, 16_000, 7_000):
        drawn_before = one.drawn_ma()[0]
        one.limit(limit_ma)
        for _ in range(SETTLED_S):
            assert one.after(1).drawn_ma()[0] <= max(drawn_before, limit_ma)
        assert one.drawn_ma() == (limit_ma,) * 3


@pytest.mark.parametrize("name", GENERAL)
@given(data=st.data())
def test_it_offers_the_limit_rounded_down_to_its_step(name, data):
    one = running(name)
    register = one.sheet.register(one.sheet.control.limit.registers[0])
    unit = 1 if register.type == "f32" else max(register.step or 1, int(register.scale))
    limit_ma = data.draw(st.integers(6_000 // unit, FACTORY_MA // unit)) * unit
    one.limit(limit_ma).after(SETTLED_S)
    step_ma = max(100, dict(one.sheet.limits)["step_ma"])
    assert one.box.pulse.offered_ma == limit_ma // (step_ma // 100 * 100) * (step_ma // 100 * 100)


@pytest.mark.parametrize("name", GENERAL)
def test_a_limit_above_what_the_box_bears_is_what_the_box_bears(name):
    one = running(name, max_ma=13_000).limit(16_000).after(SETTLED_S)
    assert one.drawn_ma() == (13_000,) * 3


@pytest.mark.parametrize("name", GENERAL)
def test_a_limit_that_can_be_read_back_is_what_was_written(name):
    one = running(name)
    for limit in one.sheet.control.limit.registers:
        if one.sheet.register(limit).readable:
            assert one.value(limit) == 10_000
    if shown := one.sheet.control.limit.shown:
        assert one.value(shown) == 10_000


@pytest.mark.parametrize("name", REFUSES)
def test_a_limit_of_0_is_refused_where_nobody_knows_that_it_stops(name):
    one = running(name)
    assert refused(one, one.sheet.control.limit.registers[0], 0) == 3
    assert one.after(SETTLED_S).drawn_ma() == (10_000,) * 3


def test_a_limit_of_0_means_none_where_the_sheet_says_so():
    one = running("mennekes-compact").put("em_current", 0).after(SETTLED_S)
    assert one.drawn_ma() == (16_000,) * 3
    one.put("em_current", 3_000).after(40)
    assert one.drawn_ma() == (0, 0, 0)


def test_the_least_of_the_limits_of_all_phases_holds():
    one = running("innogy-ebox").put("max_current_l2", 7_000).after(SETTLED_S)
    assert one.drawn_ma() == (7_000,) * 3
    assert [one.value(f"max_current_l{k}") for k in (1, 2, 3)] == [10_000, 7_000, 10_000]


@pytest.mark.parametrize("name", PAUSES)
def test_a_pause_stops_and_resuming_goes_on_at_the_limit(name):
    one = running(name).raw(control(name).pause).after(40)
    assert one.drawn_ma() == (0, 0, 0)
    one.raw(one.sheet.control.resume).after(40)
    assert one.drawn_ma() == (10_000,) * 3


@pytest.mark.parametrize("name", PAUSES)
def test_a_limit_that_is_written_during_a_pause_waits_for_its_end(name):
    one = running(name).raw(control(name).pause)
    for limit in one.sheet.control.limit.registers:
        one.put(limit, 8_000)
    assert one.after(40).drawn_ma() == (0, 0, 0)
    assert one.raw(one.sheet.control.resume).after(40).drawn_ma() == (8_000,) * 3


@pytest.mark.parametrize("name", [name for name in GENERAL if control(name).wake])
def test_a_box_that_wakes_cars_interrupts_its_pilot_and_goes_on(name):
    one = running(name).raw(control(name).wake).after(0.1)
    assert one.after(1).drawn_ma() == (0, 0, 0)
    assert one.after(40).drawn_ma() == (10_000,) * 3


# -- watchdogs -------------------------------------------------------------------------------------------------------

TIME_S, FAILSAFE_MA = 30, 6_000
FALLS = [name for name in GENERAL if watchdog(name).kind != "none"]


def feed_by(kind, one):
    """What feeds this kind of watchdog."""
    dog = one.sheet.watchdog
    if kind in {"limit", "broadcast"}:
        one.put(one.sheet.control.limit.registers[0], 10_000)
    elif kind == "timeout":
        one.put(dog.timeout.write or dog.timeout.register, TIME_S)
    elif kind in {"token", "toggle"}:
        one.raw([(dog.register, dog.value)])
    else:
        read_at(one, dog.span[0] if dog.span else None)


def read_at(one, at=None):
    """Read the first register at or above an address."""
    first = one.sheet.register(one.sheet.states.registers[0])
    held = [one_ for one_ in one.sheet.registers if one_.readable]
    register = next((one_ for one_ in held if at is None or one_.at >= at), first)
    one.device().read(register.table, register.at, register.count)


def live(name):
    """The same, having been fed until 60 s."""
    one = Bank(name, failsafe_us=TIME_S * S, failsafe_ma=FAILSAFE_MA).to(1 * S).limit(10_000)
    kind = one.sheet.watchdog.kind
    return one.every(5, 60, lambda it: feed_by(kind, it))


@pytest.mark.parametrize("name", FALLS)
def test_what_feeds_a_watchdog_keeps_it_away(name):
    one = live(name)
    kind = one.sheet.watchdog.kind
    assert one.drawn_ma() == (10_000,) * 3
    one.every(5, 200, lambda it: feed_by(kind, it))
    assert one.drawn_ma() == (10_000,) * 3
    assert not one.story("failsafe")


@pytest.mark.parametrize("name", FALLS)
def test_a_watchdog_that_is_not_fed_falls_back_in_time_to_its_current(name):
    one = live(name)
    stops = one.sheet.watchdog.then in {"stop", "fault"}
    fed_us = one.world.now_us
    one.to(fed_us + TIME_S * S - 6 * S)
    assert one.drawn_ma() == (10_000,) * 3
    one.to(fed_us + TIME_S * S + SETTLED_S * S)
    one.after(15)
    assert one.drawn_ma() == ((0,) * 3 if stops else (FAILSAFE_MA,) * 3)
    ((at_us, *_),) = one.story("failsafe")
    assert fed_us + TIME_S * S - 5 * S <= at_us <= fed_us + TIME_S * S


@pytest.mark.parametrize(
    "name", [name for name in FALLS if watchdog(name).kind in {"limit", "timeout", "token", "toggle"}]
)
def test_reads_do_not_feed_a_watchdog_that_wants_a_write(name):
    one = live(name)
    one.every(5, 120, lambda it: it.letter())
    assert one.drawn_ma() == (FAILSAFE_MA,) * 3


@pytest.mark.parametrize("name", [name for name in FALLS if not watchdog(name).recovery])
def test_feeding_it_ends_a_failsafe_and_the_limit_holds_again(name):
    one = live(name).to(150 * S)
    assert one.drawn_ma() == (0 if watchdog(name).then == "stop" else FAILSAFE_MA,) * 3
    kind = one.sheet.watchdog.kind
    feed_by(kind, one)
    assert one.after(20).drawn_ma() == (10_000,) * 3


def test_a_failsafe_with_a_recovery_ends_when_all_of_it_was_written():
    one = live("mennekes-compact").to(150 * S)
    assert one.drawn_ma() == (FAILSAFE_MA,) * 3
    one.put("heartbeat", 0x55AA).after(SETTLED_S)
    assert one.drawn_ma() == (FAILSAFE_MA,) * 3
    one.put("charging_release", 1).put("em_current", 9_000).after(SETTLED_S)
    assert one.drawn_ma() == (9_000,) * 3


def test_a_bit_that_is_set_again_before_the_box_cleared_it_does_not_feed():
    one = live("webasto-next")
    one.put("life_bit", 1)
    assert one.value("life_bit") == 1
    one.after(0.5).put("life_bit", 1)
    fed_us = one.world.now_us
    one.after(60)
    ((at_us, *_),) = one.story("failsafe")
    assert at_us < fed_us + TIME_S * S
    assert one.value("life_bit") == 0


def test_a_wrong_token_does_not_feed():
    one = live("mennekes-compact")
    one.every(5, 120, lambda it: refused(it, "heartbeat", 0x55AB))
    assert one.drawn_ma() == (FAILSAFE_MA,) * 3


def test_a_failsafe_current_of_0_means_what_the_sheet_says():
    free = live("mennekes-compact").put("fallback_current_setting", 0).to(150 * S)
    assert free.drawn_ma() == (16_000,) * 3
    assert free.value("master_lost_fallback") == 0
    fault = live("amperfied-connect").put("failsafe_current", 0).to(150 * S)
    assert fault.letter() == "F"
    assert fault.drawn_ma() == (0, 0, 0)


def test_the_time_left_is_shown_where_the_box_shows_it():
    one = live("alfen-eve")
    one.put("set_max_current", 10_000)
    assert one.value("valid_time_remaining") == TIME_S
    assert one.after(10).value("valid_time_remaining") == TIME_S - 10
    assert one.after(60).value("valid_time_remaining") == 0


def test_a_keba_has_no_failsafe_until_its_time_is_written_nor_after_a_restart_unless_that_was_stored():
    one = Bank("keba-p30", failsafe_us=0, failsafe_ma=FAILSAFE_MA, restarts_s=(170, 240))
    one.to(1 * S).limit(10_000).to(100 * S)
    assert one.value("failsafe_timeout") == 0
    assert one.drawn_ma() == (10_000,) * 3
    one.put("set_failsafe_timeout", TIME_S).after(60)
    assert one.drawn_ma() == (FAILSAFE_MA,) * 3
    assert one.to(220 * S).value("failsafe_timeout") == 0
    one.put("set_failsafe_timeout", TIME_S).put("failsafe_persist", 1)
    assert one.to(300 * S).value("failsafe_timeout") == TIME_S
    assert one.device().flash_writes == 1


def test_no_watchdog_ever_acts_where_there_is_none():
    one = running("goe-gemini", failsafe_us=TIME_S * S).to(400 * S)
    assert one.drawn_ma() == (10_000,) * 3


# -- a limit at another unit ----------------------------------------------------------------------------------------


def smart(unit=2):
    """A node at a unit of a line, and the slave that it is."""
    one = Bank("smartevse", unit=unit, failsafe_us=11 * S).to(1 * S)
    (server,) = one.world.servers()
    return one, Slave(server.units)


def limits(*words):
    """A write of the limits of all nodes."""
    return bytes((16, 0, 32, 0, len(words), 2 * len(words))) + b"".join(word.to_bytes(2, "big") for word in words)


@pytest.mark.parametrize(("unit", "limit_ma"), [(1, 7_000), (2, 8_000), (3, 9_000)])
def test_a_node_takes_its_own_word_of_what_is_sent_to_all_and_does_not_answer(unit, limit_ma):
    one, slave = smart(unit)
    assert slave.answer(9, limits(70, 80, 90), 1 * S, serial=True) is None
    assert one.box.limit_ma == limit_ma


def test_what_is_written_where_a_node_only_shows_its_limit_does_nothing():
    one, slave = smart()
    slave.answer(9, limits(70, 80), 1 * S, serial=True)
    assert one.to(2 * S).put("charging_current", 16_000).value("charging_current") == 8_000
    assert one.box.limit_ma == 8_000


def test_a_node_for_which_there_is_no_word_or_that_does_not_hear_is_told_nothing():
    one, slave = smart(3)
    before = one.box.limit_ma
    slave.answer(9, limits(70, 80), 1 * S, serial=True)
    slave.answer(0, limits(70, 80, 90), 1 * S, serial=True)
    slave.reach(3, hears=False, speaks=True)
    slave.answer(9, limits(70, 80, 90), 2 * S, serial=True)
    assert one.box.limit_ma == before
    slave.reach(3, hears=True, speaks=True)
    assert slave.answer(9, limits(70, 80, 90), 3 * S, serial=True) is None
    assert slave.answer(9, bytes((3, 0, 0, 0, 1)), 3 * S, serial=True) is None
    assert one.box.limit_ma == 9_000


# -- starts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GENERAL)
def test_after_a_restart_the_limit_is_the_one_of_a_start_and_never_more(name):
    one = running(name, boot_limit_ma=12_000, failsafe_ma=FAILSAFE_MA, restarts_s=(70,)).to(130 * S)
    starts = one.sheet.control.limit.starts
    expected = {"failsafe": FAILSAFE_MA, "stopped": 0, "kept": 10_000}.get(starts, 12_000)
    assert one.drawn_ma() == (expected,) * 3
    for limit in one.sheet.control.limit.registers:
        if one.sheet.register(limit).readable and expected:
            assert one.value(limit) == expected


# -- reads -----------------------------------------------------------------------------------------------------------


def reads(one, table, at, count):
    try:
        return list(one.device().read(table, at, count))
    except Refused as refusal_:
        return refusal_.code


def test_reads_keep_to_what_the_sheet_says_of_them():
    keba = Bank("keba-p30").to(1 * S)
    assert reads(keba, "holding", 1000, 2) == [0, 1]
    assert reads(keba, "holding", 1000, 1) == 2
    assert reads(keba, "holding", 1002, 2) == 2
    openwb = Bank("openwb-series2").to(1 * S)
    assert reads(openwb, "input", 10114, 2) == [0, 0] == reads(openwb, "holding", 10114, 2)
    assert reads(openwb, "input", 20_000, 5) == [0] * 5
    vestel = Bank("vestel-evc04").to(1 * S)
    assert reads(vestel, "input", 1000, 3) == [0, 0, 1]
    assert reads(vestel, "input", 1000, 5) == 2
    assert reads(vestel, "input", 65_535, 5) == 2


# -- quirks ----------------------------------------------------------------------------------------------------------


def test_a_quirk_that_no_box_can_be_given_is_refused_with_those_that_can():
    known = "loses-first-read, wrong-byte-count, fails-in-bursts, wrong-phase-state"
    with pytest.raises(ValueError, match=f"known quirks are {known}, got haunted"):
        Bank("keba-p30", quirks=("haunted",))


def test_a_box_with_a_quirk_is_that_of_another_firmware():
    plain, wide = Bank("goe-gemini").to(60 * S), Bank("goe-gemini", quirks=("bytes-swapped",)).to(60 * S)
    assert wide.device().read("input", 100, 1)[0] == plain.device().read("input", 100, 1)[0] << 8
    alfen, low = Bank("alfen-eve").to(60 * S), Bank("alfen-eve", quirks=("low-word-first",)).to(60 * S)
    assert list(low.device().read("holding", 1206, 2)) == list(alfen.device().read("holding", 1206, 2))[::-1]
    din = Bank("evse-din", quirks=("hundredth-amperes",)).to(1 * S)
    din.device().write("holding", 1000, [655])
    assert din.box.limit_ma == 6_550
    with pytest.raises(Refused):
        running("em2go-home", quirks=("whole-amperes",)).put("current_limit", 6_100)
    for name in ("goe-gemini", "tinkerforge-warp"):
        assert not {5, 6, 15, 16} & {*Bank(name, quirks=("refuses-writes",)).device().functions}
    with pytest.raises(Refused):
        Bank("mennekes-compact", quirks=("without-energy",)).value("energy")


def test_flash_is_worn_only_by_what_is_kept_in_it():
    assert running("goe-gemini").device().flash_writes == 0
    assert running("goe-gemini", quirks=("wears-by-volatile",)).device().flash_writes == 1


def test_reads_fail_in_bursts_where_a_box_is_known_for_it():
    one = Bank("keba-p30", quirks=("fails-in-bursts",))
    assert [reads(one.to(at_s * S), "holding", 1000, 2) for at_s in (1, 310, 321)] == [[0, 1], 4, [0, 3]]


def test_first_reads_are_refused_where_a_box_is_known_for_it_and_later_ones_are_not():
    one = Bank("webasto-next", quirks=("refuses-first-reads",)).to(1 * S)
    assert [reads(one, "holding", 1000, 1) for _ in range(4)] == [2, 2, 2, [0]]


def test_power_has_no_value_at_times_where_a_box_is_known_for_it():
    one = running("bender-cc612", quirks=("power-missing-at-times",))
    assert one.value("power") == 6_900
    assert one.to(310 * S).value("power") is None
    assert one.to(321 * S).value("power") == 6_900


@pytest.mark.parametrize("name", ["alfen-eve", "innogy-ebox"])
def test_a_car_that_waits_is_shown_as_e_where_a_box_is_known_for_it(name):
    one = running(name, quirks=("shows-e-without-fault",)).limit(0).after(40)
    assert one.value(one.sheet.states.register) == "E"
    assert one.limit(10_000).after(40).letter() == "C"


@pytest.mark.parametrize("name", ["alfen-eve", "webasto-next", "em2go-home"])
def test_a_failsafe_that_overwrites_the_limit_is_read_from_its_register(name):
    one = Bank(name, failsafe_us=TIME_S * S, failsafe_ma=FAILSAFE_MA, profile="overwrite").to(1 * S).limit(10_000)
    one.to(100 * S)
    assert one.box.limit_ma == FAILSAFE_MA
    limit = one.sheet.register(one.sheet.control.limit.registers[0])
    if limit.readable:
        assert one.value(limit.name) == FAILSAFE_MA
    assert one.limit(9_000).after(20).drawn_ma() == (9_000,) * 3
