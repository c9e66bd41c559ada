"""Quirks of boxes by name: the ones that can be switched, and what each makes of a datasheet or of its registers.

A name stands for the same on every box that has it. What a sheet lists beyond these is told, and cannot be switched on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Final

from chargebench.datasheets.model import Datasheet, Register
from chargebench.emulator.box import Box
from chargebench.emulator.device import Refused
from chargebench.emulator.devices.registers import ADDRESS, Cell, Clock
from chargebench.emulator.flow import SECOND_US
from chargebench.emulator.pilot import Pilot

FAILURE = 4

_BURSTS: Final = "fails-in-bursts"
_FIRST: Final = "refuses-first-reads"
FIRST_READS = 3
BURST_US, BURST_EVERY_US = 20 * SECOND_US, 600 * SECOND_US

Change = Callable[[Datasheet], Datasheet]


def _registers(change: Callable[[Register], Register]) -> Change:
    return lambda sheet: replace(sheet, registers=tuple(change(one) for one in sheet.registers))


def _of(names: Sequence[str], **fields: object) -> Change:
    """Other contents of these registers' lines."""
    return _registers(lambda one: replace(one, **fields) if one.name in names else one)  # type: ignore[arg-type]


def _low_word_first(one: Register) -> Register:
    return replace(one, little=not one.little) if one.count > 1 and one.type != "str" else one


def _read_only(sheet: Datasheet) -> Datasheet:
    return replace(sheet, writes=())


def _whole_amperes(sheet: Datasheet) -> Datasheet:
    limits = tuple((name, 1_000 if name == "step_ma" else value) for name, value in sheet.limits)
    return replace(_of(("current_limit",), step=1_000)(sheet), limits=limits)


_CHANGES: Final[Mapping[str, Change]] = {
    "low-word-first": _registers(_low_word_first),
    "bytes-swapped": _registers(lambda one: replace(one, swapped=not one.swapped)),
    "hundredth-amperes": _of(("current",), scale=Fraction(10), step=10),
    "tenth-amperes": _of(("max_current",), scale=Fraction(100), step=100),
    "counts-whole-wh": _of(("energy", "session_energy"), scale=Fraction(1)),
    "whole-amperes": _whole_amperes,
    "refuses-writes": _read_only,
    "ignores-writes": _read_only,
    "wears-by-volatile": _of(("ampere_volatile",), stores="flash"),
    "zero-for-unknown": lambda sheet: replace(sheet, reading=replace(sheet.reading, gaps="zero")),
}
_WITHOUT: Final[Mapping[str, tuple[str, ...]]] = {"without-energy": ("energy", "heartbeat")}
_SHOWS_E: Final = "shows-e-without-fault"
_NO_POWER: Final = "power-missing-at-times"


def known(sheet: Datasheet) -> tuple[str, ...]:
    """Those of its quirks that can be switched on."""
    able = {*_CHANGES, *_WITHOUT, _BURSTS, _FIRST, _SHOWS_E, _NO_POWER}
    return tuple(one.name for one in sheet.quirks if one.name in able)


def at_work(sheet: Datasheet, quirks: Sequence[str]) -> Datasheet:
    """The sheet of a box that has these quirks."""
    for name in quirks:
        change = _CHANGES.get(name)
        sheet = sheet if change is None else change(sheet)
    return sheet


def odd_cells(sheet: Datasheet, box: Box, cells: Mapping[str, Cell], clock: Clock) -> dict[str, Cell]:
    """The registers that show something else on a box with its quirks than ``cells``, or are refused."""
    quirks, found = box.spec.quirks, dict[str, Cell]()
    for quirk in quirks:
        found |= {name: Cell(_refuse) for name in _WITHOUT.get(quirk, ())}
    if _SHOWS_E in quirks and sheet.states is not None:
        found |= {name: _e_in_b(cells[name], box) for name in (sheet.states.register,)}
    if _NO_POWER in quirks:
        found["power"] = _missing(sheet.register("power"), cells["power"], clock)
    return found


def failing(quirks: Sequence[str]) -> Callable[[int], int] | None:
    """By which exception a read is refused that comes now, whatever it asks for, 0 for none: counts the reads."""
    reads = [0]

    def code(at_us: int) -> int:
        reads[0] += 1
        if _FIRST in quirks and reads[0] <= FIRST_READS:
            return ADDRESS
        return FAILURE if _BURSTS in quirks and burst(at_us) else 0

    return code if {_FIRST, _BURSTS} & {*quirks} else None


def burst(at_us: int) -> bool:
    """Whether something fails now that does at times: for 20 s in every 10 min, first after 5."""
    return (at_us + BURST_EVERY_US // 2) % BURST_EVERY_US < BURST_US


def _e_in_b(cell: Cell, box: Box) -> Cell:
    return Cell(lambda: "E" if box.pilot is Pilot.B else cell.get())


def _missing(register: Register, cell: Cell, clock: Clock) -> Cell:
    """The register, now and then without a value."""
    none = int(register.absent or 0) * register.scale.numerator // register.scale.denominator
    return Cell(lambda: none if burst(clock.now_us) else cell.get())


def _refuse() -> int:
    raise Refused(ADDRESS)
