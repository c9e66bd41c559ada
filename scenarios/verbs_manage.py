"""The verb that manages: a site, on the ports that are really there. Nothing of the bench is loaded into its process.

What ``check`` says of the site is asked of a process of its own, since its proofs know the devices of the bench.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import click

from chargebench.datasheets.errors import BadFile, BadInput, UnknownName
from chargebench.datasheets.load import load
from chargebench.manager.licence import licensed, third_party
from chargebench.manager.links.master import now_us
from chargebench.manager.service.gate import place
from chargebench.manager.service.licences import MOST, FixedLicences, LicenceFile, Licences, read_number
from chargebench.manager.service.process import Order, civil, run
from chargebench.manager.service.told import OrdersFile
from chargebench.manager.service.windows import Openings
from chargebench.manager.site import Address, Site, TcpAddress
from chargebench.manager.site_file import parse_address, read_site

CHECK: Final = "from chargebench.scenarios.cli import main; main()"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person has asked for. ``lines``: ``COM1=/dev/ttyUSB0``; ``tcp``: ``192.168.2.151:4701=127.0.0.1:1502``.

    ``http`` and ``modbus``: ``[HOST:]PORT``, where others may look. ``orders``: the file by which people order something.
    """

    site: Path
    store: Path | None
    log: Path | None
    licences: str | None
    lines: Sequence[str]
    tcp: Sequence[str]
    observe: bool
    as_json: bool
    http: str | None = None
    modbus: str | None = None
    orders: Path | None = None


def manage(wish: Wish) -> int:
    """Manage the site until somebody ends it."""
    path = wish.site.resolve()
    site = replace(read_site(wish.site), path=str(path))
    site = replace(site, management=site.management and not wish.observe)
    ports = _ports(site, wish)
    licences = _licences(site, wish.licences)
    site = _licensed(site, licences.now())
    usual = path.with_name(f"{path.stem}.manager.db")
    store = usual if wish.store is None else wish.store.absolute()
    openings = _openings(wish)
    told = None if wish.orders is None else OrdersFile(wish.orders.absolute(), site, civil, now_us)
    proof = partial(_prove, wish, site, store)
    run(Order(site, ports, store, usual, licences, wish.log, wish.as_json, proof, openings, told))
    return 0


def _openings(wish: Wish) -> Openings:
    http = None if wish.http is None else place("--http", wish.http)
    return Openings(http, None if wish.modbus is None else place("--serve-modbus", wish.modbus))


def _prove(wish: Wish, site: Site, store: Path) -> Sequence[str]:
    """The dangers of the site, which a person sees before anything is sent."""
    dangers = _dangers(wish.site)
    for danger in dangers:
        click.echo(danger, err=True)
    if not wish.as_json:
        click.echo(_head(site, store))
    return dangers


def _head(site: Site, store: Path) -> str:
    count = f"{len(site.boxes)} box{'' if len(site.boxes) == 1 else 'es'}"
    meters = f"{len(site.meters)} meter{'' if len(site.meters) == 1 else 's'} of the house"
    does = f"managed by policy {site.policy}" if site.management else "read and never written"
    return f"{site.path}: {count} and {meters}, {does}; remembered in {store}"


# -- where everything is ----------------------------------------------------------------------


def _ports(site: Site, wish: Wish) -> dict[str, str]:
    """Where each port and address of the site really leads."""
    addresses = list(_addresses(site))
    lines = tuple(dict.fromkeys(one.port for one in addresses if not isinstance(one, TcpAddress)))
    tcp = tuple(dict.fromkeys(str(one) for one in addresses if isinstance(one, TcpAddress)))
    found = {name: f"/dev/{name}" for name in lines}
    for text in wish.lines:
        name, _, port = text.partition("=")
        if not port:
            raise BadInput("--line", "", f"expected a line and its port, such as COM1=/dev/ttyUSB0, got {text!r}")
        if name not in lines:
            raise UnknownName("line", name, lines)
        found[name] = port
    for text in wish.tcp:
        name, _, place = text.partition("=")
        if name not in tcp:
            raise UnknownName("TCP address of the site", name, tcp)
        found[name] = _place(text, place)
    return found


def _place(text: str, place: str) -> str:
    try:
        if isinstance(parse_address(place), TcpAddress):
            return place
    except ValueError:
        pass
    raise BadInput(
        "--tcp", "", f"expected an address and where it leads, such as 192.168.2.151:4701=127.0.0.1:1502, got {text!r}"
    )


def _addresses(site: Site) -> Iterable[Address]:
    for box in site.boxes:
        yield box.address
        if box.meter is not None:
            yield box.meter.address
    for meter in site.meters:
        yield meter.address
    for one in site.inputs:
        yield one.address


def _licences(site: Site, said: str | None) -> Licences:
    """Who is asked for licences: the site's file, a number, or another file."""
    if said is None:
        return LicenceFile(Path(site.path), lambda path: read_site(path).licences)
    if said.isascii() and said.isdecimal():
        if int(said) > MOST:
            raise BadInput("--licences", "", f"expected a number from 0 to {MOST} or a file, got {said}")
        return FixedLicences(int(said))
    return LicenceFile(Path(said).absolute(), read_number)


def _licensed(site: Site, count: int) -> Site:
    """The site with so many licences."""
    allowed = licensed(third_party(site.boxes, load), count)
    boxes = tuple(replace(box, licensed=one) for box, one in zip(site.boxes, allowed, strict=True))
    return replace(site, boxes=boxes, licences=count)


# -- what check says --------------------------------------------------------------------------


def _dangers(path: Path) -> list[str]:
    """The dangers of a site; ``BadFile`` with the errors that keep anybody from managing it."""
    command = [sys.executable, "-c", CHECK, "check", "--json", "--", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  (this interpreter, our own verb)
    try:
        (target,) = json.loads(done.stdout)
    except ValueError:
        raise RuntimeError(f"check ended with status {done.returncode}: {done.stderr}") from None
    found = target["findings"]
    errors = [BadInput(one["where"], one["field"], one["sentence"]) for one in found if one["severity"] == "error"]
    if errors:
        raise BadFile(*errors)
    return [
        f"{one['where']}: danger: {one['field']}: {one['sentence']}" for one in found if one["severity"] == "danger"
    ]
