"""What is told of a box by the limits that it shows, and what is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.manager.behaviour import CALM_US, HELD_US, TWICE_US, Behaviour
from chargebench.manager.foreign import HOUR_US

SECOND = 1_000_000
MINIMUM = 6_000


def play(*steps, every_us=3 * SECOND):
    """Steps one after another: ("told", mA), ("shows", mA[, times]), "restarted", "forget", ("wait", us)."""
    box, now_us, found = Behaviour(), 0, []
    for step in steps:
        match step:
            case ("told", ma):
                box.told(ma, now_us)
            case ("shows", ma, *times):
                for _ in range(times[0] if times else 1):
                    now_us += every_us
                    found.append(box.shows(ma, now_us, MINIMUM))
            case ("wait", us):
                now_us += us
            case name:
                getattr(box, name)()
    return box, [one for one in found if one]


FLIP = (("told", 10_000), ("shows", 10_000), ("shows", 16_000))


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ((("shows", 16_000), ("shows", 6_000), ("shows", 16_000), ("shows", 0, 30)), []),
        ((("told", 10_000), ("shows", 16_000, 3), ("shows", 10_000, 60)), []),
        ((*FLIP, ("shows", 16_000, 3)), []),
        ((*FLIP, *FLIP, ("shows", 16_000)), ["by itself"]),
        ((*FLIP, *FLIP, *FLIP, *FLIP, ("shows", 9_000), ("shows", 16_000, 20)), ["by itself"]),
        ((*FLIP, "restarted", *FLIP, ("shows", 16_000)), []),
        ((*FLIP, ("wait", TWICE_US), *FLIP, ("shows", 16_000)), []),
        ((("told", 10_000), ("shows", 10_000), "forget", ("shows", 6_000), *FLIP, ("shows", 16_000)), []),
        ((("told", 16_000), ("shows", 0, 14)), []),
        ((("told", 16_000), ("shows", 0, 30)), ["disabled"]),
        ((("told", 16_000), ("shows", 0, 30), ("told", 0), ("shows", 0, 9), ("told", 9_000), ("shows", 0, 30)), ["disabled"]),
        ((("told", 0), ("shows", 0, 60)), []),
        ((("told", 32_000), ("shows", 16_000, 60)), []),
        ((("told", 6_000), ("shows", 16_000, 30)), ["deaf"]),
        ((("told", 6_000), ("shows", 16_000, 30), ("shows", 6_000, 9), ("told", 0), ("shows", 6_000, 30)), ["deaf", "deaf"]),
    ],
)  # fmt: skip
def test_a_box_is_told_of_by_what_it_does_and_once_for_each_time_that_it_begins(steps, told):
    assert play(*steps)[1] == told


def test_a_box_that_leaves_its_limit_alone_for_long_enough_is_tried_again():
    box, _ = play(*FLIP, *FLIP, ("shows", 16_000))
    assert box.by_itself
    assert box.own_ma == 16_000
    box, told = play(*FLIP, *FLIP, ("shows", 16_000, CALM_US // (3 * SECOND) + 1))
    assert not box.by_itself
    assert told == ["by itself"]


def test_a_box_that_is_not_managed_any_more_is_not_judged():
    box, told = play(*FLIP, *FLIP, ("shows", 16_000), "release", *[("shows", 16_000), ("shows", 6_000)] * 9)
    assert (box.fault, told) == (None, ["by itself"])


@given(st.lists(st.tuples(st.sampled_from([0, 6_000, 10_000, 16_000]), st.integers(0, 20)), max_size=30))
def test_a_box_that_shows_what_it_was_told_within_half_a_minute_is_never_told_of(orders):
    box, shows, now_us = Behaviour(), 16_000, 0
    for limit_ma, cycles in orders:
        box.told(limit_ma, now_us)
        for k in range(cycles):
            now_us += 3 * SECOND
            shows = limit_ma if k else shows
            assert box.shows(shows, now_us, MINIMUM) is None
        shows = limit_ma if cycles > 1 else shows


@given(st.integers(0, 40))
def test_a_box_is_given_time_to_show_what_it_was_told(cycles):
    _, told = play(("told", 6_000), ("shows", 16_000, cycles))
    assert bool(told) == (cycles * 3 * SECOND >= HELD_US + 3 * SECOND)


# -- somebody else ----------------------------------------------------------------------------


def told_of_others(apart_us, times):
    """How often a change by somebody else is told of, where one comes so long after another."""
    box, now_us, found = Behaviour(), 0, []
    for _ in range(times):
        box.told(10_000, now_us)
        for shows_ma in (10_000, 16_000, 16_000):
            now_us += 3 * SECOND
            box.shows(shows_ma, now_us, MINIMUM)
            found.append(box.others)
        now_us += apart_us
    return [one for one in found if one]


def test_changes_by_somebody_else_are_told_from_the_second_within_an_hour_and_then_less_and_less():
    assert told_of_others(TWICE_US * 2, 1) == []
    assert told_of_others(TWICE_US * 2, 20) == [2, 4, 8, 16]
    assert told_of_others(HOUR_US, 20) == []


def test_a_restart_is_nobody_else_s_change():
    box, now_us = Behaviour(), 0
    for _ in range(6):
        box.told(10_000, now_us)
        for shows_ma in (10_000, 16_000):
            now_us += TWICE_US
            box.shows(shows_ma, now_us, MINIMUM)
            assert box.others == 0
        box.restarted()
