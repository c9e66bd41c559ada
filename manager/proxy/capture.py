"""Everything that several buses carry, as one capture: an interface for each TCP server and each serial line. Sans-IO.

A frame of a line that is none (its check does not fit, or it is too short) is marked, and says so in a comment: analysers do
not look unless they are told to. A frame of a line in ASCII mode, which they cannot read, stands there as the RTU frame that
says the same, with its characters in a comment. What is told meanwhile becomes comments of the packet that comes next.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final, Literal, NamedTuple

from chargebench.manager.proxy import pcapng
from chargebench.manager.proxy.packets import MODBUS_PORT, End, Stream, message_head

Check = Callable[[bytes], bytes]
Put = Callable[[bytes, bool], bool]
"""Takes a block; what must not be left out is taken in any case. Tells whether it was taken."""

Mode = Literal["rtu", "ascii"]
MASTER_PORT: Final = 49_152
COMMENTS_MOST: Final = 100
"""So many wait for a packet; beyond that they stand in one of their own, as lines of text."""

HOSTS, UNITS = bytes((198, 18)), bytes((198, 19))
"""Networks that are set aside for benches: hosts that have names only, and units of lines, are given addresses there."""

Side = Literal[0, 1]
"""Of a connection: its client, its server."""

CLIENT: Final = 0
SERVER: Final = 1
_FRAME_LEAST, _CRC, _ASCII = 4, 2, re.compile(rb"[:>]((?:[0-9A-Fa-f]{2}){3,255})\r\n")
_RTU, _BYTES, _TEXT = "mbrtu", "data", "data-text-lines"


class Bus(NamedTuple):
    """A line of the capture: its interface, its number among the lines, and how it frames."""

    interface: int
    number: int
    name: str
    mode: Mode


@dataclass(slots=True)
class Connection:
    """A TCP connection of the capture. ``here`` is the end at which it is looked at."""

    interface: int
    stream: Stream
    here: Side


@dataclass(slots=True)
class Known:
    """What a file must be told before its packets."""

    interfaces: list[bytes] = field(default_factory=list)
    names: dict[bytes, str] = field(default_factory=dict)

    def head(self) -> bytes:
        """A new file, up to its first packet."""
        named = [pcapng.names(self.names.items())] if self.names else []
        return b"".join([pcapng.section(), *self.interfaces, *named])


class Capture:
    """Gives blocks to ``put``. ``crc_of`` and ``lrc_of`` give the check of a frame's body; ``asker`` names who asks on lines.

    ``missing`` counts the packets that were not taken, and that no comment has told of yet.
    """

    def __init__(self, put: Put, crc_of: Check, lrc_of: Check, asker: str, known: Known | None = None) -> None:
        self.known = known or Known()
        self.missing = 0
        self._put, self._crc_of, self._lrc_of = put, crc_of, lrc_of
        self._servers: dict[str, int] = {}
        self._hosts: dict[str, bytes] = {}
        self._lines = 0
        self._text: int | None = None
        self._comments: list[str] = []
        self._ports = 0
        self._heads: dict[tuple[int, int, bool, str], bytes] = {}
        put(pcapng.section(), True)
        self._asker = End(self.host(asker), MASTER_PORT)

    # -- what there is ----------------------------------------------------------------------

    def line(self, name: str, description: str, mode: Mode = "rtu") -> Bus:
        """A serial line."""
        if mode == "ascii":
            description += "; frames are written as the RTU frames that say the same"
        self._lines += 1
        return Bus(self._interface(pcapng.UPPER_PDU, name, description), self._lines, name, mode)

    def server(self, host: str, port: int, what: str = "") -> int:
        """The interface of a TCP server, described when it is first asked for."""
        at = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        number = self._servers.get(at)
        if number is None:
            real = "" if port == MODBUS_PORT else f"; port {port} is written as {MODBUS_PORT}, where it is read unasked"
            described = f"{what or 'Modbus TCP'} at {at}{real}"
            number = self._servers[at] = self._interface(pcapng.RAW_IP, at, described)
        return number

    def connection(self, interface: int, client: End, server: End, here: Side) -> Connection:
        """A TCP connection, of which nothing has been seen yet."""
        return Connection(interface, Stream(client, server._replace(port=MODBUS_PORT)), here)

    def host(self, name: str) -> bytes:
        """The address of a host: its own, or one that is made up for its name."""
        address = _literal(name) or self._hosts.get(name)
        if address is None:
            address = self._hosts[name] = HOSTS + (len(self._hosts) + 1 & 0xFFFF).to_bytes(2, "big")
            self._name(address, name)
        return address

    def next_port(self) -> int:
        """A port that a client may have had, where that is not known."""
        self._ports += 1
        return MASTER_PORT + self._ports % (1 << 14)

    def _interface(self, link_type: int, name: str, description: str) -> int:
        block = pcapng.interface(link_type, name, description)
        self.known.interfaces.append(block)
        self._put(block, True)
        return len(self.known.interfaces) - 1

    def _name(self, address: bytes, name: str) -> None:
        self.known.names[address] = name
        self._put(pcapng.names([(address, name)]), True)

    # -- what happens -----------------------------------------------------------------------

    def comment(self, at_us: int, text: str) -> None:
        """Something that the next packet is to tell."""
        self._comments.append(text)
        if len(self._comments) >= COMMENTS_MOST:
            self.rest(at_us)

    def rest(self, at_us: int) -> None:
        """Nothing may follow: what no packet has told yet stands in one of its own."""
        if not self._comments:
            return
        if self._text is None:
            self._text = self._interface(pcapng.UPPER_PDU, "told", "what was told while nothing was on any bus")
        text = "".join(f"{one}\n" for one in self._comments)
        self._comments.clear()
        head = message_head(_TEXT, self._asker, self._asker)
        self._write(self._text, at_us, head + text.encode("utf-8", "replace"))

    def carried(self, one: Connection, at_us: int, by: Side, packets: Iterable[bytes]) -> None:
        """A connection has carried these, sent by its client (0) or its server (1)."""
        flags = pcapng.OUT if by == one.here else pcapng.IN
        for packet in packets:
            self._write(one.interface, at_us, packet, flags)

    def frame(self, bus: Bus, at_us: int, data: bytes, *, asked: bool, comments: Sequence[str] = ()) -> None:
        """A burst on a line has ended: a request, or an answer."""
        flags = pcapng.OUT if asked else pcapng.IN
        if bus.mode == "ascii":
            dissector, content, says, wrong = self._of_ascii(data)
        else:
            dissector, content, says, wrong = self._of_rtu(data)
        head = self._head(bus, content[0] if dissector == _RTU else 0, dissector, asked=asked)
        self._write(bus.interface, at_us, head + content, flags | wrong, [*says, *comments])

    def _head(self, bus: Bus, unit: int, dissector: str, *, asked: bool) -> bytes:
        key = (bus.number, unit, asked, dissector)
        head = self._heads.get(key)
        if head is None:
            address = UNITS + bytes((bus.number & 0xFF, unit))
            if address not in self.known.names:
                self._name(address, f"{bus.name}/{unit}")
            slave = End(address, MODBUS_PORT)
            ends = (self._asker, slave) if asked else (slave, self._asker)
            head = self._heads[key] = message_head(dissector, *ends)
        return head

    def _of_rtu(self, data: bytes) -> tuple[str, bytes, list[str], int]:
        if len(data) < _FRAME_LEAST:
            return _BYTES, data, [f"no frame: {len(data)} byte{'' if len(data) == 1 else 's'}"], pcapng.TOO_SHORT
        if self._crc_of(data[:-_CRC]) == data[-_CRC:]:
            return _RTU, data, [], 0
        return _RTU, data, ["wrong CRC"], pcapng.BAD_CRC

    def _of_ascii(self, data: bytes) -> tuple[str, bytes, list[str], int]:
        said = _ASCII.fullmatch(data)
        if said is None:
            return _TEXT, data, ["no frame: not from a colon to CR LF"], pcapng.TOO_SHORT
        whole = bytes.fromhex(said[1].decode("ascii"))
        if self._lrc_of(whole[:-1]) != whole[-1:]:
            return _TEXT, data, ["wrong LRC"], pcapng.BAD_CRC
        characters = data.decode("ascii").rstrip()
        return _RTU, whole[:-1] + self._crc_of(whole[:-1]), [f"in ASCII mode: {characters}"], 0

    def _write(self, interface: int, at_us: int, data: bytes, flags: int = 0, says: Sequence[str] = ()) -> None:
        told = [*self._comments, *says]
        if self.missing:
            told.insert(0, f"packets missing before this one, which the file did not take in time: {self.missing}")
        if self._put(pcapng.packet(interface, at_us, data, flags, told), False):
            self._comments.clear()
            self.missing = 0
        else:
            self.missing += 1


def _literal(name: str) -> bytes | None:
    """The address, where a name is one."""
    try:
        return ip_address(name.partition("%")[0]).packed
    except ValueError:
        return None
