"""One Modbus master over pymodbus: opens, asks one thing at a time, closes. The only module that knows pymodbus.

pymodbus is given ``retries=0`` and no reconnecting: deadlines, retries and connections are ours. Between its transport and
its framer stands a sieve, through which an inlet sees every byte first; pymodbus decodes only the frame that was found to
be the answer. By itself it takes any function, any length and transaction id 0 for one, raises inside the transport on a
frame that it cannot decode, and loses the rest of a late frame when the next request leaves.

Every connection gets a client of its own: pymodbus keeps one protocol object for all connections of a client, and the
loss of an old transport, told late, would close the new one.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from pymodbus import ModbusException
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.client.base import ModbusBaseClient
from pymodbus.exceptions import ConnectionException
from pymodbus.framer import FramerBase, FramerRTU
from pymodbus.pdu import ModbusPDU

from chargebench.manager.drivers.base import Read
from chargebench.manager.links.line_inlet import LineInlet
from chargebench.manager.links.shape import Shape, shape_of
from chargebench.manager.links.tcp_inlet import TcpInlet
from chargebench.manager.outcomes import Answer, BadAnswer, LinkDown, NoAnswer, Outcome, Refusal, Request
from chargebench.manager.site import SerialAddress

PATIENCE_S: Final = 3600
"""Given to pymodbus as its own timeout, which must never fire before ours."""

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


def quiet() -> None:
    """Keep pymodbus' log to itself: what matters of it becomes outcomes and notes."""
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL + 1)


class Sieve(FramerBase):
    """Stands before one of pymodbus' framers; lets the master see what leaves, and choose what it is to decode."""

    def __init__(self, inner: FramerBase, leaves: Callable[[bytes], None], comes: Callable[[bytes], bytes]) -> None:
        super().__init__(inner.decoder)
        self._inner = inner
        self._leaves = leaves
        self._comes = comes

    def buildFrame(self, message: ModbusPDU) -> bytes:  # noqa: N802 - pymodbus' name
        """A request as it leaves."""
        adu = self._inner.buildFrame(message)
        self._leaves(adu)
        return adu

    def handleFrame(self, data: bytes, exp_devid: int, exp_tid: int) -> tuple[int, ModbusPDU | None]:  # noqa: N802
        """All that came is taken at once; the answer, where it is in it."""
        adu = self._comes(data)
        return len(data), self._inner.handleFrame(adu, exp_devid, exp_tid)[1] if adu else None


class Master:
    """One connection at a time, one open request at a time. Outcomes are values; nothing is raised but cancellation."""

    def __init__(self, make: Callable[[ConnectTrace], ModbusBaseClient], make_inlet: Callable[[], Inlet]) -> None:
        self._make = make
        self._make_inlet = make_inlet
        self.inlet = make_inlet()
        self.byte_us = 0
        self._client: ModbusBaseClient | None = None
        self._lost = False
        self._deadline: asyncio.Timeout | None = None
        self._latest = 0.0

    @property
    def connected(self) -> bool:
        return self._client is not None and self._client.connected and not self._lost

    async def open(self, connect_us: int) -> str:
        """Connect or open the port; why it failed, or nothing."""
        self.close()
        self.inlet = self._make_inlet()
        self._lost = False
        self._client = client = self._make(self._changed)
        client.ctx.framer = Sieve(client.ctx.framer, self._left, self._came)
        why = "refused, or not there"
        opened = False
        try:
            async with asyncio.timeout(connect_us / 1e6):
                opened = await client.connect()
        except TimeoutError:
            why, opened = "no connection in time", False
        except (OSError, ValueError) as error:
            why = str(error)
        if opened and self.connected:
            return ""
        self.close()
        return why

    def close(self, *, abort: bool = False) -> None:
        """Close; ``abort`` so that nothing which was sent and not yet delivered can arrive any more."""
        client, self._client = self._client, None
        if client is None:
            return
        if abort and isinstance(client.ctx.transport, asyncio.Transport):
            _abort(client.ctx.transport)
        client.close()

    async def ask(self, unit: int, request: Request, deadline_us: int) -> Outcome:
        """One request, one outcome, at ``deadline_us`` (loop time) at the latest."""
        client = self._client
        if client is None or not self.connected:
            return LinkDown("not connected")
        self._latest = deadline_us / 1e6
        self.inlet.expect(unit, shape_of(request))
        try:
            async with asyncio.timeout_at(self._latest) as self._deadline:
                pdu = await _call(client, unit, request)
        except TimeoutError:
            return self._nothing()
        except ConnectionException:
            return LinkDown("connection lost")
        except ModbusException as error:
            return BadAnswer(str(error))
        finally:
            self._deadline = None
            self.inlet.give_up()
        if pdu.isError():
            return Refusal(pdu.exception_code)
        return Answer(self.byte_us, _words(request, pdu))

    def _nothing(self) -> Outcome:
        if self._lost:
            return LinkDown("connection lost")
        return BadAnswer(self.inlet.bad) if self.inlet.bad else NoAnswer()

    # -- called by pymodbus -----------------------------------------------------------------

    def _left(self, adu: bytes) -> None:
        self.inlet.sent(adu)

    def _came(self, data: bytes) -> bytes:
        self.byte_us = now_us()
        adu = self.inlet.receive(data)
        if not adu:
            self._hurry(self.inlet.wait_us)
        return adu

    def _changed(self, up: bool) -> None:
        if not up:
            self._lost = True
            self._hurry(0)

    def _hurry(self, wait_us: int | None) -> None:
        """Wait for the open request so long and no longer, never beyond its deadline."""
        if self._deadline is None or self._deadline.expired():
            return
        now_s = asyncio.get_running_loop().time()
        self._deadline.reschedule(self._latest if wait_us is None else min(self._latest, now_s + wait_us / 1e6))


def now_us() -> int:
    """The loop's time in whole microseconds."""
    return round(asyncio.get_running_loop().time() * 1e6)


def tcp_master(host: str, port: int, late: Callable[[int], None]) -> Master:
    """A master of the units behind one TCP address; ``late`` is called with the unit of a late answer."""

    def make(trace: ConnectTrace) -> ModbusBaseClient:
        return AsyncModbusTcpClient(
            host, port=port, timeout=PATIENCE_S, retries=0, reconnect_delay=0, trace_connect=trace
        )

    return Master(make, lambda: TcpInlet(late))


def line_master(port: str, address: SerialAddress, late: Callable[[int], None]) -> Master:
    """A master of the units on one serial line; ``port`` is a device or a URL of pyserial.

    What may still come late outlives the port: it is the line that remembers.
    """
    inlet = LineInlet(crc_of, late)

    def make(trace: ConnectTrace) -> ModbusBaseClient:
        return AsyncModbusSerialClient(
            port,
            baudrate=address.baud,
            bytesize=address.bits,
            parity=address.parity,
            stopbits=address.stops,
            timeout=PATIENCE_S,
            retries=0,
            reconnect_delay=0,
            trace_connect=trace,
        )

    return Master(make, lambda: inlet)


def crc_of(body: bytes) -> bytes:
    """The CRC of a frame's body as it stands on the wire."""
    return FramerRTU.compute_CRC(body).to_bytes(2, "big")


def _abort(transport: asyncio.Transport) -> None:
    """Reset the connection. The kernel would otherwise go on delivering an old limit after a newer one has arrived."""
    sock = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _call(client: ModbusBaseClient, unit: int, request: Request) -> Awaitable[ModbusPDU]:
    if isinstance(request, Read):
        reads = {
            "coil": client.read_coils,
            "discrete": client.read_discrete_inputs,
            "holding": client.read_holding_registers,
            "input": client.read_input_registers,
        }
        return reads[request.table](request.address, count=request.count, device_id=unit)
    if request.function == 6:
        return client.write_register(request.address, request.values[0], device_id=unit)
    return client.write_registers(request.address, list(request.values), device_id=unit)


def _words(request: Request, pdu: ModbusPDU) -> tuple[int, ...]:
    if not isinstance(request, Read):
        return ()
    if request.table in {"coil", "discrete"}:
        return tuple(int(bit) for bit in pdu.bits[: request.count])
    return tuple(pdu.registers)
