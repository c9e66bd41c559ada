"""A master's place on a serial port of this machine. Bytes come and go through a kernel: nothing is exact to the character."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from chargebench.emulator.adu import burst_us, t35_us
from chargebench.emulator.serve import open_port
from chargebench.emulator.wires.uart import Setting
from chargebench.scenarios.clauses.model import NotApplicable
from chargebench.scenarios.clauses.wires import Burst

PIECES_US = 20_000
"""Bytes that come less than this apart are one burst: as long as adapters hold them back."""

HEARD_MAX = 4096
_OTHER_PARITY = {"E": "O", "O": "E"}


class SerialLine:
    """The port ``url`` (or whatever pyserial opens by it) with a setting such as ``Setting(9600, 8, "E", 1)``."""

    exact = False

    def __init__(self, url: str, setting: Setting) -> None:
        self.baud, self.character_bits = setting.baud, setting.character_bits
        self._setting = setting
        self._loop = asyncio.get_running_loop()
        self._port = open_port(url, setting)
        self._came = asyncio.Event()
        self._pieces = bytearray()
        self._loop.add_reader(self._port.fileno(), self._readable)

    def now_us(self) -> int:
        return round(self._loop.time() * 1e6)

    async def pause(self, us: int) -> None:
        await asyncio.sleep(us / 1e6)

    async def send(self, *bursts: bytes, gap_us: int = 0, at_us: int | None = None, wrong_parity: bool = False) -> int:
        if wrong_parity and self._setting.parity not in _OTHER_PARITY:
            raise NotApplicable("the port sends no parity")
        if at_us is not None:
            await self.pause(max(0, at_us - self.now_us()))
        if wrong_parity:
            self._port.parity = _OTHER_PARITY[self._setting.parity]
        for place, burst in enumerate(bursts):
            if place:
                await self.pause(gap_us)
            await self._write(burst)
        if wrong_parity:
            self._port.parity = self._setting.parity
        return self.now_us()

    async def hear(self, until_us: int) -> Burst | None:
        data = await self._read(until_us - self.now_us())
        if not data:
            return None
        quiet_us = max(PIECES_US, t35_us(self.baud))
        while more := await self._read(quiet_us):
            data += more
        end_us = self.now_us() - quiet_us
        return Burst(end_us - burst_us(len(data), self.baud, self.character_bits), end_us, data)

    async def close(self) -> None:
        if self._port.is_open:
            self._loop.remove_reader(self._port.fileno())
            self._port.close()

    async def _write(self, data: bytes) -> None:
        """A burst fits the port's buffer; it is on the line once its time is over."""
        self._port.write(data)
        await self.pause(burst_us(len(data), self.baud, self.character_bits))

    async def _read(self, within_us: int) -> bytes:
        """What has come, or comes next in time."""
        if not self._pieces and within_us > 0:
            self._came.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._came.wait(), within_us / 1e6)
        data = bytes(self._pieces)
        self._pieces.clear()
        return data

    def _readable(self) -> None:
        """A babbling line is heard up to a bound."""
        try:
            self._pieces += self._port.read(4096)
        except OSError:  # gone: there is nothing more to hear, and the next send says so
            self._loop.remove_reader(self._port.fileno())
        del self._pieces[HEARD_MAX:]
        self._came.set()
