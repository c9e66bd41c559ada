"""Ids and lines: nobody answers to an id twice, a line has one set of parameters, and it is not overloaded.

The makers' habit is EVSEs from 1 and meters from 20; with many boxes on a line these ranges collide, from 101 up never.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from chargebench.datasheets.load import load, names
from chargebench.manager.licence import MOST_SLAVES
from chargebench.manager.site import Address, SerialAddress
from chargebench.scenarios.checks.finding import Device, Found, Ground

METERS_FROM: Final = 101
LINE_ADVISED: Final = 20
LINE_BEARS: Final = 32
"""Unit loads that an RS-485 driver must bear, the master's own among them."""


def clashes(ground: Ground) -> Iterator[Found]:
    """No two devices answer to one id at one place."""
    seen: dict[tuple[str, int], Device] = {}
    used: dict[str, list[int]] = {}
    for one in ground.devices:
        used.setdefault(one.spot, []).append(one.unit)
    for one in ground.devices:
        other = seen.setdefault((one.spot, one.unit), one)
        if other is not one:
            free = _free_id(one, used[one.spot])
            sentence = f"{other.name} has id {one.unit} at {one.spot} already; {free} is free there"
            yield Found("error", (*one.loc, "id"), sentence, str(free))


def parameters(ground: Ground) -> Iterator[Found]:
    """One line, one transmission mode and one set of COM parameters."""
    for there in _lines(ground):
        first = there[0].address
        for one in there[1:]:
            if _mode(one.address) != _mode(first) and _can_speak(one):
                sentence = (
                    f"a line speaks either Modbus RTU or Modbus ASCII: {one.device} ({one.name}) speaks {_mode(one.address)}, and"
                    f" {there[0].device} ({there[0].name}) on {one.spot} speaks {_mode(first)}; it needs a line of its own"
                )
                yield Found("error", (*one.loc, "at"), sentence)
            elif one.address != first and _mode(one.address) == _mode(first):
                sentence = f"{one.spot} has one set of parameters, and {there[0].name} has {there[0].address}"
                yield Found("error", (*one.loc, "at"), sentence, str(there[0].address))


def ranges(ground: Ground) -> Iterator[Found]:
    """Meters among the ids of EVSEs are in the way, and where they stand, further up, would not be."""
    for there in _lines(ground):
        evses = [one.unit for one in there if one.kind == "evse"]
        meters = [one for one in there if one.kind == "meter"]
        if not evses or not meters:
            continue
        if any(one.unit <= max(evses) for one in meters) and max(evses) > min(evses):
            low = next(one for one in meters if one.unit <= max(evses))
            sentence = (
                f"on {low.spot} the meters' ids from {min(one.unit for one in meters)} up and the EVSEs' up to {max(evses)} run"
                f" into each other; meters from {METERS_FROM} up never do"
            )
            yield Found("note", (*low.loc, "id"), sentence, str(METERS_FROM))
        elif low_ones := [one for one in meters if one.unit <= MOST_SLAVES]:
            sentence = (
                f"ids of meters below {MOST_SLAVES + 1} are in the way of further EVSEs on {low_ones[0].spot};"
                f" from {METERS_FROM} up they never are"
            )
            yield Found("note", (*low_ones[0].loc, "id"), sentence, str(METERS_FROM))


def loads(ground: Ground) -> Iterator[Found]:
    """How many devices hang on a line, each one unit load, as the master is."""
    for there in _lines(ground):
        if len(there) + 1 > LINE_BEARS:
            sentence = (
                f"{len(there)} devices and the master on {there[0].spot} are {len(there) + 1} unit loads, and a line bears"
                f" {LINE_BEARS}; {LINE_BEARS - 1} devices would be right, the rest on another line"
            )
            yield Found("danger", (*there[LINE_BEARS - 1].loc, "at"), sentence, f"{LINE_BEARS - 1} devices")
        elif len(there) > LINE_ADVISED:
            sentence = f"{len(there)} devices on {there[0].spot}: up to {LINE_ADVISED} are advised on one line"
            yield Found("note", (*there[LINE_ADVISED].loc, "at"), sentence, f"{LINE_ADVISED} devices")


def _mode(address: Address) -> str:
    return address.mode.upper() if isinstance(address, SerialAddress) else ""


def _can_speak(device: Device) -> bool:
    """Whether it knows the mode that it is to be asked in; that it does not is told elsewhere."""
    return device.device not in names() or _mode(device.address).lower() in load(device.device).transports


def _lines(ground: Ground) -> list[list[Device]]:
    found: dict[str, list[Device]] = {}
    for one in ground.devices:
        if isinstance(one.address, SerialAddress):
            found.setdefault(one.spot, []).append(one)
    return list(found.values())


def _free_id(device: Device, used: Sequence[int]) -> int:
    start = METERS_FROM if device.kind == "meter" else 1
    units: list[int] = [*range(start, 248), *range(1, start)]
    return next(unit for unit in units if unit not in used)
