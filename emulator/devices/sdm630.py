"""A three-phase meter Eastron SDM630: samples on its own grid, shown as floats by the datasheet.

Currents are without sign, powers with one. Rounded towards 0 to the house unit (mA, W, Wh), then to the nearest float.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import acos, degrees

from chargebench.datasheets.model import Datasheet
from chargebench.emulator.devices.derived import FREQUENCY_MHZ, factor, reactive, reactive_wh
from chargebench.emulator.devices.odd_meters import odd_meter_cells
from chargebench.emulator.devices.registers import Cell, Clock, Hooks, SheetDevice, constant, kept
from chargebench.emulator.meter import PhaseMeter
from chargebench.emulator.spec import LineAt

_BAUD_CODES = {2400: 0, 4800: 1, 9600: 2, 19200: 3, 38400: 4}
_PARITY_CODES = {("N", 1): 0, ("E", 1): 1, ("O", 1): 2, ("N", 2): 3}


def sdm630(
    sheet: Datasheet, meter: PhaseMeter, serial: int, clock: Clock, hooks: Hooks, quirks: Sequence[str] = ()
) -> SheetDevice:
    """The device of one meter."""
    cells: dict[str, Cell] = {}
    for k in range(3):
        cells |= _phase(meter, k, clock)
    cells |= _totals(meter, clock) | _settings(meter, serial)
    return SheetDevice(sheet, cells | odd_meter_cells(sheet, quirks, cells, clock), clock, hooks)


def _phase(meter: PhaseMeter, k: int, clock: Clock) -> dict[str, Cell]:
    def now(of: Callable[[int], tuple[int, int, int]]) -> Callable[[], int]:
        return lambda: of(clock.now_us)[k]

    voltage, current = now(lambda at: meter.sample(at).voltage_mv), now(meter.amount_ma)
    power, apparent = now(meter.power_w), now(meter.apparent_va)
    name = f"l{k + 1}"
    return {
        f"voltage_{name}": Cell(voltage),
        f"current_{name}": Cell(current),
        f"power_{name}": Cell(power),
        f"apparent_{name}": Cell(apparent),
        f"reactive_{name}": Cell(lambda: reactive(apparent(), power())),
        f"power_factor_{name}": Cell(lambda: factor(apparent(), power())),
        f"import_{name}": Cell(now(meter.energy_wh)),
        f"export_{name}": Cell(now(meter.fed_wh)),
    }


def _totals(meter: PhaseMeter, clock: Clock) -> dict[str, Cell]:
    def power() -> int:
        return meter.total_power_w(clock.now_us)

    def apparent() -> int:
        return meter.total_apparent_va(clock.now_us)

    def energy() -> int:
        return meter.total_energy_wh(clock.now_us)

    def reactive_energy() -> int:
        return reactive_wh(meter, clock.now_us)

    return {
        "power": Cell(power),
        "apparent": Cell(apparent),
        "reactive": Cell(lambda: reactive(apparent(), power())),
        "power_factor": Cell(lambda: factor(apparent(), power())),
        "phase_angle": Cell(lambda: round(1000 * degrees(acos(factor(apparent(), power()) / 1000)))),
        "frequency": constant(FREQUENCY_MHZ),
        "import_energy": Cell(energy),
        "export_energy": Cell(lambda: meter.total_fed_wh(clock.now_us)),
        "total_energy": Cell(lambda: energy() + meter.total_fed_wh(clock.now_us)),
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
