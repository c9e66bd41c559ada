"""Any meter whose datasheet has a ``meter`` block: currents with the sign of the power of their phase, power, energy.

Where nothing tells the direction of a current it counts as drawn, which is never less than what is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from chargebench.datasheets.model import Datasheet, Meter
from chargebench.manager.drivers.base import Answers, Read
from chargebench.manager.drivers.fields import METER_AMPS_MOST, METER_ENERGY_MOST, METER_WATTS_MOST, Fields
from chargebench.manager.readings import MeterReading
from chargebench.manager.units import Amps3

GAP: Final = 16
"""So many unused registers are read with the others, where a device answers them."""

TEN_WORDS: Final = 10


class SheetMeter:
    """One meter. ``also`` are registers that are read with the others; ``gap`` is how many unused ones a read may cross."""

    def __init__(self, sheet: Datasheet, also: Sequence[str] = (), gap: int | None = None) -> None:
        self._meter = block_of(sheet)
        names = [*also, *measured(self._meter), *energies(self._meter)]
        self._fields = Fields(sheet, names, max_gap=gap_of(sheet) if gap is None else gap)

    def reads(self) -> tuple[Read, ...]:
        """Currents, powers and the energy, in as few requests as its datasheet allows."""
        return self._fields.reads

    def understand(self, at_us: int, answers: Answers) -> MeterReading:
        """``ValueError`` for what is no number or beyond any house."""
        return MeterReading(
            at_us=at_us,
            phases_ma=self._phases(answers),
            power_w=self._power(answers),
            energy_wh=self._energy(answers),
        )

    def _energy(self, answers: Answers) -> int | None:
        return energy(self._fields, self._meter, answers)

    def _phases(self, answers: Answers) -> Amps3 | None:
        if not self._meter.currents:
            return None
        amounts = [self._current(k, answers) for k in range(self._meter.phases)]
        l1, l2, l3 = (*amounts, 0, 0)[:3]
        return l1, l2, l3

    def _current(self, k: int, answers: Answers) -> int:
        ma = self._fields.bounded(self._meter.currents[k], answers, -METER_AMPS_MOST, METER_AMPS_MOST)
        if self._meter.sign not in ("import", "export"):
            return abs(ma)
        fed_in = 1 if self._meter.sign == "export" else -1
        if self._meter.powers:
            watts = self._watts(k, answers)
            return -abs(ma) if watts is not None and watts * fed_in > 0 else abs(ma)
        return -fed_in * ma if self._meter.current_sign == "own" else abs(ma)

    def _watts(self, k: int, answers: Answers) -> int | None:
        """The power of a phase as it is shown; None where that tells no direction."""
        return self._fields.bounded(self._meter.powers[k], answers, -METER_WATTS_MOST, METER_WATTS_MOST)

    def _power(self, answers: Answers) -> int | None:
        meter = self._meter
        names = (meter.power,) if meter.power else meter.powers
        if not names:
            return None
        watts = sum(self._fields.bounded(name, answers, -METER_WATTS_MOST, METER_WATTS_MOST) for name in names)
        if meter.feed_in:
            return watts - self._fields.bounded(meter.feed_in, answers, 0, METER_WATTS_MOST)
        return -watts if meter.sign == "export" else watts if meter.sign == "import" else abs(watts)


class WideMeter(SheetMeter):
    """A meter of which some refuse to tell more than ten words at once."""

    def __init__(self, sheet: Datasheet) -> None:
        super().__init__(sheet)
        self._sheet = sheet

    def divided(self) -> SheetMeter:
        """One that asks for no more."""
        return SheetMeter(replace(self._sheet, max_read=TEN_WORDS))


def block_of(sheet: Datasheet) -> Meter:
    """The ``meter`` block; ``ValueError`` if the sheet has none."""
    if sheet.meter is None:
        raise ValueError(f"{sheet.name}: what it measures is not known")
    return sheet.meter


def gap_of(sheet: Datasheet) -> int:
    """How many unused registers a read may cross."""
    return GAP if sheet.reading.gaps in ("zero", "filled") else 0


def measured(meter: Meter) -> tuple[str, ...]:
    """What currents and power are read from; powers of the phases only where they tell the sign of something."""
    powers = meter.powers if meter.sign in ("import", "export") or not meter.power else ()
    return tuple(name for name in (*meter.currents, *powers, meter.power, meter.feed_in) if name)


def energies(meter: Meter) -> tuple[str, ...]:
    """What the energy is read from: that which was drawn, or else the total."""
    if meter.imported:
        return (meter.imported,)
    return meter.imports or ((meter.total,) if meter.total else ())


def energy(fields: Fields, meter: Meter, answers: Answers) -> int | None:
    """The counter in Wh, None where there is none."""
    names = energies(meter)
    return sum(fields.bounded(name, answers, 0, METER_ENERGY_MOST) for name in names) if names else None
