"""Requests and answers as PDUs that are made once, and answers taken apart again with no frame around them."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from chargebench.manager.drivers.base import Read
from chargebench.manager.links.shape import Shape, shape_of
from chargebench.manager.outcomes import Answer, Outcome, Refusal, Request

WORDS_MOST: Final = 125
KEPT: Final = 256
TABLES: Final = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
_ANSWERS = tuple(struct.Struct(f">{count}H") for count in range(WORDS_MOST + 1))


@dataclass(frozen=True, slots=True)
class Image:
    """A request, the PDU that it is on a wire, and what the right answer to it looks like."""

    request: Request
    pdu: bytes
    shape: Shape
    count: int
    """Words in the answer, or bits below 0; 0 for a write."""

    @classmethod
    def of(cls, request: Request) -> Image:
        """The image of a request; most are made again and again, so it is worth keeping."""
        shape = shape_of(request)
        if isinstance(request, Read):
            pdu = struct.pack(">BHH", TABLES[request.table], request.address, request.count)
            return cls(request, pdu, shape, request.count if request.table in {"holding", "input"} else -request.count)
        if request.function == 16:
            many = len(request.values)
            pdu = struct.pack(f">BHHB{many}H", 16, request.address, many, 2 * many, *request.values)
        else:
            pdu = struct.pack(">BHH", request.function, request.address, request.values[0])
        return cls(request, pdu, shape, 0)

    def outcome(self, pdu: bytes, at_us: int) -> Outcome | None:
        """What an answer says that arrives at ``at_us``; None where it takes more than this to judge it."""
        shape = self.shape
        if len(pdu) == shape.size and pdu.startswith(shape.head):
            if self.count > 0:
                return Answer(at_us, _ANSWERS[self.count].unpack_from(pdu, 2))
            return Answer(at_us, _bits(pdu, -self.count))
        if len(pdu) == 2 and pdu[0] == shape.head[0] | 0x80:
            return Refusal(pdu[1])
        return None


class Images:
    """Images of requests, which are made again and again."""

    def __init__(self) -> None:
        self._known: dict[Request, Image] = {}

    def of(self, request: Request) -> Image:
        image = self._known.get(request)
        if image is None:
            if len(self._known) >= KEPT:
                self._known.clear()
            image = self._known[request] = Image.of(request)
        return image


def _bits(pdu: bytes, count: int) -> tuple[int, ...]:
    bits = int.from_bytes(pdu[2:], "little") if count else 0
    return tuple(bits >> place & 1 for place in range(count))
