"""What the answer to a request looks like that is passed on without being understood. Sans-IO.

The length of an answer follows from its request for the functions that most devices have; of the others nothing is known
but the function, and on an RTU line their end is the silence behind them.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Final

from chargebench.manager.links.shape import OPEN, Shape

BITS: Final = (1, 2)
WORDS: Final = (3, 4)
READS: Final = (*BITS, *WORDS)
"""What may be asked twice: no device does anything because of it."""

HARMLESS: Final = (*READS, 7, 11, 12, 17, 20, 24)
IDENTIFICATION: Final = b"\x2b\x0e"
"""Function 43 with the one of its kinds that only reads."""

ECHOES: Final = (5, 6, 15, 16)
LENGTHS: Final = {7: 2, 11: 5}
DIAGNOSTICS, MASK, READ_WRITE = 8, 22, 23
PDU_MOST: Final = 253

GATEWAY_PATH, GATEWAY_TARGET, BUSY = 0x0A, 0x0B, 0x06
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS = 0x01, 0x02


@lru_cache(maxsize=1024)
def expected(pdu: bytes) -> Shape:
    """The shape of the answer to a request's PDU, which may be any bytes."""
    function = pdu[0] & 0x7F
    known = _of_reads(pdu) or _of_others(pdu)
    return known or Shape(bytes((function,)), OPEN)


def _of_reads(pdu: bytes) -> Shape | None:
    function = pdu[0]
    if function == READ_WRITE and len(pdu) >= 5:
        count = int.from_bytes(pdu[3:5], "big")
    elif function in READS and len(pdu) == 5:
        count = struct.unpack_from(">H", pdu, 3)[0]
    else:
        return None
    data = -(-count // 8) if function in BITS else 2 * count
    return Shape(bytes((function, data)), 2 + data) if 1 <= data <= PDU_MOST - 2 else None


def _of_others(pdu: bytes) -> Shape | None:
    """Writes tell the address that they were for, and diagnostics the sub-function; what follows may be the device's own."""
    function = pdu[0]
    if function in ECHOES and len(pdu) >= 5:
        return Shape(pdu[:3], 5)
    if function == MASK and len(pdu) == 7:
        return Shape(pdu[:3], 7)
    if function == DIAGNOSTICS and len(pdu) >= 3:
        return Shape(pdu[:3], len(pdu))
    if function in LENGTHS and len(pdu) == 1:
        return Shape(pdu[:1], LENGTHS[function])
    return None


def reads(pdu: bytes) -> bool:
    """Whether it may be asked again: a read, and nothing else."""
    return pdu[0] in READS


def harmless(pdu: bytes) -> bool:
    """Whether it changes nothing in any device. What is not known is taken to write."""
    return pdu[0] in HARMLESS or pdu.startswith(IDENTIFICATION)


def refusal(pdu: bytes, code: int) -> bytes:
    """The exception response to a request."""
    return bytes((pdu[0] | 0x80, code))
