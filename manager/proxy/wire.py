"""How requests are framed behind the proxy, and what is known of time there. Sans-IO.

Three kinds: an RTU line (on a serial port or behind a TCP connection), an ASCII line, a Modbus TCP server. Over TCP each
request has a transaction id of the proxy's own, so that an answer that comes late is known by it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from chargebench.manager.links.ascii_inlet import AsciiInlet
from chargebench.manager.links.line_inlet import BELIEVED_US, LineInlet
from chargebench.manager.links.pace import LineTimes
from chargebench.manager.links.shape import OPEN, Shape
from chargebench.manager.links.tcp_inlet import TcpInlet
from chargebench.manager.proxy.open_inlet import OpenInlet

Check = Callable[[bytes], bytes]
PORTION_US: Final = 20_000
"""Adapters hand on what they hear in portions, up to 16 ms apart: so long a silence ends a frame of unknown length."""

TRANSACTIONS: Final = 0xFFFF
KNOWN_MOST: Final = 64
MANY: Final = 64
LONGEST: Final = 256


class Wire:
    """What a gateway must know of what is behind it. ``line`` is None where time on the wire does not count.

    ``broadcasts``: unit 0 is everybody, and nobody answers. ``connects``: over a TCP connection, which may be made anew.
    ``paced``: bytes take their time there, so that nothing can come before the request has gone out. ``gap_us`` is kept between an
    answer and the next request. ``echoes``: an adapter is said to hear itself. ``late`` counts answers that came too late for their request.
    """

    line: LineTimes | None = None
    broadcasts = True
    connects = False
    paced = False
    echoes = False
    gap_us = 0
    inlet: LineInlet | TcpInlet

    def __init__(self) -> None:
        self.late = 0
        self._until_us: dict[tuple[int, Shape], int] = {}

    def frame(self, unit: int, pdu: bytes) -> bytes:
        """The bytes of a request, as they go out."""
        raise NotImplementedError

    @property
    def broken(self) -> bool:
        """Nothing behind can be trusted any more until a new connection."""
        return self.inlet.broken

    def fresh(self) -> None:
        """There is a new connection, or the port is open again, with another adapter perhaps."""
        if isinstance(self.inlet, LineInlet):
            self.inlet.echoes = self.echoes

    def doubtful(self, unit: int, shape: Shape, now_us: int) -> bool:
        """Whether the answer to such a request could be an earlier one's."""
        return isinstance(self.inlet, LineInlet) and self.inlet.doubtful(unit, shape, now_us)

    def owe(self, unit: int, shape: Shape, until_us: int) -> None:
        """An answer may still come, until then. Not even one that comes ends it: it may have been a second one to another."""
        if isinstance(self.inlet, LineInlet):
            self.inlet.suspect(unit, shape, until_us - BELIEVED_US, MANY)  # it takes the time of the request
            if len(self._until_us) >= KNOWN_MOST:
                self._until_us = {key: at_us for key, at_us in self._until_us.items() if self.doubtful(*key, at_us - 1)}
            self._until_us[unit, shape] = until_us

    def owed_by(self, unit: int, now_us: int) -> list[tuple[Shape, int]]:
        """What may still come late of one unit, and until when. An inlet forgets it with the unit's next answer, taking units
        to keep the order; behind an adapter with a mind of its own they need not.
        """
        if not isinstance(self.inlet, LineInlet) or not self.inlet.suspects:
            return []
        return [(key[1], until_us) for key, until_us in self._until_us.items() if key[0] == unit and until_us > now_us]

    def too_early(self, unit: int, shape: Shape, now_us: int) -> None:
        """Until ``in_time``, what looks like the answer is an echo, or a second answer to an earlier request."""
        if isinstance(self.inlet, LineInlet):
            self.inlet.suspect(unit, shape, now_us, MANY)

    def in_time(self, unit: int, shape: Shape) -> None:
        """From now on it may be the answer."""
        if isinstance(self.inlet, LineInlet):
            self.inlet.same_again(unit, shape)

    def clear_us(self, unit: int, shape: Shape) -> int:
        """Until when the answer to such a request could be an earlier one's; 0 if it could not."""
        until_us = self._until_us.get((unit, shape), 0)
        return until_us if until_us and self.doubtful(unit, shape, until_us - 1) else 0

    def whole(self) -> bytes:
        """The frame that the silence has ended."""
        return self.inlet.whole() if isinstance(self.inlet, OpenInlet) else b""

    def spoilt(self) -> bool:
        """Whether the answer has come and cannot be read."""
        return isinstance(self.inlet, OpenInlet) and self.inlet.spoilt()

    def open_ended(self, shape: Shape) -> bool:
        """Whether only silence ends such an answer."""
        return isinstance(self.inlet, OpenInlet) and shape.size == OPEN

    def answered_us(self, size: int) -> int:
        """The time that an answer's PDU of that size takes on the wire."""
        return 0 if self.line is None else self.line.frame_us(min(3 + size, LONGEST))

    def _late(self, _: int) -> None:
        self.late += 1


class RtuWire(Wire):
    """An RTU line; ``line`` None where it is behind a TCP connection and its speed is not known."""

    def __init__(self, crc_of: Check, line: LineTimes | None, *, connects: bool = False, paced: bool = False) -> None:
        super().__init__()
        self.line, self.connects, self.paced = line, connects, paced
        self.gap_us = 0 if line is None else line.silence_us
        self._crc_of = crc_of
        self.inlet = OpenInlet(crc_of, self._late)

    def frame(self, unit: int, pdu: bytes) -> bytes:
        body = bytes((unit,)) + pdu
        return body + self._crc_of(body)


class AsciiWire(Wire):
    """A line in ASCII mode."""

    def __init__(self, lrc_of: Check, line: LineTimes | None, *, connects: bool = False, paced: bool = False) -> None:
        super().__init__()
        self.line, self.connects, self.paced = line, connects, paced
        self.gap_us = 0 if line is None else line.silence_us
        self._lrc_of = lrc_of
        self.inlet = AsciiInlet(lrc_of, self._late)

    def frame(self, unit: int, pdu: bytes) -> bytes:
        body = bytes((unit,)) + pdu
        return b":" + (body + self._lrc_of(body)).hex().upper().encode("ascii") + b"\r\n"


class TcpWire(Wire):
    """A Modbus TCP server."""

    broadcasts = False
    connects = True

    def __init__(self) -> None:
        super().__init__()
        self.inlet = TcpInlet(self._late)
        self._transaction = 0

    def frame(self, unit: int, pdu: bytes) -> bytes:
        self._transaction = self._transaction % TRANSACTIONS + 1
        return b"%b\0\0%b%c%b" % (self._transaction.to_bytes(2, "big"), (len(pdu) + 1).to_bytes(2, "big"), unit, pdu)

    def fresh(self) -> None:
        self.inlet = TcpInlet(self._late)
