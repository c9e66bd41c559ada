"""Why a box may take what it may: the words name the constraint that binds."""

from __future__ import annotations

import pytest

from chargebench.manager.controller import CYCLE_US, HOLD_US, Controller
from chargebench.manager.policies.original import Original
from chargebench.manager.policies.unmanaged import Unmanaged
from chargebench.manager.readings import BoxReading, BoxView, MeterReading, MeterView, Pilot, Remembered, View
from chargebench.manager.site import Box, Connection, HouseMeter, Site, TcpAddress
from chargebench.manager.status import status_of
from chargebench.manager.why import reasons

AT = TcpAddress("192.168.2.151", 4701)
SECOND = 1_000_000


def site(*phases, limit_ma=21_000, evse_ma=None, meters=(), **more):
    boxes = tuple(Box(f"box{k}", "power-brain", AT, k + 1, on, **more) for k, on in enumerate(phases))
    return Site(Connection(14_500, limit_ma, evse_ma), boxes, meters)


ALL = (0, 1, 2)


def box(pilot="C", limit_ma=0, drawn=None, **more):
    phases = None if drawn is None else (drawn, drawn, drawn)
    return BoxView(
        BoxReading(0, Pilot(pilot), limit_ma, limit_ma, phases, failsafe_us=60 * SECOND, failsafe_ma=6_000), **more
    )


def said(where, *views, make=Controller, until=1):
    """What is said after cycles of which the last see the last view again and again."""
    control = make(where)
    for n in range(until):
        seen = View(views[min(n, len(views) - 1)])
        control.cycle(n, seen)
    return reasons(control, seen)


def test_before_the_first_decision_nothing_is_known():
    control = Controller(site(ALL))
    assert reasons(control, View((BoxView(),))) == ("",)
    assert reasons(object(), View((BoxView(),))) == ("",)


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (BoxView(), "never reached, counted at 16 A"),
        (
            BoxView(remembered=Remembered(10_000, 10_000, 0, 6_000, 8_000)),
            "not reached since the start, counted at 10 A",
        ),
        (box(licensed=False), "not managed, counted at 16 A"),
        (box(by_itself=True), "not managed, counted at 16 A"),
        (box("A", 6_000), "no car"),
        (box("C", 16_000, 16_000), "its maximum"),
        (box("B", 6_000), "its car does not charge"),
        (box("C", 9_000, silent_since_us=0), "silent, counted at 9 A"),
    ],
)
def test_a_box_alone(seen, words):
    assert said(site(ALL), (seen,)) == (words,)


def test_a_silent_box_that_has_fallen_back():
    assert said(site(ALL), (box("C", 9_000, silent_since_us=0),), until=40) == (
        "silent, at its failsafe current, counted at 6 A",
    )


def test_a_box_that_does_not_follow():
    views = (box("C", 16_000),), (box("A", 16_000),)
    assert said(site(ALL), *views, until=40) == ("told 0 A, shows 16 A",)


def test_the_phases_that_are_full_are_named():
    assert said(site(ALL, ALL), (box(), box())) == ("L1, L2 and L3 are full",) * 2
    assert said(site((0,), (0,), (1,)), (box(), box(), box())) == ("L1 is full", "L1 is full", "its maximum")


def test_who_waits_is_told_for_what():
    assert said(site((0,), (0, 1), limit_ma=10_000), (box("C", 0), box("C", 0))) == ("L1 is full", "waits: L1 is full")


def test_the_supply_of_the_boxes_is_named_where_it_binds_alone():
    assert said(site((0,), (0,), evse_ma=13_000), (box(), box())) == ("the boxes' supply on L1 is full",) * 2


def test_a_car_that_takes_less_than_it_may():
    seen = (box("C", 16_000, 8_000),)
    words = [said(site(ALL), seen, until=n)[0] for n in (1, 25)]
    assert words == ["its maximum", "its car takes no more"]


def test_a_box_whose_turn_is_over_pauses():
    """Two cars for one place: the runner gives way and may not come back at once."""
    where = site((0,), (0,), limit_ma=10_000)
    turn = HOLD_US // CYCLE_US
    views = [(box("C", 10_000), box("B", 0))] * (turn + 1)
    words = said(where, *views, until=turn + 1)
    assert words == ("waits: L1 is full", "may have 10 A once others have come down")
    words = said(where, *views, (box("B", 0), box("B", 0)), until=turn + 3)
    assert words == ("pauses before its next turn", "L1 is full")


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (BoxView(), "never reached, counted with nothing"),
        (box("A"), "no car"),
        (box("C", 9_000, silent_since_us=0), "silent"),
        (box(licensed=False), "not managed, counted at its maximum"),
        (box("C", 16_000), "its maximum"),
    ],
)
def test_policy_original_has_words_of_its_own(seen, words):
    assert said(site(ALL), (seen,), make=Original) == (words,)


def test_without_management_there_is_one_reason_for_all():
    assert said(site(ALL, ALL), (box(), box("A")), make=Unmanaged) == ("not managed, may take its maximum",) * 2


def test_policy_original_pauses_and_shares():
    assert (
        said(site(ALL, ALL), (box("C", 10_500), box("C", 10_500)), make=Original) == ("its share of what is free",) * 2
    )
    crowd = said(site(ALL, ALL, limit_ma=10_000), (box("C", 6_000), box("C", 6_000)), make=Original, until=9)
    assert sorted(crowd) == ["its share of what is free", "pauses: there is not enough for all"]


# -- the whole site ---------------------------------------------------------------------------

METER = HouseMeter("house", "eastron-sdm630", AT, 101, "grid supply")


def test_a_status_tells_every_box_and_every_meter_and_what_they_are_counted_with():
    where = site(ALL, ALL, meters=(METER,))
    control = Controller(where)
    grid = MeterView(MeterReading(SECOND, (9_000, 8_000, 7_000)))
    seen = View((box("C", 6_000, 6_000), BoxView()), (grid,))
    control.cycle(0, seen)
    found = status_of(where, control, 0, seen, 3 * SECOND)
    assert found.booked == (22_000, 22_000, 22_000)
    first, second = found.boxes
    assert (first.pilot, first.limit_ma, first.drawn_ma, first.booked_ma, first.age_us) == (
        "C", 6_000, (6_000,) * 3, 6_000, 3 * SECOND,
    )  # fmt: skip
    assert (second.pilot, second.limit_ma, second.booked_ma, second.age_us) == (None, None, 16_000, None)
    assert (found.meters[0].phases_ma, found.meters[0].age_us) == ((9_000, 8_000, 7_000), 2 * SECOND)
    assert found.as_json()["connection"] == {
        "limit_ma": 21_000,
        "reserve_ma": 0,
        "background_ma": found.background,
        "booked_ma": (22_000, 22_000, 22_000),
    }


def test_two_that_differ_in_nothing_but_time_are_the_same():
    where = site(ALL)
    control = Controller(where)
    seen = View((box("C", 6_000, 6_000),))
    control.cycle(0, seen)
    first, second = (status_of(where, control, n, seen, n * CYCLE_US) for n in (0, 1))
    assert first != second
    assert first.same(second)
    other = status_of(where, control, 1, View((box("C", 6_000, 5_900),)), CYCLE_US)
    assert not first.same(other)
    assert not first.same(None)
