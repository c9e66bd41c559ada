"""What comes in on a Modbus TCP connection: the right answer, late ones, wrong ones, or a stream out of step. Sans-IO.

Only the frame with the transaction id of the open request may answer it, and only with its unit, function and length.
Every other id belongs to a request that was given up: late, counted, dropped. After a frame whose header cannot be, no
byte behind it can be trusted any more: ``broken`` says that the connection has to go.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

from chargebench.manager.links.shape import Shape, wrong

HEADER: Final = 7
LENGTH_LEAST: Final = 2
LENGTH_MOST: Final = 254


class TcpInlet:
    """One connection's stream. ``bad`` is why what came is not the answer; ``late`` is called with a late answer's unit."""

    def __init__(self, late: Callable[[int], None]) -> None:
        self.bad = ""
        self.broken = False
        self._late = late
        self._buffer = bytearray()
        self._unit = 0
        self._shape: Shape | None = None
        self._transaction = 0

    def expect(self, unit: int, shape: Shape) -> None:
        """A request is about to leave; its bytes are given to ``sent``."""
        self.bad = ""
        self._unit, self._shape = unit, shape

    def sent(self, adu: bytes) -> None:
        (self._transaction,) = struct.unpack_from(">H", adu)

    def give_up(self) -> None:
        """No answer to the open request is wanted any more; should it come, it is late."""
        self._shape = None

    @property
    def wait_us(self) -> int | None:
        """How long to wait for more: not at all after a wrong answer, since no other will come; None: up to the deadline."""
        return 0 if self.bad else None

    def receive(self, data: bytes) -> bytes:
        """Take what came; the ADU that is the right answer, or nothing."""
        if not self._buffer and not self.broken and _is_one_frame(data):
            return self._judge(data)
        self._buffer += data
        found = b""
        while not self.broken and len(self._buffer) >= HEADER + 1:
            _, protocol, length, _ = struct.unpack_from(">HHHB", self._buffer)
            if protocol or not LENGTH_LEAST <= length <= LENGTH_MOST:
                self._break(f"header {bytes(self._buffer[:HEADER]).hex(' ')} cannot be")
            elif len(self._buffer) < HEADER - 1 + length:
                break
            else:
                adu = bytes(self._buffer[: HEADER - 1 + length])
                del self._buffer[: len(adu)]
                found = self._judge(adu) or found
        return found

    def pdu(self, adu: bytes) -> bytes:
        """The PDU in a frame."""
        return adu[HEADER:]

    def _break(self, why: str) -> None:
        self.broken, self.bad = True, why
        self._buffer.clear()

    def _judge(self, adu: bytes) -> bytes:
        transaction, _, _, unit = struct.unpack_from(">HHHB", adu)
        shape = self._shape
        if shape is None or transaction != self._transaction:
            self._late(unit)
            return b""
        self._shape = None
        if unit != self._unit:
            self.bad = f"unit id {unit} instead of {self._unit}"
        elif shape.fits(adu[HEADER:]):
            return adu
        else:
            self.bad = wrong(shape, adu[HEADER:])
        return b""


def _is_one_frame(data: bytes) -> bool:
    """Whether that is a frame and nothing else, as answers mostly come."""
    size = len(data)
    return (
        size > HEADER
        and data[2:4] == b"\0\0"
        and size - HEADER < LENGTH_MOST
        and data[4] << 8 | data[5] == size + 1 - HEADER
    )
