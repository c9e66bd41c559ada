"""Ways to share what is free that stand beside the fair one: pure functions of the asks, as ``allocate`` is one. Integers.

They decide who is to have how much, and no more: booking, cuts before raises, failsafe and turns are the controller's, so
none of them can overload anything. All go by priority first, and a car that takes nothing comes last.

- ``first_come``: who was plugged in first gets all it can take, the next what is left.
- ``equal_split``: each node's current divided by the number of boxes that charge behind it; what one does not use is not
  given on. Whose share is below its minimum waits, in the order in which the fair policy admits.
- ``rotation``: full current by turns of a fixed length. Who is in its turn gets all it can take, then who has waited longest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from chargebench.manager.allocator import Allocation, Ask
from chargebench.manager.units import down_to_step

Share = Callable[[Sequence[Ask], Sequence[int], Sequence[int]], Allocation]
"""Asks, mA free on each node, and the grace of each: who gets what. ``allocate`` is the fair one."""


def first_come(asks: Sequence[Ask], free_ma: Sequence[int], grace_ma: Sequence[int] = ()) -> Allocation:
    """All that each can take, in the order in which the cars were plugged in."""
    return _one_by_one(
        sorted(asks, key=lambda ask: (-ask.priority, ask.idle, ask.since_us, ask.box)), free_ma, grace_ma
    )


def rotation(asks: Sequence[Ask], free_ma: Sequence[int], grace_ma: Sequence[int] = ()) -> Allocation:
    """All that each can take: those in their turn, then those who wait, the longest first, then those whose turn is over."""

    def rank(ask: Ask) -> tuple[int, bool, bool, bool, int, int]:
        return -ask.priority, not ask.held, ask.idle, ask.runs, ask.waits_us, ask.box

    return _one_by_one(sorted(asks, key=rank), free_ma, grace_ma)


def equal_split(asks: Sequence[Ask], free_ma: Sequence[int], grace_ma: Sequence[int] = ()) -> Allocation:
    """An equal part of each node for all who charge behind it, and no more than that for anybody."""
    grace = list(grace_ma) or [0] * len(free_ma)
    inside = sorted(asks, key=lambda ask: (-ask.priority, *ask.rank()))
    while True:
        users = [sum(ask.nodes.count(node) for ask in inside) for node in range(len(free_ma))]
        poor = [ask for ask in inside if not _has_minimum(ask, free_ma, grace, users)]
        if not poor:
            break
        inside.remove(poor[-1])
    limits = [(ask.box, _part(ask, free_ma, users)) for ask in inside]
    served = [ask.box for ask in inside]
    return Allocation(tuple(limits), tuple(ask.box for ask in asks if ask.box not in served))


def _has_minimum(ask: Ask, free_ma: Sequence[int], grace_ma: Sequence[int], users: Sequence[int]) -> bool:
    """Whether its part of each of its nodes carries its minimum. Who runs may use the grace, nobody may start into it."""
    if ask.high_ma < ask.low_ma:
        return False
    if ask.runs:
        return all(free_ma[node] + grace_ma[node] >= ask.low_ma * users[node] for node in ask.nodes)
    return all(free_ma[node] >= ask.starts_on(grace_ma[node]) * users[node] for node in ask.nodes)


def _part(ask: Ask, free_ma: Sequence[int], users: Sequence[int]) -> int:
    part = min((free_ma[node] // users[node] for node in ask.nodes), default=ask.high_ma)
    return max(ask.low_ma, down_to_step(min(part, ask.high_ma), ask.step_ma))


def _one_by_one(ranked: Sequence[Ask], free_ma: Sequence[int], grace_ma: Sequence[int]) -> Allocation:
    """To each all that is left for it, as long as that is its minimum."""
    free = list(free_ma)
    grace = list(grace_ma) or [0] * len(free)
    limits: list[tuple[int, int]] = []
    waiting: list[int] = []
    for ask in ranked:
        alone = [ask.nodes.count(node) for node in range(len(free))]
        if not _has_minimum(ask, free, grace, alone):
            waiting.append(ask.box)
            continue
        given = _part(ask, free, alone)
        limits.append((ask.box, given))
        for node in ask.nodes:
            free[node] -= given
    return Allocation(tuple(limits), tuple(waiting))
