"""The kinds of boxes that can be built: the manner of each, and the device that its registers make of a box."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chargebench.datasheets.model import Datasheet
from chargebench.emulator.box import Box
from chargebench.emulator.devices import general, heidelberg
from chargebench.emulator.devices.power_brain import evse
from chargebench.emulator.devices.registers import Clock, Hooks, SheetDevice
from chargebench.emulator.manner import POWER_BRAIN, Manner
from chargebench.emulator.meter import PhaseMeter
from chargebench.emulator.spec import BoxSpec

Sheets = Callable[[str], Datasheet]
"""Datasheets by name; ``LookupError``."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a box's device is made of. ``meter``: the one in its case, or the Modbus meter attached to it, if any."""

    sheet: Datasheet
    box: Box
    number: int
    meter: PhaseMeter | None
    clock: Clock
    hooks: Hooks


@dataclass(frozen=True, slots=True)
class BoxKind:
    """One kind of box. ``metered``: each has a meter in its case, so none can be attached."""

    manner: Manner
    device: Callable[[Parts], SheetDevice]
    metered: bool = False


def serial(number: int) -> str:
    """The serial number of the ``number``-th Power Brain or S0 meter."""
    return f"W00-{number:04d}"


def _power_brain(parts: Parts) -> SheetDevice:
    return evse(parts.sheet, parts.box, serial(parts.number), parts.meter, parts.clock, parts.hooks)


def _heidelberg(parts: Parts) -> SheetDevice:
    assert parts.meter is not None
    return heidelberg.evse(parts.sheet, parts.box, parts.meter, parts.clock, parts.hooks)


KINDS = {
    "power-brain": BoxKind(POWER_BRAIN, _power_brain),
    "heidelberg-energy-control": BoxKind(heidelberg.MANNER, _heidelberg, metered=True),
}


def _general(parts: Parts) -> SheetDevice:
    return general.evse(parts.sheet, parts.box, serial(parts.number), parts.meter, parts.clock, parts.hooks)


def kind_of_sheet(sheet: Datasheet) -> BoxKind:
    """The kind of the boxes of a sheet; ``LookupError`` for what no box can be made of."""
    if sheet.name in KINDS:
        return KINDS[sheet.name]
    if why := general.refusal(sheet):
        raise LookupError(why)
    return BoxKind(general.manner_of(sheet), _general, metered=sheet.meter is not None)


def kind_of(spec: BoxSpec, sheets: Sheets) -> BoxKind:
    """The kind of a box; ``LookupError`` for one that cannot be built."""
    try:
        return kind_of_sheet(sheets(spec.device))
    except LookupError as error:
        raise LookupError(f"{spec.name}: {error}") from error
