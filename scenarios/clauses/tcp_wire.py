"""A raw TCP client on the running loop, simulated or real: the same code checks a slave of the emulator and a box on a desk."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

from chargebench.emulator.serve import reset
from chargebench.scenarios.clauses.wires import Connection, Ended


class StreamConnection(asyncio.Protocol):
    """One connection; it reads whatever comes and waits for nothing longer than it is told."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._came = asyncio.Event()
        self._lost = asyncio.Event()
        self._data = bytearray()
        self._ended: Ended = ""
        self._reading = True

    @property
    def ended(self) -> Ended:
        return "" if self._data else self._ended

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport), "a check needs a stream"
        self._transport = transport
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport.pause_reading()
        self._reading = False

    def data_received(self, data: bytes) -> None:
        self._data += data
        self._came.set()

    def eof_received(self) -> bool:
        self._ended = self._ended or "closed"
        self._came.set()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        if isinstance(exc, ConnectionError):
            self._ended = "reset"
        self._ended = self._ended or "closed"
        self._came.set()
        self._lost.set()
        self._transport = None

    async def send(self, *segments: bytes, gap_us: int = 0) -> None:
        for place, segment in enumerate(segments):
            if place and gap_us:
                await asyncio.sleep(gap_us / 1e6)
            if self._transport is not None and not self._ended:
                self._transport.write(segment)

    async def read(self, within_us: int) -> bytes:
        """Bytes are taken from the wire only while somebody reads, as a client does that is busy otherwise."""
        if not self._data and not self._ended:
            self._listen(on=True)
            self._came.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._came.wait(), within_us / 1e6)
            self._listen(on=False)
        data = bytes(self._data)
        self._data.clear()
        return data

    async def half_close(self) -> None:
        if self._transport is not None:
            self._transport.write_eof()

    async def reset(self) -> None:
        if self._transport is not None:
            reset(self._transport)
            await self._lost.wait()

    async def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()
            await self._lost.wait()

    def _listen(self, *, on: bool) -> None:
        if self._transport is None or self._transport.is_closing() or on == self._reading:
            return
        self._reading = on
        if on:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()


class StreamWire:
    """The way to ``host:port`` on the running loop. A connection that nobody answers is given up after ``patience_s``."""

    def __init__(self, host: str, port: int, *, patience_s: float = 5.0) -> None:
        self._host, self._port, self._patience_s = host, port, patience_s

    def now_us(self) -> int:
        return round(asyncio.get_running_loop().time() * 1e6)

    async def pause(self, us: int) -> None:
        await asyncio.sleep(us / 1e6)

    async def connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        opening = loop.create_connection(StreamConnection, self._host, self._port)
        _, connection = await asyncio.wait_for(opening, self._patience_s)
        return connection
