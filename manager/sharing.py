"""Orders over a policy: an ordered power, a limit of imbalance and trips, put into the asks and nodes that it shares by. Sans-IO.

An *ordered power* bounds what the boxes take on all phases together, wherever they take it.

*Imbalance*: boxes whose cars do not use all phases may load one phase by so much more than another. What they surely draw,
in whole amperes, on the lesser of the two other phases is what each phase may carry more.

A car that is done, as far as can be seen, has what nobody else can take: what it was offered and leaves would else be lost to
those who still want something, 3 to 5 % of a night. Where that is nothing it is stopped, and asked again later.

*Trips*: among equals whoever has the least time to spare is admitted first. Who has hardly any left, a turn or less, goes
before all others of its priority with all that it can take, until it has what it wants or has left. A trip that cannot be
reached any more is treated alike, since less would be no help; and a car that is unplugged takes its trip along.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from chargebench.manager.allocator import Allocation, Ask, allocate
from chargebench.manager.circuits import NO_LIMIT_MA, Circuits
from chargebench.manager.memory import DRAW_MARGIN_MA, Memory
from chargebench.manager.orders import NO_ORDERS, Orders, Trip, dimmed_w
from chargebench.manager.policies.shares import Share
from chargebench.manager.site import Site
from chargebench.manager.units import Amps3, down_to_step

URGENT_US: Final = 1_800_000_000
"""Who has no more than this to spare goes first: as long as it may have to wait for the turn of another to end."""

STEADY_MA: Final = 1_000
DONE: Final = -1
"""Below every priority that a site can give."""

WORK: Final = 3_600_000_000_000_000
"""Wh as mA x mV x us."""


@dataclass(slots=True)
class _Wish:
    """What is known of the trip of the car at a box. ``over``: the one that it took along, or that is done."""

    trip: Trip | None = None
    over: Trip | None = None
    session_us: int = 0
    urgent: bool = False


class Sharing:
    """One site. ``orders`` are those of the last decision."""

    def __init__(self, site: Site, circuits: Circuits, share: Share = allocate) -> None:
        self.orders: Orders = NO_ORDERS
        self.share = share
        self._site = site
        self.circuits = circuits
        self._wishes = [_Wish() for _ in site.boxes]
        managed = [box for box in site.boxes if box.licensed]
        self._dimmed_w = dimmed_w(len(managed))

    def allocate(
        self, asks: Sequence[Ask], free: list[int], grace_ma: Sequence[int], boxes: Sequence[Memory], now_us: int
    ) -> Allocation:
        """What the policy gives under the orders. ``free`` is left with what the orders leave on the nodes that are theirs."""
        asks = done_last(self._with_trips(asks, boxes, now_us))
        if self.circuits.uneven is not None:
            l1, l2, l3 = self._drawn_unevenly(boxes)
            for phase, ma in enumerate((min(l2, l3), min(l1, l3), min(l1, l2))):
                free[self.circuits.uneven + phase] += down_to_step(ma, STEADY_MA)
        power_w = self._power_w()
        if power_w is None or self.circuits.ordered is None:
            return self.share(asks, free, grace_ma)
        free[self.circuits.ordered] += power_w * 1_000_000 // self._site.connection.voltage_mv - NO_LIMIT_MA
        return self.share(asks, free, grace_ma)

    def again(
        self, asks: Sequence[Ask], free: Sequence[int], grace_ma: Sequence[int], boxes: Sequence[Memory], now_us: int
    ) -> Allocation:
        """What the policy would give for other asks, out of ``free`` as ``allocate`` has left it."""
        return self.share(done_last(self._with_trips(asks, boxes, now_us)), list(free), grace_ma)

    def due(self, boxes: Sequence[Memory], now_us: int) -> list[int]:
        """When a trip makes its car urgent, if it charges no more until then, and when it is over."""
        found = []
        for wish, memory in zip(self._wishes, boxes, strict=True):
            if wish.trip is not None:
                found += [wish.trip.leaves_us, *([] if wish.urgent else [_last_us(wish.trip, memory) - URGENT_US])]
        return [at for at in found if at > now_us]

    # -- an ordered power ---------------------------------------------------------------------

    def _power_w(self) -> int | None:
        """The least of what was ordered."""
        ordered = [self._dimmed_w] if self.orders.dimmed else []
        return min([*ordered, *([] if self.orders.surplus_w is None else [self.orders.surplus_w])], default=None)

    # -- imbalance ----------------------------------------------------------------------------

    def _drawn_unevenly(self, boxes: Sequence[Memory]) -> Amps3:
        """What boxes that do not use all phases surely draw on each of them; while a limit is followed, by the lower one."""
        total = [0, 0, 0]
        for memory in boxes:
            if not memory.in_hand or not memory.charging or len(memory.phases) == len(total):
                continue
            follows = not memory.measured and memory.top_ma != memory.floor_ma
            for phase in memory.phases:
                by_limit = max(0, memory.floor_ma - DRAW_MARGIN_MA)
                total[phase] += by_limit if follows else memory.low_draw[phase]
        return total[0], total[1], total[2]

    # -- trips --------------------------------------------------------------------------------

    def _with_trips(self, asks: Sequence[Ask], boxes: Sequence[Memory], now_us: int) -> Sequence[Ask]:
        """The asks by the time that their cars have to spare, where anybody wants to leave."""
        trips = self.orders.trips or (None,) * len(boxes)
        for wish, trip, memory in zip(self._wishes, trips, boxes, strict=True):
            _review(wish, trip, memory, now_us)
        if not any(wish.trip is not None for wish in self._wishes):
            return asks
        return [self._hurried(ask, boxes[ask.box], now_us) for ask in asks]

    def _hurried(self, ask: Ask, memory: Memory, now_us: int) -> Ask:
        wish = self._wishes[ask.box]
        if wish.trip is None:
            return replace(ask, priority=2 * ask.priority)
        spare_us = _last_us(wish.trip, memory) - now_us
        wish.urgent = wish.urgent or spare_us <= URGENT_US
        return replace(ask, priority=2 * ask.priority + wish.urgent, laxity_us=spare_us)


def done_last(asks: Sequence[Ask]) -> Sequence[Ask]:
    """The asks with those of cars that take nothing behind all others, whatever their priority."""
    done = sum(ask.idle for ask in asks)
    return [replace(ask, priority=DONE) if ask.idle else ask for ask in asks] if 0 < done < len(asks) else asks


def _review(wish: _Wish, trip: Trip | None, memory: Memory, now_us: int) -> None:
    """Bring what is known of a trip up to date: it ends with its time, its energy, its car, or another word of its owner."""
    if memory.since_us != wish.session_us:
        wish.session_us = memory.since_us
        if not memory.plugged:
            wish.over = wish.trip or wish.over
    if trip is not None and memory.plugged and (now_us >= trip.leaves_us or memory.energy_wh() >= trip.wants_wh):
        wish.over = trip
    holds = trip if trip != wish.over and memory.plugged else None
    if holds != wish.trip:
        wish.trip, wish.urgent = holds, False


def _last_us(trip: Trip, memory: Memory) -> int:
    """The last instant at which the car may begin to charge without a break with the most that it is known to take."""
    need_wh = max(0, trip.wants_wh - memory.energy_wh())
    most_ma = min(memory.box.maximum_ma, memory.most_ma)
    power = (most_ma if memory.cap_ma is None else min(most_ma, memory.cap_ma)) * len(memory.phases) * memory.voltage_mv
    return trip.leaves_us - -(-need_wh * WORK // power)
