"""The watchdog of any box: what feeds it, what its registers say, what ends it, what a restart leaves of its settings.

Where a sheet is silent, what is worst for who relies on it holds:

- A watchdog of which nobody knows the kind never acts, unless the world gives it a time: then any request feeds it.
- A time that nobody knows is 0, which is never; a failsafe current that nobody knows is all that the box can give.
- Settings of which nobody knows whether they outlive a restart do not: they are then as the box was put up.
- It runs only once the box has booted: before, nobody could have fed it.
- A bit that the box clears stands for a second, and setting it again before does nothing.
"""

from __future__ import annotations

from chargebench.datasheets.behaviour import Watchdog
from chargebench.datasheets.model import Datasheet
from chargebench.emulator.box import Box
from chargebench.emulator.devices.registers import Cell, Clock, Hooks
from chargebench.emulator.devices.shown import house, seen
from chargebench.emulator.flow import FAR, SECOND_US

CLEARED_US = SECOND_US
_UNITS_US = {"s": SECOND_US, "ms": 1_000, "us": 1}


class Guard:
    """Watches over what feeds the watchdog of ``box``. Its ``hooks`` are those for the device, its ``cells`` the registers."""

    def __init__(self, sheet: Datasheet, box: Box, clock: Clock, hooks: Hooks) -> None:
        self._sheet, self._box, self._clock, self._world = sheet, box, clock, hooks
        self._dog = sheet.watchdog or Watchdog("none")
        self._limits = sheet.control.limit.registers if sheet.control else ()
        self._missing: set[str] = set()
        self._set_us = -CLEARED_US
        self._stored = (box.spec.failsafe_us, box.spec.failsafe_ma)
        self._failsafe_ma = box.spec.failsafe_ma
        self._any = self._dog.kind in {"request", "unknown"}
        self.hooks = Hooks(self._heard, self._wrote, hooks.done, hooks.hears)
        self.recall()

    def recall(self) -> None:
        """The settings are those that a start finds."""
        after_us, self._failsafe_ma = self._stored
        self._box.idle.after_us = 0 if self._dog.kind == "none" else after_us
        self._box.failsafe_ma = self._acting_ma()
        self._set_us = -CLEARED_US
        self._missing.clear()

    def after_read(self, address: int, count: int) -> None:
        """A read was answered."""
        span = self._dog.span
        if self._dog.kind == "read" and span and address <= span[1] and span[0] < address + count:
            self._feed(self._clock.now_us)

    def cells(self) -> dict[str, Cell]:
        """What its registers hold."""
        dog, found = self._dog, dict[str, Cell]()
        for name in (dog.timeout.register, dog.timeout.write):
            if name:
                found[name] = self._timer(name)
        for name in (dog.failsafe.register, dog.failsafe.write):
            if name:
                found[name] = seen(self._sheet.register(name), lambda: self._failsafe_ma, self._set_failsafe)
        if dog.left:
            found[dog.left] = seen(self._sheet.register(dog.left), self._left_s)
        if dog.kind in {"token", "toggle"}:
            found[dog.register] = Cell(self._bit, lambda _value: None)
        for name, _raw in dog.store:
            found[name] = Cell(lambda: 0, lambda _value: self._store())
        return found

    # -- what feeds it -----------------------------------------------------------------------------------------------

    def _heard(self, at_us: int) -> None:
        if self._any:
            self._world.heard(at_us)

    def _wrote(self, at_us: int, register: str, value: int) -> None:
        self._world.wrote(at_us, register, value)
        dog = self._dog
        if dog.recovery and self._box.idle.on:
            self._recover(at_us, register, value)
        elif self._is_food(at_us, register, value):
            self._feed(at_us)
        if dog.keeps == "flash":
            self._store()

    def _is_food(self, at_us: int, register: str, value: int) -> bool:
        """Whether this write feeds it; a bit that is set counts once it has been cleared."""
        dog = self._dog
        if dog.kind == "limit":
            return register in self._limits
        if dog.kind == "broadcast":
            return register == dog.register
        if dog.kind == "timeout":
            return register == (dog.timeout.write or dog.timeout.register)
        if dog.kind not in {"token", "toggle"} or register != dog.register or not self._is_token(value):
            return False
        fresh = dog.kind == "token" or at_us >= self._set_us + CLEARED_US
        if fresh:
            self._set_us = at_us
        return fresh

    def _is_token(self, value: int) -> bool:
        due = self._dog.value
        return due is None or value == house(self._sheet.register(self._dog.register), due)

    def _recover(self, at_us: int, register: str, value: int) -> None:
        """It ends once all that is to be written has been."""
        dog = self._dog
        if not self._missing:
            self._missing = {*dog.recovery}
        if register != dog.register or self._is_token(value):
            self._missing.discard(register)
        if not self._missing:
            self._feed(at_us)

    def _feed(self, at_us: int) -> None:
        self._missing.clear()
        self._world.heard(at_us)

    # -- what it is set to -------------------------------------------------------------------------------------------

    def _timer(self, name: str) -> Cell:
        register = self._sheet.register(name)
        unit_us = _UNITS_US.get(register.unit, SECOND_US)

        def put(value: int) -> None:
            self._box.idle.after_us = value * unit_us

        return seen(register, lambda: self._box.idle.after_us // unit_us, put)

    def _set_failsafe(self, value: int) -> None:
        self._failsafe_ma = value
        self._box.failsafe_ma = self._acting_ma()

    def _acting_ma(self) -> int:
        """What the box offers once it acts."""
        if self._dog.then in {"stop", "fault"}:
            return 0
        if not self._failsafe_ma and self._dog.zero == "no limit":
            return self._box.spec.max_ma
        return self._failsafe_ma

    def _store(self) -> None:
        self._stored = (self._box.idle.after_us, self._failsafe_ma)

    def _left_s(self) -> int:
        next_us = self._box.idle.next_us
        return 0 if next_us == FAR else max(0, next_us - self._clock.now_us) // SECOND_US

    def _bit(self) -> int:
        """What the token's register shows: the bit until the box clears it."""
        if self._dog.kind == "token" or self._clock.now_us >= self._set_us + CLEARED_US:
            return 0
        return house(self._sheet.register(self._dog.register), self._dog.value or 0)
