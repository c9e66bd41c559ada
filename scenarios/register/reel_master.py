"""A master whose deadlines stand on the reel, where they cost less than timers of the loop."""

from __future__ import annotations

from chargebench.emulator.reel import Reel
from chargebench.manager.links.master import Master


class ReelMaster(Master):
    """A master like another one. One entry of the reel serves all deadlines: it is set anew only where one falls due earlier."""

    def __init__(self, like: Master, reel: Reel, *, tcp: bool) -> None:
        super().__init__(like._make, like._make_inlet, tcp=tcp)  # noqa: SLF001  the same, but for its way
        self._reel = reel
        self._entry = 0
        self._waits = False

    def _now_us(self) -> int:
        return self._reel.now_us

    def _wait_until(self, due_us: int) -> None:
        self._due_us = due_us
        if not self._waits or self._timer_us > due_us:
            self._entry += 1
            self._waits, self._timer_us = True, due_us
            self._reel.at(due_us, self._looked, self._entry)

    def _looked(self, entry: int) -> None:
        if entry == self._entry and self._waits:
            self._waits = False
            self._look()

    def _stop_timer(self) -> None:
        self._waits = False
