"""The writes that a datasheet's ``control`` block makes of a limit, by its style; sans-IO.

Two styles, and both round down: boxes that a limit of 0 stops, and boxes that are paused by registers of their own,
which are never told 0. In no style does a box hear that it may charge before it has heard how much.
"""

from __future__ import annotations

from typing import Final, Protocol

from chargebench.datasheets.behaviour import Writes
from chargebench.datasheets.codec import down_to_step, encode
from chargebench.datasheets.model import Datasheet, Register
from chargebench.manager.drivers.base import ON, Answers, Write
from chargebench.manager.drivers.fields import Fields, plain

AMPS_MOST: Final = 100_000


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
        self._step_ma = sheet.limit("step_ma")
        self.minimum_ma = sheet.limit("minimum_ma")
        self.shown = sheet.control.limit.shown

    def writes(self, limit_ma: int) -> tuple[Write, ...]:
        """``limit_ma`` down to the step; ``ValueError`` for what is neither 0 nor at least the minimum."""
        if limit_ma and limit_ma < self.minimum_ma:
            raise ValueError(f"a limit is 0 or at least {self.minimum_ma} mA, got {limit_ma} mA")
        down_ma = limit_ma - limit_ma % self._step_ma
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
    """It is paused and resumed by registers of their own. One that must be led out of its failsafe hears all of that at once."""

    def __init__(self, sheet: Datasheet) -> None:
        assert sheet.control is not None
        self._limits = Limits(sheet)
        self._pause = tuple(raw_write(sheet, name, raw) for name, raw in sheet.control.pause)
        self._resume = tuple(raw_write(sheet, name, raw) for name, raw in sheet.control.resume)
        self._leave: tuple[Write, ...] = ()
        dog = sheet.watchdog
        if dog is not None and dog.recovery and dog.value is not None and dog.register in dog.recovery:
            self._leave = (raw_write(sheet, dog.register, dog.value),)
        self._paused = dict(sheet.control.pause)
        readable = all(sheet.register(name).readable for name in self._paused)
        self.names = (self._limits.shown, *self._paused) if self._limits.shown and readable else ()

    def writes(self, limit_ma: int) -> tuple[Write, ...]:
        """The limit before the release. While paused, a box that must be led out hears its least, which it does not use."""
        if limit_ma:
            return (*self._leave, *self._limits.writes(limit_ma), *self._resume)
        if self._leave:
            return (*self._pause, *self._leave, *self._limits.writes(self._limits.minimum_ma))
        return self._pause

    def shown_ma(self, fields: Fields, answers: Answers) -> int:
        if all(fields.raw(name, answers) == raw for name, raw in self._paused.items()):
            return 0
        return self._limits.shown_ma(fields, answers)


def style_of(sheet: Datasheet) -> Style:
    """The style of a sheet; ``ValueError`` where it does not say how to stop the box, or nobody has checked it."""
    control = sheet.control
    if control is None or sheet.states is None:
        raise ValueError(f"{sheet.name}: how it is told its limit is not known")
    if control.limit.unit:
        raise ValueError(f"{sheet.name}: it is told its limit by a broadcast, which nobody answers")
    if control.pause and control.resume:
        return ByRelease(sheet)
    if control.limit.zero != "stops":
        raise ValueError(f"{sheet.name}: how it is told to stop is not known")
    return ByLimit(sheet)


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


def raw_writes(sheet: Datasheet, writes: Writes) -> tuple[Write, ...]:
    return tuple(raw_write(sheet, name, raw) for name, raw in writes)
