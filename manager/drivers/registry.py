"""Which driver speaks to which device. A device is named as its datasheet.

Some have a driver of their own; every other one is driven by its datasheet, if that says enough.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from chargebench.datasheets.errors import UnknownName
from chargebench.datasheets.model import Datasheet
from chargebench.manager.drivers.base import BoxDriver, MeterDriver
from chargebench.manager.drivers.heidelberg import Heidelberg
from chargebench.manager.drivers.node_box import NodeBox
from chargebench.manager.drivers.orders import lists
from chargebench.manager.drivers.power_brain import PowerBrain
from chargebench.manager.drivers.power_brain_s0 import PowerBrainS0
from chargebench.manager.drivers.sdm630 import Sdm630
from chargebench.manager.drivers.sheet_box import SheetBox
from chargebench.manager.drivers.sheet_meter import SheetMeter, WideMeter
from chargebench.manager.drivers.sunspec import SunSpecMeter
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


UNWOKEN: Final[Mapping[str, str]] = {
    "abl-emh1": "it takes two writes 3 s apart, and the box is switched off for good where the second is lost"
}
LOSES_FIRST: Final = "loses-first-request"
TEN_WORDS_A_READ: Final = "ten-words-a-read"
RESTARTS_WHEN_HURRIED: Final = "restarts-when-hurried"


def box_driver(device: str, sheets: Sheets, unit: int | None = None) -> BoxDriver:
    """The driver of an EVSE at ``unit`` (None: as it leaves the factory); ``UnknownName`` (a ``LookupError``) for what is none,
    ``ValueError`` where none can be made.
    """
    sheet = _sheet("evse", device, sheets)
    return _box(sheet if unit is None else replace(sheet, unit=unit))


def meter_driver(device: str, sheets: Sheets) -> MeterDriver:
    """The driver of a meter; ``UnknownName`` (a ``LookupError``) for what is none, ``ValueError`` where none can be made."""
    sheet = _sheet("meter", device, sheets)
    return _meter(sheet)


def unfit(sheet: Datasheet) -> str:
    """Why no driver can be made for a device, as a sentence; nothing if one can."""
    try:
        if sheet.kind == "evse":
            _box(sheet)
        else:
            _meter(sheet)
    except ValueError as error:
        return str(error)
    return ""


def unwoken(sheet: Datasheet) -> str:
    """Why the manager wakes no car at an EVSE that could; nothing of any other."""
    return UNWOKEN.get(sheet.name, "")


def tells_failsafe(sheet: Datasheet) -> bool:
    """Whether the failsafe of an EVSE can be read back, so that it can be counted on; a silent one counts at its maximum else."""
    return sheet.name in BOXES or Watch(sheet).tells


def _box(sheet: Datasheet) -> BoxDriver:
    general = NodeBox if told_by_broadcast(sheet) else SheetBox
    return BOXES.get(sheet.name, general)(sheet)


def told_by_broadcast(sheet: Datasheet) -> bool:
    """Whether what tells a device its limit tells all such devices on its line theirs."""
    return sheet.control is not None and sheet.control.limit.unit != 0


def _meter(sheet: Datasheet) -> MeterDriver:
    general: Callable[[Datasheet], MeterDriver] = SheetMeter if sheet.sunspec is None else SunSpecMeter
    general = WideMeter if lists(sheet, TEN_WORDS_A_READ) else general
    return METERS.get(sheet.name, general)(sheet)


def dozes(sheet: Datasheet) -> bool:
    """Whether a device misses the request that ends its rest."""
    return lists(sheet, LOSES_FIRST)


def gap_us(sheet: Datasheet) -> int:
    """For how long it wants nothing to be asked after an answer; where it may restart else, as careful clients have it."""
    limits = dict(sheet.limits)
    quiet_us = limits.get("silence_us", 0) if lists(sheet, RESTARTS_WHEN_HURRIED) else 0
    return max(limits.get("pause_us", 0), quiet_us)


def _sheet(kind: str, device: str, sheets: Sheets) -> Datasheet:
    sheet = sheets(device)
    if sheet.kind != kind:
        raise UnknownName(
            "EVSE" if kind == "evse" else kind, device, tuple(sorted(BOXES if kind == "evse" else METERS))
        )
    return sheet
