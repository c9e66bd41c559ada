"""``check``: what is wrong with a site or a scenario before the first byte is sent, and what would be right instead."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from chargebench.datasheets.errors import BadFile, BadInput
from chargebench.datasheets.forms import fill
from chargebench.datasheets.load import load, names
from chargebench.datasheets.yamlfile import Document, Loc, field_text, read_yaml
from chargebench.emulator.spec import At, TcpAt
from chargebench.emulator.streams import Streams
from chargebench.emulator.world import World
from chargebench.manager.site import Address, SerialAddress, Site, TcpAddress
from chargebench.manager.site_file import SiteForm, build
from chargebench.scenarios.describe import Scenario, read_scenario, titles
from chargebench.scenarios.truth import place

Severity = Literal["error", "danger", "note"]
S0_PORTS = {4702: 2, 4703: 3}
METERS_FROM = 101
LINE_HOLDS = 20


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to put right. ``where`` is ``file:line:column``."""

    severity: Severity
    where: str
    field: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.where}: {self.severity}: {self.field}: {self.sentence}"


class _Device(NamedTuple):
    """A device as the master is to reach it."""

    name: str
    device: str
    kind: Literal["evse", "meter"]
    address: Address
    unit: int
    loc: Loc


def check_file(path: Path, variant: str | None = None) -> list[Finding]:
    """All findings on the scenario or the bare site at ``path``; what cannot be read at all is an error among them.

    A scenario is checked with all its variants, or with ``variant`` alone.
    """
    try:
        document = read_yaml(path)
        if isinstance(document.value, dict) and "scenario" not in document.value and "evses" in document.value:
            return check_site(build(fill(SiteForm, document), document), document, ())
        _, _, variants = titles(path)
    except (BadFile, BadInput) as error:
        return _as_findings(error)
    found = [one for name in ([variant] if variant else [None, *variants]) for one in _check_variant(path, name)]
    return list(dict.fromkeys(found))


def _check_variant(path: Path, variant: str | None) -> list[Finding]:
    try:
        return check_scenario(read_scenario(path, variant))
    except (BadFile, BadInput) as error:
        return _as_findings(error)


def _as_findings(error: BadFile | BadInput) -> list[Finding]:
    found = error.args if isinstance(error, BadFile) else (error,)
    return [Finding("error", *one.args) for one in found]


def check_scenario(scenario: Scenario) -> list[Finding]:
    """Findings on the site, and on what the world makes impossible."""
    source = scenario.source
    found = check_site(scenario.site, source.site, source.site_loc)
    if not any(one.severity == "error" for one in found):  # they would only be told twice
        found.extend(_cannot_be(scenario))
    return [*found, *_out_of_reach(scenario)]


def check_site(site: Site, document: Document, loc: Loc) -> list[Finding]:
    """Findings on a site that stands at ``loc`` of ``document``: devices, addresses, ids, ports."""
    devices = list(_devices(site, loc))
    found = [
        *_known(devices),
        *_clashes(devices),
        *_lines(devices),
        *_s0_meters(devices),
    ]
    return [Finding(severity, document.where(at), field_text(at), sentence) for severity, at, sentence in found]


def refuse_errors(scenario: Scenario) -> None:
    """Raise ``BadFile`` with the findings that make a run pointless."""
    errors = [one for one in check_scenario(scenario) if one.severity == "error"]
    if errors:
        raise BadFile(*(BadInput(one.where, one.field, one.sentence) for one in errors))


_Found = tuple[Severity, Loc, str]


def _devices(site: Site, loc: Loc) -> Iterator[_Device]:
    for k, box in enumerate(site.boxes):
        here = (*loc, "evses", k)
        yield _Device(box.name, box.device, "evse", box.address, box.unit, here)
        if box.meter is not None:
            name = f"the meter of {box.name}"
            yield _Device(name, box.meter.device, "meter", box.meter.address, box.meter.unit, (*here, "meter"))
    for k, meter in enumerate(site.meters):
        yield _Device(meter.name, meter.device, "meter", meter.address, meter.unit, (*loc, "meters", k))


def _known(devices: list[_Device]) -> Iterator[_Found]:
    """Every device has a datasheet of the right kind that offers the way by which it is reached."""
    shelf = names()
    for one in devices:
        at = (*one.loc, "device")
        if one.device not in shelf:
            alike = [name for name in shelf if load(name).kind == one.kind]
            yield "error", at, f"no datasheet is called {one.device!r}; known are {', '.join(alike)}"
            continue
        sheet = load(one.device)
        way = "tcp" if isinstance(one.address, TcpAddress) else "rtu"
        if sheet.kind != one.kind:
            yield "error", at, f"expected {'an EVSE' if one.kind == 'evse' else 'a meter'}, and {one.device} is not one"
        elif way not in sheet.transports:
            yield "error", at, f"{one.device} cannot be reached by {way.upper()}, only by {', '.join(sheet.transports)}"


def _clashes(devices: list[_Device]) -> Iterator[_Found]:
    """No two devices answer to one id at one place. On a line the COM parameters make no difference."""
    seen: dict[tuple[str, int], _Device] = {}
    used: dict[str, list[int]] = {}
    for one in devices:
        used.setdefault(_spot(one.address), []).append(one.unit)
    for one in devices:
        spot = _spot(one.address)
        other = seen.setdefault((spot, one.unit), one)
        if other is not one:
            start = METERS_FROM if one.kind == "meter" else 1
            free = next(unit for unit in [*range(start, 248), *range(1, start)] if unit not in used[spot])
            sentence = f"{other.name} has id {one.unit} at {spot} already; {free} is free there"
            yield "error", (*one.loc, "id"), sentence


def _lines(devices: list[_Device]) -> Iterator[_Found]:
    """One line, one set of COM parameters; how full it is, and ids that leave no room."""
    first: dict[str, _Device] = {}
    on_line: dict[str, list[_Device]] = {}
    for one in devices:
        if not isinstance(one.address, SerialAddress):
            continue
        port = one.address.port
        on_line.setdefault(port, []).append(one)
        other = first.setdefault(port, one)
        if one.address != other.address:
            sentence = f"{port} has one set of parameters, and {other.name} has {other.address}"
            yield "error", (*one.loc, "at"), sentence
    for port, there in on_line.items():
        if len(there) > LINE_HOLDS:
            sentence = f"{len(there)} devices on {port}: up to {LINE_HOLDS} are advised on one line"
            yield "note", (*there[LINE_HOLDS].loc, "at"), sentence
        low = [one for one in there if one.kind == "meter" and one.unit <= 25]
        if low and len([one for one in there if one.kind == "evse"]) > 0:
            sentence = f"ids of meters below 26 are in the way of further EVSEs on {port}; from {METERS_FROM} up they never are"
            yield "note", (*low[0].loc, "id"), sentence


def _s0_meters(devices: list[_Device]) -> Iterator[_Found]:
    """The S0 meters of a Power Brain have their own ids at their own ports."""
    for one in devices:
        if one.device != "power-brain-s0" or not isinstance(one.address, TcpAddress):
            continue
        due = S0_PORTS.get(one.address.port)
        if due is None:
            sentence = "expected 4702 (id 2) or 4703 (id 3), where a Power Brain serves its S0 meters"
            yield "danger", (*one.loc, "port"), sentence
        elif due != one.unit:
            sentence = f"expected id {due}, to which the S0 meter at port {one.address.port} answers"
            yield "danger", (*one.loc, "id"), sentence


def _cannot_be(scenario: Scenario) -> Iterator[Finding]:
    """What the emulator cannot build."""
    try:
        World(scenario.world, Streams(0), lambda _: None, load)
    except (ValueError, LookupError) as error:
        yield Finding("error", scenario.source.document.where(("world",), key=True), "world", str(error))


def _out_of_reach(scenario: Scenario) -> Iterator[Finding]:
    """Devices that the world has put elsewhere than the master looks for them."""
    source = scenario.source
    truth: dict[str, tuple[At | None, int]] = {box.name: (box.at, box.unit) for box in scenario.world.boxes}
    for meter in scenario.world.meters:
        truth[meter.name] = (meter.at, meter.unit)
    for one in _devices(scenario.site, source.site_loc):
        name = f"{one.name.removeprefix('the meter of ')}-meter" if one.name.startswith("the meter of ") else one.name
        at, unit = truth[name]
        if at == place(one.address) and unit == one.unit:
            continue
        group = "boxes" if one.kind == "evse" else "meters"
        loc = ("world", group, name)
        sentence = (
            f"the master asks {one.address} id {one.unit}, and it is at {_place_text(at)} id {unit}: it stays silent"
        )
        yield Finding("danger", source.document.where(loc, key=True), field_text(loc), sentence)


def _spot(address: Address) -> str:
    return address.port if isinstance(address, SerialAddress) else str(address)


def _place_text(at: At | None) -> str:
    if at is None:
        return "no place of its own"
    if isinstance(at, TcpAt):
        return f"{at.host}:{at.port}"
    return f"{at.line},{at.baud},{at.bits},{at.parity.lower()},{at.stops}"
