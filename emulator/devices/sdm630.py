"""A three-phase meter Eastron SDM630: samples on its own grid, shown as floats by the datasheet.

Currents are without sign, powers with one; what flows back does not exist yet, so exported energy stays 0. Reactive
quantities follow from apparent and active ones, which is exact for a constant power factor. Rounded down to the house
unit (mA, W, Wh), then to the nearest float.
"""

from __future__ import annotations

from collections.abc import Callable
from math import acos, degrees, isqrt

from chargebench.datasheets.model import Datasheet
from chargebench.emulator.devices.registers import Cell, Clock, Hooks, SheetDevice, constant, kept
from chargebench.emulator.meter import PhaseMeter
from chargebench.emulator.spec import LineAt

FREQUENCY_MHZ = 50_000
_BAUD_CODES = {2400: 0, 4800: 1, 9600: 2, 19200: 3, 38400: 4}
_PARITY_CODES = {("N", 1): 0, ("E", 1): 1, ("O", 1): 2, ("N", 2): 3}


def sdm630(sheet: Datasheet, meter: PhaseMeter, serial: int, clock: Clock, hooks: Hooks) -> SheetDevice:
    """The device of one meter."""
    cells: dict[str, Cell] = {}
    for k in range(3):
        cells |= _phase(meter, k, clock)
    return SheetDevice(sheet, cells | _totals(meter, clock) | _settings(meter, serial), clock, hooks)


def _phase(meter: PhaseMeter, k: int, clock: Clock) -> dict[str, Cell]:
    def now(of: Callable[[int], tuple[int, int, int]]) -> Callable[[], int]:
        return lambda: of(clock.now_us)[k]

    voltage, current = now(lambda at: meter.sample(at).voltage_mv), now(meter.current_ma)
    power, apparent = now(meter.power_w), now(meter.apparent_va)
    name = f"l{k + 1}"
    return {
        f"voltage_{name}": Cell(voltage),
        f"current_{name}": Cell(current),
        f"power_{name}": Cell(power),
        f"apparent_{name}": Cell(apparent),
        f"reactive_{name}": Cell(lambda: _reactive(apparent(), power())),
        f"power_factor_{name}": Cell(lambda: _factor(apparent(), power())),
        f"import_{name}": Cell(now(meter.energy_wh)),
        f"export_{name}": constant(0),
    }


def _totals(meter: PhaseMeter, clock: Clock) -> dict[str, Cell]:
    def power() -> int:
        return meter.total_power_w(clock.now_us)

    def apparent() -> int:
        return meter.total_apparent_va(clock.now_us)

    def energy() -> int:
        return meter.total_energy_wh(clock.now_us)

    def reactive_energy() -> int:
        return _reactive(meter.total_apparent_vah(clock.now_us), energy())

    return {
        "power": Cell(power),
        "apparent": Cell(apparent),
        "reactive": Cell(lambda: _reactive(apparent(), power())),
        "power_factor": Cell(lambda: _factor(apparent(), power())),
        "phase_angle": Cell(lambda: round(1000 * degrees(acos(_factor(apparent(), power()) / 1000)))),
        "frequency": constant(FREQUENCY_MHZ),
        "import_energy": Cell(energy),
        "export_energy": constant(0),
        "total_energy": Cell(energy),
        "reactive_import": Cell(reactive_energy),
        "reactive_export": constant(0),
        "total_reactive": Cell(reactive_energy),
        "thd_l1": constant(0),
    }


def _settings(meter: PhaseMeter, serial: int) -> dict[str, Cell]:
    at = meter.spec.at
    line = at if isinstance(at, LineAt) else LineAt("")
    return {
        "pulse_width": kept(100),
        "parity_stop": kept(_PARITY_CODES.get((line.parity, line.stops), 0)),
        "network_node": kept(meter.spec.unit),
        "baud_rate": kept(_BAUD_CODES.get(line.baud, 2)),
        "serial_number": constant(serial),
    }


def _reactive(apparent: int, active: int) -> int:
    return isqrt(max(0, apparent * apparent - active * active))


def _factor(apparent: int, active: int) -> int:
    """Power factor in permille; 1 where nothing flows."""
    return min(1000, active * 1000 // apparent) if apparent else 1000
