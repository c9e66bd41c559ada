"""How far and how long the connection was above its limit: crossings of linear pieces solved, whole microseconds counted."""

from __future__ import annotations

from chargebench.emulator.events import Segment
from chargebench.emulator.flow import NA_PER_MA, first_below, first_reaching


class LimitWatch:
    """Adds up segments in the order of time; "above" means that any phase carries more than the limit."""

    __slots__ = ("_limit_na", "_since_us", "_until_us", "first_us", "longest_us", "peak_na", "total_us")

    def __init__(self, limit_ma: int) -> None:
        self._limit_na = limit_ma * NA_PER_MA
        self.peak_na = 0  # the greatest excess of any phase
        self.total_us = 0
        self.longest_us = 0
        self.first_us: int | None = None
        self._since_us = self._until_us = -1

    def feed(self, segment: Segment) -> None:
        """Count one segment, which follows on those before."""
        spans: list[tuple[int, int]] = []
        for na, rate in zip(segment.na, segment.rate, strict=True):
            over = na - self._limit_na
            if over <= 0 and rate <= 0:
                continue
            start = first_reaching(segment.from_us, over, rate, 1)
            end = min(first_below(segment.from_us, over, rate, 1), segment.to_us) if rate < 0 else segment.to_us
            if start < end:
                spans.append((start, end))
                highest = start if rate < 0 else end - 1
                self.peak_na = max(self.peak_na, over + rate * (highest - segment.from_us))
        for start, end in sorted(spans):
            self._span(start, end)

    def _span(self, start: int, end: int) -> None:
        if self.first_us is None:
            self.first_us = start
        if start > self._until_us:
            self._since_us, self._until_us = start, start
        self.total_us += max(0, end - self._until_us)
        self._until_us = max(end, self._until_us)
        self.longest_us = max(self.longest_us, self._until_us - self._since_us)
