"""What comes in on a serial line: the right answer amid echoes, stray bytes and answers that come late. Sans-IO.

RTU has no transaction id. A request that got no answer stays a *suspect* for ``BELIEVED_US``: its answer may still come,
and would fit a request of the same shape to the same unit. So:

- an answer whose shape a suspect of its unit has is taken as that suspect's, counted as late, and never given away;
- an exception response says nothing but the function, so it goes to the unit's suspect of that function;
- the answer to a request with a shape of its own proves that the unit is past all earlier ones: its suspects are cleared.

Bytes are searched, not cut at their beginning: a zero byte at the turn-around of the line, the echo of an adapter that
hears itself, or the answer of another unit may stand before the answer. Where the echo of a write looks like the answer
to it (function 6), the line is known to echo by then: every unit is greeted with a read first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from chargebench.manager.links.shape import Shape

BELIEVED_US: Final = 10_000_000
QUIET_US: Final = 50_000
"""Adapters hand on what they hear in portions of up to 16 ms; a frame that pauses for longer than this is over."""

FRAME_LEAST: Final = 4
"""Fewer bytes are no frame that went wrong but a glitch, behind which the answer may still come."""

KEPT: Final = 512
CRC: Final = 2


class Suspect(NamedTuple):
    """Answers that may come late: how long they may, and how many."""

    until_us: int
    answers: int


class LineInlet:
    """One serial line. ``crc_of`` gives the two CRC bytes of a frame's body, as they stand on the wire.

    ``bad`` is why what came is not the answer; ``late`` is called with a late answer's unit.
    """

    kept = KEPT

    def __init__(self, crc_of: Callable[[bytes], bytes], late: Callable[[int], None]) -> None:
        self.bad = ""
        self.broken = False
        self.echoes = False
        self._crc_of = crc_of
        self._late = late
        self._buffer = bytearray()
        self._unit = 0
        self._shape: Shape | None = None
        self._echo = b""
        self._suspects: dict[tuple[int, Shape], Suspect] = {}

    # -- suspects -------------------------------------------------------------------------

    def suspect(self, unit: int, shape: Shape, now_us: int, answers: int = 1) -> None:
        """A request got no answer; it may still come, several where it was made several times."""
        self.forget(now_us)
        self._suspects[unit, shape] = Suspect(now_us + BELIEVED_US, answers)

    def same_again(self, unit: int, shape: Shape) -> None:
        """The request that got no answer is made once more: an answer to either of the two is one to both."""
        self._suspects.pop((unit, shape), None)

    @property
    def suspects(self) -> bool:
        """Whether any answer may still come late."""
        return bool(self._suspects)

    def forget(self, now_us: int) -> None:
        """What was asked too long ago does not come any more; such an answer belongs to a newer request."""
        if not self._suspects:
            return
        self._suspects = {key: one for key, one in self._suspects.items() if one.until_us > now_us}

    def doubtful(self, unit: int, shape: Shape, now_us: int) -> bool:
        """Whether the answer to such a request could be the late one of an earlier."""
        one = self._suspects.get((unit, shape))
        return one is not None and one.until_us > now_us

    # -- one request ----------------------------------------------------------------------

    def expect(self, unit: int, shape: Shape) -> None:
        """A request is about to leave; its bytes are given to ``sent``. What lay about before is forgotten."""
        if self._suspects:
            self._note_late()
        self.bad = ""
        self._buffer.clear()
        self._unit, self._shape = unit, shape

    def sent(self, adu: bytes) -> None:
        self._echo = adu

    def give_up(self) -> None:
        """No answer to the open request is wanted any more; should it come, it is late."""
        self._shape = None

    @property
    def wait_us(self) -> int | None:
        """How long to wait for more after bytes that are no answer (yet); None: up to the deadline."""
        return QUIET_US if self._strange and self._shape is not None else None

    def receive(self, data: bytes) -> bytes:
        """Take what came; the ADU that is the right answer, or nothing. ``bad`` tells of bytes that fit nothing yet."""
        self._buffer += data
        del self._buffer[: -self.kept]
        self._strip_echo()
        if self._suspects:
            self._note_late()
        if self._shape is None:
            return b""
        adu = self._find(self._unit, self._shape)
        if not adu:
            if self._strange:
                self.bad = f"{self._strange} bytes that are no answer"
            return b""
        self.bad, self._shape = "", None
        self._buffer.clear()
        if self._suspects:
            self._suspects = {key: one for key, one in self._suspects.items() if key[0] != self._unit}
        return adu

    def pdu(self, adu: bytes) -> bytes:
        """The PDU in a frame as it is on the wire."""
        return adu[1:-CRC]

    @property
    def _strange(self) -> int:
        """How many bytes have come that may be an answer gone wrong: not the few, or the zeros, of a turn-around."""
        size = len(self._buffer.lstrip(b"\0"))
        return size if size >= FRAME_LEAST else 0

    def _strip_echo(self) -> None:
        if not self._echo or not self._buffer.startswith(self._echo):
            return
        if self.echoes or self._shape is None or not self._shape.fits(self.pdu(self._echo)):
            self.echoes = True
            del self._buffer[: len(self._echo)]
            self._echo = b""

    def _note_late(self) -> None:
        for (unit, shape), one in list(self._suspects.items()):
            left = one.answers
            while left and (adu := self._find(unit, shape)):
                left -= 1
                self._late(unit)
                at = self._buffer.find(adu)
                del self._buffer[at : at + len(adu)]
                if unit == self._unit:
                    self.bad = "only what may be the answer to an earlier request"
            if not left:
                del self._suspects[unit, shape]
            elif left < one.answers:
                self._suspects[unit, shape] = one._replace(answers=left)

    def _find(self, unit: int, shape: Shape) -> bytes:
        """The first whole frame of this unit and shape, or an exception response of its function."""
        normal = self._search(bytes((unit,)) + shape.head, shape.size)
        return normal or self._search(bytes((unit, shape.function | 0x80)), 2)

    def _search(self, start: bytes, size: int) -> bytes:
        at = self._buffer.find(start)
        while at >= 0 and at + 1 + size + CRC <= len(self._buffer):
            body = bytes(self._buffer[at : at + 1 + size])
            adu = bytes(self._buffer[at : at + 1 + size + CRC])
            if adu == body + self._crc_of(body):
                return adu
            at = self._buffer.find(start, at + 1)
        return b""
