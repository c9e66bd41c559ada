"""A box's own watchdog, by the ``watchdog`` block of its datasheet: what it falls back to and when, how it is set, what feeds it.

Only what the box shows and what somebody has checked counts. Where the time or the current is not known, nothing is: such
a box is counted at its maximum when it is silent.
"""

from __future__ import annotations

from typing import Final

from chargebench.datasheets.behaviour import Setting, Watchdog
from chargebench.datasheets.codec import down_to_step
from chargebench.datasheets.model import Datasheet, Register
from chargebench.manager.drivers.base import Answers, Feed, Read, Write
from chargebench.manager.drivers.fields import Fields
from chargebench.manager.drivers.orders import AMPS_MOST, raw_writes, write_of
from chargebench.manager.site import Failsafe

US: Final = {"ms": 1_000, "s": 1_000_000, "min": 60_000_000}
PER_TIME: Final = 3
"""So often within its time it is fed: one answer may be lost."""

SOON_US: Final = 3_000_000
"""How often it is fed where nobody tells its time."""

FED_BY_WRITES: Final = ("limit", "timeout", "token", "toggle", "broadcast")


class Watch:
    """One box's watchdog. Settings are greeted one by one, since a firmware may lack one of them."""

    def __init__(self, sheet: Datasheet) -> None:
        self._sheet = sheet
        self._dog = sheet.watchdog or Watchdog("unknown")
        self._minimum_ma = sheet.limit("minimum_ma")
        self._timeout = self._shown(self._dog.timeout)
        self._current = self._shown(self._dog.failsafe)
        self._set_timeout = self._settable(self._dog.timeout)
        self._set_current = self._settable(self._dog.failsafe)

    @property
    def tells(self) -> bool:
        """Whether it can be known when the box falls back, and to what."""
        dog = self._dog
        stops = dog.then in ("stop", "fault")
        timed = self._timeout is not None or (not dog.timeout.register and dog.timeout.value is not None)
        known = stops or (dog.then == "limit" and self._current is not None)
        return timed and known and not dog.unverified and dog.kind not in ("none", "unknown")

    def greet(self) -> tuple[Read, ...]:
        """Its time and its current, where they can be read."""
        return tuple(read for one in (self._timeout, self._current) if one is not None for read in one.reads)

    def falls_back(self, greeted: Answers) -> tuple[int | None, int | None]:
        """After which time, and to what current; both None unless both are known. 0 us: never."""
        after_us = self._after_us(greeted)
        current_ma = self._current_ma(greeted)
        if self._dog.unverified or self._dog.kind == "unknown" or after_us is None or current_ma is None:
            return None, None
        return after_us, current_ma

    def prepares(self, greeted: Answers, failsafe: Failsafe | None) -> tuple[Write, ...]:
        """Its time and its current where they differ; nothing where one of them cannot be had as the site says it."""
        has_us, has_ma = self.falls_back(greeted)
        timeout, current = self._set_timeout, self._set_current
        if failsafe is None or has_us is None or current is None or not self._can_be(failsafe.current_ma):
            return ()
        writes = []
        if timeout is not None:
            after = down_to_step(timeout, failsafe.after_us // US[timeout.unit])
            if after * US[timeout.unit] != has_us:
                writes.append(write_of(timeout, after))
        down_ma = down_to_step(current, failsafe.current_ma)
        if down_ma != has_ma:
            writes.append(write_of(current, down_ma))
        return (*writes, *raw_writes(self._sheet, self._dog.store)) if writes else ()

    def feeds(self, greeted: Answers) -> Feed | None:
        """None where it has none, where reads feed it, and where it is switched off."""
        dog = self._dog
        after_us = self._after_us(greeted)
        if dog.kind not in FED_BY_WRITES or after_us == 0:
            return None
        every_us = SOON_US if after_us is None else after_us // PER_TIME
        every_us = min(every_us, dog.refresh_us or every_us)
        if dog.kind in ("limit", "broadcast"):
            return Feed(every_us)
        if dog.kind == "timeout":
            register = self._set_timeout
            if register is None or after_us is None:
                return None
            return Feed(every_us, (write_of(register, after_us // US[register.unit]),))
        return Feed(every_us, raw_writes(self._sheet, ((dog.register, dog.value or 0),)))

    def _after_us(self, greeted: Answers) -> int | None:
        if self._timeout is None:
            return self._dog.timeout.value if not self._dog.timeout.register else None
        name = self._dog.timeout.register
        unit = US[self._sheet.register(name).unit]
        raw = None if self._timeout.words(name, greeted) is None else self._timeout.raw(name, greeted)
        scale = self._sheet.register(name).scale
        return None if not isinstance(raw, int) else int(raw * scale) * unit

    def _current_ma(self, greeted: Answers) -> int | None:
        """What it may draw after its time; None where that is not known."""
        if self._dog.then in ("stop", "fault"):
            return 0
        name = self._dog.failsafe.register
        if self._dog.then != "limit" or self._current is None or self._current.words(name, greeted) is None:
            return None
        shown_ma = self._current.bounded(name, greeted, 0, AMPS_MOST)
        if shown_ma:
            return max(shown_ma, self._minimum_ma)
        return 0 if self._dog.zero in ("stops", "fault") else None

    def _can_be(self, current_ma: int) -> bool:
        """Whether a failsafe current means what the site means by it."""
        return current_ma >= self._minimum_ma or (not current_ma and self._dog.zero in ("stops", "fault"))

    def _shown(self, setting: Setting) -> Fields | None:
        usable = setting.register and self._usable(setting.register).readable
        return Fields(self._sheet, [setting.register]) if usable and not self._unchecked(setting.register) else None

    def _settable(self, setting: Setting) -> Register | None:
        name = setting.write or setting.register
        if not name or self._unchecked(name) or not self._usable(name).writes:
            return None
        return self._usable(name)

    def _usable(self, name: str) -> Register:
        return self._sheet.register(name)

    def _unchecked(self, name: str) -> bool:
        return self._sheet.register(name).unverified
