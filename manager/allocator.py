"""The allocator: who may charge, and with how much, given what is free. Pure; integers; mA per phase.

Admission first: within one priority the boxes whose minimum must be placed are taken in a declared order (a runner that
is still held, then those who want something, then who has missed most turns, then least energy since plug-in, then the
order of the site), and each is admitted whose minimum still fits on every node it weighs on. Going on after one that does
not fit makes the admitted set maximal; who starts like that is told to be *ahead* of its turn, so that it need not be given
a whole one. Least energy alone would let whoever charged much, or on more phases, wait for hours.

Then progressive filling: the lowest rise together, level by level; those behind a node that binds, and those at
their highest, are frozen; the rest rises on. That is the lexicographic max-min optimum of the continuous problem. Each is then
rounded down to its step, and what is left is handed out one step at a time, lowest first. A higher priority takes all it
can use before the next is looked at.

Rejected: serving in proportion to demand (a car could ask for more than it needs), and one scalar limit for all boxes
(0.55 of the optimum on three phases).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heapreplace


@dataclass(frozen=True, slots=True)
class Ask:
    """What one box asks for. ``nodes``: indices of the limits it weighs on, each once with its whole current.

    ``low_ma`` and ``high_ma`` bound what it may be given beside 0; both are multiples of ``step_ma``. ``runs``: it charges
    already; ``held``: its turn is not over; ``idle``: its car takes nothing; ``missed``: turns that it has waited through,
    the present one included, 0 for who runs. ``spare_ma`` must be free beside the minimum for a start, on nodes with grace:
    by so much its own current may later be taken for somebody else's.
    """

    box: int
    nodes: tuple[int, ...]
    low_ma: int
    high_ma: int
    step_ma: int
    priority: int = 1
    runs: bool = False
    held: bool = False
    idle: bool = False
    energy_wh: int = 0
    missed: int = 0
    spare_ma: int = 0

    def rank(self) -> tuple[bool, bool, int, int, int]:
        """The declared order of admission within a priority."""
        return (not self.held, self.idle, -self.missed, self.energy_wh, self.box)

    def starts_on(self, grace_ma: int) -> int:
        """What must be free on a node with that grace for it to start."""
        return self.low_ma + (self.spare_ma if grace_ma else 0)


@dataclass(frozen=True, slots=True)
class Allocation:
    """``limits``: (box, mA) of the admitted, in rank order; ``waiting``: boxes whose minimum did not fit.

    ``ahead``: boxes that may start because one that comes before them needs more than there is, and waits.
    """

    limits: tuple[tuple[int, int], ...]
    waiting: tuple[int, ...]
    ahead: tuple[int, ...] = ()


def allocate(asks: Sequence[Ask], free_ma: Sequence[int], grace_ma: Sequence[int] = ()) -> Allocation:
    """Share ``free_ma`` (mA free on each node; below 0 counts as nothing free) among the asks.

    Into ``grace_ma`` of a node those who run may go with their minimum, but nobody may start: without it a box at the edge
    starts and stops for ever.
    """
    free = list(free_ma)
    grace = list(grace_ma) or [0] * len(free)
    limits: list[tuple[int, int]] = []
    waiting: list[int] = []
    ahead: list[int] = []
    for priority in sorted({ask.priority for ask in asks}, reverse=True):
        ranked = sorted((ask for ask in asks if ask.priority == priority), key=Ask.rank)
        admitted = _admit(ranked, free, grace, waiting, ahead)
        currents = _fill(admitted, free)
        _round_down(admitted, currents, free)
        _hand_out(admitted, currents, free)
        limits += [(ask.box, ma) for ask, ma in zip(admitted, currents, strict=True)]
    return Allocation(tuple(limits), tuple(waiting), tuple(ahead))


def _admit(ranked: list[Ask], free: list[int], grace: list[int], waiting: list[int], ahead: list[int]) -> list[Ask]:
    """Take the minimum of all that fit out of ``free``; the others join ``waiting``."""
    whole = list(free)
    passed_over = False
    admitted = []
    for ask in ranked:
        needs = [(node, ask.low_ma - grace[node] if ask.runs else ask.starts_on(grace[node])) for node in ask.nodes]
        if ask.high_ma >= ask.low_ma and all(free[node] >= ma for node, ma in needs):
            admitted.append(ask)
            ahead += [ask.box] if passed_over and not ask.runs else []
            for node in ask.nodes:
                free[node] -= ask.low_ma
        else:
            waiting.append(ask.box)
            could = not ask.runs and not ask.idle and all(whole[node] >= ma for node, ma in needs)
            passed_over = passed_over or could
    return admitted


def _fill(admitted: list[Ask], free: list[int]) -> list[int]:
    """Raise the lowest together, level by level, until every one is at its highest or behind a node that binds."""
    currents = [ask.low_ma for ask in admitted]
    rising = [k for k, ask in enumerate(admitted) if ask.low_ma < ask.high_ma]
    while rising:
        level = min(currents[k] for k in rising)
        lowest = [k for k in rising if currents[k] == level]
        count = [0] * len(free)
        for k in lowest:
            for node in admitted[k].nodes:
                count[node] += 1
        rise = min([admitted[k].high_ma for k in lowest] + [currents[k] for k in rising if currents[k] > level]) - level
        rise = min([rise, *(max(0, free[node]) // many for node, many in enumerate(count) if many)])
        for k in lowest:
            currents[k] += rise
        for node, many in enumerate(count):
            free[node] -= rise * many
        bound = [many > free[node] for node, many in enumerate(count)]
        done = [k for k in lowest if currents[k] == admitted[k].high_ma or any(bound[n] for n in admitted[k].nodes)]
        rising = [k for k in rising if k not in done]
    return currents


def _round_down(admitted: list[Ask], currents: list[int], free: list[int]) -> None:
    for k, ask in enumerate(admitted):
        over = currents[k] % ask.step_ma
        currents[k] -= over
        for node in ask.nodes:
            free[node] += over


def _hand_out(admitted: list[Ask], currents: list[int], free: list[int]) -> None:
    """Give what rounding left, one step at a time, to the lowest that can take one.

    Ties go by the order of the site: by rank the last step would change hands whenever two energies cross.
    """
    open_for_more = [(currents[k], ask.box, k) for k, ask in enumerate(admitted)]
    heapify(open_for_more)
    while open_for_more:
        current, box, k = open_for_more[0]
        ask = admitted[k]
        step = ask.step_ma
        if current + step <= ask.high_ma and min([free[node] for node in ask.nodes], default=step) >= step:
            currents[k] = current + step
            for node in ask.nodes:
                free[node] -= step
            heapreplace(open_for_more, (current + step, box, k))
        else:
            heappop(open_for_more)
