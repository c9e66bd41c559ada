"""What cannot be leapt over, and why: whatever goes on by itself on the wires, or between one cycle and the next.

Cars, houses and people change a world at known instants. A fault of a wire, a reader, a box that must be fed or that obeys late
does something in every cycle, or at instants that only the wire knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from chargebench.datasheets.load import load
from chargebench.emulator.devices.quirks import CHANGES, usual
from chargebench.emulator.spec import TcpAt
from chargebench.manager.drivers.registry import box_driver, dozes, told_by_broadcast
from chargebench.manager.site import Box, SerialAddress
from chargebench.scenarios.describe import Scenario

OF_CARS: Final = ("takes more", "takes less")
"""Faults of a car alone: they change what it draws, at the instants at which they begin and end."""

CALM_QUIRKS: Final = ("second-relay", "phase-switching", "fixed-failsafe")
"""Quirks of boxes by which nothing happens; nor does by those that only change what stands in the sheet."""

FED_BY_ALL: Final = ("none", "request", "read", "unknown")
"""Watchdogs that the reads of a round keep quiet."""


def reason(scenario: Scenario) -> str:
    """Why a scenario cannot be run in leaps; "" where it can."""
    return next(_reasons(scenario), "")


def _reasons(scenario: Scenario) -> Iterator[str]:
    world = scenario.world
    for fault in world.faults:
        if fault.kind not in OF_CARS:
            yield f"the fault {fault.kind} is one of what lies between master and boxes"
    for reader in world.readers:
        yield f"the reader {reader.name} asks by itself"
    for gateway in world.gateways:
        yield f"the gateway {gateway.name} has times of its own"
    if not scenario.managed:
        return
    if scenario.site.inputs:
        yield "its inputs are read at every cycle"
    yield from _of_ways(scenario)
    for spec in world.boxes:
        yield from _of_quirks(spec.name, spec.device, spec.quirks)
    for meter in world.meters:
        yield from _of_quirks(meter.name, meter.device, meter.quirks)
    for box in scenario.site.boxes:
        yield from _of_box(box)


def _of_ways(scenario: Scenario) -> Iterator[str]:
    """Only what is on the network, and is there."""
    site, world = scenario.site, scenario.world
    addresses = [(box.name, box.address) for box in site.boxes]
    addresses += [(f"the meter of {box.name}", box.meter.address) for box in site.boxes if box.meter is not None]
    addresses += [(meter.name, meter.address) for meter in site.meters]
    at = [*(box.at for box in world.boxes), *(meter.at for meter in world.meters)]
    served = [f"{one.host}:{one.port}" for one in at if isinstance(one, TcpAt)]
    for name, address in addresses:
        if isinstance(address, SerialAddress):
            yield f"{name} is on the serial line {address.port}, where one request waits for the other"
        elif str(address) not in served:
            yield f"nobody is at {address}, where {name} is to be"


def _of_box(box: Box) -> Iterator[str]:
    sheet = load(box.device)
    if box.memory_us:
        yield f"{box.name} is read from a gateway's memory, and fed between two cycles"
    if dozes(sheet) or told_by_broadcast(sheet):
        yield f"{box.name} is of a make ({box.device}) that is told and asked in its own way"
        return
    if box_driver(box.device, load, box.unit).feeds({}) is not None:
        yield f"the watchdog of {box.name} ({box.device}) is fed between two cycles"
    elif sheet.watchdog is not None and sheet.watchdog.kind not in FED_BY_ALL:
        yield f"the watchdog of {box.name} ({box.device}) lives on what is written"


def _of_quirks(name: str, device: str, more: Sequence[str]) -> Iterator[str]:
    quirks = (*usual(load(device)), *more)
    odd = [one for one in quirks if one not in CALM_QUIRKS and one not in CHANGES]
    if odd:
        yield f"the quirk {odd[0]} of {name} may act at any time"
