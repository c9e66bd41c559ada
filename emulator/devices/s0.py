"""An S0 input of a Power Brain: pulses counted from real energy, and everything else calculated from the pulses.

The meter at the other end gives ``spec.pulses_per_kwh``; the register of that name is what the Power Brain believes. Power
comes from the time between the last two pulses, falls as the next one stays away, and is 0 after 120 s; before there was
an interval it is -1. What is shown is that of the last instant of the meter's own grid. The maker says nothing of the
length of a pulse: 50 ms are assumed.
"""

from __future__ import annotations

from typing import NamedTuple

from chargebench.datasheets.model import Datasheet
from chargebench.emulator.devices.registers import Cell, Clock, Hooks, SheetDevice, constant, kept
from chargebench.emulator.flow import CHARGE2_MV_PER_WH, SECOND_US, Flowing
from chargebench.emulator.meter import SampleHold, Source, check_wiring
from chargebench.emulator.spec import MeterSpec

QUIET_US = 120 * SECOND_US
PULSE_US = 50_000
NO_VALUE = -1
_MOST_W = 2**31 - 1
_VOLTAGES = ("voltage_l1", "voltage_l2", "voltage_l3")


class Count(NamedTuple):
    """Pulses so far, when the last one began, and how long after the one before it (None: there was none)."""

    pulses: int = 0
    last_us: int | None = None
    interval_us: int | None = None


class Shown(NamedTuple):
    """What was counted at an instant."""

    at_us: int
    counted: Count


class PulseMeter:
    """The pulses that the energy of a source makes. ``spec.wiring``: the conductors of the source that it counts."""

    def __init__(self, spec: MeterSpec, source: Source) -> None:
        check_wiring(spec)
        if spec.pulses_per_kwh <= 0:
            raise ValueError(f"meter {spec.name}: more than 0 pulses per kWh, got {spec.pulses_per_kwh}")
        self.spec = spec
        self.inputs = tuple(k for k in spec.wiring if k < len(source.wiring))  # those that lead anywhere
        self._flow: Flowing = source.flow
        self._energy_per_pulse = CHARGE2_MV_PER_WH * 1000  # divided by what stands in _scale
        self._scale = source.voltage_mv * spec.pulses_per_kwh
        self._start = Count()  # when the running piece began
        self._hold = SampleHold(spec, source.flow, self._measure, Shown(0, Count()))
        source.flow.leaving.append(self._latch)

    def freeze(self, at_us: int) -> None:
        self._hold.freeze(at_us)

    def thaw(self) -> None:
        self._hold.thaw()

    def shown(self, at_us: int) -> Shown:
        """What the meter knew at its last instant."""
        return self._hold.held(at_us)

    def count(self, at_us: int) -> Count:
        """The pulses until ``at_us``, which lies in the running piece."""
        start = self._start
        pulses = self._charge2(at_us) * self._scale // self._energy_per_pulse
        if pulses == start.pulses:
            return start
        last_us = self._pulse_us(pulses, at_us)
        before_us = self._pulse_us(pulses - 1, last_us) if pulses - 1 > start.pulses else start.last_us
        return Count(pulses, last_us, None if before_us is None else last_us - before_us)

    def _measure(self, instant: int) -> Shown:
        return Shown(instant, self.count(instant))

    def _latch(self, at_us: int) -> None:
        self._start = self.count(at_us)

    def _charge2(self, at_us: int) -> int:
        charge2 = self._flow.active_charge2(at_us)
        return sum(charge2[k] for k in self.inputs)

    def _pulse_us(self, pulse: int, until_us: int) -> int:
        """The first us of the running piece at which so many pulses have come; that is so at ``until_us``."""
        goal = -(-pulse * self._energy_per_pulse // self._scale)
        low, high = self._flow.at_us, until_us
        while low < high:
            middle = (low + high) // 2
            if self._charge2(middle) >= goal:
                high = middle
            else:
                low = middle + 1
        return high


class S0Registers:
    """What a Power Brain makes of the pulses: presets, power, currents."""

    def __init__(self, meter: PulseMeter, clock: Clock) -> None:
        self._meter, self._clock = meter, clock
        self.pulses_per_kwh = meter.spec.pulses_per_kwh
        self.phases = (1 << len(meter.inputs)) - 1
        self.voltages_mv = [230_000, 230_000, 230_000]
        self._pulses = (0, 0)  # a value, and the count at which it stood
        self._energy = (0, 0)

    def pulses(self) -> int:
        value, count = self._pulses
        return value + max(0, self._shown().counted.pulses - count)

    def energy_wh(self) -> int:
        value, count = self._energy
        return value + max(0, self._shown().counted.pulses - count) * 1000 // self.pulses_per_kwh

    def set_pulses(self, value: int) -> None:
        self._pulses = (value, self._meter.count(self._clock.now_us).pulses)

    def set_energy(self, value: int) -> None:
        self._energy = (value, self._meter.count(self._clock.now_us).pulses)

    def set_pulses_per_kwh(self, value: int) -> None:
        """Believe in other pulses from now on; the energy so far stays."""
        self.set_energy(self.energy_wh())
        self.pulses_per_kwh = value

    def time_per_pulse_ms(self) -> int:
        interval_us = self._shown().counted.interval_us
        return 0 if interval_us is None else interval_us // 1000

    def power_w(self) -> int:
        """Active power, W, rounded down; -1 before there was an interval."""
        at_us, (_, last_us, interval_us) = self._shown()
        if last_us is None or interval_us is None:
            return NO_VALUE
        since_us = at_us - last_us
        if since_us >= QUIET_US:
            return 0
        slowest_us = max(interval_us // 1000 * 1000, since_us, 1000)
        return min(3_600_000_000_000 // (self.pulses_per_kwh * slowest_us), _MOST_W)

    def current_ma(self, k: int) -> int:
        """The current of input k: its share by the nominal voltages of all phases of the mask, down to 0.1 A."""
        voltage_mv = sum(mv for phase, mv in enumerate(self.voltages_mv) if self.phases >> phase & 1)
        if not self.phases >> k & 1 or not voltage_mv:
            return 0
        return max(0, self.power_w()) * 10_000 // voltage_mv * 100

    def level(self) -> int:
        """0 while a pulse lasts, else 1."""
        at_us, (_, last_us, _) = self._shown()
        return int(last_us is None or at_us - last_us >= PULSE_US)

    def _shown(self) -> Shown:
        return self._meter.shown(self._clock.now_us)


def s0_meter(sheet: Datasheet, meter: PulseMeter, serial: str, clock: Clock, hooks: Hooks) -> SheetDevice:
    """The device of one S0 input."""
    registers = S0Registers(meter, clock)

    def set_phases(value: int) -> None:
        registers.phases = value

    def voltage(k: int) -> Cell:
        def write(value: int) -> None:
            registers.voltages_mv[k] = value

        return Cell(lambda: registers.voltages_mv[k], write)

    cells = {
        "serial_no": constant(serial),
        "slave_id": kept(meter.spec.unit),
        "pulses_per_kwh": Cell(lambda: registers.pulses_per_kwh, registers.set_pulses_per_kwh),
        "phases": Cell(lambda: registers.phases, set_phases),
        **{name: voltage(k) for k, name in enumerate(_VOLTAGES)},
        "pulses": Cell(registers.pulses, registers.set_pulses),
        "time_per_pulse": Cell(registers.time_per_pulse_ms),
        "level": Cell(registers.level),
        "meter_flags": constant(0),
        "energy": Cell(registers.energy_wh, registers.set_energy),
        "power": Cell(registers.power_w),
        **{f"current_l{k + 1}": _current(registers, k) for k in range(3)},
        "reset_pulses": Cell(lambda: 0, lambda _value: registers.set_pulses(0)),
        "reset_energy": Cell(lambda: 0, lambda _value: registers.set_energy(0)),
        "count_restart": kept(0),
    }
    return SheetDevice(sheet, cells, clock, hooks)


def _current(registers: S0Registers, k: int) -> Cell:
    return Cell(lambda: registers.current_ma(k))
