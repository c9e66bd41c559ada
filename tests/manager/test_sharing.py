"""Orders over the allocation: trips go first when they must, a power bounds all phases together, one phase no more than others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chargebench.manager.allocator import Ask, allocate
from chargebench.manager.controller import CYCLE_US, Controller
from chargebench.manager.orders import NO_ORDERS, Orders, Trip, dimmed_w
from chargebench.manager.policies.registry import controller_for
from chargebench.manager.readings import BoxReading, BoxView, Pilot, View
from chargebench.manager.sharing import URGENT_US, done_last
from chargebench.manager.site import Box, Connection, Hours, Site, TcpAddress
from chargebench.manager.why import reasons

AT = TcpAddress("192.168.2.151", 4701)
ALL = (0, 1, 2)
MINUTE = 60_000_000


def site(*phases, limit_ma=100_000, **more):
    boxes = tuple(Box(f"box{k}", "power-brain", AT, k + 1, on) for k, on in enumerate(phases))
    return Site(Connection(limit_ma * 690 // 1_000_000, limit_ma), boxes, **more)


class Yard:
    """Boxes that obey at once, each with a car that takes all it is offered; ``plugged`` says where one stands."""

    def __init__(self, where, controller=None):
        self.controller = controller or Controller(where)
        self.limits = [0] * len(where.boxes)
        self.plugged = [True] * len(where.boxes)
        self.phases = [len(box.phases) for box in where.boxes]
        self.energy_wh = [0] * len(where.boxes)
        self.n = 0

    def reading(self, k):
        limit_ma = self.limits[k]
        pilot = Pilot.A if not self.plugged[k] else Pilot.C if limit_ma and self.phases[k] else Pilot.B
        drawn = [limit_ma if pilot is Pilot.C and terminal < self.phases[k] else 0 for terminal in range(3)]
        energy_wh = 1 + self.energy_wh[k]
        return BoxReading(0, pilot, limit_ma, limit_ma, (drawn[0], drawn[1], drawn[2]), energy_wh=energy_wh)

    def go(self, orders=NO_ORDERS, cycles=20):
        for _ in range(cycles):
            view = View(tuple(BoxView(self.reading(k)) for k in range(len(self.limits))), (), orders)
            for command in self.controller.cycle(self.n, view):
                self.limits[command.box] = command.limit_ma
            self.n += 1
        self.view = view
        return self.limits


def trip(yard, place, leaves_us, wants_wh):
    trips: list[Trip | None] = [None] * len(yard.limits)
    trips[place] = Trip(yard.n * CYCLE_US + leaves_us, wants_wh)
    return Orders(trips=tuple(trips))


# -- trips ------------------------------------------------------------------------------------


def test_a_car_with_hardly_any_time_to_spare_goes_before_all_others_with_all_it_can_take():
    yard = Yard(site(ALL, ALL, limit_ma=16_000))
    assert yard.go() == [8_000, 8_000]
    assert yard.go(trip(yard, 1, 40 * MINUTE, 7_000)) == [0, 16_000]  # 38 min at 11 kW


def test_a_car_with_time_to_spare_shares_until_it_must_not_any_more_and_a_quiet_cycle_does_not_hide_that():
    yard = Yard(site(ALL, ALL, limit_ma=16_000))
    yard.go()
    orders = trip(yard, 1, 90 * MINUTE, 7_000)
    last_cycle = yard.n + (90 * MINUTE - 7_000 * 3_600_000_000 // 11_040 - URGENT_US) // CYCLE_US
    assert yard.go(orders, last_cycle - yard.n) == [8_000, 8_000]
    assert yard.go(orders, 15) == [0, 16_000]


@pytest.mark.parametrize("how", ["energy", "time", "word"])
def test_a_trip_ends_with_its_energy_its_time_and_another_word(how):
    yard = Yard(site(ALL, ALL, limit_ma=16_000))
    yard.go()
    orders = trip(yard, 1, 40 * MINUTE, 7_000)
    yard.go(orders)
    if how == "energy":
        yard.energy_wh[1] = 7_000
        yard.limits[1] = 15_000  # it shows something new
    later = NO_ORDERS if how == "word" else orders
    assert yard.go(later, 900 if how == "time" else 130) == [8_000, 8_000]


def test_a_car_takes_its_trip_along_and_the_next_one_has_none():
    yard = Yard(site(ALL, ALL, limit_ma=16_000))
    yard.go()
    orders = trip(yard, 1, 60 * MINUTE, 11_000)
    assert yard.go(orders) == [0, 16_000]
    yard.plugged[1] = False
    assert yard.go(orders, 120) == [16_000, 0]
    yard.plugged[1] = True
    assert yard.go(orders) == [8_000, 8_000]


def test_a_trip_that_is_told_before_its_car_comes_is_that_cars():
    yard = Yard(site(ALL, ALL, limit_ma=16_000))
    yard.plugged[1] = False
    orders = trip(yard, 1, 40 * MINUTE, 7_000)
    assert yard.go(orders) == [16_000, 0]
    yard.plugged[1] = True
    assert yard.go(orders) == [0, 16_000]


def test_among_equals_the_least_time_to_spare_is_let_in_first():
    """One place for three cars, none of them in a hurry yet."""
    yard = Yard(site(ALL, ALL, ALL, limit_ma=10_000))
    hour = 60 * MINUTE
    orders = Orders(trips=(Trip(9 * hour, 5_000), Trip(4 * hour, 5_000), None))
    assert yard.go(orders) == [0, 10_000, 0]


def test_a_higher_priority_goes_before_a_trip():
    where = site(ALL, ALL, limit_ma=10_000)
    where = replace(where, boxes=(replace(where.boxes[0], priority=2), where.boxes[1]))
    yard = Yard(where)
    assert yard.go(trip(yard, 1, 40 * MINUTE, 7_000)) == [10_000, 0]


# -- an ordered power -------------------------------------------------------------------------


def test_a_dimming_order_is_obeyed_in_one_cycle_and_bounds_all_phases_together():
    yard = Yard(site(ALL, (0,), (1,), dimming=Hours(0, 0)))
    assert yard.go() == [16_000, 16_000, 16_000]
    most_ma = dimmed_w(3) * 1_000_000 // 230_000
    ordered = yard.go(Orders(dimmed=True), 1)
    assert most_ma - 500 <= 3 * ordered[0] + ordered[1] + ordered[2] <= most_ma
    assert max(ordered) - min(ordered) <= 100
    assert yard.go(NO_ORDERS) == [16_000, 16_000, 16_000]


def test_one_car_on_one_phase_may_have_all_of_what_was_ordered():
    yard = Yard(site((0,), dimming=Hours(0, 0)))
    assert yard.go(Orders(dimmed=True)) == [16_000]  # 18.2 A on this phase, and 6.1 A if it were on three


def test_thirteen_boxes_of_three_phases_that_are_dimmed_leave_six_at_6_a():
    yard = Yard(site(*[ALL] * 13, limit_ma=250_000, dimming=Hours(0, 0)))
    limits = yard.go(Orders(dimmed=True))
    assert sorted(limits) == [0] * 7 + [6_400] + [6_500] * 5
    assert sum(3 * ma * 230 for ma in limits) <= 26_880_000


def test_a_surplus_below_three_phases_at_their_minimum_goes_to_who_can_use_it():
    yard = Yard(site(ALL, (1,), surplus=((0, 3_000),)))
    assert yard.go(Orders(surplus_w=3_000)) == [0, 13_000]
    assert reasons(yard.controller, yard.view) == ("waits: what was ordered is used up", "what was ordered is used up")
    assert yard.go(Orders(surplus_w=0)) == [0, 0]


@pytest.mark.parametrize("policy", ["fair", "first-come", "equal-split", "rotation"])
def test_every_policy_obeys(policy):
    where = site(ALL, (0,), (1, 2), dimming=Hours(0, 0), policy=policy)
    yard = Yard(where, controller_for(policy)(where))
    yard.go()
    limits = yard.go(Orders(dimmed=True, surplus_w=9_000))
    assert 0 < (3 * limits[0] + limits[1] + 2 * limits[2]) * 230 <= 9_000_000


def test_what_is_in_nobodys_hand_is_taken_off_an_order():
    where = site(ALL, ALL, dimming=Hours(0, 0))
    where = replace(where, boxes=(where.boxes[0], replace(where.boxes[1], licensed=False, maximum_ma=8_000)))
    yard = Yard(where)
    assert yard.go(Orders(surplus_w=20_000)) == [16_000, 0]
    assert yard.go(Orders(surplus_w=10_000)) == [6_400, 0]


# -- imbalance --------------------------------------------------------------------------------


def test_cars_on_one_phase_have_together_what_one_phase_may_carry_more_and_more_when_the_others_carry_something():
    yard = Yard(site((0,), (0,), (0,), (1,), (2,), imbalance_ma=20_000))
    yard.plugged[3] = yard.plugged[4] = False
    assert yard.go() == [6_700, 6_700, 6_600, 0, 0]
    yard.plugged[3] = True
    assert yard.go() == [6_700, 6_700, 6_600, 16_000, 0]  # the third phase is still idle
    yard.plugged[4] = True
    assert yard.go(cycles=60) == [12_000, 12_000, 12_000, 16_000, 16_000]
    yard.plugged[3] = False
    assert yard.go() == [6_700, 6_700, 6_600, 0, 16_000]


def test_cars_on_all_phases_are_no_imbalance_until_they_are_seen_to_use_one():
    yard = Yard(site(ALL, ALL, imbalance_ma=20_000))
    assert yard.go() == [16_000, 16_000]
    yard.plugged[:] = [False, False]
    yard.go()
    yard.plugged[:] = [True, True]
    yard.phases = [1, 1]
    assert yard.go(cycles=60) == [10_000, 10_000]


# -- cars that are done -----------------------------------------------------------------------


def test_what_a_car_that_is_done_leaves_goes_to_those_who_want_something_and_the_rest_to_it():
    """It has refused for two minutes what it was offered."""
    yard = Yard(site(ALL, ALL, limit_ma=22_000))
    yard.phases[1] = 0
    assert yard.go(cycles=200) == [16_000, 6_000]
    yard = Yard(site(ALL, ALL, limit_ma=16_000))
    yard.phases[1] = 0
    assert yard.go(cycles=200) == [16_000, 0]


def test_a_car_that_was_done_and_stopped_is_asked_again_after_an_hour_and_then_every_two():
    yard = Yard(site(ALL, ALL, limit_ma=16_000))
    yard.phases[1] = 0
    asked = []
    for n in range(6 * 1_200):
        before = yard.limits[1]
        yard.go(cycles=1)
        asked += [n * CYCLE_US // (60 * MINUTE)] if yard.limits[1] and not before else []
    assert asked == [0, 1, 3, 5]


def test_a_priority_is_no_reason_to_keep_what_a_car_does_not_take():
    asks = [Ask(0, ALL, 6_000, 16_000, 100, priority=9, idle=True), Ask(1, ALL, 6_000, 16_000, 100, priority=0)]
    assert allocate(done_last(asks), [16_000] * 3).limits == ((1, 16_000),)
    assert done_last(asks[:1]) == asks[:1]
