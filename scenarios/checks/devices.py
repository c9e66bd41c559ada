"""Every device has a datasheet, can be reached the way it is to be, and has a driver; S0 meters are where they are served."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from chargebench.datasheets.errors import suggest
from chargebench.datasheets.load import load, names
from chargebench.manager.drivers.registry import told_by_broadcast, unfit
from chargebench.manager.site import TcpAddress
from chargebench.scenarios.checks.finding import Device, Found, Ground

S0_PORTS: Final = {4702: 2, 4703: 3}


def known(ground: Ground) -> Iterator[Found]:
    """Every device has a datasheet of the right kind that offers the way by which it is reached, and a driver."""
    shelf = names()
    for one in ground.devices:
        at = (*one.loc, "device")
        if one.device not in shelf:
            alike = [name for name in shelf if load(name).kind == one.kind]
            sentence = f"no datasheet is called {one.device!r}{suggest(one.device, alike)}"
            yield Found("error", at, sentence, " or ".join(alike))
            continue
        sheet = load(one.device)
        way = "tcp" if isinstance(one.address, TcpAddress) else one.address.mode
        if sheet.kind != one.kind:
            sentence = f"expected {'an EVSE' if one.kind == 'evse' else 'a meter'}, and {one.device} is not one"
            yield Found("error", at, sentence)
        elif way not in sheet.transports:
            sentence = f"{one.device} cannot be reached by {way.upper()}, only by {', '.join(sheet.transports)}"
            yield Found("error", at, sentence)
        elif unfit(sheet):
            known = ", ".join(drivable(one.kind))
            yield Found("error", at, f"the manager has no driver for {unfit(sheet)}; it has one for {known}")


def broadcasts(ground: Ground) -> Iterator[Found]:
    """A box that hears its limit with all of its kind has a line of its own, and a unit id that has a word."""
    first: dict[str, Device] = {}
    for one in ground.devices:
        if one.device not in names() or not told_by_broadcast(sheet := load(one.device)):
            continue
        other = first.setdefault(one.spot, one)
        assert sheet.control is not None
        nodes = sheet.control.limit.nodes
        if other is not one:
            sentence = f"what tells {one.name} its limit tells {other.name}, too, which is on {one.spot}; it needs a line of its own"
            yield Found("error", (*one.loc, "at"), sentence)
        if not 1 <= one.unit <= nodes:
            yield Found(
                "error",
                (*one.loc, "id"),
                f"expected an id from 1 to {nodes}, each of which has a word in what tells the limits, got {one.unit}",
            )


def drivable(kind: str) -> tuple[str, ...]:
    """The names of all devices of a kind ("evse" or "meter") for which the manager has a driver."""
    return tuple(name for name in names() if load(name).kind == kind and not unfit(load(name)))


def s0_meters(ground: Ground) -> Iterator[Found]:
    """The S0 meters of a Power Brain have their own ids at their own ports."""
    for one in ground.devices:
        if one.device != "power-brain-s0" or not isinstance(one.address, TcpAddress):
            continue
        due = S0_PORTS.get(one.address.port)
        if due is None:
            sentence = "expected 4702 (id 2) or 4703 (id 3), where a Power Brain serves its S0 meters"
            yield Found("danger", (*one.loc, "port"), sentence, "4702")
        elif due != one.unit:
            sentence = f"expected id {due}, to which the S0 meter at port {one.address.port} answers"
            yield Found("danger", (*one.loc, "id"), sentence, str(due))
