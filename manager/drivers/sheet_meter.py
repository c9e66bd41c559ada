"""Any meter whose datasheet has a ``meter`` block: currents with the sign of the power of their phase, power, energy.

Where nothing tells the direction of a current it counts as drawn, which is never less than what is.
"""

from __future__ import annotations

from typing import Final

from chargebench.datasheets.model import Datasheet, Meter
from chargebench.manager.drivers.base import Answers, Read
from chargebench.manager.drivers.fields import METER_AMPS_MOST, METER_ENERGY_MOST, METER_WATTS_MOST, Fields
from chargebench.manager.readings import MeterReading
from chargebench.manager.units import Amps3

SUNS: Final = 0x53756E53
GAP: Final = 16
"""So many unused registers are read with the others, where a device answers them."""


class SheetMeter:
    """One meter. Of a map that must be searched, only the place that the sheet has is read, and its marker with it."""

    def __init__(self, sheet: Datasheet) -> None:
        self._meter = block_of(sheet)
        self._mark = next((one.name for one in sheet.registers if sheet.sunspec and one.default == SUNS), "")
        names = [*measured(self._meter), *energies(self._meter), *([self._mark] if self._mark else [])]
        self._fields = Fields(sheet, names, max_gap=gap_of(sheet))

    def reads(self) -> tuple[Read, ...]:
        """Currents, powers and the energy, in as few requests as its datasheet allows."""
        return self._fields.reads

    def understand(self, at_us: int, answers: Answers) -> MeterReading:
        """``ValueError`` for what is no number or beyond any house, and where a map is another than expected."""
        if self._mark and self._fields.raw(self._mark, answers) != SUNS:
            raise ValueError("no map of SunSpec where it was expected")
        return MeterReading(
            at_us=at_us,
            phases_ma=self._phases(answers),
            power_w=self._power(answers),
            energy_wh=energy(self._fields, self._meter, answers),
        )

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
            watts = self._fields.bounded(self._meter.powers[k], answers, -METER_WATTS_MOST, METER_WATTS_MOST)
            return -abs(ma) if watts * fed_in > 0 else abs(ma)
        return -fed_in * ma if self._meter.current_sign == "own" else abs(ma)

    def _power(self, answers: Answers) -> int | None:
        meter = self._meter
        names = (meter.power,) if meter.power else meter.powers
        if not names:
            return None
        watts = sum(self._fields.bounded(name, answers, -METER_WATTS_MOST, METER_WATTS_MOST) for name in names)
        if meter.feed_in:
            return watts - self._fields.bounded(meter.feed_in, answers, 0, METER_WATTS_MOST)
        return -watts if meter.sign == "export" else watts if meter.sign == "import" else abs(watts)


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
