"""What the right answer to a request looks like, before it has come. Sans-IO.

An answer is recognised by how its PDU begins and by how long it is. pymodbus compares neither function nor length with
the request, and on a serial line there is no transaction id: two requests with one shape cannot be told apart there.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Final, NamedTuple

from chargebench.manager.drivers.base import Read
from chargebench.manager.outcomes import Request

FUNCTIONS: Final = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
WRITES: Final = (5, 6, 16)
OPEN: Final = 0xFFFF
"""The size of an answer whose length nobody knows before it has come."""


class Shape(NamedTuple):
    """The first bytes of the answer's PDU, the function among them, and the PDU's whole length."""

    head: bytes
    size: int

    @property
    def function(self) -> int:
        return self.head[0]

    def fits(self, pdu: bytes) -> bool:
        """Whether a PDU is the right answer, or an exception response to this function."""
        if pdu[0] == self.function | 0x80:
            return len(pdu) == 2
        return (len(pdu) == self.size or self.size == OPEN) and pdu.startswith(self.head)


@lru_cache(maxsize=1024)
def shape_of(request: Request) -> Shape:
    """The shape of the answer to ``request``; ``ValueError`` for a function that is not spoken here."""
    if isinstance(request, Read):
        function = FUNCTIONS[request.table]
        data = 2 * request.count if function > 2 else -(-request.count // 8)
        return Shape(bytes((function, data)), 2 + data)
    if request.function not in WRITES:
        raise ValueError(f"function {request.function} is not one of the writes {WRITES}")
    what = request.values[0] if request.function in {5, 6} else len(request.values)
    return Shape(struct.pack(">BHH", request.function, request.address, what), 5)


def wrong(shape: Shape, pdu: bytes) -> str:
    """Why a PDU that does not fit is not the answer, as half a sentence."""
    if pdu[0] & 0x7F != shape.function:
        return f"function {pdu[0]} instead of {shape.function}"
    if len(pdu) != shape.size:
        return f"{len(pdu)} bytes instead of {shape.size}"
    return f"begins with {pdu[: len(shape.head)].hex(' ')} instead of {shape.head.hex(' ')}"
