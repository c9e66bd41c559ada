"""The verb that serves the units of lines to clients on Modbus TCP. Nothing of the bench is loaded into its process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeVar

from chargebench.datasheets.errors import BadInput, UnknownName
from chargebench.datasheets.quantity import parse
from chargebench.manager.links.pace import TCP_PACE, Pace
from chargebench.manager.proxy.access import Access, parse_rule
from chargebench.manager.proxy.between import Between
from chargebench.manager.proxy.config import SERVED_PACE, Before, Behind, Captured, Config, Crowd, Kind
from chargebench.manager.proxy.process import Telling, run
from chargebench.manager.site import SerialAddress, TcpAddress
from chargebench.manager.site_file import parse_address, read_site

LOOPBACK: Final = "127.0.0.1"
KINDS: Final[dict[str, Kind]] = {"tcp://": "tcp", "rtu-tcp://": "rtu-tcp"}
LINE: Final = "a line and its port, such as COM1,9600,8,n,1=/dev/ttyUSB0 or garage=tcp://192.168.2.151:4701"
PLACE: Final = "an address and its line, such as 127.0.0.1:4701, 127.0.0.1:4701=COM1 or 127.0.0.1:4702=COM1/3"
EVERY_LEAST_US: Final = 100_000
PORT_MOST, UNIT_MOST, NAME_MOST = 65_535, 255, 40
MEGABYTE: Final = 1_000_000
T = TypeVar("T")
Standing = Callable[[Behind], Between | None]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person has asked for, as typed. Of ``site``, the serial lines are served."""

    lines: Sequence[str]
    listen: Sequence[str]
    units: Sequence[str]
    allow: Sequence[str]
    read_only: bool
    answer: str | None
    gap: str | None
    echo: bool
    retries: int
    clients: int
    idle: str | None
    as_json: bool
    site: Path | None = None
    every: str | None = None
    pcap: str | None = None
    pcap_mb: int = 64


def proxy(wish: Wish, between: Callable[[Config], Standing] | None = None) -> int:
    """Serve until somebody ends it. ``between`` gives what is to stand before the lines."""
    config = config_of(wish)
    every_us = None if wish.every is None else _duration("--every", wish.every)
    if every_us is not None and every_us < EVERY_LEAST_US:
        raise BadInput("--every", "", f"expected 100 ms or more, got {wish.every}")
    run(config, Telling(wish.as_json, every_us, between(config) if between else None))
    return 0


def config_of(wish: Wish) -> Config:
    """What that means; ``BadInput`` names the option that cannot be understood."""
    of_site = {} if wish.site is None else _lines_of(wish.site)
    said = [_line(_whole(text, of_site), wish) for text in wish.lines]
    named = {line.name for line in said}
    lines = (*said, *(_line(f"{at}=/dev/{name}", wish) for name, at in of_site.items() if name not in named))
    if not lines:
        raise BadInput("--line", "", f"expected {LINE}; or a site")
    names = tuple(line.name for line in lines)
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise BadInput("--line", "", f"expected each line once, got {twice} twice")
    listeners = tuple(_place(text, names) for text in wish.listen) or tuple(Before(LOOPBACK, 0, name) for name in names)
    idle_us = Crowd().idle_us if wish.idle is None else _duration("--idle", wish.idle)
    return Config(
        lines,
        listeners,
        dict(_unit(text) for text in wish.units),
        Access(wish.read_only, tuple(_said("--allow", parse_rule, text) for text in wish.allow)),
        Crowd(wish.clients, idle_us),
        None if wish.pcap is None else Captured(wish.pcap, wish.pcap_mb * MEGABYTE),
    )


def _line(text: str, wish: Wish) -> Behind:
    name, equals, target = text.partition("=")
    if not equals or not name or not target:
        raise BadInput("--line", "", f"expected {LINE}, got {text!r}")
    scheme = next((one for one in KINDS if target.startswith(one)), "")
    address = None if scheme and "," not in name else _said("--line", parse_address, name)
    if isinstance(address, TcpAddress):
        raise BadInput("--line", "", f"expected {LINE}, got {text!r}")
    called = name[:NAME_MOST] if address is None else address.port
    if scheme and not isinstance(_said("--line", parse_address, target.removeprefix(scheme)), TcpAddress):
        raise BadInput("--line", "", f"expected {LINE}, got {text!r}")
    kind = KINDS.get(scheme, "serial")
    gap_us = None if wish.gap is None else _duration("--gap", wish.gap)
    return Behind(called, kind, target.removeprefix(scheme), address, _pace(wish, kind, address), gap_us, wish.echo)


def _lines_of(path: Path) -> dict[str, SerialAddress]:
    """The serial lines of a site, by name."""
    found: dict[str, SerialAddress] = {}
    site = read_site(path)
    at = [box.address for box in site.boxes]
    at += [box.meter.address for box in site.boxes if box.meter is not None]
    at += [*(one.address for one in site.meters), *(one.address for one in site.inputs)]
    for address in at:
        if isinstance(address, SerialAddress):
            found.setdefault(address.port, address)
            if found[address.port] != address:
                raise BadInput(
                    str(path), "", f"expected one way to use {address.port}, got {found[address.port]} and {address}"
                )
    if not found:
        raise BadInput(str(path), "", "expected a site with devices on a serial line, such as at: COM1,9600,8,n,1")
    return found


def _whole(text: str, of_site: Mapping[str, SerialAddress]) -> str:
    """A line with its parameters, which the site tells where they are left out."""
    name, equals, target = text.partition("=")
    return f"{of_site[name]}={target}" if equals and name in of_site else text


def _pace(wish: Wish, kind: Kind, address: SerialAddress | None) -> Pace:
    pace = TCP_PACE if kind == "tcp" or address is None else SERVED_PACE
    pace = replace(pace, retries=wish.retries)
    if wish.answer is not None:
        pace = replace(pace, answer_us=_duration("--answer", wish.answer))
    return pace


def _place(text: str, names: tuple[str, ...]) -> Before:
    """``[HOST:]PORT[=LINE[/UNIT]]``; without a host it is the loopback."""
    at, _, name = text.partition("=")
    host, _, port = at.rpartition(":")
    line, slash, unit = name.partition("/")
    line = line or (names[0] if len(names) == 1 else "")
    if not _number(port, PORT_MOST) or (slash and not _number(unit, UNIT_MOST)) or not line:
        raise BadInput("--listen", "", f"expected {PLACE}, got {text!r}")
    if line not in names:
        raise UnknownName("line", line, names)
    return Before(host.strip("[]") or LOOPBACK, int(port), line, int(unit) if slash else None)


def _unit(text: str) -> tuple[int, int]:
    outside, _, inside = text.partition("=")
    if not _number(outside, UNIT_MOST) or not _number(inside, UNIT_MOST):
        raise BadInput("--unit", "", f"expected what clients call a unit and its id, such as 101=1, got {text!r}")
    return int(outside), int(inside)


def _number(text: str, most: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= len(str(most)) and int(text) <= most


def _duration(option: str, text: str) -> int:
    return _said(option, lambda said: parse(said, "duration"), text)


def _said(option: str, read: Callable[[str], T], text: str) -> T:
    """What was typed, or the option that cannot be understood."""
    try:
        return read(text)
    except ValueError as error:
        raise BadInput(option, "", str(error)) from None
