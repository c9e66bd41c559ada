"""What follows from what a meter measures: apparent and reactive power, power factors, sums, means, voltages between phases.

The sheets call these quantities by one name each, whatever the maker calls them. Reactive quantities follow from apparent and
active ones, which is exact for a constant power factor; the phases stand a third of a turn apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import isqrt

from chargebench.datasheets.model import Datasheet
from chargebench.emulator.devices.registers import Cell, Clock
from chargebench.emulator.devices.shown import seen
from chargebench.emulator.meter import PhaseMeter

FREQUENCY_MHZ = 50_000

_Of = Callable[[int], int]
"""A value in house units at an instant."""


def derived(sheet: Datasheet, meter: PhaseMeter, clock: Clock) -> dict[str, Cell]:
    """The cells of all registers that hold such a quantity in its unit."""
    if sheet.meter is None:
        return {}
    sign = -1 if sheet.meter.sign == "export" else 1
    known = {name: (unit, of) for name, unit, of in _quantities(meter, sheet.meter.phases, sign)}
    return {
        one.name: _cell(sheet, one.name, known[one.name][1], clock)
        for one in sheet.registers
        if one.name in known and known[one.name][0] == one.unit
    }


def _cell(sheet: Datasheet, name: str, of: _Of, clock: Clock) -> Cell:
    return seen(sheet.register(name), lambda: of(clock.now_us))


def _quantities(meter: PhaseMeter, phases: int, sign: int) -> Iterator[tuple[str, str, _Of]]:
    """Name, unit and value of each. ``sign``: of a power that is drawn."""
    yield "frequency", "mHz", lambda _: FREQUENCY_MHZ
    yield from _of_power("", lambda at: sign * meter.total_power_w(at), meter.total_apparent_va)
    yield "current", "mA", lambda at: sum(map(abs, meter.current_ma(at)))
    yield "voltage", "mV", lambda at: sum(meter.sample(at).voltage_mv[:phases]) // phases
    yield "reactive_import", "varh", lambda at: reactive_wh(meter, at)
    yield "total_reactive", "varh", lambda at: reactive_wh(meter, at)
    for k in range(phases):
        yield from _of_phase(meter, k, sign)
    if phases == 3:
        yield "voltage_ll", "mV", lambda at: sum(_between(meter, k, at) for k in range(3)) // 3
        for k in range(3):
            yield f"voltage_l{k + 1}_l{(k + 1) % 3 + 1}", "mV", _voltage(meter, k)


def _of_phase(meter: PhaseMeter, k: int, sign: int) -> Iterator[tuple[str, str, _Of]]:
    name = f"_l{k + 1}"
    yield from _of_power(name, lambda at: sign * meter.power_w(at)[k], lambda at: meter.apparent_va(at)[k])
    yield f"total{name}", "Wh", lambda at: meter.energy_wh(at)[k] + meter.fed_wh(at)[k]


def _of_power(name: str, power: _Of, apparent: _Of) -> Iterator[tuple[str, str, _Of]]:
    yield f"apparent{name}", "VA", apparent
    yield f"reactive{name}", "var", lambda at: reactive(apparent(at), power(at))
    yield f"power_factor{name}", "1/1000", lambda at: factor(apparent(at), power(at))


def reactive_wh(meter: PhaseMeter, at_us: int) -> int:
    """Reactive energy of what was drawn less what was fed in, varh."""
    return reactive(meter.total_apparent_vah(at_us), meter.total_energy_wh(at_us) - meter.total_fed_wh(at_us))


def _voltage(meter: PhaseMeter, k: int) -> _Of:
    return lambda at: _between(meter, k, at)


def _between(meter: PhaseMeter, k: int, at_us: int) -> int:
    """The voltage between phase ``k`` and the one behind it, mV."""
    voltages = meter.sample(at_us).voltage_mv
    one, two = voltages[k], voltages[(k + 1) % 3]
    return isqrt(one * one + one * two + two * two)


def reactive(apparent: int, active: int) -> int:
    """The reactive part of an apparent quantity."""
    return isqrt(max(0, apparent * apparent - active * active))


def factor(apparent: int, active: int) -> int:
    """Power factor in permille, below 0 where the power is; 1 where nothing flows."""
    if not apparent:
        return 1000
    return min(1000, abs(active) * 1000 // apparent) * (-1 if active < 0 else 1)
