"""Whether somebody else writes to a box: changes of its limit that were not told it from here. Sans-IO.

One change may be its owner at its buttons, so the second within an hour is the first to be told; then the fourth, the eighth,
and so on: whoever writes again and again is not told of again and again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

HOUR_US: Final = 3_600_000_000


@dataclass(slots=True)
class Foreign:
    """One box. ``times``: how many changes there were, none of them longer than an hour after the one before."""

    times: int = 0
    _last_us: int = 0

    def changed(self, now_us: int) -> bool:
        """One more change, which is neither a restart nor an answer to a command; whether it is to be told."""
        if now_us >= self._last_us + HOUR_US:
            self.times = 0
        self.times += 1
        self._last_us = now_us
        return self.times > 1 and self.times.bit_count() == 1
