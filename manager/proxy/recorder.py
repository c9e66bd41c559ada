"""What a proxy sees on its lines and of its clients, told to a capture. Sans-IO.

Bytes of a line come in portions; what has come since the last request is one frame once the gateway has taken it, once the
next request goes out, or after a silence. A frame that begins with the request itself and goes on behind it is the echo of an
adapter that hears itself, and the answer: two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, Protocol

from chargebench.manager.links.line_inlet import QUIET_US
from chargebench.manager.proxy.capture import CLIENT, SERVER, Capture, Connection, Side
from chargebench.manager.proxy.config import Behind
from chargebench.manager.proxy.packets import End, Stream

Clock = Callable[[], int]
"""Microseconds since 1970."""

Place = tuple[str, int]
FRAME_MOST: Final = 2048
"""So many bytes without a pause are written, whatever they are."""


class Transport(Protocol):
    """What is asked of a connection."""

    def get_extra_info(self, name: str) -> object: ...


class Tap(Protocol):
    """What is told of one way behind."""

    def opened(self, here: Place, there: Place) -> None:
        """A connection is made."""

    def closed(self) -> None:
        """It has ended."""

    def sent(self, data: bytes) -> None:
        """A request goes out."""

    def heard(self, data: bytes) -> None:
        """Bytes have come."""

    def settled(self) -> None:
        """What has come was what the gateway waited for."""

    def meddled(self, done: Mapping[str, int]) -> None:
        """What stands before the line has done so much by now."""


class Recorder:
    """Hands out taps. ``clock`` tells the civil time."""

    def __init__(self, capture: Capture, clock: Clock) -> None:
        self._capture, self._clock = capture, clock

    def behind(self, line: Behind) -> Tap:
        """For a line, or a server."""
        if line.kind == "tcp":
            return ServerTap(self._capture, self._clock, line)
        return LineTap(self._capture, self._clock, line)

    def client(self, here: Place, there: Place) -> ClientTap:
        """For a client that has just connected."""
        return ClientTap(self._capture, self._clock, here, there)


class _Tap:
    def __init__(self, capture: Capture, clock: Clock, line: Behind) -> None:
        self._capture, self._clock, self._name = capture, clock, line.name
        self._done: dict[str, int] = {}

    def meddled(self, done: Mapping[str, int]) -> None:
        for what, count in done.items():
            if count > self._done.get(what, 0):
                self._capture.comment(self._clock(), f"made to go wrong: {what} on {self._name}")
                self._done[what] = count


class LineTap(_Tap):
    """A serial line, or one behind an adapter on the network."""

    def __init__(self, capture: Capture, clock: Clock, line: Behind) -> None:
        super().__init__(capture, clock, line)
        address = line.address
        mode = "rtu" if address is None else address.mode
        speed = "" if address is None else f" ({address})"
        described = f"Modbus {mode.upper()} at {line.target}{speed}"
        self._bus = capture.line(line.name, described, mode)
        self._request = b""
        self._come = bytearray()
        self._come_us = 0

    def opened(self, here: Place, there: Place) -> None:
        """A line has no connections."""

    def closed(self) -> None:
        self.settled()

    def sent(self, data: bytes) -> None:
        self.settled()
        self._request = data
        self._capture.frame(self._bus, self._clock(), data, asked=True)

    def heard(self, data: bytes) -> None:
        now_us = self._clock()
        if self._come and now_us - self._come_us > QUIET_US:
            self.settled()
        self._come += data
        self._come_us = now_us
        if len(self._come) >= FRAME_MOST:
            self.settled()

    def settled(self) -> None:
        come, request = bytes(self._come), self._request
        self._come.clear()
        if request and len(come) > len(request) and come.startswith(request):
            self._capture.frame(self._bus, self._come_us, request, asked=True, comments=("echo",))
            come = come[len(request) :]
        if come:
            self._capture.frame(self._bus, self._come_us, come, asked=False)


class ServerTap(_Tap):
    """A Modbus TCP server behind."""

    def __init__(self, capture: Capture, clock: Clock, line: Behind) -> None:
        super().__init__(capture, clock, line)
        host, _, port = line.target.rpartition(":")
        self._interface = capture.server(host.strip("[]"), int(port), f"{line.name}, Modbus TCP")
        self._connection: Connection | None = None

    def opened(self, here: Place, there: Place) -> None:
        ends = _end(self._capture, here), _end(self._capture, there)
        self._connection = self._capture.connection(self._interface, *ends, here=CLIENT)
        self._carried(CLIENT, Stream.opens)

    def closed(self) -> None:
        self._carried(CLIENT, lambda stream: stream.ends(CLIENT))
        self._connection = None

    def sent(self, data: bytes) -> None:
        self._carried(CLIENT, lambda stream: stream.carries(CLIENT, data))

    def heard(self, data: bytes) -> None:
        self._carried(SERVER, lambda stream: stream.carries(SERVER, data))

    def settled(self) -> None:
        """Packets are written as they come."""

    def _carried(self, by: Side, packets: Callable[[Stream], Iterator[bytes]]) -> None:
        one = self._connection
        if one is not None:
            self._capture.carried(one, self._clock(), by, packets(one.stream))


class ClientTap:
    """A client of the proxy. ``here`` is where it is served."""

    def __init__(self, capture: Capture, clock: Clock, here: Place, there: Place) -> None:
        self._capture, self._clock = capture, clock
        ends = _end(capture, there), _end(capture, here)
        self._connection = capture.connection(capture.server(*here), *ends, here=SERVER)
        self._carried(CLIENT, self._connection.stream.opens())

    def asked(self, data: bytes) -> None:
        """It has sent something."""
        self._carried(CLIENT, self._connection.stream.carries(CLIENT, data))

    def answered(self, data: bytes) -> None:
        """Something is sent to it."""
        self._carried(SERVER, self._connection.stream.carries(SERVER, data))

    def ended(self) -> None:
        """It sends no more."""
        self._carried(CLIENT, self._connection.stream.ends(CLIENT))

    def closed(self) -> None:
        """Its connection is no more."""
        self._carried(SERVER, self._connection.stream.ends(SERVER))

    def _carried(self, by: Side, packets: Iterator[bytes]) -> None:
        self._capture.carried(self._connection, self._clock(), by, packets)


def end_of(transport: Transport, which: str) -> Place:
    """One end of a connection, from what its transport says of it."""
    said = transport.get_extra_info(which)
    return (str(said[0]), int(said[1])) if isinstance(said, tuple) else ("", 0)


def _end(capture: Capture, place: Place) -> End:
    return End(capture.host(place[0]), place[1])
