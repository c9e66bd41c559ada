"""What a check needs of a wire: a raw TCP client, and a raw place on a line, in virtual or in real time. All times in us."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

Ended = Literal["", "closed", "reset"]


class Connection(Protocol):
    """A client's end of one TCP connection, byte by byte."""

    @property
    def ended(self) -> Ended:
        """How the other side has ended the connection, "" while it has not."""

    async def send(self, *segments: bytes, gap_us: int = 0) -> None:
        """Each segment by itself, ``gap_us`` apart. Sending into an ended connection does nothing."""

    async def read(self, within_us: int) -> bytes:
        """The next bytes, as they come; none where none came in time or the other side has ended."""

    async def half_close(self) -> None: ...

    async def reset(self) -> None: ...

    async def close(self) -> None: ...


class Clock(Protocol):
    """The time that a wire lives in."""

    def now_us(self) -> int: ...

    async def pause(self, us: int) -> None: ...


class TcpWire(Clock, Protocol):
    """The way to a slave over TCP."""

    async def connect(self) -> Connection:
        """A new connection; ``OSError`` where it is refused."""


@dataclass(frozen=True, slots=True)
class Burst:
    """Bytes that were heard back to back; its first start bit and its last stop bit."""

    begin_us: int
    end_us: int
    data: bytes


class LineWire(Clock, Protocol):
    """A master's place on a serial line. ``exact``: pauses are sent and bursts are timed to the bit."""

    baud: int
    character_bits: int
    exact: bool

    async def send(self, *bursts: bytes, gap_us: int = 0, at_us: int | None = None, wrong_parity: bool = False) -> int:
        """Bursts ``gap_us`` apart, the first at ``at_us`` or now; the instant of the last bit. Raises ``NotApplicable``
        where the line cannot send what is asked for."""

    async def hear(self, until_us: int) -> Burst | None:
        """The next burst of another node that has ended by ``until_us``; None where there was none."""

    async def close(self) -> None: ...
