"""Requests of clients on Modbus TCP: cut out of the stream of bytes, and answered. Sans-IO."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from chargebench.manager.links.tcp_inlet import HEADER, LENGTH_LEAST, LENGTH_MOST

_HEAD: Final = struct.Struct(">HHHB")


class Asked(NamedTuple):
    """A request with the transaction id of its client."""

    transaction: int
    unit: int
    pdu: bytes


class Splitter:
    """The stream of one client.

    A message of another protocol is skipped, since its length can be believed. Behind a length that no request has, no byte
    means anything: ``broken``, and the connection has to go.
    """

    __slots__ = ("_buffer", "broken")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.broken = False

    @property
    def held(self) -> int:
        """Bytes that wait for more, or to be taken."""
        return len(self._buffer)

    def feed(self, data: bytes) -> None:
        if not self.broken:
            self._buffer += data

    def take(self) -> Asked | None:
        """The next request; None where none has come whole."""
        buffer = self._buffer
        while len(buffer) >= HEADER:
            transaction, protocol, length, unit = _HEAD.unpack_from(buffer)
            if not LENGTH_LEAST <= length <= LENGTH_MOST:
                self.broken = True
                buffer.clear()
                return None
            end = HEADER - 1 + length
            if len(buffer) < end:
                return None
            pdu = bytes(buffer[HEADER:end])
            del buffer[:end]
            if not protocol:
                return Asked(transaction, unit, pdu)
        return None


def answer(transaction: int, unit: int, pdu: bytes) -> bytes:
    """The frame of an answer."""
    return _HEAD.pack(transaction, 0, len(pdu) + 1, unit) + pdu
