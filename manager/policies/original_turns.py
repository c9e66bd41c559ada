"""Who is served and with how much, by the rules of the original: round robin with pauses, equal shares. Pure; integers.

A higher priority takes all it can use, and lower ones may be paused for it. Within one priority the minimum of each is
placed first, in this order: those whose turn has only begun, those who wait (the longest first), those who have had their
turn (the longest served last). So where not all fit, whoever was served longest is paused for whoever waits, and a pause
lasts at least ``PAUSE_US``. How long a turn lasts is not documented; here it is as long as a pause, since a car that was
let in and put out again within a few seconds would charge nothing. Then all rise together to equal currents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

PAUSE_US = 300_000_000


State = Literal["away", "served", "paused"]


@dataclass(frozen=True, slots=True)
class Turn:
    """What a box is doing in the round, and since when. "away": it has no car, or was never reached."""

    state: State = "away"
    since_us: int = 0


AWAY = Turn()


@dataclass(frozen=True, slots=True)
class Wish:
    """What one box may be given: between ``low_ma`` and ``high_ma`` on each of ``nodes``, or nothing.

    ``keeps_ma``: the limit that stays where it is as long as ``high_ma``, which is all that the box uses, is given.
    """

    box: int
    nodes: tuple[int, ...]
    low_ma: int
    high_ma: int
    priority: int = 1
    keeps_ma: int | None = None


@dataclass(frozen=True, slots=True)
class Shares:
    """``given``: (box, mA) of those who are served; ``turns``: of all boxes, as they are from now on."""

    given: tuple[tuple[int, int], ...]
    turns: tuple[Turn, ...]


def share(wishes: Sequence[Wish], turns: Sequence[Turn], free_ma: Sequence[int], now_us: int) -> Shares:
    """Share ``free_ma`` (mA free on each node, below 0 where there is less than nothing) among the wishes.

    ``turns`` has one entry for each box of the site. Boxes without a wish keep theirs.
    """
    free = list(free_ma)
    given: list[tuple[int, int]] = []
    for priority in sorted({wish.priority for wish in wishes}, reverse=True):
        able = [one for one in wishes if one.priority == priority and not _resting(turns[one.box], now_us)]
        able.sort(key=lambda wish: _rank(wish.box, turns[wish.box], now_us))
        admitted = _admit(able, free)
        given += _fill(admitted, free)
    served = [box for box, _ in given]
    after = list(turns)
    for wish in wishes:
        state: State = "served" if wish.box in served else "paused"
        if after[wish.box].state != state:
            after[wish.box] = Turn(state, now_us)
    return Shares(tuple(given), tuple(after))


def _resting(turn: Turn, now_us: int) -> bool:
    return turn.state == "paused" and now_us < turn.since_us + PAUSE_US


def _rank(box: int, turn: Turn, now_us: int) -> tuple[int, int, int]:
    """Turns that have only begun, then those who wait, then the others; a box that comes new waits from now on."""
    if turn.state == "away":
        return 1, now_us, box
    if turn.state == "paused":
        return 1, turn.since_us, box
    return (0 if now_us < turn.since_us + PAUSE_US else 2), -turn.since_us, box


def _admit(able: Sequence[Wish], free_ma: Sequence[int]) -> list[Wish]:
    """All whose minimum still fits after those before them."""
    left = list(free_ma)
    admitted = []
    for wish in able:
        if wish.low_ma <= wish.high_ma and all(left[node] >= wish.low_ma for node in wish.nodes):
            admitted.append(wish)
            for node in wish.nodes:
                left[node] -= wish.low_ma
    return admitted


def _fill(admitted: Sequence[Wish], free: list[int]) -> list[tuple[int, int]]:
    """Equal currents, as high as the tightest node lets them be; those behind it are settled, then the next. Uses up ``free``."""
    given = []
    rest = list(admitted)
    while rest:
        nodes = sorted({node for wish in rest for node in wish.nodes})
        levels = [(_level([wish for wish in rest if node in wish.nodes], free[node]), node) for node in nodes]
        level, tightest = min(levels)
        for wish in [one for one in rest if tightest in one.nodes]:
            ma = _clamp(level, wish)
            given.append((wish.box, ma))
            rest.remove(wish)
            for node in wish.nodes:
                free[node] -= ma
    return given


def _level(wishes: Sequence[Wish], free_ma: int) -> int:
    """The highest current that all of them can have, each within its own bounds."""
    low, high = 0, max(wish.high_ma for wish in wishes)
    while low < high:
        middle = (low + high + 1) // 2
        if sum(_clamp(middle, wish) for wish in wishes) <= free_ma:
            low = middle
        else:
            high = middle - 1
    return low


def _clamp(ma: int, wish: Wish) -> int:
    return min(max(ma, wish.low_ma), wish.high_ma)
