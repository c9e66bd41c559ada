"""Somebody else's Modbus client in the world: a home automation, a monitor. It only reads, and that feeds a watchdog.

A reader keeps one connection. It asks on its own grid, from the start on; where the answer does not come in time it drops the
connection, and makes another at its next instant. Without power it does nothing.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from typing import Final

from chargebench.datasheets.model import Table
from chargebench.emulator.adu import Adu, MbapSplitter, pack_mbap
from chargebench.emulator.spec import ReaderSpec, TcpAt

PATIENCE_S: Final = 3
_FUNCTIONS: Final[dict[Table, int]] = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
_TAKEN: Final = 4_096


class Reader:
    """One reader of the box at ``at``; ``run`` is its task. ``powered``: whether there is power where it stands."""

    def __init__(self, spec: ReaderSpec, at: TcpAt, unit: int, powered: Callable[[], bool]) -> None:
        self.answers = 0
        self.failures = 0
        self._spec, self._at, self._unit, self._powered = spec, at, unit, powered
        self._transaction = 0
        self._splitter = MbapSplitter()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def run(self) -> None:
        """Read for ever; then hang up."""
        loop = asyncio.get_running_loop()
        start_us = round(loop.time() * 1e6)
        due_us = start_us
        try:
            while True:
                await asyncio.sleep(due_us / 1e6 - loop.time())
                if self._powered():
                    await self._poll()
                passed_us = round(loop.time() * 1e6) - start_us
                due_us = start_us + (passed_us // self._spec.every_us + 1) * self._spec.every_us
        finally:
            self._drop()

    async def _poll(self) -> None:
        """One request and its answer, whatever it says; a connection that fails is dropped."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._ask()
        except (OSError, TimeoutError):
            self.failures += 1
            self._drop()
        else:
            self.answers += 1

    async def _ask(self) -> None:
        if self._streams is None or self._streams[1].is_closing():
            self._splitter = MbapSplitter()
            self._streams = await asyncio.open_connection(self._at.host, self._at.port, local_addr=(self._spec.name, 0))
        stream, writer = self._streams
        self._transaction = self._transaction % 0xFFFF + 1
        pdu = struct.pack(">BHH", _FUNCTIONS[self._spec.table], self._spec.address, self._spec.count)
        writer.write(pack_mbap(Adu(self._unit, pdu, self._transaction)))
        while True:
            data = await stream.read(_TAKEN)
            if not data:
                raise ConnectionResetError("the box has hung up")
            self._splitter.feed(data)
            while (answer := self._splitter.take()) is not None:
                if answer.transaction == self._transaction:
                    return
            if self._splitter.broken:
                raise ConnectionResetError("no Modbus")

    def _drop(self) -> None:
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None
