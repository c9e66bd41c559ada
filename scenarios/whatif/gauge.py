"""What a study counts while a run goes: from the pieces of the connection's current and from what happens to cars.

Everything is whole numbers: currents in nA, time in us, and charges as twice nA times us, so that a ramp has an exact charge.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt

from chargebench.emulator.events import Event, Segment
from chargebench.emulator.flow import NA_PER_MA
from chargebench.scenarios.laws.law import Ears
from chargebench.scenarios.whatif.house import QUARTER_US

NA_PER_A = 1000 * NA_PER_MA
_NEAR = 95  # percent of the limit


class Gauge:
    """Listens to one run. ``begins_us``: how far into a quarter hour of the civil clock it begins."""

    def __init__(self, limit_ma: int, voltage_mv: int, begins_us: int) -> None:
        self._near_na = limit_ma * NA_PER_MA * _NEAR // 100
        self._voltage_mv, self._begins_us = voltage_mv, begins_us % QUARTER_US
        self._house_na = 0
        self._quarter, self._quarter_charge2, self._most_charge2 = 0, 0, 0
        self._waits: dict[str, int] = {}
        self.duration_us: tuple[dict[int, int], dict[int, int], dict[int, int]] = ({}, {}, {})
        self.near_us = 0
        self.peak_na = 0
        self.peak_boxes_na = 0
        self.neutral_na = 0
        self.imbalance_na = 0
        self.waited_us: dict[str, int] = {}

    @property
    def ears(self) -> Ears:
        """What it listens to."""
        return Ears(event=self.event, segment=self.segment)

    @property
    def peak_w(self) -> int:
        """The greatest power of the connection."""
        return watts(self.peak_na, self._voltage_mv)

    @property
    def peak_boxes_w(self) -> int:
        """The greatest power of all boxes together."""
        return watts(self.peak_boxes_na, self._voltage_mv)

    @property
    def peak_quarter_w(self) -> int:
        """The greatest mean power of a quarter hour."""
        most = max(self._most_charge2, self._quarter_charge2)
        return watts(most // (2 * QUARTER_US), self._voltage_mv)

    def event(self, event: Event) -> None:
        """A car or the house."""
        if event.kind == "house":
            self._house_na = sum(int(event.get(f"l{k}_ma")) for k in (1, 2, 3)) * NA_PER_MA
        elif event.kind == "plugged":
            self._waits[event.channel] = event.at_us
        elif event.channel in self._waits and (event.kind == "unplugged" or _draws(event)):
            self.waited_us[event.channel] = event.at_us - self._waits.pop(event.channel)

    def finish(self, end_us: int) -> None:
        """The run has ended: who still waits has waited until now."""
        for channel, since_us in self._waits.items():
            self.waited_us[channel] = end_us - since_us
        self._waits.clear()

    def segment(self, piece: Segment) -> None:
        """A piece of the connection's currents."""
        length_us = piece.to_us - piece.from_us
        last = tuple(na + rate * length_us for na, rate in zip(piece.na, piece.rate, strict=True))
        for currents in (piece.na, last):
            self._peaks(currents)
        self._near(piece, length_us)
        for phase in range(3):
            spread(self.duration_us[phase], piece.na[phase], piece.rate[phase], length_us)
        self._quarters(piece)

    def _peaks(self, na: Sequence[int]) -> None:
        total = sum(na)
        self.peak_na = max(self.peak_na, total)
        self.peak_boxes_na = max(self.peak_boxes_na, total - self._house_na)
        self.imbalance_na = max(self.imbalance_na, max(na) - min(na))
        one, two, three = na
        square = one * one + two * two + three * three - one * two - two * three - three * one
        if square > self.neutral_na * self.neutral_na:
            self.neutral_na = isqrt(square)

    def _near(self, piece: Segment, length_us: int) -> None:
        """Time with a phase near its limit: a phase is so from the beginning on, until the end, all along or never."""
        begins, ends = 0, 0
        for na, rate in zip(piece.na, piece.rate, strict=True):
            left = self._near_na - na
            if rate > 0:
                ends = max(ends, length_us - max(0, -(-left // rate)))
            elif left <= 0:
                begins = max(begins, length_us if rate == 0 else min(length_us, left // rate))
        self.near_us += min(length_us, begins + ends)

    def _quarters(self, piece: Segment) -> None:
        na, rate = sum(piece.na), sum(piece.rate)
        at_us = piece.from_us
        while at_us < piece.to_us:
            quarter = (at_us + self._begins_us) // QUARTER_US
            if quarter != self._quarter:
                self._most_charge2 = max(self._most_charge2, self._quarter_charge2)
                self._quarter, self._quarter_charge2 = quarter, 0
            until_us = min(piece.to_us, (quarter + 1) * QUARTER_US - self._begins_us)
            length_us = until_us - at_us
            self._quarter_charge2 += (2 * na + rate * length_us) * length_us
            na, at_us = na + rate * length_us, until_us


def _draws(event: Event) -> bool:
    return event.kind == "draw" and event.get("drawn_ma") != 0


def spread(duration_us: dict[int, int], na: int, rate: int, length_us: int) -> None:
    """Add to ``duration_us`` how long a linear piece stays at each whole ampere (rounded down)."""
    left_us = length_us
    while left_us > 0:
        amps = na // NA_PER_A
        if rate > 0:
            here_us = min(left_us, -(-((amps + 1) * NA_PER_A - na) // rate))
        elif rate < 0:
            here_us = min(left_us, (na - amps * NA_PER_A) // -rate + 1)
        else:
            here_us = left_us
        duration_us[amps] = duration_us.get(amps, 0) + here_us
        na, left_us = na + rate * here_us, left_us - here_us


def watts(na: int, voltage_mv: int) -> int:
    """The power of a current, rounded down."""
    return na * voltage_mv // 10**12
