"""Registers of meters that show something else with a quirk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from chargebench.datasheets.model import Datasheet
from chargebench.emulator.devices.quirks import burst
from chargebench.emulator.devices.registers import Cell, Clock

Cells = Mapping[str, Cell]
NOT_THERE: Final = -0x8000
"""An exponent that a meter does not have."""


def _ten_times(_sheet: Datasheet, cells: Cells, clock: Clock) -> dict[str, Cell]:
    """A frequency of which its clients say that it is sometimes ten times too high."""
    cell = cells["frequency"]

    def get() -> int:
        value = cell.get()
        assert isinstance(value, int), "a frequency is a number"
        return 10 * value if burst(clock.now_us) else value

    return {"frequency": Cell(get)}


def _no_export(sheet: Datasheet, cells: Cells, _clock: Clock) -> dict[str, Cell]:
    """An exported energy that means nothing: it is what was imported."""
    assert sheet.meter is not None
    return {sheet.meter.exported: Cell(cells[sheet.meter.imported].get)}


def _no_exponents(sheet: Datasheet, cells: Cells, clock: Clock) -> dict[str, Cell]:
    """Exponents that are not there at times, so that nothing that they scale means anything."""
    names = [one.name for one in sheet.registers if one.name.endswith("_sf")]
    return {name: _gone_at_times(cells[name], clock) for name in names}


def _gone_at_times(cell: Cell, clock: Clock) -> Cell:
    return Cell(lambda: NOT_THERE if burst(clock.now_us) else cell.get())


_CELLS: Final[Mapping[str, Callable[[Datasheet, Cells, Clock], dict[str, Cell]]]] = {
    "ten-times-frequency": _ten_times,
    "no-export": _no_export,
    "exponents-missing-at-times": _no_exponents,
}
NAMES: Final = tuple(_CELLS)


def odd_meter_cells(sheet: Datasheet, quirks: Sequence[str], cells: Cells, clock: Clock) -> dict[str, Cell]:
    """The registers of a meter with these quirks that are otherwise than ``cells``."""
    found: dict[str, Cell] = {}
    for quirk in quirks:
        if quirk in _CELLS:
            found |= _CELLS[quirk](sheet, cells, clock)
    return found
