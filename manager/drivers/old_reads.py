"""A box behind a gateway that answers reads from memory: what is read of it may be as old as that memory. Sans-IO.

Then a read shows no limit, for it may be that of before the last write, and it feeds no watchdog. Writes go through, and their answers
are the box's own: so the limit that counts is the one that the box was told and has answered, on the connection on which it did, and its
watchdog is fed by telling it that limit again. What it measures is not used. Of its failsafe the worse counts, of what was read
and of what it was set to.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from chargebench.manager.drivers.base import Answers, BoxDriver, Feed, Read, Write
from chargebench.manager.readings import BoxReading
from chargebench.manager.site import Failsafe

FED_TIMES: Final = 3
"""So often a watchdog is fed within its time."""


class OldReads:
    """A driver for the same box behind such a gateway. ``failsafe``: what it is to be set to."""

    shows_limit: Final = False

    def __init__(self, driver: BoxDriver, failsafe: Failsafe | None, most_ma: int) -> None:
        self._driver, self._failsafe, self._most_ma = driver, failsafe, most_ma
        self._shown_us = 0
        self.step_ma, self.latency_us = driver.step_ma, driver.latency_us

    def greet(self) -> tuple[Read, ...]:
        return self._driver.greet()

    def prepares(self, greeted: Answers, failsafe: Failsafe | None) -> tuple[Write, ...]:
        return self._driver.prepares(greeted, failsafe)

    def feeds(self, greeted: Answers) -> Feed | None:
        """What the box needs anyway; else its limit, told again well within the time of its watchdog."""
        needed = self._driver.feeds(greeted)
        if needed is not None:
            return needed
        wanted_us = self._failsafe.after_us if self._failsafe is not None else 0
        times = [one for one in (self._shown_us, wanted_us) if one]
        return Feed(min(times) // FED_TIMES) if times else None

    def reads(self, greeted: Answers) -> tuple[Read, ...]:
        return self._driver.reads(greeted)

    def understand(self, at_us: int, greeted: Answers, answers: Answers) -> BoxReading:
        """As the driver does, without what is measured; the limit is the greatest, and means nothing."""
        reading = self._driver.understand(at_us, greeted, answers)
        after_us, current_ma = reading.failsafe_us, reading.failsafe_ma
        self._shown_us = after_us or 0
        if self._failsafe is not None and after_us and current_ma is not None:
            after_us = max(after_us, self._failsafe.after_us)
            current_ma = max(current_ma, self._failsafe.current_ma)
        return replace(
            reading,
            limit_ma=self._most_ma,
            offered_ma=0,
            phases_ma=None,
            power_w=None,
            energy_wh=None,
            failsafe_us=after_us,
            failsafe_ma=current_ma,
            old=True,
        )

    def writes(self, limit_ma: int) -> tuple[Write, ...]:
        return self._driver.writes(limit_ma)
