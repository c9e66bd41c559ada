"""Where everything is: which port of this machine stands for which address of a site, and how to read there for a first time."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from chargebench.datasheets.errors import BadInput, UnknownName
from chargebench.datasheets.load import load
from chargebench.datasheets.model import Datasheet, Register, Table
from chargebench.emulator.ascii import pack_ascii
from chargebench.emulator.plant import Server
from chargebench.emulator.ports import Listen, Ports, Tty
from chargebench.emulator.serve import LOOPBACK
from chargebench.emulator.spec import LineAt, ModuleSpec, TcpAt, WorldSpec
from chargebench.emulator.wires.pty import PTY
from chargebench.emulator.wires.uart import BYTE_BITS

MOST_TCP_PORT: Final = 65_535
ADAPTER_US: Final = 20_000
"""Many a USB adapter hands over every 16 ms what has come by then: less is no silence behind it."""
OTHER_END: Final = "OTHER-END"
"""Stands for the serial port of the master, whose line ends at a port that was given for it: what its own is called, it knows."""
MODULE: Final = "input-module"
"""What stands for the device of a module of inputs, which has no datasheet."""
_TABLES: Final = {"coil": "0", "discrete": "1", "input": "3", "holding": "4"}
_FUNCTIONS: Final = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
_PARITIES: Final = {"N": "none", "E": "even", "O": "odd"}


@dataclass(frozen=True, slots=True)
class Wish:
    """Where a person wants things to be. ``lines``: ``COM1=/dev/ttyUSB0``; ``ports``: ``garage=1502``.

    ``own_addresses``: each host gets an address of 127.0.0.0/8, with the ports of the site. ``listen``: else all are at this
    address, with the ports of the site where they are free.
    """

    lines: Sequence[str] = ()
    ports: Sequence[str] = ()
    own_addresses: bool = False
    listen: str = LOOPBACK


@dataclass(frozen=True, slots=True)
class Place:
    """A device and where it is: ``host:port``, or the path of a serial port, which is set as ``serial`` says."""

    name: str
    device: str
    unit: int
    at: str
    serial: str
    first_read: str

    def as_json(self) -> dict[str, object]:
        """The same for a program."""
        found: dict[str, object] = {"name": self.name, "device": self.device, "unit": self.unit, "at": self.at}
        return {**found, "serial": self.serial} if self.serial else found


def ttys(wish: Wish, servers: Iterable[Server]) -> dict[str, Tty]:
    """A serial port for each line: the one that is given, else a new pty."""
    lines = tuple(dict.fromkeys(server.at.line for server in servers if isinstance(server.at, LineAt)))
    given = {}
    for text in wish.lines:
        name, equals, path = text.partition("=")
        if not equals or not path:
            raise BadInput("--line", "", f"expected a line and its port, such as COM1=/dev/ttyUSB0, got {text!r}")
        if name not in lines:
            raise UnknownName("line", name, lines)
        given[name] = Tty(path, silence_us=ADAPTER_US)
    return {name: given.get(name, Tty(PTY)) for name in lines}


def listens(wish: Wish, servers: Iterable[Server]) -> dict[str, Listen]:
    """Where to listen for each TCP address."""
    tcp = [(server, server.at) for server in servers if isinstance(server.at, TcpAt)]
    pinned = _pinned(wish.ports, {member.name: server.name for server, _ in tcp for member in server.members})
    own = own_addresses([at.host for _, at in tcp]) if wish.own_addresses else {}
    found = {}
    for server, at in tcp:
        host = own.get(at.host, wish.listen)
        exact = wish.own_addresses or server.name in pinned
        found[f"{at.host}:{at.port}"] = Listen(host, pinned.get(server.name, at.port), exact)
    return found


def own_addresses(hosts: Iterable[str]) -> dict[str, str]:
    """An address of 127.0.0.0/8 for each host: 127.168.2.151 for 192.168.2.151, 127.0.0.1 for localhost, others in turn."""
    found: dict[str, str] = {}
    taken: dict[str, None] = {}
    turn = 0
    for host in dict.fromkeys(hosts):
        first, _, rest = host.partition(".")
        numbers = first.isdecimal() and rest.replace(".", "").isdecimal() and rest.count(".") == 2
        wanted = f"127.{rest}" if numbers else LOOPBACK if host == "localhost" else ""
        while not wanted or wanted in taken:
            turn += 1
            wanted = f"127.1.{turn // 250}.{turn % 250 + 1}"
        found[host], taken[wanted] = wanted, None
    return found


def places(world: WorldSpec, servers: Iterable[Server], ports: Ports, wish: Wish) -> list[Place]:
    """Everything that is served, in the order of the site."""
    devices = {**{box.name: box.device for box in world.boxes}, **{one.name: one.device for one in world.meters}}
    modules = {one.name: one for one in world.modules}
    paths = dict(text.split("=", 1) for text in wish.lines)
    found = []
    for server in servers:
        at = server.at
        where = paths.get(at.line) or ports.aliases[at.line] if isinstance(at, LineAt) else ""
        for member in server.members:
            module = modules.get(member.name)
            looks = _look(load(devices[member.name])) if module is None else _contacts(module)
            if isinstance(at, LineAt):
                port = OTHER_END if at.line in paths else where
                # a pty knows no parity and carries bytes only
                bits, parity = (at.bits, at.parity) if at.line in paths else (BYTE_BITS, "N")
                serial = f"{at.baud},{bits},{parity.lower()},{at.stops}"
                options = f"-m rtu -b {at.baud} -d {bits} -s {at.stops} -P {_PARITIES[parity]}"
                if at.mode == "ascii":
                    serial, read = f"{serial},ascii", _by_shell(looks, member.unit, port)
                else:
                    read = _mbpoll(looks, member.unit, options, port)
                found.append(Place(member.name, looks.device, member.unit, where, serial, read))
            else:
                alias = ports.aliases[f"{at.host}:{at.port}"]
                host, _, port = alias.rpartition(":")
                read = _mbpoll(looks, member.unit, f"-m tcp -p {port}", host)
                found.append(Place(member.name, looks.device, member.unit, alias, "", read))
    return found


def _pinned(given: Iterable[str], servers: Mapping[str, str]) -> dict[str, int]:
    """The port that was given for each server, by the name of any of its devices."""
    found = {}
    for text in given:
        name, _, port = text.rpartition("=")
        if not name or not port.isdecimal() or not 0 < int(port) <= MOST_TCP_PORT:
            raise BadInput(
                "--port", "", f"expected a device on the network and its port, such as garage=1502, got {text!r}"
            )
        if name not in servers:
            raise UnknownName("device on the network", name, tuple(servers))
        found[servers[name]] = int(port)
    return found


@dataclass(frozen=True, slots=True)
class _Look:
    """What one looks at first, ``count`` words; none where nothing can be read. A ``single`` is one float."""

    device: str
    table: Table = "holding"
    at: int = 0
    count: int = 0
    single: bool = False
    little: bool = False


def _look(sheet: Datasheet) -> _Look:
    one = first_register(sheet)
    return (
        _Look(sheet.name)
        if one is None
        else _Look(sheet.name, one.table, one.at, one.count, one.type == "f32", one.little)
    )


def _contacts(module: ModuleSpec) -> _Look:
    return _Look(MODULE, module.points[0].table, module.points[0].register, 1)


def _mbpoll(look: _Look, unit: int, options: str, where: str) -> str:
    """The line that reads a first register; empty where mbpoll cannot speak to the device."""
    if not look.count or not 1 <= unit <= (255 if "tcp" in options else 247):
        return ""
    kind = _TABLES[look.table] + (":float" if look.single else "")
    order = " -B" if look.single and not look.little else ""
    count = 1 if look.single else look.count
    return f"mbpoll -0 -1 {options} -a {unit} -t {kind}{order} -r {look.at} -c {count} {where}"


def _by_shell(look: _Look, unit: int, where: str) -> str:
    """The line that shows the answer to a first read in ASCII mode, which mbpoll does not speak; asked twice, as some need it."""
    if not look.count:
        return ""
    pdu = struct.pack(">BHH", _FUNCTIONS[look.table], look.at, look.count)
    request = pack_ascii(unit, pdu).decode("ascii").strip()
    ask = f"printf '{request}\\r\\n' >&3; timeout 1 head -n1 <&3"
    return f'bash -c "stty -F {where} raw -echo; exec 3<>{where}; {ask} || {{ {ask}; }}"'


def first_register(sheet: Datasheet) -> Register | None:
    """What one looks at first: the state of a box, a voltage or current of a meter, else the first that can be read."""
    wanted = [sheet.states.register] if sheet.states else []
    wanted += [*sheet.meter.voltages, *sheet.meter.currents] if sheet.meter else []
    readable = {one.name: one for one in sheet.registers if one.readable and one.count <= sheet.max_read}
    named = [readable[name] for name in wanted if name in readable]
    return next(iter([*named, *readable.values()]), None)
