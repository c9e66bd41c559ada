"""Registers by name: what to ask a device for, and how their values come out of the answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Final

from chargebench.datasheets.codec import absence, decode, scaled
from chargebench.datasheets.model import Datasheet, Register
from chargebench.datasheets.plan import plan
from chargebench.manager.drivers.base import Answers, Read

KNOWN_MOST: Final = 64

METER_AMPS_MOST: Final = 1_000_000
METER_WATTS_MOST: Final = 700_000
METER_ENERGY_MOST: Final = 10_000_000_000
"""Beyond them lies no reading of a meter of a house."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a register stands in the answer to a read, from ``first`` to before ``after``, and the words that there stand
    for "no value".

    ``known``: what words meant when they last came; most answers are as the one before.
    """

    register: Register
    read: Read
    first: int
    after: int
    sentinels: frozenset[tuple[int, ...]]
    known: dict[tuple[int, ...], int] = field(default_factory=dict)

    @property
    def plain(self) -> Register:
        """The register with raw numbers as its values."""
        return plain(self.register)


class Fields:
    """Some registers of one datasheet. ``reads`` are the requests that fetch them all.

    ``ValueError`` for a register that the sheet calls unverified: no limit may hang on what nobody has checked.
    """

    def __init__(self, sheet: Datasheet, names: Sequence[str], *, max_gap: int = 0) -> None:
        exponents = [sheet.register(name).exponent for name in names]
        names = tuple(dict.fromkeys([*names, *(one for one in exponents if one)]))
        self.reads = tuple(Read(*run) for run in plan(sheet, names, max_gap=max_gap))
        self._places = {name: _place(sheet, name, self.reads) for name in names}

    def words(self, name: str, answers: Answers) -> tuple[int, ...] | None:
        """The words of a register as they came; None if they did not come."""
        place = self._places[name]
        answer = answers.get(place.read)
        return None if answer is None else answer[place.first : place.after]

    def number(self, name: str, answers: Answers) -> int:
        """The value in house units; ``ValueError`` if it did not come or stands for "no value"."""
        place = self._places[name]
        answer = answers.get(place.read)
        if answer is None:
            raise ValueError(f"{name} was not answered")
        words = answer[place.first : place.after]
        known = place.known.get(words)
        if known is not None:
            return known
        if words in place.sentinels:
            raise ValueError(f"{name} is {_hex(words)}, which stands for no value")
        value = self._decoded(place, words, answers)
        if isinstance(value, int):
            if place.register.exponent:
                return value
            if len(place.known) >= KNOWN_MOST:
                place.known.clear()
            place.known[words] = value
            return value
        raise ValueError(f"{name} is {_hex(words)}, which is no number")

    def _decoded(self, place: Place, words: tuple[int, ...], answers: Answers) -> int | str | None:
        register = place.register
        if register.exponent:
            register = scaled(register, self.number(register.exponent, answers))
        if tiny(register, words):
            raise ValueError(f"{register.name} is {_hex(words)}: its words stand the other way round than they should")
        return decode(register, words)

    def raw(self, name: str, answers: Answers) -> int | str | None:
        """The raw number or the text; None for what is neither. ``ValueError`` if it did not come."""
        words = self.words(name, answers)
        if words is None:
            raise ValueError(f"{name} was not answered")
        return decode(self._places[name].plain, words)

    def there(self, name: str, answers: Answers) -> bool:
        """Whether the words came and stand for a value."""
        words = self.words(name, answers)
        if words is None or words in self._places[name].sentinels:
            return False
        return decode(self._places[name].plain, words) is not None

    def bounded(self, name: str, answers: Answers, low: int, high: int) -> int:
        """``number`` within physics; ``ValueError`` beyond."""
        place = self._places[name]
        answer = answers.get(place.read)
        value = None if answer is None else place.known.get(answer[place.first : place.after])
        if value is None:
            value = self.number(name, answers)
        if not low <= value <= high:
            raise ValueError(f"{name} is {value} {self._places[name].register.unit}, beyond {low} to {high}")
        return value


def _place(sheet: Datasheet, name: str, reads: Sequence[Read]) -> Place:
    register = sheet.register(name)
    if register.unverified:
        raise ValueError(f"{sheet.name}: {name} is unverified and must not be used")
    read = next(
        one for one in reads if one.table == register.table and one.address <= register.at < one.address + one.count
    )
    start = register.at - read.address
    none = sentinels(register)
    if register.absent is not None:
        none |= {absence(replace(register, absent=bits)) for bits in (register.absent, *register.also_absent)}
    return Place(register, read, start, start + register.count, none)


def tiny(register: Register, words: Sequence[int]) -> bool:
    """Whether a float is a number that no device measures, below 10^-37 and not 0: an ordinary one in the wrong order of words."""
    if register.type not in {"f32", "f64"} or register.swapped:
        return False
    first, *others = reversed(words) if register.little else words
    exponent = 0x7F80 if register.type == "f32" else 0x7FF0
    return not first & exponent and any((first & ~exponent & 0x7FFF, *others))


def plain(register: Register) -> Register:
    """``register`` with raw numbers as its values."""
    return replace(register, unit="", scale=Fraction(1), exponent="", low=None, high=None, step=None, absent=None)


def sentinels(register: Register) -> frozenset[tuple[int, ...]]:
    """The words that makers write for "not there": 0x7FFF…, 0x8000… and, where there is no sign, 0xFFFF…."""
    if register.type not in {"u16", "i16", "u32", "i32", "u64", "i64"}:
        return frozenset()
    rest = register.count - 1
    found = [(0x7FFF, *(0xFFFF,) * rest), (0x8000, *(0,) * rest)]
    if register.type.startswith("u"):
        found.append((0xFFFF,) * register.count)
    return frozenset(tuple(reversed(words)) if register.little else words for words in found)


def _hex(words: Sequence[int]) -> str:
    return " ".join(f"{word:04x}" for word in words)
