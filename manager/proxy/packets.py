"""What stands in the packets of a capture: TCP connections as IP packets, frames of a serial line as named messages. Sans-IO.

Servers of Modbus TCP stand at port 502, wherever they really listen: only there protocol analysers read it unasked, tell
requests from answers and give an answer's words the numbers of the registers that were asked for. A message of a line names
its dissector; it, too, carries addresses, one for each unit, so that each unit's answers find their requests.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

MODBUS_PORT: Final = 502
MOST_BYTES: Final = 32_768  # of one connection in one packet, which has room for 65,495
_WINDOW: Final = 65_535
_TTL: Final = 64
_TCP: Final = 6
_TCP_HEAD, _IP_HEAD = 20, 20
_IP_BEGINS, _IP_GOES_ON = (0x45, 0), (0, 0x4000, _TTL, _TCP)
_IP_SUM: Final = 0x4500 + 0x4000 + (_TTL << 8) + _TCP
_FIN, _SYN, _RST, _PUSH, _ACK = 1, 2, 4, 8, 16
_WRAP: Final = 0xFFFFFFFF
_DISSECTOR, _IP4_SOURCE, _IP4_TARGET, _PORT_TYPE, _SOURCE_PORT, _TARGET_PORT, _END = 12, 20, 21, 24, 25, 26, 0


class End(NamedTuple):
    """One end: its address, 4 or 16 bytes, and its port."""

    address: bytes
    port: int


class Stream:
    """One TCP connection, as packets: each method gives those that make what has happened visible."""

    def __init__(self, client: End, server: End) -> None:
        self._heads = _head(client, server), _head(server, client)
        self._sent = [0, 0]
        self._ended = [False, False]

    def asks(self) -> Iterator[bytes]:
        """The client wants a connection."""
        yield self._packet(0, _SYN)
        self._sent[0] = 1

    def begins(self) -> Iterator[bytes]:
        """The server has accepted it."""
        yield self._packet(1, _SYN | _ACK)
        self._sent = [1, 1]
        yield self._packet(0, _ACK)

    def opens(self) -> Iterator[bytes]:
        """It is there, and how it began has not been seen apart."""
        yield from self.asks()
        yield from self.begins()

    def carries(self, by: int, data: bytes) -> Iterator[bytes]:
        """The client (0) or the server (1) has sent something."""
        for k in range(0, len(data), MOST_BYTES):
            piece = data[k : k + MOST_BYTES]
            yield self._packet(by, _PUSH | _ACK, piece)
            self._sent[by] = (self._sent[by] + len(piece)) & _WRAP

    def ends(self, by: int) -> Iterator[bytes]:
        """One side sends no more."""
        if not self._ended[by]:
            self._ended[by] = True
            yield self._packet(by, _FIN | _ACK)
            self._sent[by] = (self._sent[by] + 1) & _WRAP

    def breaks(self, by: int) -> Iterator[bytes]:
        """One side resets it."""
        if not all(self._ended):
            self._ended = [True, True]
            yield self._packet(by, _RST | _ACK)

    def _packet(self, by: int, flags: int, data: bytes = b"") -> bytes:
        ports, ip, ip_sum, tcp_sum = self._heads[by]
        heard = self._sent[1 - by] if flags & _ACK else 0
        head = ports + struct.pack(">IIBBH", self._sent[by], heard, 5 << 4, flags, _WINDOW)
        size = _TCP_HEAD + len(data)
        check = _fold(tcp_sum + size + _sum(head) + _sum(data))
        if ip_sum is None:
            below = struct.pack(">IHBB", 6 << 28, size, _TCP, _TTL) + ip
        else:
            whole = _IP_HEAD + size
            below = struct.pack(">BBHHHBBH", *_IP_BEGINS, whole, *_IP_GOES_ON, _fold(ip_sum + whole)) + ip
        return below + head + check.to_bytes(2, "big") + b"\0\0" + data


def _head(source: End, target: End) -> tuple[bytes, bytes, int | None, int]:
    """Of one direction what is the same in all packets: ports, addresses, and what they add to both sums, of IPv6 to one."""
    addresses = source.address + target.address
    ip_sum = None if len(source.address) == 16 else _sum(addresses) + _IP_SUM
    return struct.pack(">HH", source.port, target.port), addresses, ip_sum, _sum(addresses) + _TCP


def _sum(data: bytes) -> int:
    """Of all words; half a one is filled with 0."""
    size = len(data)
    total: int = sum(struct.unpack(f">{size // 2}H", data[: size & ~1]))
    return total + (data[-1] << 8) if size & 1 else total


def _fold(total: int) -> int:
    """The internet's checksum of words with this sum: its complement, with what overflows added at the end."""
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def message_head(dissector: str, source: End, target: End) -> bytes:
    """What stands before a message, and names who can read it."""
    tags = (
        (_DISSECTOR, dissector.encode()),
        (_IP4_SOURCE, source.address),
        (_IP4_TARGET, target.address),
        (_PORT_TYPE, (2).to_bytes(4, "big")),
        (_SOURCE_PORT, source.port.to_bytes(4, "big")),
        (_TARGET_PORT, target.port.to_bytes(4, "big")),
        (_END, b""),
    )
    return b"".join(_tag(tag, value) for tag, value in tags)


def _tag(tag: int, value: bytes) -> bytes:
    value += bytes(-len(value) % 4)
    return struct.pack(">HH", tag, len(value)) + value
