"""The gateways of a world: where each stands, what is behind it, and in whose case it sits.

What the site looks for at the address of a gateway is on its line, unless the world says otherwise.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from chargebench.datasheets.yamlfile import Loc
from chargebench.emulator.spec import At, GatewaySpec, LineAt, TcpAt, WorldSpec
from chargebench.manager.site import Address, SerialAddress, Site, TcpAddress
from chargebench.manager.site_file import parse_address
from chargebench.scenarios.errors import Errors
from chargebench.scenarios.form import OWN_PROXY, GatewayForm, World

_TCP: Final = "192.168.2.160:4701"
_LINE: Final = "CELLAR,9600,8,n,1"


def place(address: Address) -> At:
    """Where a device of the world listens that the master knows by ``address``."""
    if isinstance(address, TcpAddress):
        return TcpAt(address.host, address.port)
    return LineAt(address.port, address.baud, address.bits, address.parity, address.stops, address.mode)


def lines_behind(form: World) -> dict[At, LineAt]:
    """The line behind the address of each gateway, as far as both can be read."""
    found: dict[At, LineAt] = {}
    for one in form.gateways.values():
        at, line = _parsed(one.at), _parsed(one.line)
        if isinstance(at, TcpAt) and isinstance(line, LineAt):
            found.setdefault(at, line)
    return found


def reached_at(world: WorldSpec, at: At) -> TcpAt | None:
    """Where clients on the network reach what is at ``at``: there, or at the gateway of its line; None where nowhere."""
    if isinstance(at, TcpAt):
        return at
    return next((one.at for one in world.gateways if one.line.line == at.line), None)


def straight(world: WorldSpec) -> WorldSpec:
    """``world`` with what is behind its gateways at their addresses, as if it answered there itself."""
    at = {one.line.line: one.at for one in world.gateways}

    def moved(place: At) -> At:
        return at.get(place.line, place) if isinstance(place, LineAt) else place

    boxes = tuple(replace(box, at=moved(box.at)) for box in world.boxes)
    meters = tuple(one if one.at is None else replace(one, at=moved(one.at)) for one in world.meters)
    return replace(world, boxes=boxes, meters=meters, gateways=())


def with_gateways(world: WorldSpec, site: Site, form: World, problems: Errors) -> WorldSpec:
    """``world`` with the gateways of ``form``; what cannot be goes to ``problems``."""
    reader = _Reader(world, site, problems)
    found = [reader.read(name, one) for name, one in form.gateways.items()]
    return replace(world, gateways=tuple(one for one in found if one is not None))


class _Reader:
    def __init__(self, world: WorldSpec, site: Site, problems: Errors) -> None:
        self._world, self._problems = world, problems
        self._at: dict[At, str] = {box.at: box.name for box in world.boxes}
        self._at.update({meter.at: meter.name for meter in world.meters if meter.at is not None})
        self._names = [*(box.name for box in world.boxes), *(meter.name for meter in world.meters)]
        self._own = [address.port for address in _addresses(site) if isinstance(address, SerialAddress)]
        self._lines: dict[str, str] = {}

    def read(self, name: str, form: GatewayForm) -> GatewaySpec | None:
        loc: Loc = ("world", "gateways", name)
        if name in self._names:
            self._problems.add(loc, f"expected a name of its own, and there is a device {name}", key=True)
        at, line = self._at_tcp(form, (*loc, "at")), self._on_line(form, (*loc, "line"))
        if form.memory is not None and form.profile != "cached":
            self._problems.add((*loc, "memory"), f"expected only with profile: cached, and this one is {form.profile}")
        if at is None or line is None:
            return None
        if other := self._at.get(at):
            self._problems.add((*loc, "at"), f"expected an address of its own, and {other} is at {form.at}")
        self._at[at] = name
        if other := self._lines.get(line.line):
            self._problems.add((*loc, "line"), f"expected a line of its own, and {other} is the master of {line.line}")
        self._lines[line.line] = name
        owner = next((box.name for box in self._world.boxes if _host(box.at) == at.host), "")
        return GatewaySpec(name, at, line, form.profile, owner, form.memory)

    def _at_tcp(self, form: GatewayForm, loc: Loc) -> TcpAt | None:
        at = _parsed(form.at)
        if isinstance(at, TcpAt):
            return at
        self._problems.add(loc, f"expected an address such as {_TCP}, where its clients find it, got {form.at[:60]!r}")
        return None

    def _on_line(self, form: GatewayForm, loc: Loc) -> LineAt | None:
        line = _parsed(form.line)
        if not isinstance(line, LineAt):
            self._problems.add(loc, f"expected a serial line such as {_LINE}, got {form.line[:60]!r}")
            return None
        if line.line in self._own:
            self._problems.add(loc, f"expected a line of its own, and the master itself is on {line.line}")
        if line.mode == "ascii" and form.profile != OWN_PROXY:
            self._problems.add(loc, f"expected a line in RTU mode, which is all that {form.profile} speaks")
        return line


def _parsed(text: str) -> At | None:
    try:
        return place(parse_address(text))
    except ValueError:
        return None


def _host(at: At) -> str:
    return at.host if isinstance(at, TcpAt) else ""


def _addresses(site: Site) -> list[Address]:
    boxes = [one for box in site.boxes for one in (box.address, None if box.meter is None else box.meter.address)]
    return [one for one in (*boxes, *(meter.address for meter in site.meters)) if one is not None]
