"""A finding, and what every proof is given to stand on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from chargebench.datasheets.yamlfile import Document, Loc
from chargebench.manager.site import Address, SerialAddress, Site

Severity = Literal["error", "danger", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to put right. ``where`` is ``file:line:column``; ``right`` the value that would be right, where there is one."""

    severity: Severity
    where: str
    field: str
    sentence: str
    right: str = ""

    def __str__(self) -> str:
        return ": ".join(part for part in (self.where, self.severity, self.field, self.sentence) if part)


class Found(NamedTuple):
    """What a proof says: a finding that still names its place by the path to it."""

    severity: Severity
    loc: Loc
    sentence: str
    right: str = ""


def spot_of(address: Address) -> str:
    """The place at which ids are shared: a line by its port, whatever its parameters, or a TCP address."""
    return address.port if isinstance(address, SerialAddress) else str(address)


class Device(NamedTuple):
    """A device as the master is to reach it. ``box``: the place among the boxes of an EVSE, None for a meter."""

    name: str
    device: str
    kind: Literal["evse", "meter"]
    address: Address
    unit: int
    loc: Loc
    box: int | None = None

    @property
    def spot(self) -> str:
        """Where it shares the ids with others: on a line the COM parameters make no difference."""
        return spot_of(self.address)


@dataclass(frozen=True, slots=True)
class Ground:
    """A site, where it stands in its file, and its devices in the order of the file."""

    site: Site
    document: Document
    loc: Loc
    devices: tuple[Device, ...]

    @classmethod
    def of(cls, site: Site, document: Document, loc: Loc) -> Ground:
        return cls(site, document, loc, devices_of(site, loc))

    def connection(self, *field: str) -> Loc:
        """The path to the connection or to a field of it."""
        return (*self.loc, "connection", *field)

    def box(self, k: int, *field: str) -> Loc:
        """The path to a box or to a field of it."""
        return (*self.loc, "evses", k, *field)

    def circuit(self, k: int, *field: str) -> Loc:
        """The path to a circuit or to a field of it."""
        return (*self.loc, "circuits", k, *field)

    def says(self, loc: Loc) -> bool:
        """Whether the file has a value at this path itself."""
        return loc in self.document.places


Proof = Callable[[Ground], Iterator[Found]]


def devices_of(site: Site, loc: Loc = ()) -> tuple[Device, ...]:
    """Every device that the master is to reach, with the path to it in the file of a site that stands at ``loc``."""
    found = []
    for k, box in enumerate(site.boxes):
        here = (*loc, "evses", k)
        found.append(Device(box.name, box.device, "evse", box.address, box.unit, here, k))
        if box.meter is not None:
            name = f"the meter of {box.name}"
            found.append(Device(name, box.meter.device, "meter", box.meter.address, box.meter.unit, (*here, "meter")))
    for k, meter in enumerate(site.meters):
        found.append(Device(meter.name, meter.device, "meter", meter.address, meter.unit, (*loc, "meters", k)))
    return tuple(found)
