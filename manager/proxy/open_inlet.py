"""What comes in on an RTU line before which any function is asked: also answers whose end only the silence tells. Sans-IO."""

from __future__ import annotations

from chargebench.manager.links.line_inlet import CRC, LineInlet


class OpenInlet(LineInlet):
    """One RTU line. After a silence ``whole`` gives the answer of a length that nobody knew."""

    def whole(self) -> bytes:
        """The frame that reaches from unit and function asked for to the last byte that has come; nothing, if none does."""
        if self._shape is None:
            return b""
        start = bytes((self._unit, self._shape.function))
        at = self._buffer.find(start)
        while at >= 0:
            adu = bytes(self._buffer[at:])
            if len(adu) >= len(start) + CRC and adu[-CRC:] == self._crc_of(adu[:-CRC]):
                self.bad, self._shape = "", None
                self._buffer.clear()
                return adu
            at = self._buffer.find(start, at + 1)
        return b""

    def spoilt(self) -> bool:
        """Whether what has come is the answer to the open request, gone wrong on its way: then it comes no more.

        It must have the right length, and begin as the answer does.
        """
        shape = self._shape
        if shape is None:
            return False
        start = bytes((self._unit,)) + shape.head
        return len(self._buffer) == 1 + shape.size + CRC and self._buffer.startswith(start)
