"""What meters by the rules of SunSpec have in their makers' choice: where the map begins, which model it is, what is left out.

Each is a change of the datasheet, which has the map at its usual place. Exponents that change while a meter runs are more:
every register of theirs then counts otherwise from one read to the next, though never within one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from chargebench.datasheets.model import Datasheet, Meter, Register, Table
from chargebench.emulator.devices.registers import Clock, Hooks, SheetDevice
from chargebench.emulator.devices.shown import rest
from chargebench.emulator.flow import Triple
from chargebench.emulator.meter import PhaseMeter

CHANGING: Final = "changing-exponents"
ONE_PHASE: Final = 201
_HOLDS: Final = 32_767
"""The most that a value of 16 bits with a sign holds."""


def begins_at(base: int) -> Callable[[Datasheet], Datasheet]:
    """The whole map, at another place."""

    def moved(sheet: Datasheet) -> Datasheet:
        assert sheet.sunspec is not None, f"{sheet.name} is a map of models"
        by = base - sheet.sunspec.bases[0]
        registers = tuple(replace(one, at=one.at + by) for one in sheet.registers)
        return replace(sheet, registers=registers, sunspec=replace(sheet.sunspec, bases=(base,)))

    return moved


def without_phase_powers(sheet: Datasheet) -> Datasheet:
    """The meter shows no power of a phase, which it need not."""
    return replace(sheet, meter=replace(_block(sheet), powers=()))


def one_phase(sheet: Datasheet) -> Datasheet:
    """The model for one phase, which has the same layout: nothing is there of the others."""
    assert sheet.sunspec is not None, f"{sheet.name} is a map of models"
    at = sheet.sunspec.start(sheet.sunspec.models[-1][0])
    registers = tuple(replace(one, default=ONE_PHASE) if one.at == at else one for one in sheet.registers)
    block = _block(sheet)
    lists = {what: getattr(block, what)[:1] for what in ("voltages", "currents", "powers", "imports", "exports")}
    return replace(sheet, registers=registers, meter=replace(block, phases=1, **lists))


def _block(sheet: Datasheet) -> Meter:
    assert sheet.meter is not None, f"{sheet.name} measures something"
    return sheet.meter


class ChangingExponents(SheetDevice):
    """A meter whose exponents of currents and powers are as small as the values of the moment let them be.

    ``made`` makes the device that has the exponents of a sheet.
    """

    def __init__(
        self, sheet: Datasheet, made: Callable[[Datasheet], SheetDevice], meter: PhaseMeter, clock: Clock, hooks: Hooks
    ) -> None:
        super().__init__(sheet, {one.name: rest(one) for one in sheet.registers}, clock, hooks)
        self._made, self._meter = made, meter
        self._known: dict[tuple[int, int], SheetDevice] = {}
        block = _block(sheet)
        self._names = (sheet.register(block.currents[0]).exponent, sheet.register(block.power).exponent)

    def read(self, table: Table, address: int, count: int) -> Sequence[int]:
        """``count`` words from ``address``, all of one moment; ``Refused``."""
        now = self._exponents()
        device = self._known.get(now)
        if device is None:
            defaults = dict(zip(self._names, now, strict=True))
            registers = tuple(_with(one, defaults) for one in self._sheet.registers)
            device = self._known[now] = self._made(replace(self._sheet, registers=registers))
        return device.read(table, address, count)

    def _exponents(self) -> tuple[int, int]:
        """Of currents, which count in A, and of powers, which count in W."""
        at_us = self._clock.now_us
        return _least(self._meter.current_ma(at_us), -3), _least(self._meter.power_w(at_us), 0)


def _with(one: Register, defaults: Mapping[str, int]) -> Register:
    return replace(one, default=defaults[one.name]) if one.name in defaults else one


def _least(values: Triple, least: int) -> int:
    """The least exponent with which the sum of ``values``, which count in ten to the ``least``, can be shown."""
    exponent, top = least, sum(map(abs, values))
    while top > _HOLDS:
        exponent, top = exponent + 1, top // 10
    return exponent
