"""The policies over whole worlds: what is shared otherwise is executed as safely, and a quiet cycle can be left out."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given

from chargebench.manager.policies.registry import controller_for
from chargebench.manager.policies.unmanaged import AGAIN_US, CYCLE_US, Unmanaged
from chargebench.manager.readings import BoxView
from tests.laws.auditor import Auditor
from tests.laws.closed_loop import Loop
from tests.policies.views import NEVER, box, boxes, seen, sent, site, view
from tests.strategies import examples, parks

CYCLES = 300
SHARED = ["first-come", "equal-split", "rotation"]
TURN_US = 1_800_000_000


class Asked:
    """A controller that is asked in another way."""

    def __init__(self, cycle):
        self.cycle = cycle


def looped(park, policy):
    where, spec = park
    return Loop(where, spec, controller=controller_for(policy)(where))


@pytest.mark.parametrize("policy", SHARED)
@given(park=parks())
@examples(5)
def test_no_command_lets_the_boxes_draw_more_than_is_free(policy, park):
    loop = looped(park, policy)
    loop.watch = Auditor(park[0], phases_known=lambda k: loop.controller.boxes[k].phases).watch
    loop.run(CYCLES)


@pytest.mark.parametrize("policy", [*SHARED, "none"])
@given(park=parks(most_boxes=3))
@examples(2)
def test_asking_only_when_a_cycle_is_not_quiet_gives_the_same_commands(policy, park):
    every, some = looped(park, policy).run(CYCLES), looped(park, policy)
    controller = some.controller
    some.controller = Asked(lambda n, view: [] if controller.quiet(n, view) else controller.cycle(n, view))
    assert some.run(CYCLES).commands == every.commands


# -- turns of a fixed length ------------------------------------------------------------------


def test_two_cars_take_turns_of_half_an_hour_with_the_full_current():
    where = site(*boxes(2), total_w=11_100, reserve_w=0)
    control = controller_for("rotation")(where)
    limits = [0, 0]
    served = []
    for n in range(4 * TURN_US // CYCLE_US):
        for k, ma in sent(control.cycle(n, view(*(seen("C" if ma else "B", ma) for ma in limits)))).items():
            limits[k] = ma
            if ma:
                served.append((n * CYCLE_US, k, ma))
    assert [(k, ma) for _, k, ma in served] == [(0, 16_000), (1, 16_000), (0, 16_000), (1, 16_000)]
    starts = [at for at, _, _ in served]
    assert all(TURN_US <= later - at <= TURN_US + 30_000_000 for at, later in pairwise(starts))


# -- none -------------------------------------------------------------------------------------


def test_without_management_every_box_that_is_in_reach_has_its_maximum_car_or_none():
    where = site(box("a"), box("b", maximum_ma=32_000), box("c"), box("d"), box("e", licensed=False), total_w=5_000)
    control = Unmanaged(where)
    shown = seen("A", 0), seen("C", 6_000), NEVER, seen("C", 6_000, silent_us=0), seen("C", 6_000)
    assert sent(control.cycle(0, view(*shown))) == {0: 16_000, 1: 32_000}


def test_a_box_that_cannot_take_its_maximum_is_told_again_after_a_minute_and_not_before():
    control = Unmanaged(site(box("a")))
    told = [n for n in range(2 * AGAIN_US // CYCLE_US + 1) if control.cycle(n, view(seen("C", 13_000)))]
    assert told == [0, AGAIN_US // CYCLE_US, 2 * AGAIN_US // CYCLE_US]


def test_a_box_that_falls_back_is_told_at_once():
    control = Unmanaged(site(box("a")))
    shows = [16_000, 16_000, 6_000]
    assert [sent(control.cycle(n, view(seen("C", ma)))) for n, ma in enumerate(shows)] == [{}, {}, {0: 16_000}]


def test_a_site_that_only_observes_is_told_nothing_by_any_policy():
    where = site(box("a"))
    where = type(where)(where.connection, where.boxes, where.meters, management=False)
    assert Unmanaged(where).cycle(0, view(seen("C", 6_000))) == []


def test_maxima_are_steps_of_their_boxes_and_a_licence_that_is_gone_ends_it():
    control = Unmanaged(site(box("a", maximum_ma=15_500)))
    control.in_steps([1_000])
    reading = seen("C", 6_000).reading
    assert control.cycle(0, view(BoxView(reading, None, 0, False))) == []
    assert sent(control.cycle(1, view(BoxView(reading)))) == {0: 15_000}
