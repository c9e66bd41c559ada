"""A reader of captures that knows the format from its specification alone; what is not as that says is an assertion."""

from __future__ import annotations

import struct
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

RAW_IP, UPPER_PDU = 101, 252
SECTION, INTERFACE, NAMES, PACKET = 0x0A0D0D0A, 1, 4, 6
BYTE_ORDER, VERSION = 0x1A2B3C4D, (1, 0)
FIN, SYN, RST = 1, 2, 4


class Interface(NamedTuple):
    link: int
    name: str
    description: str


class Packet(NamedTuple):
    interface: Interface
    at_us: int
    data: bytes
    flags: int
    comments: tuple[str, ...]

    @property
    def tags(self) -> dict[int, bytes]:
        """Of a message that names its dissector: what stands before it."""
        return _tags(self.data)[0]

    @property
    def dissector(self) -> str:
        return self.tags[12].rstrip(b"\0").decode()

    @property
    def frame(self) -> bytes:
        return _tags(self.data)[1]


@dataclass
class File:
    interfaces: list[Interface] = field(default_factory=list)
    packets: list[Packet] = field(default_factory=list)
    names: dict[bytes, str] = field(default_factory=dict)
    application: str = ""

    def of(self, name: str) -> list[Packet]:
        return [one for one in self.packets if one.interface.name == name]

    @property
    def comments(self) -> list[str]:
        return [text for one in self.packets for text in one.comments]


def read(data: bytes | Path) -> File:
    """The whole file; an earlier end than that of a block is one, too."""
    data = data.read_bytes() if isinstance(data, Path) else data
    found, at = File(), 0
    assert data[:4] == b"\x0a\x0d\x0d\x0a"
    while at < len(data):
        kind, size = struct.unpack_from("<II", data, at)
        assert size % 4 == 0
        assert struct.unpack_from("<I", data, at + size - 4) == (size,)
        _block(found, kind, data[at + 8 : at + size - 4])
        at += size
    assert at == len(data)
    return found


def _block(found: File, kind: int, body: bytes) -> None:
    if kind == SECTION:
        assert struct.unpack_from("<IHH", body) == (BYTE_ORDER, *VERSION)
        found.application = _options(body[16:])[4][0].decode()
        assert not found.interfaces, "one section in a file"
    elif kind == INTERFACE:
        link, _, _ = struct.unpack_from("<HHI", body)
        options = _options(body[8:])
        assert options[9] == [b"\x06"], "times are microseconds"
        found.interfaces.append(Interface(link, options[2][0].decode(), options[3][0].decode()))
    elif kind == NAMES:
        found.names.update(_names(body))
    else:
        assert kind == PACKET
        number, high, low, size, whole = struct.unpack_from("<IIIII", body)
        assert size == whole
        end = 20 + size + -size % 4
        assert not any(body[20 + size : end])
        options = _options(body[end:])
        flags = int.from_bytes(options.get(2, [b""])[0], "little")
        comments = tuple(text.decode() for text in options.get(1, ()))
        at_us = high << 32 | low
        found.packets.append(Packet(found.interfaces[number], at_us, body[20 : 20 + size], flags, comments))


def _options(body: bytes) -> dict[int, list[bytes]]:
    found: dict[int, list[bytes]] = defaultdict(list)
    at = 0
    while at < len(body):
        code, size = struct.unpack_from("<HH", body, at)
        if code == 0:
            assert at + 4 == len(body)
            break
        found[code].append(body[at + 4 : at + 4 + size])
        at += 4 + size + -size % 4
    return found


def _names(body: bytes) -> dict[bytes, str]:
    found, at = {}, 0
    while (kind := struct.unpack_from("<HH", body, at)) != (0, 0):
        record = body[at + 4 : at + 4 + kind[1]]
        address = record[: 4 if kind[0] == 1 else 16]
        found[address] = record[len(address) :].rstrip(b"\0").decode()
        at += 4 + kind[1] + -kind[1] % 4
    return found


def _tags(data: bytes) -> tuple[dict[int, bytes], bytes]:
    found: dict[int, bytes] = {}
    at = 0
    while True:
        tag, size = struct.unpack_from(">HH", data, at)
        at += 4
        if tag == 0:
            return found, data[at:]
        found[tag] = data[at : at + size]
        at += size


class Segment(NamedTuple):
    """One packet of a TCP connection."""

    source: tuple[bytes, int]
    target: tuple[bytes, int]
    sequence: int
    acknowledged: int
    flags: int
    data: bytes


def segment(packet: bytes) -> Segment:
    """What an IP packet holds; both checksums must be right."""
    wide = packet[0] >> 4 == 6
    size = 16 if wide else 4
    at = 40 if wide else 20
    addresses = packet[8 : 8 + 2 * size] if wide else packet[12:20]
    if not wide:
        assert _sum(packet[:20]) == 0xFFFF
        assert struct.unpack_from(">H", packet, 2) == (len(packet),)
    assert packet[6 if wide else 9] == 6
    tcp = packet[at:]
    assert _sum(addresses + struct.pack(">II", 6, len(tcp)) + tcp) == 0xFFFF
    source, target, sequence, acknowledged, _, flags = struct.unpack_from(">HHIIBB", tcp)
    return Segment((addresses[:size], source), (addresses[size:], target), sequence, acknowledged, flags, tcp[20:])


def _sum(data: bytes) -> int:
    total = 0
    for k in range(0, len(data), 2):
        total += int.from_bytes(data[k : k + 2].ljust(2, b"\0"), "big")
        total = (total & 0xFFFF) + (total >> 16)
    return total


def streams(packets: list[bytes]) -> dict[tuple[tuple[bytes, int], tuple[bytes, int]], bytes]:
    """What each end has sent to which other; nothing may be missing, and nothing may come twice."""
    found: dict[tuple[tuple[bytes, int], tuple[bytes, int]], bytes] = {}
    due: dict[tuple[tuple[bytes, int], tuple[bytes, int]], int] = {}
    for one in map(segment, packets):
        way = (one.source, one.target)
        if one.flags & SYN:
            due[way], found[way] = one.sequence, b""
        if not one.flags & RST:
            assert one.sequence == due[way]
            due[way] += len(one.data) + bool(one.flags & (SYN | FIN))
        found[way] = found.get(way, b"") + one.data
    return found
