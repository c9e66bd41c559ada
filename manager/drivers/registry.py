"""Which driver speaks to which device. A device is named as its datasheet.

Some have a driver of their own; every other one is driven by its datasheet, if that says enough.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from chargebench.datasheets.errors import UnknownName
from chargebench.datasheets.model import Datasheet
from chargebench.manager.drivers.base import BoxDriver, MeterDriver
from chargebench.manager.drivers.heidelberg import Heidelberg
from chargebench.manager.drivers.power_brain import PowerBrain
from chargebench.manager.drivers.power_brain_s0 import PowerBrainS0
from chargebench.manager.drivers.sdm630 import Sdm630
from chargebench.manager.drivers.sheet_box import SheetBox
from chargebench.manager.drivers.sheet_meter import SheetMeter
from chargebench.manager.drivers.watch import Watch

Sheets = Callable[[str], Datasheet]
"""Gives the datasheet of a name, such as ``chargebench.datasheets.load.load``."""

BOXES: Final[Mapping[str, Callable[[Datasheet], BoxDriver]]] = {
    "heidelberg-energy-control": Heidelberg,
    "power-brain": PowerBrain,
}
METERS: Final[Mapping[str, Callable[[Datasheet], MeterDriver]]] = {
    "eastron-sdm630": Sdm630,
    "power-brain-s0": PowerBrainS0,
}
WAYS: Final = ("tcp", "rtu")


def box_driver(device: str, sheets: Sheets) -> BoxDriver:
    """The driver of an EVSE; ``UnknownName`` (a ``LookupError``) for what is none, ``ValueError`` where none can be made."""
    sheet = _sheet("evse", device, sheets)
    return BOXES.get(device, SheetBox)(sheet)


def meter_driver(device: str, sheets: Sheets) -> MeterDriver:
    """The driver of a meter; ``UnknownName`` (a ``LookupError``) for what is none, ``ValueError`` where none can be made."""
    sheet = _sheet("meter", device, sheets)
    return METERS.get(device, SheetMeter)(sheet)


def unfit(sheet: Datasheet) -> str:
    """Why no driver can be made for a device, as a sentence; nothing if one can."""
    if not set(WAYS) & set(sheet.transports):
        return f"{sheet.name}: it speaks neither Modbus TCP nor Modbus RTU"
    try:
        if sheet.kind == "evse":
            BOXES.get(sheet.name, SheetBox)(sheet)
        else:
            METERS.get(sheet.name, SheetMeter)(sheet)
    except ValueError as error:
        return str(error)
    return ""


def tells_failsafe(sheet: Datasheet) -> bool:
    """Whether the failsafe of an EVSE can be read back, so that it can be counted on; a silent one counts at its maximum else."""
    return sheet.name in BOXES or Watch(sheet).tells


def _sheet(kind: str, device: str, sheets: Sheets) -> Datasheet:
    sheet = sheets(device)
    if sheet.kind != kind:
        raise UnknownName(
            "EVSE" if kind == "evse" else kind, device, tuple(sorted(BOXES if kind == "evse" else METERS))
        )
    return sheet
