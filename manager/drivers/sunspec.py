"""A meter by the rules of SunSpec: its map is looked for, walked over model by model, and read where the meter's model is.

Nothing of a map is believed that need not be: the walk only goes up, ends after a bounded number of models, and takes a
model for a meter only where its length covers what is read. What was found is checked with every reading, since id and
length are read along with the values; so a map is looked for anew only once it is elsewhere. Of several meters in one
map the first is read. A model of another number with the same layout may have fewer phases.

A phase without a power of its own has a current without a direction, which counts as drawn. An energy that is not there is
none; currents or a power that are not there are no reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from chargebench.datasheets.model import Datasheet, Meter, Register, SunSpec
from chargebench.manager.drivers.base import Answers, Elsewhere, MeterDriver, Read
from chargebench.manager.drivers.fields import METER_WATTS_MOST
from chargebench.manager.drivers.sheet_meter import SheetMeter, block_of
from chargebench.manager.readings import MeterReading

SUNS: Final = (0x5375, 0x6E53)
COMMON: Final = 1
COMMON_LENGTHS: Final = (65, 66)
END: Final = 0xFFFF
MODELS_MOST: Final = 32
WORDS: Final = 0x10000


class Found(NamedTuple):
    """Where a model of a meter stands: the address of its id, its id and its length."""

    at: int
    model: int
    length: int


class SunSpecMeter:
    """One meter whose place is not known; as a driver by itself it reads the place that the sheet has."""

    def __init__(self, sheet: Datasheet) -> None:
        block, sunspec = block_of(sheet), sheet.sunspec
        if sunspec is None:
            raise ValueError(f"{sheet.name}: where its map may begin is not known")
        self._sheet, self._sunspec = sheet, sunspec
        model, length = sunspec.models[-1]
        self._phases = {model: block.phases, **dict(sunspec.alike)}
        usual = Found(sunspec.start(model), model, length)
        self._usual = WholeMeter(sheet, usual, block.phases)
        self._length = self._usual.end - usual.at - 2

    def reads(self) -> tuple[Read, ...]:
        """What is read every cycle, where the map is as the sheet has it."""
        return self._usual.reads()

    def understand(self, at_us: int, answers: Answers) -> MeterReading:
        """As ``PlacedMeter`` has it."""
        return self._usual.understand(at_us, answers)

    def seek(self, heard: Answers) -> Read | None:
        """What to ask next; None where the meter is found. ``ValueError`` says why there is none."""
        found = self._search(heard)
        return found if isinstance(found, Read) else None

    def placed(self, heard: Answers) -> MeterDriver:
        """The driver of the meter that was found."""
        found = self._search(heard)
        assert isinstance(found, Found), "nobody asks for a driver before the meter is found"
        return WholeMeter(self._sheet, found, self._phases[found.model])

    def _search(self, heard: Answers) -> Read | Found:
        for base in self._sunspec.bases:
            mark = Read("holding", base, 4)
            words = heard.get(mark)
            if words is None:
                return mark
            if len(words) == mark.count and tuple(words[:2]) == SUNS:
                return self._walk(base, words[2], words[3], heard)
        *others, last = map(str, self._sunspec.bases)
        raise ValueError(f"no map of SunSpec at {', '.join(others)}{' or ' if others else ''}{last}")

    def _walk(self, base: int, model: int, length: int, heard: Answers) -> Read | Found:
        """The next head of a model to ask for, or the meter."""
        if model != COMMON or length not in COMMON_LENGTHS:
            raise ValueError(
                f"the map at {base} begins with model {model} of length {length}, not with model 1 of 65 or 66"
            )
        at, passed = base + 2, list[int]()
        while len(passed) < MODELS_MOST:
            if model in self._phases:
                return self._meter(Found(at, model, length))
            if model == END:
                raise ValueError(f"the map at {base} has no meter that can be read, only {_models(passed)}")
            if length == 0:
                raise ValueError(f"model {model} at {at} has a length of 0, so nobody knows where the next one is")
            passed.append(model)
            at += 2 + length
            head = Read("holding", at, 2)
            if at + head.count > WORDS:
                raise ValueError(f"the map at {base} leads beyond the last address, after {_models(passed)}")
            words = heard.get(head)
            if words is None:
                return head
            if len(words) != head.count:
                raise ValueError(f"the map at {base} breaks off at {at}, after {_models(passed)}")
            model, length = words
        raise ValueError(f"the map at {base} has no end: {MODELS_MOST} models and no meter among them")

    def _meter(self, found: Found) -> Found:
        if found.length < self._length:
            raise ValueError(
                f"model {found.model} at {found.at} has a length of {found.length}, and {self._length} words are needed"
            )
        if found.at + 2 + self._length > WORDS:
            raise ValueError(f"model {found.model} at {found.at} leads beyond the last address")
        return found


def _models(passed: Sequence[int]) -> str:
    return f"model{'s' if len(passed) > 1 else ''} {', '.join(map(str, passed))}"


class PlacedMeter(SheetMeter):
    """The meter that was found at a place. ``gap``: how many words that are not needed a read may cross."""

    def __init__(self, sheet: Datasheet, found: Found, phases: int, gap: int = 0) -> None:
        assert sheet.sunspec is not None
        self._found = found
        moved = _moved(sheet, sheet.sunspec, found, phases)
        self._head = tuple(one.name for one in moved.registers[:2])
        super().__init__(moved, self._head, gap)
        self._exponent = moved.register(self._meter.imported).exponent

    @property
    def end(self) -> int:
        """The address behind the last word that is read."""
        return max(read.address + read.count for read in self.reads())

    def understand(self, at_us: int, answers: Answers) -> MeterReading:
        """``Elsewhere`` where another model stands at its place; ``ValueError`` for what is no number or beyond any house."""
        head = tuple(self._fields.raw(name, answers) for name in self._head)
        if head != self._found[1:]:
            model, length = head
            raise Elsewhere(
                f"at {self._found.at} stands model {model} of length {length}, and model {self._found.model} of length"
                f" {self._found.length} stood there"
            )
        return super().understand(at_us, answers)

    def _watts(self, k: int, answers: Answers) -> int | None:
        name = self._meter.powers[k]
        if not self._fields.there(name, answers):
            return None
        return self._fields.bounded(name, answers, -METER_WATTS_MOST, METER_WATTS_MOST)

    def _energy(self, answers: Answers) -> int | None:
        names = (self._meter.imported, self._exponent)
        return super()._energy(answers) if all(self._fields.there(name, answers) for name in names) else None


class WholeMeter(PlacedMeter):
    """It with one request that tells its head and everything that is measured."""

    def __init__(self, sheet: Datasheet, found: Found, phases: int) -> None:
        super().__init__(sheet, found, phases, sheet.max_read)
        self._sheet, self._phases_there = sheet, phases

    def divided(self) -> PlacedMeter:
        """It in small requests, where some refuse so large a one; values and their exponent still come in one."""
        return PlacedMeter(self._sheet, self._found, self._phases_there)


def _moved(sheet: Datasheet, sunspec: SunSpec, found: Found, phases: int) -> Datasheet:
    """The model of the meter alone, as it stands where it was found, id and length first."""
    model, length = sunspec.models[-1]
    start = sunspec.start(model)
    registers = sorted(
        (replace(one, at=one.at - start + found.at) for one in sheet.registers if _inside(one, start, length)),
        key=lambda one: one.at,
    )
    return replace(sheet, registers=tuple(registers), meter=_narrowed(block_of(sheet), phases))


def _inside(register: Register, start: int, length: int) -> bool:
    return register.table == "holding" and start <= register.at < start + 2 + length


def _narrowed(block: Meter, phases: int) -> Meter:
    """What is measured by a meter of so many phases."""
    return replace(
        block,
        phases=phases,
        voltages=block.voltages[:phases],
        currents=block.currents[:phases],
        powers=block.powers[:phases],
        imports=block.imports[:phases],
        exports=block.exports[:phases],
    )
