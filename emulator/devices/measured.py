"""What a meter measures behind the registers that its datasheet names, whatever it calls them and however it counts.

Nothing flows back in this world yet: what is fed in stays 0. A meter of which nobody knows what a power above 0 is shows
one that is drawn as such. Currents have no sign, but where the sheet says that they carry their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from chargebench.datasheets.model import Datasheet, Meter
from chargebench.emulator.devices.registers import Cell, Clock, Hooks, SheetDevice
from chargebench.emulator.devices.shown import rest, seen, with_exponents
from chargebench.emulator.devices.strict import StrictDevice
from chargebench.emulator.flow import Triple
from chargebench.emulator.meter import PhaseMeter

_Get = Callable[[], int]


def meter_device(sheet: Datasheet, meter: PhaseMeter, serial: int, clock: Clock, hooks: Hooks) -> SheetDevice:
    """The device of one meter of any make whose sheet says what it measures."""
    sheet = with_exponents(sheet)
    cells = {one.name: rest(one) for one in sheet.registers}
    for one in sheet.registers:
        if one.name == "serial_number" and one.type in {"u16", "u32", "u64"}:
            cells[one.name] = seen(one, lambda: serial)
    return StrictDevice(sheet, cells | measured(sheet, meter, clock), clock, hooks)


def measured(sheet: Datasheet, meter: PhaseMeter, clock: Clock) -> dict[str, Cell]:
    """The cells of the ``meter`` block; none where the sheet has no such block."""
    if sheet.meter is None:
        return {}
    return {name: seen(sheet.register(name), get) for name, get in _values(sheet, sheet.meter, meter, clock) if name}


def _values(sheet: Datasheet, block: Meter, meter: PhaseMeter, clock: Clock) -> Iterator[tuple[str, _Get]]:
    """Every register of the block with what it shows."""
    sign = -1 if block.sign == "export" else 1
    own = sign if block.current_sign == "own" else 1

    def one(of: Callable[[int], Triple], k: int, factor: int) -> _Get:
        return lambda: factor * of(clock.now_us)[k]

    def each(names: tuple[str, ...], of: Callable[[int], Triple], factor: int = 1) -> Iterator[tuple[str, _Get]]:
        for k, name in enumerate(names):
            yield name, one(of, k, factor)

    def apparent(name: str) -> bool:
        return bool(name) and sheet.register(name).unit in {"VA", "VAh"}

    powers = meter.apparent_va if block.powers and apparent(block.powers[0]) else meter.power_w
    yield from each(block.voltages, lambda at: meter.sample(at).voltage_mv)
    yield from each(block.currents, meter.current_ma, own)
    yield from each(block.powers, powers, sign)
    yield from each(block.imports, meter.energy_wh)
    yield from each(block.exports, _nothing)
    power = meter.total_apparent_va if apparent(block.power) else meter.total_power_w
    yield block.power, lambda: sign * power(clock.now_us)
    energy = meter.total_apparent_vah if apparent(block.imported) else meter.total_energy_wh
    yield block.imported, lambda: energy(clock.now_us)
    yield block.total, lambda: meter.total_energy_wh(clock.now_us)
    yield block.feed_in, lambda: 0
    yield block.exported, lambda: 0


def _nothing(_at_us: int) -> Triple:
    return (0, 0, 0)
