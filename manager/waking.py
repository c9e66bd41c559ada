"""When a car seems to sleep: it charged, was paused, is offered enough again, and does not come. Sans-IO.

Some cars go to sleep in a pause and do not hear the pilot any more until it was interrupted. A car that stops by itself
while it may charge is full, or waits for its own timer, and is left alone.
"""

from __future__ import annotations

from typing import Final

from chargebench.manager.drivers.base import Write
from chargebench.manager.readings import BoxReading, Pilot

PATIENCE_US: Final = 60_000_000
"""So long a car has time to come back by itself, and to wake."""

TIMES: Final = 2
"""So often within one pause a pilot is interrupted: a car that does not come then does not want to."""


class Waking:
    """One box, which can interrupt its pilot by ``writes``."""

    def __init__(self, writes: tuple[Write, ...], minimum_ma: int) -> None:
        self.writes = writes
        self._minimum_ma = minimum_ma
        self._charged = self._paused = False
        self._since_us: int | None = None
        self._times = 0

    @property
    def waits(self) -> bool:
        """Whether a pilot may be interrupted later though nothing else happens."""
        return self._since_us is not None and self._times < TIMES

    def due(self, reading: BoxReading) -> bool:
        """Whether the pilot is to be interrupted now; to be asked of every reading."""
        enough = reading.limit_ma >= self._minimum_ma
        if reading.pilot in (Pilot.C, Pilot.D):
            self._charged, self._paused, self._times, self._since_us = True, not enough, 0, None
        elif reading.pilot is not Pilot.B:
            self._charged, self._paused, self._times, self._since_us = False, False, 0, None
        elif not enough:
            self._paused, self._times, self._since_us = self._paused or self._charged, 0, None
            self._charged = False
        else:
            self._charged = False  # it has stopped by itself, or never begun
            return self._paused and self._sleeps(reading.at_us)
        return False

    def _sleeps(self, at_us: int) -> bool:
        if self._since_us is None:
            self._since_us = at_us
        if self._times >= TIMES or at_us < self._since_us + PATIENCE_US:
            return False
        self._times, self._since_us = self._times + 1, at_us
        return True
