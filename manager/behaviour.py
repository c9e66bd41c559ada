"""What the limits that a box shows tell of its settings: whether it manages by itself, or does not take part at all.

A slave is to stand in Observation, with charging enabled. One that does not is not found by asking it, since no register
says so, but by what it does. *By itself*: its limit leaves the way from what it showed to what it was told, twice within
five minutes, and it has not restarted. *Disabled*: it takes a limit and goes on showing 0. *Deaf*: it takes a limit and goes
on showing a higher one. A box that shows less than it was told, and not 0, obeys: its cable or its model can no more.

Only a box that was told something can disobey, so nobody is judged where nothing is written.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from chargebench.manager.foreign import Foreign

Fault = Literal["by itself", "disabled", "deaf"]

TWICE_US: Final = 300_000_000
"""So close must two changes lie: one alone may be its owner at its buttons."""

CALM_US: Final = 1_800_000_000
"""A box that has left its limit alone for so long is tried again: somebody may have changed its settings."""

HELD_US: Final = 45_000_000
"""So long a box may go on showing something else than it was told."""


@dataclass(slots=True)
class Behaviour:
    """One box. ``told``, ``restarted`` and ``shows`` are called in the order of time; all times are the loop's.

    ``fault`` is what is wrong with it now, if anything; ``own_ma`` the last limit that it gave itself, or was given by somebody
    else. ``others``: how often that has happened, where it is time to tell of it; else 0.
    """

    fault: Fault | None = None
    own_ma: int = 0
    others: int = 0
    _was: int | None = None
    _wanted: int | None = None
    _way: tuple[int, int] = (0, 0)
    _since_us: int = 0
    _stuck_ma: int = 0
    _doubt_us: int | None = None
    _own_us: list[int] = field(default_factory=list)
    _foreign: Foreign = field(default_factory=Foreign)

    @property
    def by_itself(self) -> bool:
        """Whether it manages by itself."""
        return self.fault == "by itself"

    def told(self, limit_ma: int, now_us: int) -> None:
        """It is told a limit, given as it would show it."""
        if self._wanted is None or self._was == self._wanted:
            was = limit_ma if self._was is None else self._was
            self._way, self._since_us = (was, was), now_us
        self._wanted = limit_ma
        self._way = min(self._way[0], limit_ma), max(self._way[1], limit_ma)

    def forget(self) -> None:
        """It is silent: what it shows next may have come about meanwhile."""
        self._was = self._doubt_us = None

    def release(self) -> None:
        """It is not told anything any more."""
        self.forget()
        self.fault = self._wanted = None
        self._own_us.clear()

    def restarted(self) -> None:
        """Its last change came from a restart."""
        self._doubt_us = None

    def shows(self, limit_ma: int, now_us: int, minimum_ma: int) -> Fault | None:
        """It shows a limit; returns what is to be told of it, once whenever that begins."""
        self.others = 0
        if self._wanted is None:
            return None
        if self._doubt_us is not None:
            self._own_us = [*self._own_us[-1:], self._doubt_us]
            self.others = self._foreign.times if self._foreign.changed(self._doubt_us) else 0
            self._doubt_us = None
        if self._was is None or limit_ma == self._wanted:
            self._since_us = now_us
        low, high = self._way
        if self._was is not None and limit_ma != self._was and not low <= limit_ma <= high:
            self._doubt_us, self.own_ma = now_us, limit_ma  # whether it has restarted is known by the next time
        if limit_ma == self._wanted:
            self._way = limit_ma, limit_ma
        self._was = limit_ma
        before, self.fault = self.fault, self._judge(limit_ma, now_us, minimum_ma)
        return self.fault if self.fault != before else None

    def _judge(self, limit_ma: int, now_us: int, minimum_ma: int) -> Fault | None:
        assert self._wanted is not None
        own = self._own_us
        if len(own) == 2 and now_us < own[1] + CALM_US and (self.by_itself or own[1] - own[0] <= TWICE_US):
            self._since_us = now_us
            return "by itself"
        if self.fault in ("disabled", "deaf") and limit_ma == self._stuck_ma:
            return self.fault  # to be told now what it shows anyway does not mean that it obeys
        if now_us < self._since_us + HELD_US:
            return None
        self._stuck_ma = limit_ma
        if limit_ma > self._wanted:
            return "deaf"
        return "disabled" if not limit_ma and self._wanted >= minimum_ma else None
