"""A serial port behind the proxy, on whatever loop runs. It never blocks and never waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

import serial

from chargebench.manager.links.master import PORT_REFUSES
from chargebench.manager.links.reasons import reason
from chargebench.manager.site import SerialAddress

PORTION: Final = 4096
NO_PORT: Final = "it is no serial port"
"""What it means where pyserial opens it, fails to set it, and keeps to itself why."""


class Port(Protocol):
    """A way behind that is open."""

    def write(self, data: bytes) -> None: ...
    def close(self) -> None: ...


class SerialPort:
    """An open serial port. ``received`` is called with bytes, ``lost`` with the reason when it has gone away."""

    def __init__(self, port: serial.Serial, received: Callable[[bytes], None], lost: Callable[[str], None]) -> None:
        self._port = port
        self._received, self._lost = received, lost
        self._loop = asyncio.get_running_loop()
        self._out = b""
        self._loop.add_reader(port.fileno(), self._readable)

    def write(self, data: bytes) -> None:
        """A line has no flow control: what the port has not taken by now comes too late."""
        if not self._out:
            self._loop.add_writer(self._port.fileno(), self._writable)
        self._out = data

    def close(self) -> None:
        if self._port.is_open:
            with suppress(OSError, ValueError):  # where the device is gone
                self._loop.remove_reader(self._port.fileno())
                self._loop.remove_writer(self._port.fileno())
            self._out = b""
            self._port.close()

    def _readable(self) -> None:
        try:
            data = self._port.read(PORTION)
        except OSError as error:  # pyserial's own is one
            self._gone(error)
            return
        if data:
            self._received(data)

    def _writable(self) -> None:
        try:
            taken = self._port.write(self._out) or 0
        except OSError as error:
            self._gone(error)
            return
        self._out = self._out[taken:]
        if not self._out:
            self._loop.remove_writer(self._port.fileno())

    def _gone(self, error: OSError) -> None:
        self.close()
        self._lost(reason(error, tcp=False))


def open_serial(target: str, address: SerialAddress) -> serial.Serial | str:
    """The port, or why it cannot be had."""
    try:
        port = serial.serial_for_url(
            target,
            baudrate=address.baud,
            bytesize=address.bits,
            parity=address.parity,
            stopbits=address.stops,
            timeout=0,
            write_timeout=0,
            exclusive=True,
        )
    except OSError as error:
        return NO_PORT if error.errno is None else reason(error, tcp=False)
    except ValueError as error:
        return str(error)
    except PORT_REFUSES:
        return "it cannot be set to these parameters"
    with suppress(AttributeError, OSError, ValueError):  # adapters that know it hand on bytes at once
        port.set_low_latency_mode(True)
    return port
