"""Which driver speaks to which device. A device is named as its datasheet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from chargebench.datasheets.errors import UnknownName
from chargebench.datasheets.model import Datasheet
from chargebench.manager.drivers.base import BoxDriver, MeterDriver
from chargebench.manager.drivers.heidelberg import Heidelberg
from chargebench.manager.drivers.power_brain import PowerBrain
from chargebench.manager.drivers.power_brain_s0 import PowerBrainS0
from chargebench.manager.drivers.sdm630 import Sdm630

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

Driver = TypeVar("Driver")


def box_driver(device: str, sheets: Sheets) -> BoxDriver:
    """The driver of an EVSE; ``UnknownName`` (a ``LookupError``) with the names of those that there are."""
    return _make("EVSE", BOXES, device)(sheets(device))


def meter_driver(device: str, sheets: Sheets) -> MeterDriver:
    """The driver of a meter; ``UnknownName`` (a ``LookupError``) with the names of those that there are."""
    return _make("meter", METERS, device)(sheets(device))


def _make(
    what: str, drivers: Mapping[str, Callable[[Datasheet], Driver]], device: str
) -> Callable[[Datasheet], Driver]:
    if device not in drivers:
        raise UnknownName(what, device, tuple(sorted(drivers)))
    return drivers[device]
