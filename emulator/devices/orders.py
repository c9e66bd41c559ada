"""What any box was told: its limit, in as many registers as it has, whether it may charge, and on how many phases.

Where a sheet is silent, what is worst for the master holds: a limit of 0 is refused, so that nothing stops, and so is one
below the least current where 0 does not stop; phases that were changed while a car is there change when it has left, but
where the sheet says how long charging stops for it, or that it is done in a pause.
"""

from __future__ import annotations

from chargebench.datasheets.behaviour import Control, Phases
from chargebench.datasheets.model import Datasheet
from chargebench.emulator.box import Box
from chargebench.emulator.devices.registers import Cell, Clock
from chargebench.emulator.devices.shown import house, seen


class Orders:
    """Takes what is written to the registers of ``control`` to the box, and shows there what holds.

    Where a number in place of the limit stops the box, what was told before stays as it was. ``off``: it is switched off.
    """

    def __init__(self, sheet: Datasheet, control: Control, box: Box, clock: Clock) -> None:
        self._sheet, self._control, self._box, self._clock = sheet, control, box, clock
        self._low_ma = sheet.limit("minimum_ma")
        self._limits = [0] * len(control.limit.registers)
        stops = [house(sheet.register(name), raw) for name, raw in control.stops.items()]
        self._stop_ma = stops[0] if stops else 0
        self._released = True
        self.off = False
        self._done: tuple[int, bool] | None = None
        self._switch = {name: 0 for name, _ in control.phases.before} if control.phases else {}
        self._wish = 0

    def start(self) -> None:
        """The box is about to start: what its limit is then."""
        starts, box = self._control.limit.starts, self._box
        if starts == "failsafe":
            box.def_limit_ma, box.def_enable = box.failsafe_ma, box.failsafe_ma >= self._low_ma
        elif starts == "stopped":
            box.def_enable = False
        self._wish = 0
        self.off = False
        self._done = None

    def switch(self, *, off: bool) -> None:
        """Switch the box off, whatever else it is told, or on again."""
        self._adopt()
        self.off = off
        self._order()

    def cells(self) -> dict[str, Cell]:
        """What the registers of the sheet's ``control`` hold."""
        limit = self._control.limit
        found: dict[str, Cell] = {}
        if limit.shown:
            shown = self._sheet.register(limit.shown)
            found[shown.name] = seen(shown, self._in_force, _unheeded if shown.writes else None)
        for name, _ in (*self._control.pause, *self._control.resume):
            found[name] = self._release(name)
        for k, name in enumerate(limit.registers):
            found[name] = self._limit(k, name)
        for name, _ in self._control.wake:
            found[name] = Cell(lambda: 0, lambda seconds: self._box.interrupt(self._clock.now_us, seconds))
        return found | self._phases()

    # -- limit -------------------------------------------------------------------------------------------------------

    def _in_force(self) -> int:
        """The limit in force, or the number that stands there for none."""
        return self._box.granted_ma or self._stop_ma

    def _limit(self, k: int, name: str) -> Cell:
        def put(value: int) -> None:
            self._adopt()
            if self._stop_ma:
                self._released = value != self._stop_ma
            if self._released or not self._stop_ma:
                self._limits[k] = value
            self._order()

        def get() -> int:
            self._adopt()
            return self._limits[k] if self._released or not self._stop_ma else self._stop_ma

        cell = seen(self._sheet.register(name), get, put)
        return Cell(cell.get, cell.set, self._takes)

    def _takes(self, value: int) -> bool:
        """Whether a limit is taken; one below the least current of which nothing is known does at most what 0 does."""
        limit = self._control.limit
        if value <= 0:
            return value == 0 and limit.zero in {"stops", "no limit"}
        below = "stops" if limit.below == "unknown" and limit.zero == "stops" else limit.below
        return value >= self._low_ma or below in {"stops", "minimum"}

    def _order(self) -> None:
        """Tell the box what it has been told by all registers."""
        box, limit = self._box, self._control.limit
        wanted_ma = min(self._limits)
        if wanted_ma == 0 and limit.zero == "no limit":
            wanted_ma = box.spec.max_ma
        elif 0 < wanted_ma < self._low_ma and limit.below == "minimum":
            wanted_ma = self._low_ma
        runs = wanted_ma >= self._low_ma
        if runs:
            box.limit_ma = box.clip(wanted_ma)
        box.enable = self._released and runs and not self.off
        self._done = (box.limit_ma, box.enable)
        self._limits = [min(one, box.spec.max_ma) for one in self._limits]
        if limit.starts == "kept":
            box.def_limit_ma, box.def_enable = self._done

    def _adopt(self) -> None:
        """Take over what has become of the limit without the registers: by a start, or a failsafe that overwrites it."""
        box = self._box
        if (box.limit_ma, box.enable) == self._done:
            return
        self._done = (box.limit_ma, box.enable)
        self._released = box.enable or not self._control.pause
        left_ma = box.limit_ma if box.enable or self._control.pause else 0
        self._limits = [left_ma] * len(self._limits)

    # -- pause and phases --------------------------------------------------------------------------------------------

    def _release(self, name: str) -> Cell:
        register = self._sheet.register(name)
        stops = {house(register, raw) for one, raw in self._control.pause if one == name}
        goes = {house(register, raw) for one, raw in self._control.resume if one == name}

        def put(value: int) -> None:
            self._adopt()
            if value in stops | goes:
                self._released = value in goes
                self._order()

        def get() -> int:
            self._adopt()
            return min(goes if self._released else stops, default=0)

        return seen(register, get, put)

    def _phases(self) -> dict[str, Cell]:
        phases = self._control.phases
        if phases is None:
            return {}
        found: dict[str, Cell] = {name: self._kept(name) for name in self._switch}
        if phases.shown:
            shown = {0: phases.shown_three, 1: phases.shown_one}
            found[phases.shown] = Cell(lambda: shown[int(self._box.one_phase)])
        for name, _ in phases.after:
            found[name] = Cell(lambda: 0, lambda _value: self._change(phases, self._wish))
        codes = {0: phases.three, 1: phases.one}

        def put(value: int) -> None:
            self._wish = int(value == phases.one)
            if not phases.after:
                self._change(phases, self._wish)

        found[phases.register] = Cell(lambda: codes[self._box.relay_select], put)
        return found

    def _kept(self, name: str) -> Cell:
        def put(value: int) -> None:
            self._switch[name] = value

        return Cell(lambda: self._switch[name], put)

    def _change(self, phases: Phases, one: int) -> None:
        """Change the phases, if all has been written that must be before, and it may be done now."""
        box = self._box
        prepared = all(self._switch[name] == raw for name, raw in phases.before)
        if prepared and (phases.during != "paused" or not box.granted_ma):
            box.select_relay(self._clock.now_us, one)


def _unheeded(_value: int) -> None:
    """What is written where the limit is only shown does nothing."""
