"""Registers that show something else, or are refused, on a device with its quirks.

What a source calls wrong without saying how shows here what is worst for who believes it: currents of a car that does not
charge are those that it may draw, and an exported energy is what was imported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from chargebench.datasheets.behaviour import Phases
from chargebench.datasheets.codec import decode, encode, raw_range
from chargebench.datasheets.model import Datasheet, Register
from chargebench.emulator.box import Box
from chargebench.emulator.device import Refused
from chargebench.emulator.devices.measured import measured
from chargebench.emulator.devices.quirks import burst
from chargebench.emulator.devices.registers import ADDRESS, Cell, Clock
from chargebench.emulator.devices.shown import house, seen
from chargebench.emulator.flow import SECOND_US
from chargebench.emulator.meter import PhaseMeter
from chargebench.emulator.moods import ASKS_LEAVE, MoodyBox
from chargebench.emulator.pilot import Pilot

FAILURE = 4
FIRST_READS = 3
DAY_US = 86_400 * SECOND_US
WORD_US = 1_000
"""So long a slow device takes for each word that it makes as it is read."""

Cells = dict[str, Cell]
_BURSTS: Final = "fails-in-bursts"
_FIRST: Final = "refuses-first-reads"
_WITHOUT: Final[Mapping[str, tuple[str, ...]]] = {
    "without-energy": ("energy", "heartbeat"),
    "closes-on-unknown": ("ev_soc", "smart_vehicle"),
}
_HEX_A: Final = 0x0A


@dataclass(frozen=True, slots=True)
class Odd:
    """A box with quirks, and the cells that its registers would have without."""

    sheet: Datasheet
    box: Box
    cells: Mapping[str, Cell]
    clock: Clock
    meter: PhaseMeter | None


def odd_cells(odd: Odd) -> Cells:
    """The registers that are otherwise than ``odd.cells``."""
    found: Cells = {}
    for quirk in odd.box.quirks:
        found |= {name: Cell(_refuse) for name in _WITHOUT.get(quirk, ())}
        if quirk in _CELLS:
            found |= _CELLS[quirk](odd)
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


def _refuse() -> int:
    raise Refused(ADDRESS)


# -- states ----------------------------------------------------------------------------------------------------------


def _e_in_b(odd: Odd) -> Cells:
    """A car that waits is shown as E."""
    assert odd.sheet.states is not None
    cell, box = odd.cells[odd.sheet.states.register], odd.box
    return {odd.sheet.states.register: Cell(lambda: "E" if box.pilot is Pilot.B else cell.get())}


def _hex(odd: Odd) -> Cells:
    """The state as the hexadecimal digit of its letter."""
    assert odd.sheet.states is not None
    name, box = odd.sheet.states.register, odd.box
    letters = [letter for letter, _ in odd.sheet.states.cases]

    def get() -> int:
        letter = box.pilot.value if box.pilot.value in letters else "A" if box.car is None else "B"
        return _HEX_A + ord(letter) - ord("A")

    return {name: Cell(get)}


def _charging_in_b(odd: Odd) -> Cells:
    """A car that is offered current and takes none is shown as one that charges."""
    assert odd.sheet.states is not None
    name, box = odd.sheet.states.register, odd.box
    code = odd.sheet.states.shows("C")[name]
    assert isinstance(code, int)
    shown, cell = house(odd.sheet.register(name), code), odd.cells[name]
    return {name: Cell(lambda: shown if box.pilot is Pilot.B and box.granted_ma else cell.get())}


# -- what is measured ------------------------------------------------------------------------------------------------


def _power_missing(odd: Odd) -> Cells:
    register, cell, clock = odd.sheet.register("power"), odd.cells["power"], odd.clock
    none = int(register.absent or 0) * register.scale.numerator // register.scale.denominator
    return {"power": Cell(lambda: none if burst(clock.now_us) else cell.get())}


def _wrong_currents(odd: Odd) -> Cells:
    """Currents of a car that does not charge."""
    assert odd.sheet.meter is not None
    box = odd.box

    def wrong(name: str) -> Cell:
        cell, may = odd.cells[name], seen(odd.sheet.register(name), lambda: box.granted_ma)
        return Cell(lambda: cell.get() if box.pilot is Pilot.C else may.get())

    return {name: wrong(name) for name in odd.sheet.meter.currents}


class _Before:
    """A clock that is some time behind another."""

    def __init__(self, clock: Clock, by_us: int) -> None:
        self._clock, self._by_us = clock, by_us

    @property
    def now_us(self) -> int:
        return max(0, self._clock.now_us - self._by_us)

    def advance(self, to_us: int) -> int:
        return self._clock.advance(to_us)


def _torn(odd: Odd) -> Cells:
    """The words of a number are made one after the other, the last of them now."""
    if odd.meter is None:
        return {}
    before = measured(odd.sheet, odd.meter, _Before(odd.clock, WORD_US))

    def torn(register: Register, now: Cell, then: Cell) -> Cell:
        def get() -> int | str:
            value, high = now.get(), then.get()
            if value == high:
                return value
            mixed = decode(register, (encode(register, high)[0], encode(register, value)[1]))
            assert isinstance(mixed, int), f"{register.name} is a number"
            return mixed

        return Cell(get)

    numbers = [one for one in odd.sheet.registers if one.name in before and one.count == 2]
    return {one.name: torn(one, odd.cells[one.name], before[one.name]) for one in numbers}


def _overflow(odd: Odd) -> Cells:
    """What does not fit into one word with a sign shows as -1."""
    if odd.meter is None:
        return {}
    ones = {one.name: one for one in odd.sheet.registers if one.type == "i16" and not one.writes}
    wide = replace(odd.sheet, registers=tuple(replace(one, type="i32", count=2) for one in odd.sheet.registers))
    whole = {name: cell for name, cell in measured(wide, odd.meter, odd.clock).items() if name in ones}

    def fitting(register: Register, cell: Cell) -> Cell:
        low, high = (house(register, raw) for raw in raw_range(register))

        def get() -> int:
            value = cell.get()
            assert isinstance(value, int), f"{register.name} is a number"
            return value if low <= value <= high else house(register, -1)

        return Cell(get)

    return {name: fitting(ones[name], cell) for name, cell in whole.items()}


# -- what can be written ---------------------------------------------------------------------------------------------


def _phases_of(odd: Odd) -> Phases:
    assert odd.sheet.control is not None
    assert odd.sheet.control.phases is not None, f"{odd.sheet.name} changes phases"
    return odd.sheet.control.phases


def _three_shown(odd: Odd) -> Cells:
    phases = _phases_of(odd)
    return {phases.shown: Cell(lambda: phases.shown_three)}


def _switch_lost(odd: Odd) -> Cells:
    """A day after it was switched on the phases cannot be changed any more."""
    box, clock, name = odd.box, odd.clock, _phases_of(odd).register
    cell = odd.cells[name]

    def lost() -> bool:
        return clock.now_us - box.idle.power_on_us >= DAY_US

    def put(value: int) -> None:
        if not lost() and cell.set is not None:
            cell.set(value)

    return {"phases_switchable": Cell(lambda: int(not lost())), name: Cell(cell.get, put)}


def _forgets_at_start(odd: Odd) -> Cells:
    """Charging that is started goes on at the limit and on the phases of a start."""
    control, box, clock = odd.sheet.control, odd.box, odd.clock
    assert control is not None
    found: Cells = {}
    for name, raw in control.resume:
        cell, goes = odd.cells[name], house(odd.sheet.register(name), raw)

        def put(value: int, cell: Cell = cell, goes: int = goes) -> None:
            starts = value == goes and cell.get() != goes
            assert cell.set is not None
            cell.set(value)
            if starts:
                box.limit_ma = box.clip(box.def_limit_ma)
                box.select_relay(clock.now_us, 0)

        found[name] = Cell(cell.get, put, cell.accepts)
    return found


def _deaf_to_writes(odd: Odd) -> Cells:
    """What is written is answered, and nothing comes of it."""
    writable = (one.name for one in odd.sheet.registers if one.writes)
    return {name: Cell(odd.cells[name].get, lambda _value: None) for name in writable}


def _asks_leave(odd: Odd) -> Cells:
    """The state asks for leave, and takes it."""
    assert odd.sheet.states is not None
    name, box = odd.sheet.states.register, odd.box
    assert isinstance(box, MoodyBox), f"{name} asks for leave"
    node, cell = box.node, odd.cells[name]
    assert node is not None, f"{name} asks for leave"

    def get() -> int | str:
        asked = node.asks(box)
        return cell.get() if asked is None else asked

    return {name: Cell(get, lambda code: node.give(code, box))}


_CELLS: Final[Mapping[str, Callable[[Odd], Cells]]] = {
    "shows-e-without-fault": _e_in_b,
    "state-in-hex": _hex,
    "charging-without-power": _charging_in_b,
    "power-missing-at-times": _power_missing,
    "currents-wrong-unless-charging": _wrong_currents,
    "torn-numbers": _torn,
    "overflow-reads-minus-one": _overflow,
    "wrong-phase-state": _three_shown,
    "loses-phase-switch": _switch_lost,
    "forgets-limit-at-start": _forgets_at_start,
    "ignores-writes": _deaf_to_writes,
    ASKS_LEAVE: _asks_leave,
}
NAMES: Final = (*_CELLS, *_WITHOUT, _BURSTS, _FIRST)
