"""pcapng, the format of captures that protocol analysers open: its blocks, as bytes. Sans-IO.

A file is a section header and then blocks in the order in which their contents are known; it is whole after each of them.
An interface is described before its first packet. Times are microseconds since 1970.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import Final

APPLICATION: Final = "chargebench"
MAGIC: Final = b"\x0a\x0d\x0d\x0a"
"""How a capture file begins."""

RAW_IP, UPPER_PDU = 101, 252
"""Link types: IP packets without anything below them; messages that name the dissector that is to read them."""

IN, OUT = 1, 2
BAD_CRC, TOO_SHORT = 1 << 24, 1 << 26
"""Flags of a packet: its direction, seen from the end that is looked at, and what was wrong with it on its wire."""

COMMENT_BYTES: Final = 1_000
_SECTION, _INTERFACE, _NAMES, _PACKET = 0x0A0D0D0A, 1, 4, 6
_ORDER, _LENGTH_UNKNOWN = 0x1A2B3C4D, -1
_MICROSECONDS: Final = b"\x06"
_END, _TEXT, _NAME, _DESCRIPTION, _FLAGS, _USER_APPLICATION, _RESOLUTION = 0, 1, 2, 3, 2, 4, 9
_IP4, _IP6 = 1, 2
_PACKET_HEAD, _FLAGS_ALONE = struct.Struct("<IIIIIII"), struct.Struct("<HHIHH")
_NO_MORE: Final = bytes(4)


def section() -> bytes:
    """The beginning of a file."""
    head = struct.pack("<IHHq", _ORDER, 1, 0, _LENGTH_UNKNOWN)
    return _block(_SECTION, head + _options((_USER_APPLICATION, APPLICATION.encode())))


def interface(link_type: int, name: str, description: str) -> bytes:
    """The next interface: the first described is number 0."""
    options = ((_NAME, name.encode()), (_DESCRIPTION, description.encode()), (_RESOLUTION, _MICROSECONDS))
    return _block(_INTERFACE, struct.pack("<HHI", link_type, 0, 0) + _options(*options))


def names(known: Iterable[tuple[bytes, str]]) -> bytes:
    """What addresses (4 or 16 bytes) are called, for who has names shown."""
    records = b"".join(
        _record(_IP4 if len(address) == 4 else _IP6, address + name.encode() + b"\0") for address, name in known
    )
    return _block(_NAMES, records + struct.pack("<HH", _END, 0))


def packet(number: int, at_us: int, data: bytes, flags: int = 0, comments: Sequence[str] = ()) -> bytes:
    """A packet of the interface with this number."""
    size = len(data)
    options = _FLAGS_ALONE.pack(_FLAGS, 4, flags, _END, 0) if flags else b""
    if comments:
        said = b"".join([_record(_TEXT, _cut(text)) for text in comments])
        options = said + (options or _NO_MORE)
    padding = -size % 4
    whole = _PACKET_HEAD.size + size + padding + len(options) + 4
    head = _PACKET_HEAD.pack(_PACKET, whole, number, at_us >> 32, at_us & 0xFFFFFFFF, size, size)
    return b"".join((head, data, bytes(padding), options, whole.to_bytes(4, "little")))


def _cut(text: str) -> bytes:
    """No more of a comment than anybody reads, and whole letters."""
    return text.encode("utf-8", "replace")[:COMMENT_BYTES].decode("utf-8", "ignore").encode()


def _block(kind: int, body: bytes) -> bytes:
    size = len(body) + 12
    return struct.pack("<II", kind, size) + body + struct.pack("<I", size)


def _options(*options: tuple[int, bytes]) -> bytes:
    if not options:
        return b""
    return b"".join(_record(code, value) for code, value in options) + struct.pack("<HH", _END, 0)


def _record(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + _padded(value)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
