"""Quirks by name: which there are, which a device usually has, and what those make of its datasheet.

A name stands for the same on every device that has it. What a quirk makes of registers stands in ``odd_cells``, of answers on
the wire in ``odd_answers``, and what a box does by itself in ``emulator/moods.py``; a name that is in none of them is not
known, and no sheet may have it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Final

from chargebench.datasheets.model import Datasheet, Register
from chargebench.emulator.devices.sunspec import begins_at, one_phase, without_phase_powers
from chargebench.emulator.flow import SECOND_US

ANSWERS_WITH_GT: Final = "answers-with-gt"
"""Of its frames on the line, not of its registers."""

BURST_US, BURST_EVERY_US = 20 * SECOND_US, 600 * SECOND_US
TEN_WORDS: Final = 10

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


def _single_writes(sheet: Datasheet) -> Datasheet:
    return replace(sheet, writes=tuple(sorted({*sheet.writes, 6})))


def _whole_amperes(sheet: Datasheet) -> Datasheet:
    limits = tuple((name, 1_000 if name == "step_ma" else value) for name, value in sheet.limits)
    return replace(_of(("current_limit",), step=1_000)(sheet), limits=limits)


def _other_sign(sheet: Datasheet) -> Datasheet:
    assert sheet.meter is not None, f"{sheet.name} measures something"
    return replace(sheet, meter=replace(sheet.meter, sign="import" if sheet.meter.sign == "export" else "export"))


def _short_common(sheet: Datasheet) -> Datasheet:
    """Model 1 without its pad: all that follows it stands one lower."""
    assert sheet.sunspec is not None, f"{sheet.name} is a map of models"
    (common, length), *others = sheet.sunspec.models
    end = sheet.sunspec.start(common) + 2 + length
    kept = [one for one in sheet.registers if one.at != end - 1]
    moved = [replace(one, at=one.at - 1) if one.at >= end else one for one in kept]
    told = [replace(one, default=length - 1) if one.at == sheet.sunspec.start(common) + 1 else one for one in moved]
    models = ((common, length - 1), *others)
    return replace(sheet, registers=tuple(told), sunspec=replace(sheet.sunspec, models=models))


def _without_heartbeat(sheet: Datasheet) -> Datasheet:
    """What cannot be fed is fed by nothing that is known."""
    assert sheet.watchdog is not None, f"{sheet.name} has a watchdog"
    return replace(sheet, watchdog=replace(sheet.watchdog, kind="unknown", register="", recovery=()))


CHANGES: Final[Mapping[str, Change]] = {
    "low-word-first": _registers(_low_word_first),
    "bytes-swapped": _registers(lambda one: replace(one, swapped=not one.swapped)),
    "hundredth-amperes": _of(("current",), scale=Fraction(10), step=10),
    "tenth-amperes": _of(("max_current",), scale=Fraction(100), step=100),
    "counts-whole-wh": _of(("energy", "session_energy"), scale=Fraction(1)),
    "whole-amperes": _whole_amperes,
    "refuses-writes": _read_only,
    "wears-by-volatile": _of(("ampere_volatile",), stores="flash"),
    "zero-for-unknown": lambda sheet: replace(sheet, reading=replace(sheet.reading, gaps="zero")),
    "without-energy": _without_heartbeat,
    "ten-words-a-read": lambda sheet: replace(sheet, max_read=TEN_WORDS),
    "power-of-other-sign": _other_sign,
    "short-common-model": _short_common,
    "begins-at-0": begins_at(0),
    "begins-at-50000": begins_at(50_000),
    "one-phase": one_phase,
    "without-phase-powers": without_phase_powers,
}
UNLESS: Final[Mapping[str, Change]] = {"without-function-6": _single_writes}
"""What becomes of the sheet of a device that might have the quirk and has it not."""


def named(sheet: Datasheet) -> tuple[str, ...]:
    """Those of its quirks that can be switched."""
    return tuple(one.name for one in sheet.quirks if one.name)


def usual(sheet: Datasheet) -> tuple[str, ...]:
    """Those of them that every such device has."""
    return tuple(one.name for one in sheet.quirks if one.name and not one.rare)


def at_work(sheet: Datasheet, quirks: Sequence[str]) -> Datasheet:
    """The sheet of a device that has these of its quirks, and no other."""
    for name in named(sheet):
        change = (CHANGES if name in quirks else UNLESS).get(name)
        sheet = sheet if change is None else change(sheet)
    return sheet


def burst(at_us: int) -> bool:
    """Whether something fails now that does at times: for 20 s in every 10 min, first after 5."""
    return (at_us + BURST_EVERY_US // 2) % BURST_EVERY_US < BURST_US
