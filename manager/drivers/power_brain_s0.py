"""The S0 meter inputs of a Power Brain: pulses, so a total; currents on phases only where it claims to know them."""

from __future__ import annotations

from chargebench.datasheets.model import Datasheet
from chargebench.manager.drivers.base import Answers, Read
from chargebench.manager.drivers.fields import METER_AMPS_MOST, METER_WATTS_MOST, Fields
from chargebench.manager.drivers.power_brain import METER, energy, phases, power
from chargebench.manager.readings import MeterReading


class PowerBrainS0:
    """An S0 meter, of a box or of the house. What it shows per phase is its power shared out, which nothing may trust."""

    def __init__(self, sheet: Datasheet) -> None:
        self._meter = Fields(sheet, METER)

    def reads(self) -> tuple[Read, ...]:
        """Flags, energy, power and currents in one run."""
        return self._meter.reads

    def understand(self, at_us: int, answers: Answers) -> MeterReading:
        """Power and energy; ``phases_ma`` only with the flag of individual phases."""
        return MeterReading(
            at_us=at_us,
            phases_ma=phases(self._meter, answers, METER_AMPS_MOST),
            power_w=power(self._meter, answers, METER_WATTS_MOST),
            energy_wh=energy(self._meter, answers),
        )
