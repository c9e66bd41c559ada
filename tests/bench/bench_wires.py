"""How many Modbus requests a second of wall time pymodbus' own clients make on simulated wires.

Not a test: ``python tests/bench/bench_wires.py`` prints the figures, ``measure`` gives them to whoever compares.
"""

from __future__ import annotations

import asyncio
import logging
import struct
import time
from dataclasses import dataclass

from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.framer.rtu import FramerRTU

from chargebench.emulator.clock import SimLoop, running
from chargebench.emulator.wires.rs485 import Line

SLAVES = 25
REGISTERS = 10
ANSWER = bytes([3, 2 * REGISTERS]) + bytes(2 * REGISTERS)


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured: requests, virtual and wall seconds, hash of the trace."""

    what: str
    requests: int
    virtual_s: float
    wall_s: float
    trace: str

    @property
    def rate(self) -> float:
        """Requests per second of wall time."""
        return self.requests / self.wall_s

    def __str__(self) -> str:
        rates = f"{self.rate:,.0f} requests/s, {self.virtual_s / self.wall_s:,.0f} times real time"
        return f"{self.what}: {self.requests} requests in {self.wall_s:.2f} s: {rates}, trace {self.trace[:12]}"


class Answering(asyncio.Protocol):
    """A server that answers every read of ten registers with zeros, one request per segment."""

    def connection_made(self, transport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data[:4] + struct.pack(">HB", len(ANSWER) + 1, data[6]) + ANSWER)


class Slave:
    """A node that answers every request 5 ms after its end."""

    def __init__(self, loop: SimLoop, line: Line, unit: int) -> None:
        self.name, self.hears = f"slave {unit}", (unit,)
        self._env, self._line, self._unit = loop.env, line, unit
        frame = bytes([unit]) + ANSWER
        self._frame = frame + FramerRTU.compute_CRC(frame).to_bytes(2, "big")
        line.attach(self)

    def line_busy(self, now_us: int) -> None:
        pass

    def received(self, now_us: int, data: bytes) -> None:
        if data[0] == self._unit:
            self._line.send(self, self._frame, now_us + 5_000)


async def poll_tcp(seconds: int) -> int:
    loop = running()
    for k in range(SLAVES):
        await loop.create_server(Answering, f"box{k}", 4701)

    async def one(k: int) -> int:
        client = AsyncModbusTcpClient(f"box{k}", port=4701, retries=0)
        assert await client.connect()
        count = 0
        while loop.time() < seconds:
            for _ in range(3):
                assert len((await client.read_holding_registers(0, count=REGISTERS)).registers) == REGISTERS
                count += 1
            await asyncio.sleep(3)
        client.close()
        return count

    return sum(await asyncio.gather(*[one(k) for k in range(SLAVES)]))


async def poll_line(seconds: int) -> int:
    loop = running()
    line = Line(loop, "COM1")
    for unit in range(1, SLAVES + 1):
        Slave(loop, line, unit)
    client = AsyncModbusSerialClient("simbus://COM1", baudrate=9600, retries=0)
    assert await client.connect()
    count = 0
    while loop.time() < seconds:
        unit = 1 + count % SLAVES
        assert len((await client.read_holding_registers(0, count=REGISTERS, device_id=unit)).registers) == REGISTERS
        count += 1
        await asyncio.sleep(0.0045)
    client.close()
    return count


def measure(what: str, seconds: int) -> Figures:
    """Run ``tcp`` or ``line`` for so many virtual seconds."""
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
    loop = SimLoop()
    begun = time.perf_counter()
    requests = loop.run({"tcp": poll_tcp, "line": poll_line}[what](seconds))
    return Figures(what, requests, loop.time(), time.perf_counter() - begun, loop.trace.hexdigest())


if __name__ == "__main__":
    for figures in (measure("tcp", 600), measure("line", 600)):
        print(figures)
