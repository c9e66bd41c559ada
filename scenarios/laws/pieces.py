"""Exact crossings of linear pieces: from which microsecond on a current that changes linearly is above a threshold."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from chargebench.emulator.events import Segment


class Piece(NamedTuple):
    """From ``from_us`` until before ``to_us`` the current of some phase is above the threshold, or of none."""

    from_us: int
    to_us: int
    above: bool


def above_from(na: int, rate: int, threshold_na: int, length_us: int) -> tuple[int, int]:
    """The offsets ``[a, b)`` within ``length_us`` at which ``na + rate * t > threshold_na``; ``a == b`` where never."""
    if rate == 0:
        return (0, length_us) if na > threshold_na else (0, 0)
    if rate > 0:
        first = 0 if na > threshold_na else (threshold_na - na) // rate + 1
        return min(first, length_us), length_us
    until = 0 if na <= threshold_na else -((threshold_na - na) // -rate)
    return 0, min(until, length_us)


def pieces(segment: Segment, threshold_na: int, phases: tuple[int, ...] = (0, 1, 2)) -> Iterator[Piece]:
    """``segment`` cut where one of ``phases`` crosses ``threshold_na``, in the order of time."""
    length = segment.to_us - segment.from_us
    spans = [above_from(segment.na[p], segment.rate[p], threshold_na, length) for p in phases]
    cuts = sorted({0, length, *(edge for span in spans for edge in span)})
    for a, b in pairwise(cuts):
        above = any(low <= a < high for low, high in spans)
        yield Piece(segment.from_us + a, segment.from_us + b, above)


def at(segment: Segment, at_us: int) -> tuple[int, int, int]:
    """The currents of the three phases at an instant of the segment, in nA."""
    passed = at_us - segment.from_us
    l1, l2, l3 = (na + rate * passed for na, rate in zip(segment.na, segment.rate, strict=True))
    return l1, l2, l3
