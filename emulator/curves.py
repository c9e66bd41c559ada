"""Time-current curves of fuses and breakers: when they may trip (lower curve) and by when they must (upper curve).

Between its points a curve is straight on log-log paper. Beyond its last point the lower curve goes on at its last slope
(it may always be earlier) and the upper one stays at its last time (more is not promised), so "cannot" and "must" both
hold. Times are rounded to whole milliseconds before anybody gets them. Currents are mA, times us, None = never.

gG: points at 1.25 In (not within 1 h) and 1.6 In (melts within 1, 2 or 3 h, by rating), and the gates of IEC 60269; ratings
between those of the table are interpolated log-log. SLS: selective main breaker, characteristics E and Cs. B, C: line breaker; its
upper curve promises nothing between the last thermal point and the instantaneous release but the time of that point.
The figures are collected from installers' tables; no standard was read for them.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import lru_cache
from math import exp, log
from typing import NamedTuple

CURVES = ("gG", "SLS-E", "SLS-Cs", "B", "C")

Points = tuple[tuple[int, int], ...]  # (mA, ms), currents rising

# In A: (not before 10 s, melted by 5 s, not before 0.1 s, melted by 0.1 s), each in A.
_GATES: dict[int, tuple[int, int, int, int]] = {
    16: (33, 65, 85, 150),
    20: (42, 85, 110, 200),
    25: (52, 110, 150, 260),
    32: (75, 150, 200, 350),
    40: (95, 190, 260, 450),
    50: (125, 250, 350, 610),
    63: (160, 320, 450, 820),
    80: (215, 425, 610, 1100),
    100: (290, 580, 820, 1450),
    125: (355, 715, 1100, 1910),
    160: (460, 950, 1450, 2590),
    200: (610, 1250, 1910, 3420),
    250: (750, 1650, 2590, 4500),
    315: (1050, 2200, 3420, 6000),
    400: (1420, 2840, 4500, 8060),
}
# Kind: permille of In at which the lower curve begins and ends, then the upper one; from 2 h to 0.1 s.
_MAIN_BREAKERS = {"SLS-E": (1050, 5000, 1200, 6250), "SLS-Cs": (1130, 6500, 1450, 10_000)}
# Kind: permille of In at which the instantaneous release may and must work.
_LINE_BREAKERS = {"B": (3000, 5000), "C": (5000, 10_000)}
_TWO_HOURS_MS = 7_200_000


class Curve(NamedTuple):
    """Both curves of one fuse or breaker."""

    kind: str
    rating_ma: int
    lower: Points
    upper: Points

    @property
    def never_ma(self) -> int:
        """The greatest current at which it cannot trip, however long it flows."""
        return self.lower[0][0]

    @property
    def surely_ma(self) -> int:
        """The least current at which it must trip some time."""
        return self.upper[0][0]

    def lower_us(self, current_ma: int) -> int | None:
        """It cannot trip before this time at a constant current; None = never."""
        return _earliest_us(self.lower, current_ma) if current_ma > self.never_ma else None

    def upper_us(self, current_ma: int) -> int | None:
        """It has tripped by this time at a constant current; None = that is not promised."""
        return _latest_us(self.upper, current_ma) if current_ma >= self.surely_ma else None


@lru_cache(maxsize=64)
def curve(kind: str, rating_ma: int) -> Curve:
    """The curve of a fuse or breaker; ``LookupError`` with the known kinds or ratings."""
    if kind == "gG":
        return _fuse(rating_ma)
    if kind in _MAIN_BREAKERS:
        lower, lower_end, upper, upper_end = (rating_ma * one // 1000 for one in _MAIN_BREAKERS[kind])
        return Curve(
            kind, rating_ma, ((lower, _TWO_HOURS_MS), (lower_end, 100)), ((upper, _TWO_HOURS_MS), (upper_end, 100))
        )
    if kind in _LINE_BREAKERS:
        return _line_breaker(kind, rating_ma)
    raise LookupError(f"there is no curve {kind}; known are {', '.join(CURVES)}")


def _fuse(rating_ma: int) -> Curve:
    may_10s, must_5s, may_100ms, must_100ms = _gates(rating_ma)
    hours = 1 if rating_ma <= 63_000 else 2 if rating_ma <= 160_000 else 3
    lower = ((rating_ma * 5 // 4, 3_600_000), (may_10s, 10_000), (may_100ms, 100))
    upper = ((rating_ma * 8 // 5, hours * 3_600_000), (must_5s, 5_000), (must_100ms, 100))
    return Curve("gG", rating_ma, lower, upper)


def _gates(rating_ma: int) -> tuple[int, int, int, int]:
    ratings = [one * 1000 for one in _GATES]
    if not ratings[0] <= rating_ma <= ratings[-1]:
        raise LookupError(f"a gG fuse is known from 16 A to 400 A, not {rating_ma} mA")
    right = bisect_left(ratings, rating_ma)
    high = _GATES[ratings[right] // 1000]
    if ratings[right] == rating_ma:
        low, share = high, 0.0
    else:
        low = _GATES[ratings[right - 1] // 1000]
        share = log(rating_ma / ratings[right - 1]) / log(ratings[right] / ratings[right - 1])
    first, second, third, fourth = (round(1000 * a * exp(share * log(b / a))) for a, b in zip(low, high, strict=True))
    return first, second, third, fourth


def _line_breaker(kind: str, rating_ma: int) -> Curve:
    may, must = (rating_ma * one // 1000 for one in _LINE_BREAKERS[kind])
    conventional_ms = 3_600_000 if rating_ma <= 63_000 else _TWO_HOURS_MS
    thermal_ma = rating_ma * 255 // 100
    thermal_ms = 60_000 if rating_ma <= 32_000 else 120_000
    cold = ((rating_ma * 113 // 100, conventional_ms), (thermal_ma, 1_000))
    at_may_ms = max(1, _log_log(cold[0], cold[1], may))
    lower = (*cold, (may - 1, at_may_ms), (may, 1))
    upper = ((rating_ma * 145 // 100, conventional_ms), (thermal_ma, thermal_ms), (must - 1, thermal_ms), (must, 100))
    return Curve(kind, rating_ma, lower, upper)


def _log_log(one: tuple[int, int], two: tuple[int, int], current_ma: int) -> int:
    """Time in whole ms at ``current_ma`` on the straight line through two points, also beyond them."""
    share = log(current_ma / one[0]) / log(two[0] / one[0])
    return round(one[1] * exp(share * log(two[1] / one[1])))


@lru_cache(maxsize=1 << 16)
def _earliest_us(points: Points, current_ma: int) -> int:
    right = min(bisect_left(points, (current_ma, 0)), len(points) - 1)
    return 1000 * max(1, _log_log(points[right - 1], points[right], current_ma))


@lru_cache(maxsize=1 << 16)
def _latest_us(points: Points, current_ma: int) -> int:
    right = bisect_right(points, (current_ma, _TWO_HOURS_MS * 10))
    if right == len(points):
        return 1000 * points[-1][1]
    return 1000 * _log_log(points[right - 1], points[right], current_ma)
