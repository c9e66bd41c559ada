"""One Modbus master over pymodbus: opens, asks one thing at a time, closes. The only module that knows pymodbus.

pymodbus connects, encodes requests and decodes answers; deadlines, retries and connections are ours. What its transport
hands over goes to an inlet, which sees every byte; pymodbus decodes only the frame that was found to be the answer. By
itself it takes any function, any length and transaction id 0 for one, raises inside the transport on a frame that it cannot
decode, and loses the rest of a late frame when the next request leaves. Its own way of a request
(``execute``) sets up a lock, a future and a timer each time, and would wait beyond our deadline; so the master sends the
frame and waits for its answer by itself. One timer serves all deadlines: it is set anew only where one falls due earlier.

Every connection gets a client of its own: pymodbus keeps one protocol object for all connections of a client, and the
loss of an old transport, told late, would close the new one.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

from pymodbus import ModbusException
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.client.base import ModbusBaseClient
from pymodbus.framer import FramerAscii, FramerBase, FramerRTU, FramerType
from pymodbus.pdu import ExceptionResponse, ModbusPDU
from pymodbus.pdu.bit_message import (
    ReadCoilsRequest,
    ReadCoilsResponse,
    ReadDiscreteInputsRequest,
    ReadDiscreteInputsResponse,
    WriteSingleCoilRequest,
    WriteSingleCoilResponse,
)
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadHoldingRegistersResponse,
    ReadInputRegistersRequest,
    ReadInputRegistersResponse,
    WriteMultipleRegistersRequest,
    WriteMultipleRegistersResponse,
    WriteSingleRegisterRequest,
    WriteSingleRegisterResponse,
)

from chargebench.manager.drivers.base import ON, Read
from chargebench.manager.links.ascii_inlet import AsciiInlet
from chargebench.manager.links.line_inlet import LineInlet
from chargebench.manager.links.reasons import NOT_THERE, reason
from chargebench.manager.links.shape import Shape, shape_of
from chargebench.manager.links.tcp_inlet import TcpInlet
from chargebench.manager.outcomes import Answer, BadAnswer, LinkDown, NoAnswer, Outcome, Refusal, Request
from chargebench.manager.site import SerialAddress

PATIENCE_S: Final = 3600
"""Given to pymodbus as its own timeout, which must never fire before ours."""

FRAMES_KEPT: Final = 256
TRANSACTIONS: Final = 65_000
READS: Final[dict[str, type[ModbusPDU]]] = {
    "coil": ReadCoilsRequest,
    "discrete": ReadDiscreteInputsRequest,
    "holding": ReadHoldingRegistersRequest,
    "input": ReadInputRegistersRequest,
}
ANSWERS: Final[dict[int, type[ModbusPDU]]] = {
    1: ReadCoilsResponse,
    2: ReadDiscreteInputsResponse,
    3: ReadHoldingRegistersResponse,
    4: ReadInputRegistersResponse,
    5: WriteSingleCoilResponse,
    6: WriteSingleRegisterResponse,
    16: WriteMultipleRegistersResponse,
}

PORT_REFUSES: tuple[type[Exception], ...] = ()
"""What pyserial lets through, beside its own error, where a port's driver takes no such parameters."""

with suppress(ImportError):  # there is none on Windows
    import termios

    PORT_REFUSES = (termios.error,)

ConnectTrace = Callable[[bool], None]


class Inlet(Protocol):
    """What both inlets are to a master."""

    bad: str
    broken: bool

    @property
    def wait_us(self) -> int | None: ...
    def expect(self, unit: int, shape: Shape) -> None: ...
    def sent(self, adu: bytes) -> None: ...
    def give_up(self) -> None: ...
    def receive(self, data: bytes) -> bytes: ...
    def pdu(self, adu: bytes) -> bytes: ...


def quiet() -> None:
    """Keep pymodbus' log to itself: what matters of it becomes outcomes and notes."""
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL + 1)


class Master:
    """One connection at a time, one open request at a time. Outcomes are values; nothing is raised but cancellation."""

    def __init__(
        self, make: Callable[[ConnectTrace], ModbusBaseClient], make_inlet: Callable[[], Inlet], *, tcp: bool
    ) -> None:
        self._make = make
        self._make_inlet = make_inlet
        self._tcp = tcp
        self._transaction = 0
        self.inlet = make_inlet()
        self.byte_us = 0
        self._client: ModbusBaseClient | None = None
        self._transport: asyncio.Transport
        self._framer: FramerBase | None = None
        self._up = self._lost = False
        self._frames: dict[tuple[int, Request], tuple[bytes, Shape]] = {}
        self._loop: asyncio.AbstractEventLoop
        self._request: Request | None = None
        self._over: Callable[[Outcome], None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._latest_us = self._due_us = self._timer_us = 0

    @property
    def connected(self) -> bool:
        return self._up and not self._lost

    async def open(self, connect_us: int) -> str:
        """Connect or open the port; why it failed, or nothing."""
        self.close()
        self._loop = asyncio.get_running_loop()
        self.inlet = self._make_inlet()
        self._lost = False
        self._transaction = 0
        self._client = client = self._make(self._changed)
        self._framer = client.ctx.framer
        client.ctx.data_received = self._came  # type: ignore[method-assign]  # what its transport hands it is ours to judge
        why, opened = NOT_THERE, False
        create = client.ctx.call_create

        async def tried() -> object:
            """As pymodbus opens it, which keeps to itself why it cannot."""
            nonlocal why
            try:
                return await create()
            except OSError as error:
                why = reason(error, tcp=self._tcp)
                raise
            except PORT_REFUSES as error:
                why = "it cannot be set to these parameters"
                raise OSError(why) from error

        client.ctx.call_create = tried
        try:
            async with asyncio.timeout(connect_us / 1e6):
                opened = await client.connect()
        except TimeoutError:
            why, opened = "no connection in time", False
        except (OSError, ValueError) as error:
            why = str(error)
        self._up = opened and client.connected
        if self.connected and isinstance(client.ctx.transport, asyncio.Transport):
            self._transport = client.ctx.transport
            return ""
        self.close()
        return why

    def close(self, *, abort: bool = False) -> None:
        """Close; ``abort`` so that nothing which was sent and not yet delivered can arrive any more."""
        self._stop_timer()
        self._request = self._over = None
        client, self._client, self._up = self._client, None, False
        if client is None:
            return
        if abort and isinstance(client.ctx.transport, asyncio.Transport):
            drop(client.ctx.transport)
        client.close()

    def ask(self, unit: int, request: Request, deadline_us: int, over: Callable[[Outcome], None]) -> LinkDown | None:
        """Send a request; ``over`` is called with its outcome, at ``deadline_us`` (loop time) at the latest.

        Where it cannot be sent, that is returned, and ``over`` is not called.
        """
        if not self.connected:
            return LinkDown("not connected")
        adu, shape = self._frame(unit, request)
        self.inlet.expect(unit, shape)
        self._send(adu)
        if self._lost:
            self.inlet.give_up()
            return LinkDown("connection lost")
        self._request, self._over = request, over
        self._latest_us = deadline_us
        self._wait_until(deadline_us)
        return None

    def cast(self, unit: int, request: Request) -> bool:
        """Send a request that nobody answers; whether it could be sent."""
        if self.connected:
            self._send(self._frame(unit, request)[0])
        return self.connected

    def _send(self, adu: bytes) -> None:
        if self._tcp:
            self._transaction = self._transaction % TRANSACTIONS + 1
            adu = self._transaction.to_bytes(2, "big") + adu[2:]
        self.inlet.sent(adu)
        self._transport.write(adu)

    def _frame(self, unit: int, request: Request) -> tuple[bytes, Shape]:
        """The frame of a request, its transaction id still 0 where it has one, and the shape of its answer.

        Both are kept: most requests are made again and again.
        """
        known = self._frames.get((unit, request))
        if known is None:
            assert self._framer is not None
            if len(self._frames) >= FRAMES_KEPT:
                self._frames.clear()
            known = self._framer.buildFrame(_pdu(unit, request)), shape_of(request)
            self._frames[unit, request] = known
        return known

    def _now_us(self) -> int:
        return round(self._loop.time() * 1e6)

    def _nothing(self) -> Outcome:
        if self._lost:
            return LinkDown("connection lost")
        return BadAnswer(self.inlet.bad) if self.inlet.bad else NoAnswer()

    # -- the deadline -----------------------------------------------------------------------

    def _wait_until(self, due_us: int) -> None:
        """The open request is given up at ``due_us`` (loop time)."""
        self._due_us = due_us
        if self._timer is None or self._timer_us > due_us:
            self._stop_timer()
            self._timer = self._loop.call_at(due_us / 1e6, self._look)
            self._timer_us = due_us

    def _look(self) -> None:
        self._timer = None
        if self._request is None:
            return
        if self._now_us() >= self._due_us:
            self._done(self._nothing())
        else:
            self._wait_until(self._due_us)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # -- called by pymodbus -----------------------------------------------------------------

    def _came(self, data: bytes) -> None:
        self.byte_us = self._now_us()
        adu = self.inlet.receive(data)
        request = self._request
        if not adu:
            self._hurry(self.inlet.wait_us)
        elif request is not None:
            self._done(self._judge(request, self.inlet.pdu(adu)))

    def _judge(self, request: Request, pdu: bytes) -> Outcome:
        """What the right answer says; one that pymodbus cannot decode raises one of several exceptions."""
        try:
            answer = _answer(pdu)
        except (ModbusException, ValueError, IndexError, struct.error) as error:
            return BadAnswer(str(error))
        return Refusal(answer.exception_code) if answer.isError() else Answer(self.byte_us, _words(request, answer))

    def _done(self, outcome: Outcome) -> None:
        over, self._over, self._request = self._over, None, None
        self.inlet.give_up()
        if over is not None:
            over(outcome)

    def _changed(self, up: bool) -> None:
        if not up:
            self._lost = True
            self._hurry(0)

    def _hurry(self, wait_us: int | None) -> None:
        """Wait for the open request so long and no longer, never beyond its deadline."""
        if self._request is None:
            return
        if wait_us == 0:
            self._done(self._nothing())
        elif wait_us is None:
            self._wait_until(self._latest_us)
        else:
            self._wait_until(min(self._latest_us, self._now_us() + wait_us))


def now_us() -> int:
    """The loop's time in whole microseconds."""
    return round(asyncio.get_running_loop().time() * 1e6)


def tcp_master(host: str, port: int, late: Callable[[int], None]) -> Master:
    """A master of the units behind one TCP address; ``late`` is called with the unit of a late answer."""

    def make(trace: ConnectTrace) -> ModbusBaseClient:
        return AsyncModbusTcpClient(
            host, port=port, timeout=PATIENCE_S, retries=0, reconnect_delay=0, trace_connect=trace
        )

    return Master(make, lambda: TcpInlet(late), tcp=True)


def line_master(port: str, address: SerialAddress, late: Callable[[int], None]) -> Master:
    """A master of the units on one serial line; ``port`` is a device or a URL of pyserial.

    What may still come late outlives the port: it is the line that remembers.
    """
    ascii_mode = address.mode == "ascii"
    inlet: LineInlet = AsciiInlet(lrc_of, late) if ascii_mode else LineInlet(crc_of, late)

    def make(trace: ConnectTrace) -> ModbusBaseClient:
        return AsyncModbusSerialClient(
            port,
            framer=FramerType.ASCII if ascii_mode else FramerType.RTU,
            baudrate=address.baud,
            bytesize=address.bits,
            parity=address.parity,
            stopbits=address.stops,
            timeout=PATIENCE_S,
            retries=0,
            reconnect_delay=0,
            trace_connect=trace,
        )

    return Master(make, lambda: inlet, tcp=False)


def crc_of(body: bytes) -> bytes:
    """The CRC of a frame's body as it stands on the wire."""
    return FramerRTU.compute_CRC(body).to_bytes(2, "big")


def lrc_of(body: bytes) -> bytes:
    """The LRC of a frame's body, one byte."""
    return bytes((FramerAscii.compute_LRC(body),))


def drop(transport: asyncio.Transport) -> None:
    """Reset the connection. The kernel would otherwise go on delivering an old limit after a newer one has arrived."""
    sock = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _pdu(unit: int, request: Request) -> ModbusPDU:
    """A request as pymodbus has it."""
    if isinstance(request, Read):
        return READS[request.table](dev_id=unit, address=request.address, count=request.count)
    if request.function == 5:
        return WriteSingleCoilRequest(dev_id=unit, address=request.address, bits=[request.values[0] == ON])
    write = WriteSingleRegisterRequest if request.function == 6 else WriteMultipleRegistersRequest
    return write(dev_id=unit, address=request.address, registers=list(request.values))


def _answer(pdu: bytes) -> ModbusPDU:
    """An answer as pymodbus has it; one that it cannot decode raises one of several exceptions."""
    function = pdu[0]
    answer = ExceptionResponse(function & 0x7F) if function & 0x80 else ANSWERS[function]()
    answer.decode(pdu[1:])
    return answer


def _words(request: Request, pdu: ModbusPDU) -> tuple[int, ...]:
    if not isinstance(request, Read):
        return ()
    if request.table in {"coil", "discrete"}:
        return tuple(int(bit) for bit in pdu.bits[: request.count])
    return tuple(pdu.registers)
