"""Writes to boxes that want time between them: what goes when, what waits, and what of an order already binds the box."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.datasheets.load import load, names
from chargebench.manager.drivers.base import Write
from chargebench.manager.drivers.registry import box_driver, unfit
from chargebench.manager.pacing import Pacing, apart_most_us
from tests.manager.house import SECOND

LIMIT, GO, BEAT = Write(6, 10, (8,)), Write(6, 11, (1,)), Write(6, 12, (0x55AA,))
ORDER: tuple[Write, ...] = (BEAT, LIMIT, GO)
STOP = (Write(6, 11, (0,)), BEAT)
LIMITS = frozenset({10})


def at(seconds):
    return int(seconds * SECOND)


def due(pacing, order, limit_ma, seconds):
    """What goes at a time, answered at once."""
    found = pacing.due(order, limit_ma, at(seconds))
    pacing.went(at(seconds))
    return found


def test_without_a_time_all_of_an_order_goes_at_once_each_time():
    pacing = Pacing(limits=LIMITS)
    assert [due(pacing, ORDER, 8_000, 0) for _ in range(2)] == [ORDER, ORDER]
    assert not pacing.waits
    assert pacing.may_feed((BEAT,), 0)


def test_with_a_time_between_writes_one_goes_at_a_time_in_their_order():
    pacing = Pacing(at(5), limits=LIMITS)
    assert [due(pacing, ORDER, 8_000, second) for second in (0, 3, 6, 9, 12)] == [(BEAT,), (), (LIMIT,), (), (GO,)]
    assert not pacing.waits
    assert due(pacing, ORDER, 9_000, 15) == ()
    assert due(pacing, ORDER, 9_000, 18) == (BEAT,)


def test_the_time_between_writes_begins_with_the_answer():
    pacing = Pacing(at(5), limits=LIMITS)
    assert pacing.due(ORDER, 8_000, 0) == (BEAT,)
    pacing.went(at(0.9))
    assert pacing.due(ORDER, 8_000, at(5.5)) == ()
    assert pacing.due(ORDER, 8_000, at(5.9)) == (LIMIT,)


def test_with_a_time_between_writes_of_the_limit_the_others_do_not_wait():
    pacing = Pacing(limit_apart_us=at(5), limits=LIMITS)
    assert due(pacing, ORDER, 8_000, 0) == ORDER
    assert [due(pacing, ORDER, 7_000, second) for second in (1, 3, 5)] == [(BEAT,), (), (LIMIT, GO)]
    assert due(pacing, (GO, BEAT), 0, 6) == (GO, BEAT)


def test_another_order_takes_the_place_of_the_rest_of_one():
    pacing = Pacing(at(5), limits=LIMITS)
    stop = (Write(6, 11, (0,)),)
    assert due(pacing, ORDER, 8_000, 0) == (BEAT,)
    assert due(pacing, stop, 0, 3) == ()
    assert due(pacing, stop, 0, 6) == stop
    assert not pacing.waits


def test_what_fell_silent_is_told_all_of_an_order_again_after_its_time():
    pacing = Pacing(at(5), limits=LIMITS)
    due(pacing, ORDER, 8_000, 0)
    pacing.forget()
    assert [due(pacing, ORDER, 8_000, second) for second in (3, 6, 12)] == [(), (BEAT,), (LIMIT,)]


def test_an_order_binds_the_box_once_its_limit_has_gone_and_a_stop_with_its_first_write():
    pacing = Pacing(at(5), limits=LIMITS)
    bound = []
    for second in (0, 6, 12):
        due(pacing, ORDER, 8_000, second)
        bound.append(pacing.bounds(8_000))
    assert bound == [False, True, True]
    pacing.due((GO, BEAT), 0, at(15))
    assert not pacing.bounds(0)
    due(pacing, (GO, BEAT), 0, 18)
    assert pacing.bounds(0)


def test_a_limit_stands_for_its_time_before_it_rises_and_a_cut_never_waits():
    pacing = Pacing(settle_us=at(20), limits=LIMITS)
    up, down = (Write(6, 10, (16,)),), (Write(6, 10, (6,)),)
    assert due(pacing, up, 16_000, 0) == up
    assert due(pacing, down, 6_000, 1) == down
    assert [due(pacing, up, 16_000, second) for second in (3, 20, 21)] == [(), (), up]
    assert due(pacing, up, 16_000, 22) == up, "told again, it does not rise"


def test_a_watchdog_that_could_not_be_fed_goes_before_raises_but_not_before_cuts():
    pacing = Pacing(at(5), limits=LIMITS)
    up, down = (Write(6, 10, (16,)),), (Write(6, 10, (6,)),)
    due(pacing, down, 6_000, 0)
    assert not pacing.may_feed((BEAT,), at(3))
    assert due(pacing, up, 16_000, 6) == ()
    assert due(pacing, down, 6_000, 6) == down
    assert not pacing.may_feed((BEAT,), at(9))
    assert pacing.may_feed((BEAT,), at(12))
    pacing.went(at(12))
    assert [due(pacing, up, 16_000, second) for second in (15, 18)] == [(), up]


def test_a_watchdog_that_is_not_fed_after_all_holds_up_no_raise_for_long():
    pacing = Pacing(at(5), limits=LIMITS)
    up, down = (Write(6, 10, (16,)),), (Write(6, 10, (6,)),)
    due(pacing, down, 6_000, 0)
    assert not pacing.may_feed((BEAT,), at(3))
    assert [due(pacing, up, 16_000, second) for second in (6, 12, 13)] == [(), (), up]


@given(
    steps=st.lists(
        st.tuples(st.integers(0, 12), st.sampled_from([0, 6_000, 9_000, 16_000]), st.booleans()), max_size=40
    )
)
def test_whatever_is_ordered_writes_keep_their_time_and_every_order_is_finished(steps):
    pacing = Pacing(at(5), at(7), at(20), LIMITS)
    now, gone, order, limit_ma = 0, [], ORDER, 6_000
    for pause, wanted_ma, lost in [*steps, *[(3, None, False)] * 60]:
        now += pause
        if wanted_ma is not None:
            limit_ma = wanted_ma
            limit = Write(6, 10, (wanted_ma // 1_000,))
            order = (BEAT, limit, GO) if wanted_ma else STOP
        if lost:
            pacing.forget()
        elif wanted_ma is not None or pacing.waits:
            gone += [(now, one) for one in due(pacing, order, limit_ma, now)]
    times = [when for when, _ in gone]
    assert all(b - a >= 5 for a, b in pairwise(times))
    limits = [when for when, one in gone if one.address in LIMITS]
    assert all(b - a >= 7 for a, b in pairwise(limits))
    assert not pacing.waits


DRIVEN = [name for name in names() if load(name).kind == "evse" and not unfit(load(name))]


@pytest.mark.parametrize("name", [name for name in DRIVEN if load(name).timing.apart_us])
def test_no_box_that_wants_time_between_any_two_writes_is_told_more_than_one_thing_after_a_connect(name):
    driver = box_driver(name, load)
    words = {read: (1,) * read.count for read in driver.greet()}
    assert len(driver.prepares(words, None)) <= 1


def test_the_times_are_those_of_the_datasheets():
    assert {name: apart_most_us([load(name)]) // SECOND for name in DRIVEN if apart_most_us([load(name)])} == {
        "keba-p30": 5,
        "keba-p40": 5,
        "mennekes-compact": 5,
    }
    assert apart_most_us([]) == 0


@pytest.mark.parametrize("name", ["amperfied-connect", "heidelberg-energy-control"])
def test_a_limit_stands_for_as_long_as_a_datasheet_says(name):
    sheet = load(name)
    pacing, driver = Pacing.of(sheet), box_driver(name, load)
    assert due(pacing, driver.writes(6_000), 6_000, 0) == driver.writes(6_000)
    assert [bool(due(pacing, driver.writes(9_000), 9_000, second)) for second in (3, 18, 21)] == [False, False, True]
