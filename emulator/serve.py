"""Slaves on wires: thin shells between the sans-IO ends and a loop, a simulated one or a real one.

Nothing here decides: bytes and instants go into an end, its actions come out and are done. ``clock`` gives the devices'
time in us; delays are timed by the loop.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Iterable
from typing import Protocol

import serial

from chargebench.emulator.actions import Action, Reset, Send
from chargebench.emulator.adu import t35_us
from chargebench.emulator.ascii import RTU, AsciiEnd, Speech
from chargebench.emulator.clients import Limits
from chargebench.emulator.diagnostics import DIAGNOSTICS
from chargebench.emulator.framing import RtuEnd, TcpEnd
from chargebench.emulator.slave import Slave
from chargebench.emulator.wires.ground import Heap, Ticket
from chargebench.emulator.wires.pty import PTY, PtyPort
from chargebench.emulator.wires.rs485 import Line
from chargebench.emulator.wires.uart import Setting

Clock = Callable[[], int]
LOOPBACK = "127.0.0.1"
SERIAL_SILENCE_US = 5_000
"""A kernel hands over bytes in pieces, some ms apart: silence is judged no sooner than this behind a real port."""

_NO_LINGER = struct.pack("ii", 1, 0)


def clock_of(loop: asyncio.AbstractEventLoop) -> Clock:
    """The loop's own time in us, for devices that live in no other."""
    return lambda: round(loop.time() * 1e6)


def after_on(loop: asyncio.AbstractEventLoop) -> After:
    """Calls that are delayed by the loop itself."""

    def after(delay_us: int, fn: Callable[..., object], *args: object) -> Ticket:
        return loop.call_later(delay_us / 1e6, fn, *args)

    return after


def reset(transport: asyncio.Transport) -> None:
    """Drop a connection with a reset: a simulated one when it is told, a socket when it must not linger."""
    own = getattr(transport, "reset", None)
    if own is not None:
        own()
        return
    sock = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()


class After(Protocol):
    """Calls a function later."""

    def __call__(self, delay_us: int, fn: Callable[..., object], /, *args: object) -> Ticket: ...


class _End(Protocol):
    @property
    def next_us(self) -> int | None: ...

    def advance(self, now_us: int) -> list[Action]: ...


class PortEnd(_End, Protocol):
    """The end of one slave behind a serial port, or of several."""

    def receive(self, data: bytes, now_us: int) -> list[Action]: ...


class _Agenda:
    """The timers of one end: its delayed actions, and its own next waking."""

    def __init__(self, after: After, clock: Clock, end: _End, act: Callable[[Action], None]) -> None:
        self._after, self._clock, self._end, self._act = after, clock, end, act
        self._due: dict[int, Ticket] = {}
        self._numbers = 0
        self._wake: Ticket | None = None

    def do(self, actions: Iterable[Action]) -> None:
        for action in actions:
            if action.after_us > 0:
                self._later(action)
            else:
                self._act(action)
        if self._wake is not None or self._end.next_us is not None:
            self._rearm()

    def cancel(self) -> None:
        for handle in self._due.values():
            handle.cancel()
        self._due.clear()
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None

    def _later(self, action: Action) -> None:
        number = self._numbers = self._numbers + 1
        self._due[number] = self._after(action.after_us, self._now, number, action)

    def _now(self, number: int, action: Action) -> None:
        del self._due[number]
        self._act(action)

    def _rearm(self) -> None:
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None
        next_us = self._end.next_us
        if next_us is not None:
            self._wake = self._after(max(0, next_us - self._clock()), self._advance)

    def _advance(self) -> None:
        self._wake = None
        self.do(self._end.advance(self._clock()))


class SlaveProtocol(asyncio.Protocol):
    """One TCP connection to a slave."""

    def __init__(self, service: TcpService, end: TcpEnd) -> None:
        self._service, self._end = service, end
        self._agenda = _Agenda(service.after, service.clock, end, self._act)
        self._transport: asyncio.Transport | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._heard_us = 0
        self._stuffed = self._deaf = self._waits = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport), "a slave is served on a stream"
        self._transport = transport
        if not self._service.welcome(self):
            transport.close()
        elif not self._waits:
            self.serve()

    def serve(self) -> None:
        """It is its turn."""
        self.wait(waits=False)
        self._heard_us = self._service.clock()
        self._watch_idle()

    def wait(self, *, waits: bool) -> None:
        """Listen to it, or not, until it is its turn."""
        self._waits = waits
        self._gate()

    def data_received(self, data: bytes) -> None:
        end, self._heard_us = self._end, self._service.clock()
        self._agenda.do(end.receive(data, self._heard_us))
        if self._deaf or self._stuffed or end.full:
            self._gate()

    def eof_received(self) -> bool:
        self._agenda.do(self._end.eof(self._service.clock()))
        return True  # what is owed still goes out; the end's own Close follows it

    def pause_writing(self) -> None:
        self._stuffed = True
        self._gate()

    def resume_writing(self) -> None:
        self._stuffed = False
        self._gate()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 asyncio's signature
        self._agenda.cancel()
        if self._idle is not None:
            self._idle.cancel()
        self._transport = None
        self._service.farewell(self)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _act(self, action: Action) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if isinstance(action, Send):
            self._transport.write(action.data)
        elif isinstance(action, Reset):
            reset(self._transport)
        else:
            self._transport.close()
        if self._deaf:
            self._gate()

    def _gate(self) -> None:
        """Read no more while the client does not take its answers, or while it is owed enough of them."""
        deaf = self._stuffed or self._waits or self._end.full
        if self._transport is None or deaf == self._deaf or self._transport.is_closing():
            return
        self._deaf = deaf
        if deaf:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _watch_idle(self) -> None:
        idle_us = self._service.limits.idle_us
        if idle_us is None or self._transport is None:
            return
        left_us = self._heard_us + idle_us - self._service.clock()
        if left_us <= 0:
            self.close()
        else:
            self._idle = self._service.loop.call_later(left_us / 1e6, self._watch_idle)


class TcpService:
    """A slave on a TCP port, with its connections. ``end`` makes the sans-IO end of a new one."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, clock: Clock, end: Callable[[], TcpEnd], limits: Limits, after: After
    ) -> None:
        self.loop, self.clock, self.limits, self.after = loop, clock, limits, after
        self._end = end
        self._clients: dict[SlaveProtocol, None] = {}
        self._queue: dict[SlaveProtocol, None] = {}
        self._locked_until_us = 0
        self._server: asyncio.AbstractServer | None = None
        self._address: tuple[str, int] = ("", 0)

    async def listen(self, host: str, port: int) -> None:
        server = await self.loop.create_server(lambda: SlaveProtocol(self, self._end()), host, port)
        self._server, self._address = server, server.sockets[0].getsockname()[:2]

    @property
    def address(self) -> tuple[str, int]:
        """Host and port, the real one where 0 was asked for."""
        return self._address

    def welcome(self, client: SlaveProtocol) -> bool:
        """Whether there is room for one more connection."""
        if self.clock() < self._locked_until_us:
            return False
        if len(self._clients) >= self.limits.clients_max:
            return self._crowd(client)
        self._clients[client] = None
        return True

    def _crowd(self, client: SlaveProtocol) -> bool:
        """What becomes of one connection too many."""
        if self.limits.excess == "queue":
            self._queue[client] = None
            client.wait(waits=True)
        elif self.limits.excess == "replace":
            oldest = next(iter(self._clients))
            del self._clients[oldest]
            oldest.close()
            self._clients[client] = None
        elif self.limits.excess == "crash":
            self.limits.crash(self.clock())
        return self.limits.excess in {"queue", "replace"}

    def farewell(self, client: SlaveProtocol) -> None:
        self._queue.pop(client, None)
        if client not in self._clients:
            return
        del self._clients[client]
        self._locked_until_us = self.clock() + self.limits.lockout_us()
        if self._queue:
            first = next(iter(self._queue))
            del self._queue[first]
            self._clients[first] = None
            first.serve()

    def close(self) -> None:
        """Stop listening and close every connection."""
        if self._server is not None:
            self._server.close()
        for client in [*self._queue, *self._clients]:
            client.close()

    async def wait_closed(self) -> None:
        if self._server is not None:
            await self._server.wait_closed()


async def serve_tcp(
    slave: Slave,
    host: str = LOOPBACK,
    port: int = 0,
    *,
    turnaround_us: int = 0,
    clock: Clock | Heap | None = None,
    limits: Limits | None = None,
) -> TcpService:
    """Serve a slave on the running loop, until the service is closed; port 0 is any that is free.

    Where ``clock`` is the heap of a simulated loop, delays are timed by it, too, with no detour through the loop.
    """
    loop, limits = asyncio.get_running_loop(), limits or Limits()

    def end() -> TcpEnd:
        return TcpEnd(slave, turnaround_us=turnaround_us, stall_us=limits.stall_us)

    if clock is None or callable(clock):
        service = TcpService(loop, clock or clock_of(loop), end, limits, after_on(loop))
    else:
        heap = clock
        service = TcpService(loop, lambda: heap.now_us, end, limits, heap.after)
    await service.listen(host, port)
    return service


class LineNode:
    """A slave's place on a simulated line; it joins the line when it is made.

    It is given the frames of its units and broadcasts; where a unit has diagnostics, all of them, since it counts them; in
    ASCII mode all of them, too, since their first character tells no unit.
    """

    def __init__(  # noqa: PLR0913 a place on a line is all of this
        self,
        heap: Heap,
        line: Line,
        slave: Slave,
        name: str,
        *,
        setting: Setting | None = None,
        turnaround_us: int = 0,
        speech: Speech = RTU,
    ) -> None:
        self.name = name
        counts = any(DIAGNOSTICS in device.functions for device in slave.units.values())
        everything = counts or speech.mode == "ascii"
        self.hears: tuple[int, ...] | None = None if everything else tuple(slave.units)
        uart = setting or line.setting
        self._end: RtuEnd | AsciiEnd
        if speech.mode == "ascii":
            self._end = AsciiEnd(slave, uart.baud, uart.character_bits, turnaround_us, lead=speech.lead)
        else:
            self._end = RtuEnd(slave, uart.baud, uart.character_bits, turnaround_us)
        self._heap, self._line = heap, line
        self._wake: Ticket | None = None
        line.attach(self, setting=setting)

    def line_busy(self, now_us: int) -> None:
        self._do(self._end.busy(now_us))

    def received(self, now_us: int, data: bytes) -> None:
        self._do(self._end.receive(data, now_us))

    def leave(self) -> None:
        """Off the line: nothing more is heard; an answer that was decided on still goes out."""
        self._line.detach(self)
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None

    def _advance(self) -> None:
        self._wake = None
        self._do(self._end.advance(self._heap.now_us))

    def _do(self, actions: Iterable[Action]) -> None:
        for action in actions:
            if isinstance(action, Send):
                self._line.send(self, action.data, self._heap.now_us + action.after_us)
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None
        next_us = self._end.next_us
        if next_us is not None:
            self._wake = self._heap.at(next_us, self._advance)


class SerialPort:
    """An end on a serial port of this machine, on a new pty, or on whatever pyserial opens by a URL.

    ``lost`` says why the port went away, "" while it is there. ``carried`` counts the bytes that came and went. ``path`` is
    where a master finds a pty, else the port itself.
    """

    def __init__(self, end: PortEnd, url: str, setting: Setting, clock: Clock | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._clock = clock or clock_of(self._loop)
        self._end = end
        self._agenda = _Agenda(after_on(self._loop), self._clock, end, self._act)
        self._port = PtyPort() if url == PTY else open_port(url, setting)
        self.setting = setting
        self.path = self._port.path if isinstance(self._port, PtyPort) else url
        self._out = b""
        self.lost = ""
        self.carried = 0
        self._loop.add_reader(self._port.fileno(), self._readable)

    def close(self) -> None:
        if self._port.is_open:
            self._agenda.cancel()
            self._loop.remove_reader(self._port.fileno())
            self._loop.remove_writer(self._port.fileno())
            self._port.close()

    def _act(self, action: Action) -> None:
        """A line has no flow control: what the port has not taken by now is superseded."""
        if isinstance(action, Send):
            self._out = action.data
            self._loop.add_writer(self._port.fileno(), self._writable)

    def _readable(self) -> None:
        try:
            data = self._port.read(4096)
        except OSError as why:  # pyserial's own exception is one
            self._gone(why)
            return
        if data:
            self.carried += len(data)
            self._agenda.do(self._end.receive(data, self._clock()))

    def _writable(self) -> None:
        try:
            taken = self._port.write(self._out) or 0
        except OSError as why:
            self._gone(why)
            return
        self.carried += taken
        self._out = self._out[taken:]
        if not self._out:
            self._loop.remove_writer(self._port.fileno())

    def _gone(self, why: OSError) -> None:
        self.lost = str(why)
        self.close()


class SerialNode(SerialPort):
    """One slave on a serial port."""

    def __init__(
        self,
        slave: Slave,
        url: str,
        setting: Setting | None = None,
        *,
        turnaround_us: int = 0,
        clock: Clock | None = None,
        silence_us: int = SERIAL_SILENCE_US,
    ) -> None:
        uart = setting or Setting()
        super().__init__(tolerant_end(slave, uart, turnaround_us, silence_us), url, uart, clock)


def tolerant_end(
    slave: Slave,
    setting: Setting,
    turnaround_us: int = 0,
    silence_us: int = SERIAL_SILENCE_US,
    speech: Speech = RTU,
) -> RtuEnd | AsciiEnd:
    """A slave's end behind a real port. Bytes come late and in pieces there, so pauses inside an RTU frame are borne, and it
    ends after 3.5 characters or ``silence_us``, whichever is longer.
    """
    if speech.mode == "ascii":
        return AsciiEnd(slave, setting.baud, setting.character_bits, turnaround_us, lead=speech.lead)
    silence_us = max(silence_us, t35_us(setting.baud))
    return RtuEnd(slave, setting.baud, setting.character_bits, turnaround_us, tolerant=True, silence_us=silence_us)


def open_port(url: str, setting: Setting) -> serial.Serial:
    """A serial port that never blocks; ``SerialException`` where it cannot be had."""
    return serial.serial_for_url(
        url,
        baudrate=setting.baud,
        bytesize=setting.bits,
        parity=setting.parity,
        stopbits=setting.stops,
        timeout=0,
        write_timeout=0,
        exclusive=True,
    )
