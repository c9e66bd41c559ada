"""The way to a server, with everything that can be wrong with it, and one direction of one connection over it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from chargebench.emulator.streams import Stream
from chargebench.emulator.wires.ground import Ground

RETRIES_MAX = 15  # of a segment, each after twice the wait, before the connection is given up, as Linux does
RETRY_MAX_US = 120_000_000
PERMILLE = 1000

Excess = Literal["refuse", "close", "replace"]


@dataclass(slots=True, eq=False)
class Link:
    """The way between clients and one server's address. Every field may be changed while a run goes, and counts at once.

    A byte takes ``latency_us``, plus up to ``jitter_us`` drawn per segment, plus its time at ``bandwidth_bps`` (0: none).
    ``split``: cut into pieces of 1 to so many bytes, drawn (0: whole). ``merge_us``: what arrives within this time after a
    first piece is read with it. ``loss_permille``: lost segments are sent again after ``retry_us``, doubled each time.
    ``hole_out``, ``hole_back``: nothing gets through from client to server, from server to client; what was under way is
    sent again when the hole is gone. ``refuse``: connections are refused. ``clients_max`` (0: any number) at a time; one
    more is refused, accepted and closed, or replaces the oldest. ``idle_close_us``: the server's side closes a connection on
    which nothing has come in for so long (0: never; of an open connection it counts from the next byte). ``window``: bytes
    that may be under way or unread in one direction.
    """

    latency_us: int = 500
    jitter_us: int = 0
    bandwidth_bps: int = 0
    split: int = 0
    merge_us: int = 0
    loss_permille: int = 0
    retry_us: int = 200_000
    hole_out: bool = False
    hole_back: bool = False
    refuse: bool = False
    clients_max: int = 0
    excess: Excess = "refuse"
    idle_close_us: int = 0
    window: int = 65_536

    def delay_us(self, stream: Stream) -> int:
        """Latency of one segment: jitter and loss drawn."""
        delay_us = self.latency_us
        if self.jitter_us:
            delay_us += stream.between(0, self.jitter_us)
        retry_us = self.retry_us
        while self.loss_permille and retry_us < RETRY_MAX_US and stream.below(PERMILLE) < self.loss_permille:
            delay_us += retry_us
            retry_us *= 2
        return delay_us


@dataclass(slots=True, eq=False)
class Path:
    """The link that a client's connections to one address go over at present."""

    link: Link


class Sink(Protocol):
    """Where a way ends."""

    @property
    def lost(self) -> bool:
        """Nobody is there any more."""

    def arrived(self, data: bytes) -> None:
        """Bytes, never none."""

    def ended(self) -> None:
        """The other side will send no more."""

    def broken(self, failure: OSError) -> None:
        """The other side has reset, or does not answer any more."""


End = None  # in place of bytes: the sender has no more
Segment = tuple[int, bytes | None]


class Way:
    """One direction of one connection: reliable and in order, as late as its link makes it.

    A segment that meets a hole waits for a later try, and with it all that was sent after it.
    """

    def __init__(self, loop: Ground, path: Path, *, out: bool, stream: Stream) -> None:
        self._loop = loop
        self._path = path
        self._out = out
        self._stream = stream
        self._arrives_us = self._free_us = 0
        self._sent = 0
        self._waiting: list[Segment] = []
        self._tries = 0
        self._forgotten = False
        self.dead_end = False
        """Nobody is at the other side any more, and nobody says so."""
        self.target: Sink
        self.sender: Sink

    def send(self, data: bytes) -> None:
        """Put bytes on the way, split as the link asks for."""
        split = self._path.link.split
        if not split and data:
            self._put(data)
            return
        while split and len(data) > 1:
            size = self._stream.between(1, min(split, len(data)))
            self._put(data[:size])
            data = data[size:]
        if data:
            self._put(data)

    def send_end(self) -> None:
        """After everything sent so far: no more."""
        self._put(End)

    def send_reset(self) -> None:
        """Break the connection at the other side; a reset that meets a hole is lost for good."""
        if not self._blocked():
            delay_us = self._path.link.delay_us(self._stream)
            failure = ConnectionResetError(104, "connection reset by peer")
            self._loop.env.at(max(self._loop.env.now_us + delay_us, self._arrives_us), self._land_reset, failure)

    def forget(self) -> None:
        """Nothing that was sent is sent again: what meets a hole is lost."""
        self._forgotten = True
        self._waiting.clear()

    def hurry_after_us(self, at_us: int) -> None:
        """Nothing arrives before ``at_us``."""
        self._arrives_us = max(self._arrives_us, at_us)

    def _blocked(self) -> bool:
        link = self._path.link
        return self.dead_end or (link.hole_out if self._out else link.hole_back)

    def _put(self, data: bytes | None) -> None:
        segment = (self._sent, data)
        self._sent += 1
        link = self._path.link
        if self._waiting or self.dead_end or (link.hole_out if self._out else link.hole_back):
            self._wait(segment)
        else:
            self._launch(segment)

    def _launch(self, segment: Segment) -> None:
        self._loop.env.at(self.arrival_us(len(segment[1] or b"")), self._land, segment)

    def arrival_us(self, size: int) -> int:
        """When ``size`` bytes arrive that leave now: never before what left earlier. What is drawn for them is drawn."""
        link, start_us = self._path.link, self._loop.env.now_us
        if link.bandwidth_bps:
            start_us = max(start_us, self._free_us) - (-size * 8_000_000 // link.bandwidth_bps)
            self._free_us = start_us
        arrives_us = start_us + link.latency_us
        if link.loss_permille:
            arrives_us = start_us + link.delay_us(self._stream)
        elif link.jitter_us:
            arrives_us += self._stream.between(0, link.jitter_us)
        if arrives_us > self._arrives_us:  # noqa: PLR1730 one call less for each packet
            self._arrives_us = arrives_us
        return self._arrives_us

    def _land(self, segment: Segment) -> None:
        link = self._path.link
        if self._waiting or self.dead_end or (link.hole_out if self._out else link.hole_back):
            self._wait(segment)
        elif segment[1] is None:
            self.target.ended()
        else:
            self.target.arrived(segment[1])

    def _land_reset(self, failure: OSError) -> None:
        if not self._blocked():
            self.target.broken(failure)

    def _wait(self, segment: Segment) -> None:
        if self._forgotten:
            return
        self._waiting.append(segment)
        self._waiting.sort(key=lambda each: each[0])
        if len(self._waiting) == 1:
            self._tries = 0
            self._try_later()

    def _try_later(self) -> None:
        wait_us = min(self._path.link.retry_us << self._tries, RETRY_MAX_US)
        self._loop.env.after(wait_us, self._try_again)

    def _try_again(self) -> None:
        if self._forgotten or (self.sender.lost and self.target.lost):
            self._waiting.clear()
        elif not self._blocked():
            waiting, self._waiting = self._waiting, []
            for segment in waiting:
                self._launch(segment)
        elif self._tries < RETRIES_MAX:
            self._tries += 1
            self._try_later()
        else:
            self._waiting.clear()
            self.sender.broken(TimeoutError(110, "connection timed out"))
