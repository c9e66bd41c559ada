"""Currents on three conductors as one linear piece in time, with the charge that has passed: exact, in integers.

Units: current nA, rate nA/us (= mA/s), charge twice in nA*us (twice, so that a ramp's half needs no fraction). A value is
a function of the piece it lies in, so it does not matter who looked before, or how often.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

Triple = tuple[int, int, int]

ZERO: Triple = (0, 0, 0)
FAR = 1 << 62  # a time that never comes
SECOND_US = 1_000_000
NA_PER_MA = 1_000_000
# Twice the charge (nA*us) that carries one watt-hour at one millivolt: charge2 * voltage_mv / CHARGE2_MV_PER_WH = Wh.
CHARGE2_MV_PER_WH = 7_200 * 10**18


def plus(one: Triple, two: Triple) -> Triple:
    """The sum, conductor by conductor."""
    return (one[0] + two[0], one[1] + two[1], one[2] + two[2])


def minus(one: Triple, two: Triple) -> Triple:
    """The difference, conductor by conductor."""
    return (one[0] - two[0], one[1] - two[1], one[2] - two[2])


def first_reaching(at_us: int, na: int, rate: int, goal_na: int) -> int:
    """The first us from ``at_us`` on at which ``na + rate * t`` is at least ``goal_na``; ``FAR`` if it never is."""
    if na >= goal_na:
        return at_us
    return at_us + -((na - goal_na) // rate) if rate > 0 else FAR


def first_below(at_us: int, na: int, rate: int, goal_na: int) -> int:
    """The first us from ``at_us`` on at which ``na + rate * t`` is less than ``goal_na``; ``FAR`` if it never is."""
    if na < goal_na:
        return at_us
    return at_us + (na - goal_na) // -rate + 1 if rate < 0 else FAR


def energy_wh(charge2: int, voltage_mv: int) -> int:
    """Whole watt-hours that a charge (twice, nA*us) has carried at this voltage, rounded down."""
    return charge2 * voltage_mv // CHARGE2_MV_PER_WH


class Flowing(Protocol):
    """What a meter sees of a flow: the flow itself, or it with the meter's errors."""

    @property
    def at_us(self) -> int:
        """When the running piece began."""

    @property
    def leaving(self) -> list[Callable[[int], None]]: ...

    @property
    def backward(self) -> bool:
        """Whether any piece has begun with a current that flows back, or ended with one."""

    def level(self, at_us: int) -> Triple: ...

    def active(self, at_us: int) -> Triple: ...

    def charge2(self, at_us: int) -> Triple: ...

    def active_charge2(self, at_us: int) -> Triple: ...

    def turns_us(self, k: int) -> int:
        """When the active current of conductor ``k`` changes its direction in the running piece; ``FAR`` if it does not."""


class Flow:
    """What flows now, and what has flowed. ``active`` is the part that does work (current * power factor).

    ``leaving`` are told (when) before a piece ends, so that they can take from it what they need.
    """

    __slots__ = (
        "_active",
        "_active_charge2",
        "_active_rate",
        "_charge2",
        "_na",
        "at_us",
        "backward",
        "leaving",
        "rate",
    )

    def __init__(self) -> None:
        self.at_us = 0
        self.backward = False
        self.rate: Triple = ZERO
        self._na: Triple = ZERO
        self._charge2: Triple = ZERO
        self._active: Triple = ZERO
        self._active_rate: Triple = ZERO
        self._active_charge2: Triple = ZERO
        self.leaving: list[Callable[[int], None]] = []

    def level(self, at_us: int) -> Triple:
        """Current at ``at_us``, nA, which lies in the piece that runs."""
        return _level(self._na, self.rate, at_us - self.at_us)

    def charge2(self, at_us: int) -> Triple:
        """Twice the charge that has flowed until ``at_us``, nA*us."""
        return _charge2(self._charge2, self._na, self.rate, at_us - self.at_us)

    def active(self, at_us: int) -> Triple:
        """Active current at ``at_us``, nA."""
        return _level(self._active, self._active_rate, at_us - self.at_us)

    def active_rate(self) -> Triple:
        return self._active_rate

    def active_charge2(self, at_us: int) -> Triple:
        """Twice the charge of the active current until ``at_us``, nA*us."""
        return _charge2(self._active_charge2, self._active, self._active_rate, at_us - self.at_us)

    def turns_us(self, k: int) -> int:
        """When the active current of conductor ``k`` changes its direction in the running piece; ``FAR`` if it does not."""
        na, rate = self._active[k], self._active_rate[k]
        return first_reaching(self.at_us, na, rate, 0) if na < 0 else first_below(self.at_us, na, rate, 1)

    def set(self, at_us: int, na: Triple, rate: Triple, active: tuple[Triple, Triple] | None = None) -> bool:
        """From ``at_us`` on flow ``na`` with ``rate`` (``active``: the working part, else all of it); False: as before."""
        assert at_us >= self.at_us, "a flow does not run backwards"
        work, work_rate = active if active is not None else (na, rate)
        as_before = rate == self.rate and work_rate == self._active_rate
        if as_before and na == self.level(at_us) and work == self.active(at_us):
            return False
        self.cut(at_us)
        self._na, self.rate = na, rate
        self._active, self._active_rate = work, work_rate
        self.backward = self.backward or work[0] < 0 or work[1] < 0 or work[2] < 0
        return True

    def cut(self, at_us: int) -> None:
        """Begin a new piece at ``at_us`` that goes on as the old one."""
        for tell in self.leaving:
            tell(at_us)
        self._charge2, self._active_charge2 = self.charge2(at_us), self.active_charge2(at_us)
        self._na, self._active = self.level(at_us), self.active(at_us)
        self.backward = self.backward or min(self._active) < 0
        self.at_us = at_us


def _level(na: Triple, rate: Triple, span: int) -> Triple:
    if rate == ZERO:
        return na
    return (na[0] + rate[0] * span, na[1] + rate[1] * span, na[2] + rate[2] * span)


def _charge2(charge2: Triple, na: Triple, rate: Triple, span: int) -> Triple:
    if not span:
        return charge2
    return (
        charge2[0] + (2 * na[0] + rate[0] * span) * span,
        charge2[1] + (2 * na[1] + rate[1] * span) * span,
        charge2[2] + (2 * na[2] + rate[2] * span) * span,
    )
