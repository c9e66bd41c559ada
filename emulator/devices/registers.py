"""Any part of any datasheet as a device: words in and out, values from named getters and to named setters.

What a register map leaves open is decided here, once:

- A read that starts in a hole, or ends beyond the last register of the table, is refused with 02; holes inside a block, and
  registers that can only be written, read 0, or as no value where the datasheet tells so. Parts of a wide value may be read.
- A read of more words than the datasheet allows is refused with 02, as was seen on real meters.
- A write must hit whole registers that can be written: a hole or a read-only register is refused with 02, half of a wide
  value with 03 (the address is right, the value incomplete), and so is a value out of range, between steps or without a
  name where all have one. Nothing is written unless everything can be.
- Getters are called when a register is read; nothing is copied about.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from chargebench.datasheets.codec import decode, encode, value_range
from chargebench.datasheets.model import Datasheet, Register, Table
from chargebench.emulator.device import Device, Refused

ADDRESS, VALUE = 2, 3
NO_VALUE = 0xFFFF
NO_NUMBER = 0x7FFF  # twice that is no number as a float, and alone what SunSpec has for none
BLOCKS_KEPT = 64


class Clock(Protocol):
    """What a device needs of the world around it."""

    @property
    def now_us(self) -> int: ...

    def advance(self, to_us: int) -> int:
        """Move the world; returns when it would next change by itself."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands behind a register, in house units. ``accepts``: whether a value in range may be written now."""

    get: Callable[[], int | str]
    set: Callable[[int], None] | None = None
    accepts: Callable[[int], bool] = lambda _value: True


@dataclass(frozen=True, slots=True)
class Hooks:
    """Whom an access concerns: ``heard`` (when) at each, also a refused one; ``wrote`` (when, register, value), ``done`` (when).

    ``hears`` (when) is asked of a drowsy device only: whether it hears the request that comes now.
    """

    heard: Callable[[int], None]
    wrote: Callable[[int, str, int], None]
    done: Callable[[int], None]
    hears: Callable[[int], bool] = lambda _at_us: True


def kept(value: int) -> Cell:
    """A register that keeps what is written and means nothing more."""
    memory = [value]

    def write(new: int) -> None:
        memory[0] = new

    return Cell(lambda: memory[0], write)


def constant(value: int | str) -> Cell:
    return Cell(lambda: value)


class SheetDevice:
    """One logical device. Registers without a cell hold their default; one with neither is our mistake.

    ``flash_writes`` counts writes to registers that wear the flash, ``early_writes`` those that came sooner than the device
    wants them. ``also``: what it is at other units beside its own. ``ignores``: it answers writes and does nothing;
    ``numbers``: False while it answers reads with what is no number.
    """

    def __init__(self, sheet: Datasheet, cells: Mapping[str, Cell], clock: Clock, hooks: Hooks) -> None:
        self.functions = (*sheet.reads, *sheet.writes)
        self.flash_writes = self.early_writes = 0
        self.also: dict[int, Device] = {}
        self.ignores, self.numbers = False, True
        self._sheet, self._clock, self._hooks = sheet, clock, hooks
        strange = sorted(cells.keys() - {one.name for one in sheet.registers})
        assert not strange, f"{sheet.name} has no {', '.join(strange)}"
        self._cells = {one.name: cells.get(one.name) or _default(one) for one in sheet.registers}
        self._tables: dict[Table, list[Register]] = {}
        for one in sorted(sheet.registers, key=lambda register: register.at):
            self._tables.setdefault(one.table, []).append(one)
        self._starts = {table: [one.at for one in registers] for table, registers in self._tables.items()}
        self._shown = {one.name: _Shown(one, self._cells[one.name].get) for one in sheet.registers}
        self._fitting: dict[str, Callable[[int], bool]] = {}
        self._blocks: dict[tuple[Table, int, int], _Block] = {}
        self._filler = NO_VALUE if sheet.reading.gaps == "filled" else 0

    def advance(self, now_us: int) -> int:
        """Move the whole world to ``now_us``."""
        return self._clock.advance(now_us)

    def read(self, table: Table, address: int, count: int) -> Sequence[int]:
        """``count`` words from ``address``; ``Refused``."""
        self._hooks.heard(self._clock.now_us)
        block = self._blocks.get((table, address, count))
        if block is None:
            if len(self._blocks) >= BLOCKS_KEPT:
                self._blocks.clear()
            hit = [self._shown[one.name] for one in self._hit(table, address, count)]
            block = self._blocks[table, address, count] = _Block(hit, address, count, self._filler)
        values = [get() for get in block.getters]
        if values != block.values:
            block.show(values)
        return block.words[:] if self.numbers else [NO_NUMBER] * count

    def _hit(self, table: Table, address: int, count: int) -> list[Register]:
        """The registers that a read touches; ``Refused`` where it may not be."""
        registers = self._tables.get(table, [])
        if not registers or not 0 < count <= self._sheet.max_read:
            raise Refused(ADDRESS)
        first = bisect_right(self._starts[table], address) - 1
        end = address + count
        if first < 0 or address >= _end(registers[first]) or end > _end(registers[-1]):
            raise Refused(ADDRESS)
        return [one for one in registers[first:] if one.at < end]

    def write(self, table: Table, address: int, values: Sequence[int]) -> None:
        """All of ``values`` from ``address`` on, or ``Refused`` and nothing."""
        now_us = self._clock.now_us
        self._hooks.heard(now_us)
        todo = self._parse(table, address, values)
        for register, value in () if self.ignores else todo:
            setter = self._cells[register.name].set
            assert setter is not None
            setter(value)
            self.flash_writes += register.stores == "flash"
            self._hooks.wrote(now_us, register.name, value)
        self._hooks.done(now_us)

    def _parse(self, table: Table, address: int, values: Sequence[int]) -> list[tuple[Register, int]]:
        """The registers that a write hits, with the values that it means. Wrong addresses count before wrong values."""
        hit: list[Register] = []
        at, end = address, address + len(values)
        while at < end:
            register = self._at(table, at)
            if register is None or not register.writes or self._cells[register.name].set is None:
                raise Refused(ADDRESS)
            hit.append(register)
            at = _end(register)
        if any(one.at < address or _end(one) > end for one in hit):
            raise Refused(VALUE)
        return [(one, self._value(one, values[one.at - address : one.at - address + one.count])) for one in hit]

    def _at(self, table: Table, address: int) -> Register | None:
        registers = self._tables.get(table, [])
        index = bisect_right(self._starts.get(table, []), address) - 1
        return registers[index] if index >= 0 and address < _end(registers[index]) else None

    def _value(self, register: Register, words: Sequence[int]) -> int:
        """What is to be written, if that may be."""
        value = decode(register, words)
        fits = self._fitting.get(register.name)
        if fits is None:
            fits = self._fitting[register.name] = _fitting(register)
        if not isinstance(value, int) or not fits(value) or not self._cells[register.name].accepts(value):
            raise Refused(VALUE)
        return value


class _Shown:
    """A register as it is read: its words, made anew only when its value has changed."""

    __slots__ = ("get", "register", "value", "words")

    def __init__(self, register: Register, get: Callable[[], int | str]) -> None:
        self.register = register
        self.get = get if register.readable else None
        self.value: int | str | None = None
        self.words = (0,) * register.count

    def show(self, value: int | str) -> None:
        """It holds this value now."""
        if value != self.value:
            self.words = encode(self.register, value)
            self.value = value


class _Block:
    """What a read of ``count`` words is made of; its words are put together anew only when a value has changed."""

    __slots__ = ("_address", "_count", "_parts", "getters", "values", "words")

    def __init__(self, hit: Sequence[_Shown], address: int, count: int, filler: int) -> None:
        parts = [(one, one.get) for one in hit if one.get is not None]
        self._parts = [one for one, _ in parts]
        self.getters = [get for _, get in parts]
        self._address, self._count = address, count
        self.values: list[int | str] = []
        self.words = [filler] * count

    def show(self, values: list[int | str]) -> None:
        """These are the values of its registers now."""
        for shown, value in zip(self._parts, values, strict=True):
            shown.show(value)
            at, end = shown.register.at, _end(shown.register)
            first, last = max(at, self._address), min(end, self._address + self._count)
            self.words[first - self._address : last - self._address] = shown.words[first - at : last - at]
        self.values = values


class DrowsyDevice(SheetDevice):
    """A logical device that does not hear every request."""

    def hears(self, now_us: int) -> bool:
        """Whether it hears the request that has come now."""
        self._clock.advance(now_us)
        return self._hooks.hears(now_us)


def _end(register: Register) -> int:
    return register.at + register.count


def _default(register: Register) -> Cell:
    if not register.readable:
        return constant(0)
    assert register.default is not None, f"{register.name} has neither a meaning nor a default"
    return constant(register.default)


def _fitting(register: Register) -> Callable[[int], bool]:
    """Tells of a value whether it may be written: in range, on a step, with a name where all have one."""
    low, high = value_range(register)
    named = {raw * register.scale for raw, _ in register.values} if register.type != "bits" else set()

    def fits(value: int) -> bool:
        if (low is not None and value < low) or (high is not None and value > high):
            return False
        return not (register.step and value % register.step) and (not named or value in named)

    return fits
