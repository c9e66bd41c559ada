"""What current does to a fuse or breaker: damage along both of its curves, on one phase, in integers.

A curve says that a constant current I trips after t(I). For a current that varies, each microsecond adds dt / t(I); at 1
the curve is reached: of the lower curve, the device may trip; of the upper one, it must. Two rules beyond that stand on
general knowledge, not on a standard, and every report should say so (``UNVERIFIED``):

- a damage heals by one part in 1,200 at each full second (a time constant of 20 min) while the current is below
  1.25 In and below what the curve counts; without it a year of small overloads would always trip;
- the lower curve's times are halved once at least 0.7 In have flowed for 30 min: the device is warm.

A ramp is cut where the current passes multiples of In / 200; within such a cell the lower curve counts its greater end and
the upper curve its smaller one, so that "cannot" and "must" are both proofs. All cuts are solved as whole microseconds
from the linear pieces, so the sum does not depend on when somebody looks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from chargebench.emulator.curves import Curve
from chargebench.emulator.flow import FAR, NA_PER_MA, SECOND_US, first_below, first_reaching

UNVERIFIED = "healing of damage (time constant 20 min below 1.25 In) and halved times of a warm device are unverified"
ONE = 10**30  # damage at which a curve is reached; so large that rounding per us stays below 1 us in a century
HEALING_S = 1_200
WARM_US = 30 * 60 * SECOND_US
_CELLS_IN_RATING = 200
_CELLS_AHEAD = 8  # a forecast looks over so many cells of a ramp, then asks to be called again


class Piece(NamedTuple):
    """A linear current of one phase from ``from_us`` on, nA and nA/us; none of it is negative while it lasts."""

    from_us: int
    na: int
    rate: int

    def level(self, at_us: int) -> int:
        return self.na + self.rate * (at_us - self.from_us)


class Damage:
    """Damage along one curve of one phase. ``lower`` says which curve."""

    __slots__ = ("_cell_na", "_counts_na", "_curve", "_healed_below_na", "_lower", "done", "least_left_us")

    def __init__(self, curve: Curve, *, lower: bool) -> None:
        self._curve, self._lower = curve, lower
        # the smallest current that counts
        self._counts_na = curve.never_ma * NA_PER_MA + 1 if lower else curve.surely_ma * NA_PER_MA
        self._healed_below_na = min(self._counts_na, curve.rating_ma * NA_PER_MA * 5 // 4)
        self._cell_na = max(1, curve.rating_ma * NA_PER_MA // _CELLS_IN_RATING)
        self.done = 0
        self.least_left_us: int | None = None

    def run(self, piece: Piece, to_us: int, warm_us: int) -> None:
        """Count a piece until ``to_us``; from ``warm_us`` on the device is warm."""
        if not self.done and piece.na < self._counts_na > piece.level(to_us):
            return
        at = piece.from_us
        for start, end, growth in self._cells(piece, to_us, warm_us):
            self._heal(piece, at, start)
            self.done += growth * (end - start)
            left = max(0, -(-(ONE - self.done) // growth))
            self.least_left_us = left if self.least_left_us is None else min(left, self.least_left_us)
            at = end
        self._heal(piece, at, to_us)

    def next_us(self, piece: Piece, warm_us: int) -> int:
        """When this piece, if it lasts, brings the damage to 1, or until when that has been ruled out."""
        if self.done >= ONE:
            return FAR
        begins = first_reaching(piece.from_us, piece.na, piece.rate, self._counts_na)
        if begins > piece.from_us:
            return begins
        done, at = self.done, piece.from_us
        for count, (start, end, growth) in enumerate(self._cells(piece, FAR, warm_us)):
            if count == _CELLS_AHEAD:
                return start
            done = self._healed(done, piece, at, start)
            hit = start - (done - ONE) // growth
            if hit <= end:
                return hit
            done += growth * (end - start)
            at = end
        return FAR

    def _heal(self, piece: Piece, from_us: int, to_us: int) -> None:
        self.done = self._healed(self.done, piece, from_us, to_us)

    def _healed(self, done: int, piece: Piece, from_us: int, to_us: int) -> int:
        """What is left of a damage after the healing seconds in [from, to)."""
        if not done or from_us >= to_us:
            return done
        level = piece.level(from_us)
        if level >= self._healed_below_na:
            from_us = first_below(from_us, level, piece.rate, self._healed_below_na)
        else:
            to_us = min(to_us, first_reaching(from_us, level, piece.rate, self._healed_below_na))
        seconds = (to_us - 1) // SECOND_US - (from_us - 1) // SECOND_US
        return _heal(done, seconds) if seconds > 0 else done

    def _cells(self, piece: Piece, to_us: int, warm_us: int) -> Iterator[tuple[int, int, int]]:
        """The stretches (from, to, growth per us) of a piece that count, cut where the device becomes warm."""
        stretches = self._ramp(piece, to_us) if piece.rate else self._flat(piece, to_us)
        for start, end, growth in stretches:
            if self._lower and start < warm_us < end:
                yield start, warm_us, growth
                yield warm_us, end, 2 * growth
            else:
                yield start, end, 2 * growth if self._lower and start >= warm_us else growth

    def _flat(self, piece: Piece, to_us: int) -> Iterator[tuple[int, int, int]]:
        growth = self._growth(piece.na)
        if growth and piece.from_us < to_us:
            yield piece.from_us, to_us, growth

    def _ramp(self, piece: Piece, to_us: int) -> Iterator[tuple[int, int, int]]:
        at = first_reaching(piece.from_us, piece.na, piece.rate, self._counts_na)
        while at < to_us:
            level = piece.level(at)
            cell = level // self._cell_na * self._cell_na
            if piece.rate > 0:
                end = first_reaching(at, level, piece.rate, cell + self._cell_na)
            else:
                end = first_below(at, level, piece.rate, cell)
            growth = self._growth(cell + self._cell_na if self._lower else cell)
            if growth:
                yield at, min(end, to_us), growth
            elif piece.rate < 0:
                return
            at = end

    def _growth(self, na: int) -> int:
        """Damage per us at a current: rounded up, so that a constant current trips at its time to the microsecond."""
        time = self._curve.lower_us(-(-na // NA_PER_MA)) if self._lower else self._curve.upper_us(na // NA_PER_MA)
        return 0 if time is None else -(-ONE // time)


class PhaseWear:
    """One phase of a fuse: both damages, warmth, and when each curve was reached."""

    __slots__ = ("_warm_na", "_warm_since_us", "lower", "may_us", "must_us", "upper")

    def __init__(self, curve: Curve) -> None:
        self.lower, self.upper = Damage(curve, lower=True), Damage(curve, lower=False)
        self._warm_na = curve.rating_ma * NA_PER_MA * 7 // 10
        self._warm_since_us: int | None = None
        self.may_us: int | None = None
        self.must_us: int | None = None

    def run(self, piece: Piece, to_us: int) -> None:
        """Count a piece until ``to_us``."""
        if to_us <= piece.from_us:
            return
        since = self._warm_since(piece)
        warm_us = FAR if since == FAR else since + WARM_US
        self.lower.run(piece, to_us, warm_us)
        self.upper.run(piece, to_us, warm_us)
        self._warm_since_us = since if piece.level(to_us - 1) >= self._warm_na and since < to_us else None
        if self.may_us is None and self.lower.done >= ONE:
            self.may_us = to_us
        if self.must_us is None and self.upper.done >= ONE:
            self.must_us = to_us

    def next_us(self, piece: Piece) -> int:
        """When to be called again, should this piece last: a curve is reached, or the forecast ends."""
        since = self._warm_since(piece)
        warm_us = FAR if since == FAR else since + WARM_US
        return min(self.lower.next_us(piece, warm_us), self.upper.next_us(piece, warm_us))

    def _warm_since(self, piece: Piece) -> int:
        """Since when at least 0.7 In flow, seen from a piece's beginning on."""
        if self._warm_since_us is not None and piece.na >= self._warm_na:
            return self._warm_since_us
        return first_reaching(piece.from_us, piece.na, piece.rate, self._warm_na)


def _heal(done: int, seconds: int) -> int:
    """``done * (1199 / 1200) ** seconds``, by squaring, rounded down at each step."""
    factor, unit = ONE * (HEALING_S - 1) // HEALING_S, ONE
    while seconds:
        if seconds & 1:
            unit = unit * factor // ONE
        factor = factor * factor // ONE
        seconds >>= 1
    return done * unit // ONE
