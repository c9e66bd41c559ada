"""Ends of byte streams of every kind, with the same few methods, and how to make a pair of each kind."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

import serial

from chargebench.emulator.clock import running
from chargebench.emulator.wires.rs485 import Line


class End(Protocol):
    """One end of a stream of bytes."""

    async def send(self, data: bytes) -> None:
        """Hand over all of ``data``; waits while the wire takes no more."""

    async def receive(self, limit: int = 65_536) -> bytes:
        """Wait for bytes, at most ``limit``; nothing means that no more will come."""

    async def finish(self) -> None:
        """Send no more; the other direction goes on."""

    async def close(self) -> None:
        """Both directions are over; closing again does nothing."""


Pair = tuple[End, End]


class StreamEnd:
    """An end of a connection, over asyncio's reader and writer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def receive(self, limit: int = 65_536) -> bytes:
        return await self.reader.read(limit)

    async def finish(self) -> None:
        self.writer.write_eof()

    async def close(self) -> None:
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


class DescriptorEnd:
    """An end behind a descriptor that reads and writes without blocking: a serial port, a terminal."""

    def __init__(self, fd: int, read: Callable[[int], bytes], write: Callable[[bytes], int], close: Callable[[], None]):
        self.fd, self._read, self._write, self._close = fd, read, write, close
        self.loop = asyncio.get_running_loop()
        self.open = True

    @classmethod
    def of_port(cls, port: serial.SerialBase) -> DescriptorEnd:
        return cls(port.fileno(), port.read, lambda data: port.write(data) or 0, port.close)

    async def _ready(self, add, remove) -> None:
        ready = asyncio.Event()
        add(self.fd, ready.set)
        try:
            await ready.wait()
        finally:
            if self.open:
                remove(self.fd)

    async def send(self, data: bytes) -> None:
        while data:
            self._check()
            await self._ready(self.loop.add_writer, self.loop.remove_writer)
            with suppress(BlockingIOError):
                data = data[self._write(data) :]

    async def receive(self, limit: int = 65_536) -> bytes:
        data = b""
        while not data:
            self._check()
            await self._ready(self.loop.add_reader, self.loop.remove_reader)
            with suppress(BlockingIOError):
                data = self._read(limit)
        return data

    async def finish(self) -> None:
        raise NotImplementedError("a line has no end of stream")

    async def close(self) -> None:
        if self.open:
            self.open = False
            self._close()

    def _check(self) -> None:
        if not self.open:
            raise ConnectionError("the end is closed")


async def connection(host: str | None, port: int = 0) -> tuple[StreamEnd, StreamEnd]:
    """A connection to a server on ``host``, over whatever net the running loop has."""
    accepted = asyncio.get_running_loop().create_future()
    server = await asyncio.start_server(lambda reader, writer: accepted.set_result((reader, writer)), host, port)
    near = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
    far = await accepted
    server.close()
    return StreamEnd(*near), StreamEnd(*far)


async def line_ports() -> tuple[DescriptorEnd, DescriptorEnd]:
    """Two serial ports on a simulated line of 115,200 baud."""
    loop = running()
    line = Line(loop, f"COM{len(loop.lines) + 1}", 115_200)
    ports = [serial.serial_for_url(f"simbus://{line.name}/{name}", baudrate=115_200, timeout=0) for name in "ab"]
    return DescriptorEnd.of_port(ports[0]), DescriptorEnd.of_port(ports[1])


async def terminal() -> Pair:
    """A serial port on a terminal of the system, and the terminal's other side."""
    master, slave = os.openpty()
    port = serial.Serial(os.ttyname(slave), 115_200, timeout=0, write_timeout=0)
    os.set_blocking(master, False)

    def close() -> None:
        os.close(master)
        os.close(slave)  # open until now: a line does not hang up when the port at its other end is closed

    far = DescriptorEnd(master, lambda limit: os.read(master, limit), lambda data: os.write(master, data), close)
    return DescriptorEnd.of_port(port), far
