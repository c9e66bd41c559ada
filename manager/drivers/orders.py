"""The writes that a datasheet's ``control`` block makes of a limit, by its style; sans-IO.

Three styles, and all round down: boxes that a limit of 0 stops, boxes that a certain number in place of the limit stops,
and boxes that are paused by registers of their own; the last two are never told 0. In no style does a box hear that it may
charge before it has heard how much.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final, Protocol

from chargebench.datasheets.behaviour import Writes
from chargebench.datasheets.codec import down_to_step, encode
from chargebench.datasheets.model import Datasheet, Register
from chargebench.manager.drivers.base import ON, Answers, Write
from chargebench.manager.drivers.fields import Fields, plain

AMPS_MOST: Final = 100_000
FORGETS_AT_START: Final = "forgets-limit-at-start"
WHOLE_AMPERES: Final = "whole-amperes"
WHOLE_AMPERE_MA: Final = 1_000


class Style(Protocol):
    """One way of telling a box its limit. ``names``: the registers that tell how it stands, none where nothing does."""

    @property
    def names(self) -> tuple[str, ...]: ...
    def writes(self, limit_ma: int) -> tuple[Write, ...]: ...
    def shown_ma(self, fields: Fields, answers: Answers) -> int: ...


class Limits:
    """The registers of the limit, written one after the other."""

    def __init__(self, sheet: Datasheet) -> None:
        assert sheet.control is not None
        self._registers = [verified(sheet, name) for name in sheet.control.limit.registers]
        self._step_ma = step_ma(sheet)
        self.minimum_ma, self._most_ma = sheet.limit("minimum_ma"), sheet.limit("maximum_ma")
        self.shown = sheet.control.limit.shown

    def writes(self, limit_ma: int) -> tuple[Write, ...]:
        """``limit_ma`` down to the step, and to what the box bears; ``ValueError`` for what is neither 0 nor at least the minimum."""
        if limit_ma and limit_ma < self.minimum_ma:
            raise ValueError(f"a limit is 0 or at least {self.minimum_ma} mA, got {limit_ma} mA")
        most_ma = min(limit_ma, self._most_ma)
        down_ma = most_ma - most_ma % self._step_ma
        return tuple(write_of(one, down_to_step(one, down_ma)) for one in self._registers)

    def shown_ma(self, fields: Fields, answers: Answers) -> int:
        return fields.bounded(self.shown, answers, 0, AMPS_MOST)


class ByLimit:
    """A limit of 0 stops the box."""

    def __init__(self, sheet: Datasheet) -> None:
        self._limits = Limits(sheet)
        self.names = (self._limits.shown,) if self._limits.shown else ()

    def writes(self, limit_ma: int) -> tuple[Write, ...]:
        return self._limits.writes(limit_ma)

    def shown_ma(self, fields: Fields, answers: Answers) -> int:
        return self._limits.shown_ma(fields, answers)


class ByRelease:
    """It is paused and resumed by registers of their own. One that must be led out of its failsafe hears all of that at once.

    One that may forget its limit as it starts is told it again after that.
    """

    def __init__(self, sheet: Datasheet) -> None:
        assert sheet.control is not None
        self._limits = Limits(sheet)
        self._pause = tuple(raw_write(sheet, name, raw) for name, raw in sheet.control.pause)
        self._resume = tuple(raw_write(sheet, name, raw) for name, raw in sheet.control.resume)
        self._leave: tuple[Write, ...] = ()
        dog = sheet.watchdog
        if dog is not None and dog.recovery and dog.value is not None and dog.register in dog.recovery:
            self._leave = (raw_write(sheet, dog.register, dog.value),)
        self._again = lists(sheet, FORGETS_AT_START)
        self._paused = dict(sheet.control.pause)
        readable = all(sheet.register(name).readable for name in self._paused)
        self.names = (self._limits.shown, *self._paused) if self._limits.shown and readable else ()

    def writes(self, limit_ma: int) -> tuple[Write, ...]:
        """The limit before the release. While paused, a box that must be led out hears its least, which it does not use."""
        if limit_ma:
            limit = self._limits.writes(limit_ma)
            return (*self._leave, *limit, *self._resume, *(limit if self._again else ()))
        if self._leave:
            return (*self._pause, *self._leave, *self._limits.writes(self._limits.minimum_ma))
        return self._pause

    def shown_ma(self, fields: Fields, answers: Answers) -> int:
        if all(fields.raw(name, answers) == raw for name, raw in self._paused.items()):
            return 0
        return self._limits.shown_ma(fields, answers)


class ByCode:
    """A number in place of the limit stops it, such as a duty cycle of 100 %; the next limit lets it charge again."""

    def __init__(self, sheet: Datasheet) -> None:
        assert sheet.control is not None
        limit = sheet.control.limit
        self._limits = Limits(sheet)
        self._stops = dict(sheet.control.stops)
        self._pause = tuple(raw_write(sheet, name, raw) for name, raw in self._stops.items())
        self.names = (limit.shown,) if limit.shown else ()
        self._mask = limit.mask
        self._scale = sheet.register(limit.shown).scale if limit.shown else Fraction(1)

    def writes(self, limit_ma: int) -> tuple[Write, ...]:
        return self._limits.writes(limit_ma) if limit_ma else self._pause

    def shown_ma(self, fields: Fields, answers: Answers) -> int:
        """What the register shows, 0 where that stops the box; ``ValueError`` where it cannot be."""
        raw = fields.raw(self._limits.shown, answers)
        assert isinstance(raw, int), "a register in mA holds a number"
        counted = raw & self._mask if self._mask else raw
        shown_ma = 0 if counted in self._stops.values() else int(counted * self._scale)
        if not 0 <= shown_ma <= AMPS_MOST:
            raise ValueError(f"{self._limits.shown} is {shown_ma} mA, beyond 0 to {AMPS_MOST}")
        return shown_ma


def style_of(sheet: Datasheet) -> Style:
    """The style of a sheet; ``ValueError`` where it does not say how to stop the box, or nobody has checked it."""
    control = sheet.control
    if control is None or sheet.states is None:
        part = f"its part {sheet.part} has no limit; another part of the device has" if sheet.part else ""
        raise ValueError(f"{sheet.name}: {part or 'how it is told its limit is not known'}")
    if control.pause and control.resume:
        return ByRelease(sheet)
    if control.stops:
        return ByCode(sheet)
    if control.limit.zero != "stops":
        limit = " and ".join(control.limit.registers)
        raise ValueError(f"{sheet.name}: nobody knows what 0 in {limit} does, and no other register stops it")
    return ByLimit(sheet)


def lists(sheet: Datasheet, quirk: str) -> bool:
    """Whether a device may have a quirk: as nobody tells whether this one has it, it is driven so that it may."""
    return any(one.name == quirk for one in sheet.quirks)


def step_ma(sheet: Datasheet) -> int:
    """In which steps it is told a limit: whole amperes, where it may take no others."""
    step = sheet.limit("step_ma")
    return max(step, WHOLE_AMPERE_MA) if lists(sheet, WHOLE_AMPERES) else step


def verified(sheet: Datasheet, name: str) -> Register:
    """A register that may be written; ``ValueError`` for one that nobody has checked."""
    register = sheet.register(name)
    if register.unverified:
        raise ValueError(f"{sheet.name}: {name} is unverified and must not be used")
    if not register.writes:
        raise ValueError(f"{sheet.name}: {name} cannot be written")
    return register


def write_of(register: Register, value: int) -> Write:
    """The request that writes ``value``, by the function that the box knows for it."""
    words = encode(register, value)
    if register.table == "coil":
        return Write(5, register.at, (ON * bool(words[0]),))
    return Write(6 if len(words) == 1 and 6 in register.writes else 16, register.at, words)


def raw_write(sheet: Datasheet, name: str, raw: int) -> Write:
    """The request that writes a raw number; ``ValueError`` for a register that nobody has checked."""
    return write_of(plain(verified(sheet, name)), raw)


def waking(sheet: Datasheet) -> tuple[Write, ...]:
    """What wakes a car that sleeps; nothing where the box cannot, or nobody has checked how."""
    names = sheet.control.wake if sheet.control is not None else ()
    return () if any(sheet.register(name).unverified for name, _ in names) else raw_writes(sheet, names)


def raw_writes(sheet: Datasheet, writes: Writes) -> tuple[Write, ...]:
    return tuple(raw_write(sheet, name, raw) for name, raw in writes)
