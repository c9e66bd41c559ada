"""Boxes that take a new limit at once and follow it later: until then the higher one counts. Sans-IO."""

from __future__ import annotations


class Lag:
    """One box, which follows a limit at the latest ``latency_us`` after it has shown it; ``most_ma``: its greatest limit."""

    def __init__(self, latency_us: int, most_ma: int) -> None:
        self._latency_us = latency_us
        self._most_ma = self._shown_ma = most_ma
        self._still: list[tuple[int, int]] = []

    @property
    def waits(self) -> bool:
        """Whether it may still be following a limit that it does not show any more."""
        return bool(self._still)

    def forget(self) -> None:
        """It was away, and may have restarted: what it follows now is not what it showed."""
        self._shown_ma = self._most_ma

    def follows_ma(self, limit_ma: int, now_us: int) -> int:
        """The most that it may be following, given the limit that it shows; called in the order of time."""
        if not self._latency_us:
            return limit_ma
        self._still = [one for one in self._still if one[0] > now_us]
        if limit_ma < self._shown_ma:
            self._still.append((now_us + self._latency_us, self._shown_ma))
        self._shown_ma = limit_ma
        return max(limit_ma, *(ma for _, ma in self._still), 0)
