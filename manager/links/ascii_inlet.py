"""What comes in on a serial line in ASCII mode: frames between a colon and CR LF, whatever stands between them. Sans-IO.

What is known of late answers and of echoes is as in RTU (``line_inlet``). Frames are told apart by their own characters, so
only whole ones are looked at, and each colon begins a frame anew. The answers of some boxes begin with ``>`` in its stead.
Characters may be a second apart: a frame that has begun is waited for up to the deadline.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from chargebench.manager.links.line_inlet import LineInlet
from chargebench.manager.links.shape import Shape

FRAME: Final = re.compile(rb"[:>]((?:[0-9A-Fa-f]{2}){3,255})\r\n")
BEGUN: Final = re.compile(rb"[:>][^:>\n]*\Z")
LRC: Final = 1


class AsciiInlet(LineInlet):
    """One serial line. ``crc_of`` gives the LRC of a frame's body."""

    kept = 2048
    """A request and its answer at their longest; an echo of one that was asked before them."""

    def receive(self, data: bytes) -> bytes:
        """Take what came; the frame that is the right answer, or nothing."""
        adu = super().receive(data)
        if not adu and self.bad and self._spoilt():
            self.bad = "a frame with a wrong LRC"
        return adu

    @property
    def wait_us(self) -> int | None:
        """How long to wait for more; up to the deadline where a frame has begun."""
        return None if BEGUN.search(self._buffer) else super().wait_us

    def pdu(self, adu: bytes) -> bytes:
        return _bytes(adu[1:-2])[1:-LRC]

    def _find(self, unit: int, shape: Shape) -> bytes:
        """The first whole frame of this unit and shape, or an exception response of its function."""
        for frame, body in self._frames():
            if body[0] == unit and body[-LRC:] == self._crc_of(body[:-LRC]) and shape.fits(body[1:-LRC]):
                return frame
        return b""

    def _spoilt(self) -> bool:
        return any(body[-LRC:] != self._crc_of(body[:-LRC]) for _, body in self._frames())

    def _frames(self) -> Iterator[tuple[bytes, bytes]]:
        """Every whole frame that has come, and its bytes with the LRC."""
        return ((match[0], _bytes(match[1])) for match in FRAME.finditer(self._buffer))


def _bytes(digits: bytes) -> bytes:
    return bytes.fromhex(digits.decode("ascii"))
