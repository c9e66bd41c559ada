"""Drivers by tables: which requests they make, and what the words of an answer mean. Words are written out by hand."""

import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.datasheets.load import load
from chargebench.manager.drivers.base import Read, Write
from chargebench.manager.drivers.fields import Fields
from chargebench.manager.drivers.power_brain import PowerBrain
from chargebench.manager.drivers.registry import BOXES, METERS, box_driver, meter_driver
from chargebench.manager.readings import Pilot
from chargebench.manager.site import Failsafe

BRAIN = PowerBrain(load("power-brain"))
S0 = meter_driver("power-brain-s0", load)
SDM = meter_driver("eastron-sdm630", load)

VENDOR = Read("holding", 8000, 2)
BOOT = Read("holding", 8080, 6)
HAS_METER = Read("holding", 8112, 1)
RESTARTS = Read("holding", 8120, 2)
STATE = Read("holding", 8092, 4)
METER = Read("holding", 8057, 13)

NO_METER = {VENDOR: (0xCF05, 0), BOOT: (0, 160, 1, 0, 300, 60), HAS_METER: (0,), RESTARTS: (0, 7)}
WITH_METER = NO_METER | {HAS_METER: (1,)}
CHARGING = {STATE: (2, 159, 1, 159)}


def meter(flags=1, energy=(0, 0, 0, 5_000), power=(0, 10_000), currents=((0, 145), (0, 144), (0, 146))):
    return {METER: (flags, *energy, *power, *(word for pair in currents for word in pair))}


def sdm(amps=(1.0, 2.0, 3.0), watts=(230.0, 460.0, 690.0), power=1380.0, energy=12.5):
    def words(*values):
        return struct.unpack(f">{2 * len(values)}H", struct.pack(f">{len(values)}f", *values))

    return {
        Read("input", 6, 12): words(*amps, *watts),
        Read("input", 52, 2): words(power),
        Read("input", 72, 2): words(energy),
    }


# -- Power Brain ------------------------------------------------------------------------------


def test_a_power_brain_is_greeted_by_identity_boot_and_failsafe_meter_and_restarts():
    assert BRAIN.greet() == (VENDOR, BOOT, HAS_METER, RESTARTS)


def test_the_meters_block_is_read_only_where_there_is_a_meter():
    assert BRAIN.reads(NO_METER) == (STATE,)
    assert BRAIN.reads(WITH_METER) == (STATE, METER)


@pytest.mark.parametrize(
    ("wanted", "writes"),
    [
        (None, ()),
        (Failsafe(300_000_000, 6_000), ()),
        (Failsafe(180_000_000, 6_000), (Write(16, 8083, (0, 180)),)),
        (Failsafe(300_000_000, 8_050), (Write(16, 8085, (80,)),)),
        (Failsafe(180_000_000, 0), (Write(16, 8083, (0, 180, 0)),)),
        (Failsafe(0, 6_000), (Write(16, 8083, (0, 0)),)),
    ],
    ids=["not said", "as it is", "the time", "the current, down to its step", "both at once", "never"],
)
def test_a_failsafe_is_written_only_where_it_differs(wanted, writes):
    """Both registers wear the flash."""
    assert BRAIN.prepares(NO_METER, wanted) == writes


def test_a_failsafe_that_the_box_does_not_show_is_left_alone():
    assert BRAIN.prepares({VENDOR: (0xCF05, 0)}, Failsafe(180_000_000, 0)) == ()


def test_what_the_box_refused_to_say_is_taken_as_not_there():
    assert BRAIN.reads({VENDOR: (0xCF05, 0)}) == (STATE,)
    reading = BRAIN.understand(1, {}, CHARGING)
    assert (reading.failsafe_us, reading.failsafe_ma) == (None, None)


def test_another_device_at_the_address_is_found_out():
    with pytest.raises(ValueError, match=r"no Power Brain: its vendor is 0001, not cf05"):
        BRAIN.reads(NO_METER | {VENDOR: (1, 0)})


@pytest.mark.parametrize(
    ("words", "pilot", "limit_ma", "offered_ma"),
    [
        ((0, 160, 1, 0), Pilot.A, 16_000, 0),
        ((1, 60, 0, 0), Pilot.B, 0, 0),
        ((2, 159, 1, 159), Pilot.C, 15_900, 15_900),
        ((3, 60, 1, 60), Pilot.D, 6_000, 6_000),
        ((4, 60, 1, 0), Pilot.E, 6_000, 0),
        ((5, 60, 1, 0), Pilot.F, 6_000, 0),
        ((9, 60, 1, 0), Pilot.F, 6_000, 0),
        ((65_535, 630, 1, 0), Pilot.F, 63_000, 0),
    ],
    ids=str,
)
def test_state_and_limit_of_a_power_brain(words, pilot, limit_ma, offered_ma):
    reading = BRAIN.understand(5, NO_METER, {STATE: words})
    assert (reading.at_us, reading.pilot, reading.limit_ma, reading.offered_ma) == (5, pilot, limit_ma, offered_ma)
    assert (reading.phases_ma, reading.power_w, reading.energy_wh) == (None, None, None)
    assert (reading.failsafe_us, reading.failsafe_ma) == (300_000_000, 6_000)


def test_a_failsafe_that_never_comes_reads_0():
    greeted = NO_METER | {BOOT: (0, 160, 1, 0, 0, 60)}
    assert BRAIN.understand(0, greeted, CHARGING).failsafe_us == 0


def test_an_attached_meter_that_knows_phases_gives_currents():
    reading = BRAIN.understand(0, WITH_METER, CHARGING | meter())
    assert (reading.phases_ma, reading.power_w, reading.energy_wh) == ((14_500, 14_400, 14_600), 10_000, 5_000)


def test_currents_of_a_meter_that_does_not_know_phases_are_not_used():
    reading = BRAIN.understand(0, WITH_METER, CHARGING | meter(flags=0))
    assert (reading.phases_ma, reading.power_w) == (None, 10_000)


def test_a_power_of_minus_one_is_no_value_and_a_little_less_than_nothing_is_nothing():
    none = BRAIN.understand(0, WITH_METER, CHARGING | meter(power=(0xFFFF, 0xFFFF)))
    noise = BRAIN.understand(0, WITH_METER, CHARGING | meter(power=(0xFFFF, 0xFFFB)))
    assert (none.power_w, noise.power_w) == (None, 0)


@pytest.mark.parametrize(
    ("answers", "what"),
    [
        ({STATE: (2, 0x7FFF, 1, 60)}, "charging_cur_limit"),
        ({STATE: (2, 801, 1, 60)}, "charging_cur_limit is 80100 mA"),
        ({STATE: (2, 60, 2, 60)}, "charging_enable"),
        ({STATE: (2, 60, 1, 0xFFFF)}, "charging_current"),
        (CHARGING | meter(currents=((0, 801), (0, 0), (0, 0))), "current_l1 is 80100 mA"),
        (CHARGING | meter(currents=((0, 0), (0xFFFF, 0xFFF6), (0, 0))), "current_l2"),
        (CHARGING | meter(currents=((0, 0), (0, 0), (0x7FFF, 0xFFFF))), "current_l3"),
        (CHARGING | meter(power=(0x7FFF, 0xFFFF)), "power"),
        (CHARGING | meter(power=(0x8000, 0)), "power"),
        (CHARGING | meter(power=(0, 60_001)), "power is 60001 W"),
        (CHARGING | meter(power=(0xFFFF, 0xF000)), "power is -4096 W"),
        (CHARGING | meter(energy=(0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF)), "energy"),
        (CHARGING | meter(energy=(1, 0, 0, 0)), "energy"),
        (CHARGING, "meter_flags was not answered"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_a_power_brain_cannot_mean_is_no_reading(answers, what):
    with pytest.raises(ValueError, match=what):
        BRAIN.understand(0, WITH_METER, answers)


@pytest.mark.parametrize(
    ("limit_ma", "values"),
    [(15_942, (159, 1)), (16_000, (160, 1)), (6_000, (60, 1)), (6_099, (60, 1)), (63_000, (630, 1)), (0, (60, 0))],
)
def test_limit_and_enable_are_written_in_one_request(limit_ma, values):
    assert BRAIN.writes(limit_ma) == (Write(16, 8093, values),)


@given(limit_ma=st.one_of(st.just(0), st.integers(6_000, 63_000)))
def test_no_write_allows_more_than_was_wanted_nor_ever_less_than_6_a_as_a_limit(limit_ma):
    ((limit, enable),) = (write.values for write in BRAIN.writes(limit_ma))
    assert 60 <= limit <= 630
    assert limit * enable * 100 <= limit_ma < limit * enable * 100 + 100


@pytest.mark.parametrize("limit_ma", [1, 5_999, -6_000])
def test_a_limit_below_the_least_is_refused(limit_ma):
    with pytest.raises(ValueError, match="0 or at least 6000 mA"):
        BRAIN.writes(limit_ma)


# -- meters -----------------------------------------------------------------------------------


def test_an_s0_meter_is_read_in_one_run_and_shares_nothing_out():
    assert S0.reads() == (METER,)
    reading = S0.understand(9, meter(flags=0, power=(0, 2_698), currents=((0, 39), (0, 39), (0, 39))))
    assert (reading.at_us, reading.phases_ma, reading.power_w, reading.energy_wh) == (9, None, 2_698, 5_000)


def test_an_s0_meter_without_a_value_yet_gives_none():
    assert S0.understand(0, meter(flags=0, power=(0xFFFF, 0xFFFF))).power_w is None


def test_an_sdm630_is_read_within_its_longest_read():
    assert SDM.reads() == (Read("input", 6, 12), Read("input", 52, 2), Read("input", 72, 2))
    assert all(read.count <= load("eastron-sdm630").max_read for read in SDM.reads())


def test_an_sdm630_gives_its_currents_the_sign_of_their_powers():
    reading = SDM.understand(3, sdm(watts=(230.0, -460.0, 0.0), power=-230.0))
    assert (reading.phases_ma, reading.power_w, reading.energy_wh) == ((1_000, -2_000, 3_000), -230, 12_500)


def test_golden_words_of_an_sdm630():
    words = {
        Read("input", 6, 12): (0x417F, 0x0000, 0x0000, 0x0000, 0x4090, 0x0000) + (0x4564, 0x0000) * 3,
        Read("input", 52, 2): (0x462C, 0x8000),
        Read("input", 72, 2): (0x4148, 0x0000),
    }
    reading = SDM.understand(0, words)
    assert (reading.phases_ma, reading.power_w, reading.energy_wh) == ((15_938, 0, 4_500), 11_040, 12_500)


@pytest.mark.parametrize(
    "answers",
    [
        sdm(amps=(float("nan"), 0.0, 0.0)),
        sdm(amps=(0.0, float("inf"), 0.0)),
        sdm(amps=(0.0, 0.0, -1.0)),
        sdm(amps=(1_001.0, 0.0, 0.0)),
        sdm(watts=(float("nan"), 0.0, 0.0)),
        sdm(power=float("nan")),
        sdm(power=1e6),
        sdm(energy=-1.0),
    ],
)
def test_what_an_sdm630_cannot_mean_is_no_reading(answers):
    with pytest.raises(ValueError, match=r"which is no number|beyond"):
        SDM.understand(0, answers)


# -- all of them ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "device"), [(box_driver, name) for name in BOXES] + [(meter_driver, name) for name in METERS]
)
def test_no_driver_touches_a_register_that_nobody_has_checked(make, device):
    sheet = load(device)
    used = make(device, lambda _: sheet)
    spoiled = replace(sheet, registers=tuple(replace(one, unverified=True) for one in sheet.registers))
    assert used.reads({}) if make is box_driver else used.reads()
    with pytest.raises(ValueError, match="is unverified and must not be used"):
        make(device, lambda _: spoiled)


def test_fields_refuse_one_unverified_register_among_others():
    sheet = load("eastron-sdm630")
    unverified = [one.name for one in sheet.registers if one.unverified]
    assert unverified
    with pytest.raises(ValueError, match=f"{unverified[0]} is unverified"):
        Fields(sheet, ["current_l1", unverified[0]])


@pytest.mark.parametrize(("make", "known"), [(box_driver, "alfen-eve"), (meter_driver, "abb-b23")])
def test_an_unknown_device_is_answered_with_those_that_are_known(make, known):
    with pytest.raises(LookupError, match=known):
        make("teapot", load)


@given(words=st.lists(st.integers(0, 0xFFFF), min_size=17, max_size=17))
def test_no_words_whatever_make_a_driver_fail_otherwise_or_read_beyond_physics(words):
    answers = {STATE: tuple(words[:4]), METER: tuple(words[4:])}
    try:
        reading = BRAIN.understand(0, WITH_METER, answers)
    except ValueError:
        return
    assert 0 <= reading.limit_ma <= 80_000
    assert reading.phases_ma is None or all(0 <= ma <= 80_000 for ma in reading.phases_ma)
    assert reading.power_w is None or 0 <= reading.power_w <= 60_000
