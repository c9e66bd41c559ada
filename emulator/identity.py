"""Who a device is: read device identification (function 0x2B, MEI type 0x0E) and report server id (0x11).

A device that offers either has ``identity``, its objects by id: 0 maker, 1 product code, 2 revision, 3 home page,
4 product, 5 model, 6 application, 0x80 and up its own. Objects 0 to 2 are the least that an identity holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from chargebench.emulator.device import Device, Refused
from chargebench.emulator.functions import ILLEGAL_ADDRESS, ILLEGAL_FUNCTION, ILLEGAL_VALUE

OBJECT_MAX = 244
"""The longest object that still fits into an answer of its own."""

_IDENTIFICATION = 0x0E
_ANSWER_MAX = 253
_LAST_OF_STREAM = {1: 0x02, 2: 0x06, 3: 0xFF}
_INDIVIDUAL = 4
_RUNNING = 0xFF


@runtime_checkable
class Identified(Protocol):
    """What a device has that can say who it is."""

    identity: Mapping[int, bytes]


def report(device: Device, unit: int, pdu: bytes) -> bytes:
    """Function 0x11: the server id (here the unit id, one byte), the run indicator, then the product code as text."""
    if not isinstance(device, Identified):
        raise Refused(ILLEGAL_FUNCTION)
    if len(pdu) != 1:
        raise Refused(ILLEGAL_VALUE)
    body = bytes((unit, _RUNNING)) + device.identity[1][:OBJECT_MAX]
    return bytes((pdu[0], len(body))) + body


def identify(device: Device, pdu: bytes) -> bytes:
    """Function 0x2B: exception 01 for another MEI type, 03 for an unknown read code, 02 for an object that is not there."""
    if len(pdu) < 2:
        raise Refused(ILLEGAL_VALUE)
    if pdu[1] != _IDENTIFICATION or not isinstance(device, Identified):
        raise Refused(ILLEGAL_FUNCTION)
    if len(pdu) != 4 or not 1 <= pdu[2] <= _INDIVIDUAL:
        raise Refused(ILLEGAL_VALUE)
    return _objects(device.identity, pdu[2], pdu[3])


def _objects(identity: Mapping[int, bytes], code: int, first: int) -> bytes:
    if code == _INDIVIDUAL:
        if first not in identity:
            raise Refused(ILLEGAL_ADDRESS)
        wanted = [first]
    else:
        known = sorted(number for number in identity if number <= _LAST_OF_STREAM[code])
        # An id that is not there starts the stream over from its first object.
        wanted = known[known.index(first) :] if first in known else known
    body, rest = _fit(identity, wanted)
    count = len(wanted) - len(rest)
    more, following = (0xFF, rest[0]) if rest else (0, 0)
    return bytes((0x2B, _IDENTIFICATION, code, 0x80 | _level(identity), more, following, count)) + body


def _level(identity: Mapping[int, bytes]) -> int:
    """The conformity level: basic, regular or extended, by the highest object there is."""
    highest = max(identity)
    return 1 if highest <= 0x02 else 2 if highest <= 0x06 else 3


def _fit(identity: Mapping[int, bytes], wanted: list[int]) -> tuple[bytes, list[int]]:
    """As many objects as one answer holds, and those that are left for the next."""
    body = b""
    for place, number in enumerate(wanted):
        value = identity[number]
        assert len(value) <= OBJECT_MAX, f"identity object {number} is longer than an answer"
        if 7 + len(body) + 2 + len(value) > _ANSWER_MAX:
            return body, wanted[place:]
        body += bytes((number, len(value))) + value
    return body, []
