"""The allocator: who may charge, and with how much, given what is free. Pure; integers; mA per phase.

A *node* is a limit that several boxes share: a phase of the house connection, of the boxes' own supply, or of a circuit of a
sub-distribution. A box weighs on every node above it, so the tree of circuits is nothing but lists of nodes; boxes that
weigh on the same ones are a *bunch*, and most work is done once for a bunch.

Admission first: within one priority the boxes whose minimum must be placed are taken in a declared order (a runner that
is still held, then those who want something, then who has missed most turns, then least time to spare before a departure,
then most phases, then least energy since plug-in, then the order of the site), and each is admitted whose minimum still fits on
every node it weighs on. Going on after one that does not fit makes the admitted set maximal; who starts like that is told to be
*ahead* of its turn, so that it need not be given a whole one. Least energy alone would let whoever charged much, or on more
phases, wait for hours.

Turns missed count alike up to the *patience* of those who wait, so that among them a car of three phases goes first: the cars of
one phase that would start in its place fill that phase and leave the two others empty. Patience grows with the number of those who
wait so slowly that nobody waits longer than for a turn of each of them.

Then progressive filling: the lowest rise together, level by level; those behind a node that binds, and those at their
highest, are frozen; the rest rises on. That is the lexicographic max-min optimum of the continuous problem, found without
rounding: a level that is no whole number of mA is a fraction, over a denominator that all amounts share. Each is then rounded
down to its step, and what is left is handed out one step at a time, lowest first. So nobody gets less than its optimum
rounded down, and nobody could take another step. A higher priority takes all it can use before the next is looked at.

Rejected: serving in proportion to demand (a car could ask for more than it needs), and one scalar limit for all boxes
(0.55 of the optimum on three phases).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heapreplace
from math import gcd


@dataclass(slots=True)
class Ask:
    """What one box asks for; nobody changes it, but frozen it would take five times as long to make. ``nodes``: indices of the limits it weighs on with its whole current, in order,
    and as often as it does: a power of all phases together stands there once for each of them.

    ``low_ma`` and ``high_ma`` bound what it may be given beside 0; both are multiples of ``step_ma``. ``runs``: it charges
    already; ``held``: its turn is not over; ``idle``: its car takes nothing; ``missed``: turns that it has waited through,
    the present one included, 0 for who runs. ``spare_ma`` must be free beside the minimum for a start, on nodes with grace:
    by so much its own current may later be taken for somebody else's. ``since_us``: since when its car is plugged in;
    ``waits_us``: when it began to wait for the turn that it has or wants; ``laxity_us``: how long it could still wait and
    leave in time with what it wants. ``wide``: how many phases it uses.
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
    since_us: int = 0
    waits_us: int = 0
    laxity_us: int = 1 << 60
    wide: int = 1

    def rank(self, patience: int = 0) -> tuple[bool, bool, int, int, int, int, int]:
        """The declared order of admission within a priority.

        ``patience``: up to which number turns missed count alike, and most phases first among them; all others go by turns alone.
        """
        alike = 0 < self.missed <= patience
        missed, wide = (1, self.wide) if alike else (self.missed, 0)
        return (not self.held, self.idle, -missed, self.laxity_us, -wide, self.energy_wh, self.box)

    def starts_on(self, grace_ma: int) -> int:
        """What must be free on a node with that grace for it to start."""
        return self.low_ma + (self.spare_ma if grace_ma else 0)


@dataclass(frozen=True, slots=True)
class Allocation:
    """``limits``: (box, mA) of the admitted, in rank order; ``waiting``: boxes whose minimum did not fit.

    ``ahead``: boxes that may start because one that comes before them needs more than there is, and waits. ``bound_by``: the
    node (box, node) that keeps a box from more, or from its minimum if it waits; boxes at their highest are not in it.
    """

    limits: tuple[tuple[int, int], ...]
    waiting: tuple[int, ...]
    ahead: tuple[int, ...] = ()
    bound_by: tuple[tuple[int, int], ...] = ()


class _Bunch:
    """The admitted that weigh on the same nodes, ``every`` one of them; ``nodes``: those that could bind at all.

    ``rising`` of them are at the level that rises; ``level``: what those behind a node that binds were left at, rounded down,
    and ``node`` that node; -1 as long as none does. ``bars``: from which step on nothing more can be handed out to it.
    """

    __slots__ = ("bars", "every", "level", "members", "node", "nodes", "rising")

    def __init__(self, nodes: tuple[int, ...]) -> None:
        self.every = self.nodes = nodes
        self.members: list[int] = []
        self.rising = 0
        self.level = -1
        self.node = -1
        self.bars = 1 << 60


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
    bound_by: list[tuple[int, int]] = []
    for priority in sorted({ask.priority for ask in asks}, reverse=True):
        ranked = in_order([ask for ask in asks if ask.priority == priority])
        admitted = _admit(ranked, free, grace, waiting, ahead, bound_by)
        bunches = _bunches(admitted, free)
        _fill(admitted, bunches, free)
        currents = _round_down(admitted, bunches)
        _take(admitted, bunches, currents, free)
        _hand_out(admitted, bunches, currents, free)
        limits += [(ask.box, ma) for ask, ma in zip(admitted, currents, strict=True)]
        _explain(admitted, bunches, currents, free, bound_by)
    return Allocation(tuple(limits), tuple(waiting), tuple(ahead), tuple(bound_by))


def in_order(asks: Sequence[Ask]) -> list[Ask]:
    """Those of one priority in the order of their admission.

    The turns that patience lets pass add to those of all who wait, so one turn more needs three more who wait: with one
    more for less, a car of one phase was seen to wait longer than for a turn and a pause of each of them.
    """
    waiting = sum([ask.missed > 0 for ask in asks])
    patience = waiting // 3
    return sorted(asks, key=lambda ask: ask.rank(patience))


def _admit(
    ranked: list[Ask],
    free: list[int],
    grace: list[int],
    waiting: list[int],
    ahead: list[int],
    bound_by: list[tuple[int, int]],
) -> list[Ask]:
    """Take the minimum of all that fit out of ``free``; the others join ``waiting``."""
    if _all_fit(ranked, free):
        return ranked
    whole = list(free)
    passed_over = False
    admitted = []
    for ask in ranked:
        node = _lacks(ask, free, grace)
        if node is None and ask.high_ma >= ask.low_ma:
            admitted.append(ask)
            ahead += [ask.box] if passed_over and not ask.runs else []
            for node in ask.nodes:
                free[node] -= ask.low_ma
        else:
            waiting.append(ask.box)
            bound_by += [] if node is None else [(ask.box, node)]
            could = not ask.runs and not ask.idle and _lacks(ask, whole, grace) is None
            passed_over = passed_over or could
    return admitted


def _all_fit(ranked: list[Ask], free: list[int]) -> bool:
    """Whether the minimums of all fit, with what each must find free to start; then they are taken out of ``free``."""
    lows: dict[tuple[int, ...], int] = {}
    spare = 0
    for ask in ranked:
        lows[ask.nodes] = lows.get(ask.nodes, 0) + ask.low_ma
        spare = max(spare, ask.spare_ma)
        if ask.high_ma < ask.low_ma:
            return False
    left = list(free)
    for nodes, ma in lows.items():
        for node in nodes:
            left[node] -= ma
    for nodes in lows:
        for node in nodes:
            if left[node] < spare:
                return False
    free[:] = left
    return True


def _lacks(ask: Ask, free: list[int], grace: list[int]) -> int | None:
    """The first node on which too little is free for the minimum of this box; None where it fits."""
    low, runs = ask.low_ma, ask.runs
    last, taken = -1, 0
    for node in ask.nodes:
        taken = taken + low if node == last else 0
        if free[node] - taken < (low - grace[node] if runs else ask.starts_on(grace[node])):
            return node
        last = node
    return None


def _bunches(admitted: list[Ask], free: list[int]) -> list[_Bunch]:
    """Who weighs on the same nodes, in the order of the first of each. ``free`` is what the minimums have left."""
    found: dict[tuple[int, ...], _Bunch] = {}
    for k, ask in enumerate(admitted):
        bunch = found.get(ask.nodes)
        if bunch is None:
            bunch = found[ask.nodes] = _Bunch(ask.nodes)
        bunch.members.append(k)
        bunch.rising += ask.high_ma - ask.low_ma
    room = list(free)
    for bunch in found.values():
        for node in bunch.nodes:
            room[node] -= bunch.rising
    for bunch in found.values():
        bunch.nodes = tuple([node for node in bunch.nodes if room[node] < 0])
        bunch.rising = 0
    return list(found.values())


def _fill(admitted: list[Ask], bunches: list[_Bunch], free_ma: list[int]) -> None:
    """Raise the lowest together, level by level, until every one is at its highest or behind a node that binds.

    All amounts are in parts of a mA, ``parts`` to each. ``counts``: how many rise on each node.
    """
    steps = _steps(admitted, bunches)
    behind = _behind(bunches, len(free_ma))
    live = [node for node, there in enumerate(behind) if there]
    free, counts, parts, level, at = list(free_ma), [0] * len(free_ma), 1, 0, 0
    while at < len(steps):
        ma, place, more = steps[at]
        if level == ma * parts or bunches[place].node >= 0:
            _pass(bunches[place], more, counts)
            at += 1
            continue
        room, many = _tightest(live, free, counts, ma * parts - level)
        if room % many:
            finer = many // gcd(room, many)
            parts, level, room = parts * finer, level * finer, room * finer
            free = [amount * finer for amount in free]
        rise = room // many
        level += rise
        full = []
        for node in live:
            if counts[node]:
                free[node] -= rise * counts[node]
                if free[node] <= 0:
                    full.append(node)
        for node in full:
            _freeze(behind[node], node, level // parts, counts)


def _pass(bunch: _Bunch, more: int, counts: list[int]) -> None:
    """One of a bunch begins to rise with the level, or ends."""
    if bunch.node < 0:
        bunch.rising += more
        for node in bunch.nodes:
            counts[node] += more


def _tightest(live: list[int], free: list[int], counts: list[int], room: int) -> tuple[int, int]:
    """How far the level may rise before a node binds, ``room`` where none does before that: a fraction, unreduced."""
    many = 1
    for node in live:
        count = counts[node]
        if count and free[node] * many < room * count:
            room, many = max(0, free[node]), count
    return room, many


def _behind(bunches: list[_Bunch], nodes: int) -> list[list[_Bunch]]:
    """The bunches that weigh on each node."""
    behind: list[list[_Bunch]] = [[] for _ in range(nodes)]
    for bunch in bunches:
        for node in bunch.nodes:
            behind[node].append(bunch)
    return behind


def _steps(admitted: list[Ask], bunches: list[_Bunch]) -> list[tuple[int, int, int]]:
    """Where members begin to rise with the level and where they end, in order: (mA, bunch, one more or one less)."""
    steps: list[tuple[int, int, int]] = []
    for place, bunch in enumerate(bunches):
        for k in bunch.members if bunch.nodes else ():
            ask = admitted[k]
            if ask.low_ma < ask.high_ma:
                steps += (ask.low_ma, place, 1), (ask.high_ma, place, -1)
    steps.sort()
    return steps


def _freeze(behind: list[_Bunch], node: int, level_ma: int, counts: list[int]) -> None:
    """Nobody on this node rises any more."""
    for bunch in behind:
        if bunch.rising:
            for other in bunch.nodes:
                counts[other] -= bunch.rising
            bunch.rising, bunch.level, bunch.node = 0, level_ma, node


def _round_down(admitted: list[Ask], bunches: list[_Bunch]) -> list[int]:
    """What each has been raised to, down to its step."""
    currents = [ask.high_ma for ask in admitted]
    for bunch in bunches:
        if bunch.node >= 0:
            for k in bunch.members:
                ask = admitted[k]
                if bunch.level < ask.high_ma:
                    currents[k] = max(ask.low_ma, bunch.level - bunch.level % ask.step_ma)
    return currents


def _take(admitted: list[Ask], bunches: list[_Bunch], currents: list[int], free: list[int]) -> None:
    """Take out of ``free`` what the currents are above the minimums."""
    for bunch in bunches:
        more = sum([currents[k] - admitted[k].low_ma for k in bunch.members])
        if more:
            for node in bunch.every:
                free[node] -= more


def _hand_out(admitted: list[Ask], bunches: list[_Bunch], currents: list[int], free: list[int]) -> None:
    """Give what rounding left, one step at a time, to the lowest that can take one.

    Ties go by the order of the site: by rank the last step would change hands whenever two energies cross.
    """
    open_for_more = []
    for place, bunch in enumerate(bunches):
        if bunch.node >= 0:
            room = min([free[node] for node in bunch.nodes])
            for k in bunch.members if room > 0 else ():
                ask = admitted[k]
                if ask.step_ma <= room and currents[k] < ask.high_ma:
                    open_for_more.append((currents[k], ask.box, k, place))
    heapify(open_for_more)
    while open_for_more:
        current, box, k, place = open_for_more[0]
        ask, bunch = admitted[k], bunches[place]
        step = ask.step_ma
        if current + step <= ask.high_ma and step < bunch.bars and _bears(bunch, free, step):
            currents[k] = current + step
            for node in bunch.every:
                free[node] -= step
            heapreplace(open_for_more, (current + step, box, k, place))
        else:
            heappop(open_for_more)


def _bears(bunch: _Bunch, free: list[int], step: int) -> bool:
    """Whether another step fits on all nodes of a bunch, as often as each of them stands there."""
    last, taken = -1, 0
    for node in bunch.nodes:
        taken = taken + step if node == last else 0
        if free[node] - taken < step:
            bunch.bars = step
            return False
        last = node
    return True


def _explain(
    admitted: list[Ask], bunches: list[_Bunch], currents: list[int], free: list[int], bound_by: list[tuple[int, int]]
) -> None:
    """Note which node keeps each from another step: the one that bound it first, if it still does."""
    for bunch in bunches:
        if bunch.node < 0:
            continue
        room = free[bunch.node] // bunch.nodes.count(bunch.node)
        for k in bunch.members:
            ask = admitted[k]
            if currents[k] < ask.high_ma:
                node = bunch.node
                if room >= ask.step_ma:
                    node = next(one for one in bunch.nodes if free[one] < ask.step_ma * bunch.nodes.count(one))
                bound_by.append((ask.box, node))
