"""Eastron SDM630: three currents without a sign, three powers with one, totals; everything is a 32-bit float."""

from __future__ import annotations

from typing import Final

from chargebench.datasheets.model import Datasheet
from chargebench.manager.drivers.base import Answers, Read
from chargebench.manager.drivers.fields import METER_AMPS_MOST, METER_ENERGY_MOST, METER_WATTS_MOST, Fields
from chargebench.manager.readings import MeterReading

PHASES: Final = (1, 2, 3)


class Sdm630:
    """A current is fed back where the power of its phase is negative: + is drawn from the grid."""

    def __init__(self, sheet: Datasheet) -> None:
        names = [f"{what}_l{phase}" for what in ("current", "power") for phase in PHASES]
        self._fields = Fields(sheet, [*names, "power", "import_energy"])

    def reads(self) -> tuple[Read, ...]:
        """Currents and powers of the phases, the total power, the imported energy."""
        return self._fields.reads

    def understand(self, at_us: int, answers: Answers) -> MeterReading:
        """``ValueError`` for what is no number or beyond any house."""
        fields = self._fields
        l1, l2, l3 = (self._current(phase, answers) for phase in PHASES)
        return MeterReading(
            at_us=at_us,
            phases_ma=(l1, l2, l3),
            power_w=fields.bounded("power", answers, -METER_WATTS_MOST, METER_WATTS_MOST),
            energy_wh=fields.bounded("import_energy", answers, 0, METER_ENERGY_MOST),
        )

    def _current(self, phase: int, answers: Answers) -> int:
        watts = self._fields.bounded(f"power_l{phase}", answers, -METER_WATTS_MOST, METER_WATTS_MOST)
        ma = self._fields.bounded(f"current_l{phase}", answers, 0, METER_AMPS_MOST)
        return -ma if watts < 0 else ma
