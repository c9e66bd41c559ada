"""The driver of the Heidelberg Energy Control: by tables, and in closed loop with the box, on its line."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.datasheets.load import load
from chargebench.emulator.clock.loop import SimLoop
from chargebench.emulator.pilot import Pilot as BoxPilot
from chargebench.emulator.spec import CarSpec
from chargebench.manager.drivers.base import Read, Write
from chargebench.manager.drivers.heidelberg import Heidelberg
from chargebench.manager.links.link import Link
from chargebench.manager.notes import Teller
from chargebench.manager.readings import Pilot
from chargebench.manager.site import Failsafe, SerialAddress
from chargebench.scenarios import shelf
from chargebench.scenarios.describe import read_scenario
from chargebench.scenarios.run import run as run_scenario

BOX = Heidelberg(load("heidelberg-energy-control"))
LAYOUT, WATCHDOG = Read("input", 4, 1), Read("holding", 257, 1)
STANDBY, FAILSAFE = Read("holding", 258, 1), Read("holding", 262, 1)
LIMIT = Read("holding", 261, 1)
STATE, POWER, ENERGY = Read("input", 5, 4), Read("input", 14, 1), Read("input", 17, 2)
GREETED = {LAYOUT: (0x108,), WATCHDOG: (15_000,), STANDBY: (0,), FAILSAFE: (0,)}
OLD = {LAYOUT: (0x107,), WATCHDOG: (15_000,), FAILSAFE: (60,)}


def answers(state=7, currents=(158, 159, 157), power=10_902, energy=(1, 0), limit=160):
    return {LIMIT: (limit,), STATE: (state, *currents), POWER: (power,), ENERGY: energy}


# -- tables ---------------------------------------------------------------------------------


def test_each_setting_is_greeted_by_itself_since_an_older_firmware_does_not_show_all():
    assert BOX.greet() == (LAYOUT, WATCHDOG, STANDBY, FAILSAFE)


def test_every_read_is_within_the_longest_that_the_box_takes():
    sheet = load("heidelberg-energy-control")
    assert set(BOX.reads(GREETED)) == {LIMIT, STATE, POWER, ENERGY}
    assert all(read.count <= sheet.max_read for read in (*BOX.greet(), *BOX.reads(GREETED)))


@pytest.mark.parametrize(
    ("greeted", "writes"),
    [
        (GREETED, (Write(6, 258, (4,)),)),
        (OLD, (Write(6, 258, (4,)),)),
        (GREETED | {STANDBY: (4,)}, ()),
    ],
    ids=["sleeps", "does not say", "stays awake"],
)
def test_a_box_that_may_sleep_is_told_to_stay_awake(greeted, writes):
    assert BOX.prepares(greeted, None) == writes


@pytest.mark.parametrize(
    ("wanted", "writes"),
    [
        (Failsafe(15_000_000, 0), ()),
        (Failsafe(30_000_000, 0), (Write(6, 257, (30_000,)),)),
        (Failsafe(15_000_000, 6_000), (Write(6, 262, (60,)),)),
        (Failsafe(180_000_000, 20_000), (Write(6, 257, (65_535,)), Write(6, 262, (160,)))),
    ],
    ids=["as it is", "later", "at 6 A", "never beyond what the registers hold"],
)
def test_a_failsafe_is_written_only_where_it_differs(wanted, writes):
    assert BOX.prepares(GREETED | {STANDBY: (4,)}, wanted) == writes


def test_a_failsafe_that_the_box_does_not_show_is_left_alone():
    assert BOX.prepares({LAYOUT: GREETED[LAYOUT], STANDBY: (4,)}, Failsafe(30_000_000, 6_000)) == ()


@pytest.mark.parametrize(
    ("state", "pilot", "offered_ma"),
    [
        (2, Pilot.A, 0),
        (3, Pilot.A, 16_000),
        (4, Pilot.B, 0),
        (5, Pilot.B, 16_000),
        (6, Pilot.C, 0),
        (7, Pilot.C, 16_000),
        (8, Pilot.C, 16_000),
        (9, Pilot.E, 0),
        (10, Pilot.F, 0),
        (11, Pilot.F, 0),
        (0, Pilot.F, 0),
        (500, Pilot.F, 0),
    ],
)
def test_the_states_of_the_table(state, pilot, offered_ma):
    reading = BOX.understand(7, GREETED, answers(state=state))
    assert (reading.at_us, reading.pilot, reading.limit_ma, reading.offered_ma) == (7, pilot, 16_000, offered_ma)


def test_its_own_meter_gives_currents_power_and_energy():
    reading = BOX.understand(0, GREETED, answers())
    assert (reading.phases_ma, reading.power_w, reading.energy_wh) == ((15_800, 15_900, 15_700), 10_902, 65_536)


@pytest.mark.parametrize(
    ("greeted", "failsafe"),
    [
        (GREETED, (15_000_000, 0)),
        (OLD, (15_000_000, 6_000)),
        (GREETED | {WATCHDOG: (0,)}, (0, 0)),
        (GREETED | {WATCHDOG: (0xFFFF,)}, (65_535_000, 0)),
        (GREETED | {WATCHDOG: (0x7FFF,)}, (32_767_000, 0)),
        ({LAYOUT: (0x108,)}, (None, None)),
        ({}, (None, None)),
    ],
)
def test_when_it_falls_back_and_to_what(greeted, failsafe):
    reading = BOX.understand(0, greeted, answers())
    assert (reading.failsafe_us, reading.failsafe_ma) == failsafe


def test_another_device_at_the_address_is_found_out():
    with pytest.raises(ValueError, match=r"no Energy Control: the version of its registers is 0200, not 01\.\."):
        BOX.reads(GREETED | {LAYOUT: (0x200,)})


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        (answers(limit=0x7FFF), "current_limit"),
        (answers(limit=801), "current_limit is 80100 mA"),
        (answers(currents=(0, 801, 0)), "current_l2 is 80100 mA"),
        (answers(currents=(0, 0, 0xFFFF)), "current_l3"),
        (answers(power=60_001), "power is 60001 VA"),
        (answers(energy=(0xFFFF, 0xFFFF)), "energy_since_installation"),
        (answers(state=0xFFFF), "charging_state"),
        ({}, "charging_state was not answered"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_it_cannot_mean_is_no_reading(wrong, what):
    with pytest.raises(ValueError, match=what):
        BOX.understand(0, GREETED, wrong)


@pytest.mark.parametrize(
    ("limit_ma", "word"), [(0, 0), (6_000, 60), (6_099, 60), (15_942, 159), (16_000, 160), (32_000, 160)]
)
def test_a_limit_is_one_write_down_to_the_step(limit_ma, word):
    assert BOX.writes(limit_ma) == (Write(6, 261, (word,)),)


@given(limit_ma=st.integers(6_000, 80_000))
def test_no_write_allows_more_than_was_wanted_nor_less_than_6_a(limit_ma):
    ((word,),) = (write.values for write in BOX.writes(limit_ma))
    assert 60 <= word <= 160
    assert word * 100 <= limit_ma


@pytest.mark.parametrize("limit_ma", [1, 5_999, -6_000])
def test_a_limit_below_the_least_is_refused(limit_ma):
    with pytest.raises(ValueError, match="0 or at least 6000 mA"):
        BOX.writes(limit_ma)


@given(words=st.lists(st.integers(0, 0xFFFF), min_size=8, max_size=8))
def test_no_words_whatever_make_it_fail_otherwise_or_read_beyond_physics(words):
    heard = {LIMIT: tuple(words[:1]), STATE: tuple(words[1:5]), POWER: tuple(words[5:6]), ENERGY: tuple(words[6:])}
    try:
        reading = BOX.understand(0, GREETED, heard)
    except ValueError:
        return
    assert 0 <= reading.limit_ma <= 80_000
    assert reading.phases_ma is not None
    assert all(0 <= ma <= 80_000 for ma in reading.phases_ma)


# -- in closed loop --------------------------------------------------------------------------

MINUTE = 60_000_000


def scenario(minutes, *, quirks=(), managed=True, car_us=5_000_000, variant=None):
    """The first box of the shipped line, alone with its meter, and one car."""
    whole = read_scenario(shelf.find("heidelberg-line").path, variant)
    site = replace(whole.site, boxes=whole.site.boxes[:1], management=managed)
    box = replace(whole.world.boxes[0], quirks=quirks)
    car = CarSpec("car", "first", car_us, None, 3, 16_000, 20_000, below_ma=0)
    house = replace(whole.world.house, steps=((0, (3_000, 3_000, 3_000)),))
    world = replace(whole.world, boxes=(box,), cars=(car,), house=house)
    return replace(whole, site=site, world=world, duration_us=minutes * MINUTE, expectations=())


def kinds(result, channel, *wanted):
    return [(at_us, kind, dict(data)) for at_us, on, kind, data in result.happened if on == channel and kind in wanted]


@pytest.mark.parametrize("quirks", [(), ("firmware-1-0-7",)])
def test_it_charges_a_car_at_all_that_its_box_carries_and_its_watchdog_stays_quiet(quirks):
    result = run_scenario(scenario(10, quirks=quirks))
    assert kinds(result, "box first", "failsafe", "standby") == []
    assert result.figures["cars"]["car"]["energy_wh"] > 1_700  # 16 A on three phases for nearly 10 min
    writes = [data for _, _, data in kinds(result, "box first", "write")]
    assert writes[0] == {"register": "standby_control", "value": 4}
    assert {one["register"] for one in writes[1:]} == {"current_limit"}


def test_it_is_asked_in_every_cycle_and_so_five_times_within_its_watchdogs_time():
    result = run_scenario(scenario(5))
    cycles = [at_us for at_us, kind, _ in kinds(result, "manager manager", "cycle") if kind]
    assert cycles
    assert max(b - a for a, b in pairwise(cycles)) <= 3_000_000
    assert kinds(result, "manager manager", "skipped") == []
    assert kinds(result, "manager first", "silent", "unanswered") == []


def test_in_observation_not_one_write_reaches_it_not_even_to_keep_it_awake():
    result = run_scenario(scenario(5, managed=False))
    assert kinds(result, "box first", "write") == []
    assert kinds(result, "manager first", "silent") == []


def test_a_box_that_slept_is_woken_and_kept_awake():
    result = run_scenario(scenario(20, car_us=10 * MINUTE, variant="asleep"))
    slept = [data["on"] for _, _, data in kinds(result, "box first", "standby")]
    assert slept == [1, 0]
    assert kinds(result, "manager first", "silent") == []
    assert result.figures["cars"]["car"]["energy_wh"] > 1_500


def test_after_its_watchdog_has_come_it_charges_again_by_itself():
    result = run_scenario(scenario(22, variant="master-stops"))
    states = [data["now"] for _, _, data in kinds(result, "box first", "state")]
    assert states == ["B", "C", BoxPilot.F.value, "B", "C"]


def test_a_link_keeps_the_longest_pause_that_a_device_on_it_needs():
    loop = SimLoop(1)

    async def gaps():
        teller = Teller(lambda _: None, lambda: 0)
        link = Link(SerialAddress("COM1", 19_200, 8, "E", 1), "simbus://COM1", teller)
        seen = [link._gap_us]
        for pause_us in (100_000, 20_000, 0):
            link.keep_gap(pause_us)
            seen.append(link._gap_us)
        return seen

    first, *rest = loop.run(gaps())
    assert first < 3_000
    assert rest == [100_000] * 3
