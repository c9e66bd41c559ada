"""Boxes that are driven by their datasheets: what words mean, what a limit becomes on the wire, what feeds them."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.datasheets.behaviour import Letter, States
from chargebench.datasheets.codec import decode, encode
from chargebench.datasheets.load import load
from chargebench.datasheets.model import Datasheet
from chargebench.manager.drivers.base import Feed, Read, Write
from chargebench.manager.drivers.fields import plain
from chargebench.manager.drivers.registry import BOXES, box_driver, unfit
from chargebench.manager.drivers.sheet_box import states_of
from chargebench.manager.site import Failsafe
from chargebench.scenarios.checks.devices import drivable

DRIVEN = [name for name in drivable("evse") if name not in BOXES]
UNFIT = {
    "abl-em4": "nobody knows what 0 in max_current does, and no other register stops it",
    "alfen-eve-station": "its part station has no limit; another part of the device has",
}
BLIND = {
    "amperfied-connect",
    "innogy-ebox",
    "keba-p30",
    "keba-p40",
    "mennekes-compact",
    "phoenix-ev-ser",
    "webasto-next",
}
NODES = {"smartevse"}
"""Told in one write with others (``test_node_box.py``)."""

SECOND = 1_000_000
NO_STATES = States(())
SAFE = Failsafe(60 * SECOND, 6_000)


class Image:
    """What a device holds: words by table and address, 0 where nothing was put."""

    def __init__(self, sheet: Datasheet) -> None:
        self.sheet = sheet
        self.words: dict[tuple[str, int], int] = {}

    def put(self, name, words):
        register = self.sheet.register(name)
        self.words.update({(register.table, register.at + k): word for k, word in enumerate(words)})

    def put_raw(self, name, raw):
        self.put(name, encode(plain(self.sheet.register(name)), raw))

    def put_state(self, letter: Letter):
        states = states_of(self.sheet)
        for name, code in states.shows(letter).items():
            shifted = states.mask & -states.mask if name == states.register and states.mask else 1
            self.put_raw(name, code * shifted if isinstance(code, int) else code)

    def take(self, write: Write):
        table = "coil" if write.function == 5 else "holding"
        values = [write.values[0] >> 15] if table == "coil" else write.values
        self.words.update({(table, write.address + k): value for k, value in enumerate(values)})

    def answers(self, reads: tuple[Read, ...]):
        return {one: tuple(self.words.get((one.table, one.address + k), 0) for k in range(one.count)) for one in reads}


def made(name):
    return box_driver(name, load), Image(load(name))


def understood(driver, image, greeted=None):
    greeted = image.answers(driver.greet()) if greeted is None else greeted
    return driver.understand(0, greeted, image.answers(driver.reads(greeted)))


def test_every_box_of_the_catalogue_has_a_driver_or_a_reason_why_not():
    assert {name: unfit(load(name)).partition(": ")[2] for name in UNFIT} == UNFIT
    assert len(DRIVEN) == 22


@pytest.mark.parametrize(
    ("word", "limit_ma"),
    [(0x010A, 15_960), (0x910A, 15_960), (0xF064, 6_000), (0x03E8, 0), (0x93E8, 0), (0x0000, 0), (0x0682, 99_960)],
)
def test_a_duty_cycle_is_the_limit_by_the_bits_that_count(word, limit_ma):
    driver, image = made("abl-emh1")
    image.put_state("B")
    image.put("system_duty", (word,))
    assert understood(driver, image).limit_ma == limit_ma


def test_a_duty_cycle_beyond_all_bounds_is_no_reading():
    driver, image = made("abl-emh1")
    image.put_state("B")
    image.put("system_duty", (0x0683,))
    with pytest.raises(ValueError, match="system_duty is 100020 mA, beyond 0 to 100000"):
        understood(driver, image)


@pytest.mark.parametrize("none", [0x03E8, 1])
def test_currents_of_which_one_has_no_value_are_none(none):
    driver, image = made("abl-emh1")
    image.put_state("C")
    image.put("current_l2", (none,))
    assert understood(driver, image).phases_ma is None
    image.put("current_l2", (2,))
    assert understood(driver, image).phases_ma == (0, 200, 0)


def test_boxes_that_cannot_show_their_limit_say_so():
    assert {name for name in DRIVEN if not box_driver(name, load).shows_limit} == BLIND


@pytest.mark.parametrize(
    ("name", "letter"), [(name, letter) for name in DRIVEN for letter, _ in (load(name).states or NO_STATES).cases]
)
def test_every_state_of_a_sheet_is_understood_as_what_it_is(name, letter):
    driver, image = made(name)
    image.put_state(letter)
    assert understood(driver, image).pilot.value == letter


@pytest.mark.parametrize("name", [name for name in DRIVEN if (meter := load(name).meter) and meter.currents])
def test_golden_currents_are_the_currents_of_the_reading(name):
    driver, image = made(name)
    golden = {one.register: one for one in image.sheet.golden}
    meter = image.sheet.meter
    for one in meter.currents:
        image.put(one, golden[one].words)
    image.put_state("C")
    assert understood(driver, image).phases_ma == tuple(golden[one].value for one in meter.currents)


@pytest.mark.parametrize("name", [name for name in DRIVEN if name not in BLIND | NODES])
def test_a_limit_that_was_told_is_shown_and_so_is_a_stop(name):
    driver, image = made(name)
    limit = image.sheet.control.limit
    shown, told = limit.shown, limit.registers[0]
    for limit_ma in (16_000, 0, 6_000):
        for write in driver.writes(limit_ma):
            image.take(write)
        if shown != told:
            register = image.sheet.register(told)
            words = [image.words.get((register.table, register.at + k), 0) for k in range(register.count)]
            image.put(shown, encode(image.sheet.register(shown), decode(register, words) or 0))
        image.put_state("B")
        if image.sheet.name == "evse-din":
            image.put_raw("current", limit_ma // 1_000)
        assert understood(driver, image).limit_ma == limit_ma - limit_ma % (60 if name == "abl-emh1" else 1)


@pytest.mark.parametrize(
    ("name", "limit_ma", "writes"),
    [
        ("abl-emh1", 16_000, [(16, 20, (266,))]),
        ("abl-emh1", 6_059, [(16, 20, (100,))]),
        ("abl-emh1", 99_000, [(16, 20, (533,))]),
        ("abl-emh1", 0, [(16, 20, (1000,))]),
        ("keba-p30", 12_345, [(6, 5004, (12_345,)), (6, 5014, (1,))]),
        ("keba-p30", 0, [(6, 5014, (0,))]),
        ("keba-p40", 0, [(6, 5004, (0,))]),
        ("alfen-eve", 16_000, [(16, 1210, (0x4180, 0))]),
        ("webasto-next", 15_999, [(6, 5004, (15,))]),
        ("vestel-evc04", 0, [(6, 5004, (0,))]),
        ("goe-gemini", 10_900, [(16, 299, (10,)), (16, 200, (1,))]),
        ("abb-terra-ac", 32_000, [(16, 16640, (0, 32_000))]),
        ("openwb-series2", 10_009, [(6, 10171, (1_000,))]),
        ("innogy-ebox", 8_000, [(16, at, (0x4100, 0)) for at in (1012, 1014, 1016)]),
        ("phoenix-ev-cc-eth", 13_000, [(6, 528, (13,)), (5, 400, (0xFF00,))]),
        ("phoenix-ev-cc-eth", 0, [(5, 400, (0,))]),
        ("mennekes-compact", 0, [(6, 3333, (0,)), (6, 3328, (0x55AA,)), (16, 770, (0x40C0, 0))]),
        ("mennekes-compact", 16_000, [(6, 3328, (0x55AA,)), (16, 770, (0x4180, 0)), (6, 3333, (1,))]),
        ("tinkerforge-warp", 6_001, [(16, 1002, (0, 6_001)), (16, 1000, (0, 1))]),
        ("evse-din", 16_000, [(6, 1000, (16,))]),
    ],
)
def test_a_limit_becomes_these_requests(name, limit_ma, writes):
    assert [tuple(one) for one in box_driver(name, load).writes(limit_ma)] == writes


@given(limit_ma=st.integers(6_000, 80_000), name=st.sampled_from([name for name in DRIVEN if name not in NODES]))
def test_no_limit_is_ever_written_above_what_it_is_and_never_below_the_step(limit_ma, name):
    driver, image = made(name)
    for write in driver.writes(limit_ma):
        image.take(write)
    for one in image.sheet.control.limit.registers:
        register = image.sheet.register(one)
        words = [image.words[register.table, register.at + k] for k in range(register.count)]
        value = decode(register, words)
        most_ma = min(limit_ma, image.sheet.limit("maximum_ma"))
        assert most_ma - driver.step_ma < value <= most_ma


@pytest.mark.parametrize("name", DRIVEN)
@pytest.mark.parametrize("limit_ma", [1, 5_999])
def test_what_is_between_0_and_the_least_is_never_written(name, limit_ma):
    with pytest.raises(ValueError, match="a limit is 0 or at least 6000 mA"):
        box_driver(name, load).writes(limit_ma)


@given(words=st.lists(st.integers(0, 0xFFFF), min_size=40, max_size=40), name=st.sampled_from(DRIVEN))
def test_no_words_whatever_make_a_driver_fail_otherwise_or_read_beyond_physics(words, name):
    driver = box_driver(name, load)
    reads = (*driver.greet(), *driver.reads({}))
    answers = {
        one: tuple(words[(one.address + k) % 40] & (one.table != "coil" or 1) for k in range(one.count))
        for one in reads
    }
    try:
        reading = driver.understand(0, answers, answers)
    except ValueError:
        return
    assert 0 <= reading.limit_ma <= 100_000
    assert reading.phases_ma is None or all(0 <= ma <= 100_000 for ma in reading.phases_ma)
    assert reading.power_w is None or 0 <= reading.power_w <= 70_000
    assert (reading.failsafe_us is None) == (reading.failsafe_ma is None)


# -- watchdogs --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "registers", "failsafe"),
    [
        ("vestel-evc04", {"failsafe_timeout": 20, "failsafe_current": 8}, (20 * SECOND, 8_000)),
        ("vestel-evc04", {"failsafe_timeout": 20, "failsafe_current": 5}, (20 * SECOND, 6_000)),
        ("vestel-evc04", {"failsafe_timeout": 20, "failsafe_current": 0}, (None, None)),
        ("vestel-evc04", {"failsafe_timeout": 0, "failsafe_current": 6}, (0, 6_000)),
        ("webasto-next", {"com_timeout": 60, "safe_current": 10}, (60 * SECOND, 10_000)),
        ("amperfied-connect", {"watchdog_timeout": 15_000, "failsafe_current": 0}, (15 * SECOND, 0)),
        ("amperfied-connect", {"watchdog_timeout": 15_000, "failsafe_current": 160}, (15 * SECOND, 16_000)),
        ("keba-p30", {"failsafe_timeout": 60, "failsafe_current": 6_000}, (None, None)),
        ("bender-cc612", {"safe_current": 6}, (None, None)),
        ("mennekes-compact", {"master_lost_fallback": 6}, (10 * SECOND, 6_000)),
        ("mennekes-compact", {"master_lost_fallback": 0}, (None, None)),
        ("goe-gemini", {}, (None, None)),
        ("abb-terra-ac", {}, (None, None)),
    ],
)
def test_a_failsafe_counts_only_where_time_and_current_are_known(name, registers, failsafe):
    driver, image = made(name)
    for one, raw in registers.items():
        image.put_raw(one, raw)
    image.put_state("A")
    reading = understood(driver, image)
    assert (reading.failsafe_us, reading.failsafe_ma) == failsafe


@pytest.mark.parametrize("name", DRIVEN)
def test_a_box_that_refuses_to_show_its_failsafe_has_none(name):
    driver, image = made(name)
    image.put_state("A")
    reading = understood(driver, image, greeted={})
    assert reading.failsafe_us is None or name in {"alfen-eve", "mennekes-compact"} | NODES
    assert reading.failsafe_ma is None or (name in NODES and reading.failsafe_ma == 0)
    assert driver.prepares({}, SAFE) == ()


@pytest.mark.parametrize(
    ("name", "registers", "writes"),
    [
        ("vestel-evc04", {"failsafe_timeout": 20, "failsafe_current": 8}, [(6, 2002, (60,)), (6, 2000, (6,))]),
        ("vestel-evc04", {"failsafe_timeout": 60, "failsafe_current": 8}, [(6, 2000, (6,))]),
        ("vestel-evc04", {"failsafe_timeout": 60, "failsafe_current": 6}, []),
        ("amperfied-connect", {"watchdog_timeout": 15_000}, [(6, 257, (60_000,)), (6, 262, (60,))]),
        ("mennekes-compact", {"master_lost_fallback": 8}, [(6, 1850, (6,))]),
        ("keba-p30", {"failsafe_timeout": 20}, []),
        ("alfen-eve", {}, []),
        ("goe-gemini", {}, []),
    ],
)
def test_a_failsafe_is_set_where_it_differs_and_only_where_it_can_be(name, registers, writes):
    driver, image = made(name)
    for one, raw in registers.items():
        image.put_raw(one, raw)
    assert [tuple(one) for one in driver.prepares(image.answers(driver.greet()), SAFE)] == writes
    assert driver.prepares(image.answers(driver.greet()), None) == ()


@pytest.mark.parametrize(
    ("name", "register"),
    [
        ("vestel-evc04", "failsafe_current"),
        ("webasto-next", "safe_current"),
        ("mennekes-compact", "master_lost_fallback"),
    ],
)
def test_a_failsafe_of_nothing_is_not_set_where_0_may_mean_something_else(name, register):
    driver, image = made(name)
    image.put_raw(register, 8)
    assert driver.prepares(image.answers(driver.greet()), replace(SAFE, current_ma=0)) == ()


@pytest.mark.parametrize(
    ("name", "registers", "feed"),
    [
        ("vestel-evc04", {"failsafe_timeout": 60}, Feed(20 * SECOND, (Write(6, 6000, (1,)),))),
        ("vestel-evc04", {"failsafe_timeout": 0}, None),
        ("webasto-next", {"com_timeout": 9}, Feed(3 * SECOND, (Write(6, 6000, (1,)),))),
        ("schneider-evlink-pro", {}, Feed(2 * SECOND, (Write(6, 4000, (1,)),))),
        ("mennekes-compact", {}, Feed(3_333_333, (Write(6, 3328, (0x55AA,)),))),
        ("alfen-eve", {}, Feed(20 * SECOND)),
        ("keba-p30", {"failsafe_timeout": 60}, Feed(20 * SECOND, (Write(6, 5018, (60,)),))),
        ("keba-p30", {"failsafe_timeout": 0}, None),
        ("amperfied-connect", {"watchdog_timeout": 15_000}, None),
        ("goe-gemini", {}, None),
    ],
)
def test_a_watchdog_that_lives_on_writes_is_fed_well_inside_its_time(name, registers, feed):
    driver, image = made(name)
    for one, raw in registers.items():
        image.put_raw(one, raw)
    assert driver.feeds(image.answers(driver.greet())) == feed


@pytest.mark.parametrize("name", ["keba-p30", "keba-p40"])
def test_a_register_that_nobody_has_checked_is_never_asked_for(name):
    driver, image = made(name)
    unverified = {one.at for one in image.sheet.registers if one.unverified}
    assert unverified
    reads = (*driver.greet(), *driver.reads({}))
    assert not unverified & {at for one in reads for at in range(one.address, one.address + one.count)}
