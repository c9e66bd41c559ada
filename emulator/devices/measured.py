"""What a meter measures behind the registers that its datasheet names, whatever it calls them and however it counts.

A meter of which nobody knows what a power above 0 is shows one that is drawn as such. Currents have no sign, but where the
sheet says that they carry their own. What flows back is counted for each phase by itself, in totals as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from chargebench.datasheets.model import Datasheet, Meter, PowerSign
from chargebench.emulator.devices.derived import derived
from chargebench.emulator.devices.odd_meters import odd_meter_cells
from chargebench.emulator.devices.registers import Cell, Clock, Hooks, SheetDevice
from chargebench.emulator.devices.shown import rest, seen, with_exponents
from chargebench.emulator.devices.strict import StrictDevice
from chargebench.emulator.devices.sunspec import CHANGING, ChangingExponents
from chargebench.emulator.flow import Triple
from chargebench.emulator.meter import PhaseMeter

_Get = Callable[[], int]
_As = Callable[[int], int]


def meter_device(
    sheet: Datasheet, meter: PhaseMeter, serial: int, clock: Clock, hooks: Hooks, quirks: Sequence[str] = ()
) -> SheetDevice:
    """The device of one meter of any make whose sheet says what it measures."""

    def made(one: Datasheet) -> SheetDevice:
        settled = with_exponents(one)
        cells = _cells(settled, meter, serial, clock)
        return StrictDevice(settled, cells | odd_meter_cells(settled, quirks, cells, clock), clock, hooks)

    return ChangingExponents(sheet, made, meter, clock, hooks) if CHANGING in quirks else made(sheet)


def _cells(sheet: Datasheet, meter: PhaseMeter, serial: int, clock: Clock) -> dict[str, Cell]:
    """What stands behind every register."""
    cells = {one.name: rest(one) for one in sheet.registers}
    for one in sheet.registers:
        if one.name == "serial_number" and one.type in {"u16", "u32", "u64"}:
            cells[one.name] = seen(one, lambda: serial)
    return cells | derived(sheet, meter, clock) | measured(sheet, meter, clock)


def measured(sheet: Datasheet, meter: PhaseMeter, clock: Clock) -> dict[str, Cell]:
    """The cells of the ``meter`` block; none where the sheet has no such block."""
    if sheet.meter is None:
        return {}
    return {name: seen(sheet.register(name), get) for name, get in _values(sheet, sheet.meter, meter, clock) if name}


def _values(sheet: Datasheet, block: Meter, meter: PhaseMeter, clock: Clock) -> Iterator[tuple[str, _Get]]:
    """Every register of the block with what it shows."""

    def each(names: tuple[str, ...], of: Callable[[int], Triple], as_: _As = _same) -> Iterator[tuple[str, _Get]]:
        for k, name in enumerate(names):
            yield name, _one(of, k, as_, clock)

    def total(of: Callable[[int], int], as_: _As = _same) -> _Get:
        return lambda: as_(of(clock.now_us))

    def apparent(name: str) -> bool:
        return bool(name) and sheet.register(name).unit in {"VA", "VAh"}

    signed = _SIGNS[block.sign]
    powers = meter.apparent_va if block.powers and apparent(block.powers[0]) else meter.power_w
    yield from each(block.voltages, lambda at: meter.sample(at).voltage_mv)
    yield from each(block.currents, meter.current_ma, signed if block.current_sign == "own" else abs)
    yield from each(block.powers, powers, signed)
    yield from each(block.imports, meter.energy_wh)
    yield from each(block.exports, meter.fed_wh)
    power = meter.total_apparent_va if apparent(block.power) else meter.total_power_w
    yield block.power, total(power, _drawn if block.feed_in else signed)
    yield block.feed_in, total(power, _fed)
    energy = meter.total_apparent_vah if apparent(block.imported) else meter.total_energy_wh
    yield block.imported, total(energy)
    yield block.exported, total(meter.total_fed_wh)
    yield block.total, lambda: meter.total_energy_wh(clock.now_us) + meter.total_fed_wh(clock.now_us)


def _one(of: Callable[[int], Triple], k: int, as_: _As, clock: Clock) -> _Get:
    return lambda: as_(of(clock.now_us)[k])


def _same(value: int) -> int:
    return value


def _other(value: int) -> int:
    return -value


def _drawn(watts: int) -> int:
    """What is drawn, where what is fed in has a register of its own."""
    return max(0, watts)


def _fed(watts: int) -> int:
    return max(0, -watts)


_SIGNS: Final[Mapping[PowerSign, _As]] = {"import": _same, "export": _other, "none": abs, "unknown": _same}
"""What a power that is drawn becomes."""
