"""Orders over random sites and worlds: what was ordered is kept to, and a quiet cycle stays one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from chargebench.manager.controller import CYCLE_US
from chargebench.manager.orders import NO_ORDERS, Orders, Trip, dimmed_w
from chargebench.manager.site import Hours
from tests.laws.closed_loop import Loop
from tests.strategies import examples, parks

CYCLES = 300
REACTION = 12
"""Cycles from an order, or from a car that goes, until the cars have followed."""


@st.composite
def ordered(draw, site):
    """From each of some cycles on, an order: a dimming, a surplus, trips."""
    found = {0: NO_ORDERS}
    for _ in range(draw(st.integers(1, 4))):
        trips = [
            draw(st.sampled_from([None, Trip(draw(st.integers(0, CYCLES)) * CYCLE_US, draw(st.integers(500, 9_000)))]))
            for _ in site.boxes
        ]
        surplus_w = draw(st.sampled_from([None, 0, 3_000, 8_000, 15_000]))
        found[draw(st.integers(1, CYCLES - 1))] = Orders(draw(st.booleans()), surplus_w, tuple(trips))
    return found


@st.composite
def ordered_parks(draw, most_boxes=4):
    """A park that may be dimmed, has a surplus and a limit of imbalance, with its orders."""
    site, spec = draw(parks(most_boxes=most_boxes))
    site = replace(site, dimming=Hours(0, 0), surplus=((0, 0),), imbalance_ma=draw(st.sampled_from([20_000, 12_000])))
    return site, spec, draw(ordered(site))


class OrderedLoop(Loop):
    """A loop whose views hold orders."""

    def __init__(self, site, spec, orders):
        super().__init__(site, spec)
        self.orders = orders

    def holds(self, n):
        return self.orders[max(at for at in self.orders if at <= n)]

    def look(self, n):
        return replace(super().look(n), orders=self.holds(n))


def most_ma(site, orders):
    ordered = [dimmed_w(len(site.boxes))] if orders.dimmed else []
    ordered += [] if orders.surplus_w is None else [orders.surplus_w]
    return min(ordered, default=10**9) * 1_000_000 // site.connection.voltage_mv


@given(ordered_parks())
@examples(6)
def test_the_boxes_may_draw_no_more_than_was_ordered_once_they_had_time_to_follow(park):
    site, spec, orders = park
    loop = OrderedLoop(site, spec, orders)
    since = {"order": loop.holds(0), "n": 0}

    def watch(n, _view, _commands):
        order = loop.holds(n)
        if most_ma(site, order) < most_ma(site, since["order"]):
            since["n"] = n
        since["order"] = order
        booked_ma = sum(sum(memory.booked()) for memory in loop.controller.boxes)
        if n >= since["n"] + REACTION:
            assert booked_ma <= most_ma(site, order), f"cycle {n}"

    loop.watch = watch
    loop.run(CYCLES)


@given(ordered_parks())
@examples(6)
def test_no_phase_carries_more_above_another_than_it_may_for_longer_than_cars_need_to_follow(park):
    site, spec, orders = park
    loop = OrderedLoop(site, spec, orders)
    since: list[Any] = [None, None, None]

    def watch(n, _view, _commands):
        uneven = [0, 0, 0]
        for memory in loop.controller.boxes:
            if len(memory.phases) < 3:
                for phase, ma in enumerate(memory.booked()):
                    uneven[phase] += ma
        for phase, ma in enumerate(uneven):
            others = [uneven[other] for other in range(3) if other != phase]
            if ma <= site.imbalance_ma + min(others):
                since[phase] = None
                continue
            begun = since[phase] = n if since[phase] is None else since[phase]
            assert n < begun + REACTION, f"cycle {n}, phase {phase}: {uneven}"

    loop.watch = watch
    loop.run(CYCLES)


@given(ordered_parks(most_boxes=3))
@examples(5)
def test_asking_only_when_a_cycle_is_not_quiet_gives_the_same_commands(park):
    every = OrderedLoop(*park).run(CYCLES)
    some = OrderedLoop(*park)
    controller = some.controller
    decide = controller.cycle

    def asked(n, view):
        return [] if controller.quiet(n, view) else decide(n, view)

    controller.cycle = asked
    assert some.run(CYCLES).commands == every.commands


@given(ordered_parks())
@examples(3)
def test_the_connection_stays_as_safe_with_orders_as_without(park):
    site, spec, orders = park
    loop = OrderedLoop(site, spec, orders)
    loop.run(CYCLES)
    steps = [0, *(at for at, _ in spec.house.steps)]
    if any(max(amps) > site.connection.limit_ma for _, amps in spec.house.steps):
        return
    for segment in loop.segments:
        if any(step <= segment.from_us < step + 35_000_000 for step in steps):
            continue
        for na, rate in zip(segment.na, segment.rate, strict=True):
            assert max(na, na + rate * (segment.to_us - segment.from_us)) <= spec.connection.limit_ma * 1_000_000
