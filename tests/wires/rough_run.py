"""A run over rough wires: ``python -m tests.wires.rough_run SEED [order]`` prints the hash of its trace.

Four boxes over links that jitter, split, lose, reset and fall silent, and three slaves on a line with noise, all asked by
pymodbus' own clients. ``order`` plants a bug: the boxes are asked in the order of a set of their names.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import struct
import sys

from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.framer.rtu import FramerRTU

from chargebench.emulator.clock import SimLoop, running
from chargebench.emulator.wires.rs485 import Line

SECONDS = 60
BOXES = tuple(f"192.168.2.{number}" for number in range(151, 155))


class Server(asyncio.Protocol):
    """Puts requests together and answers them with ten numbers."""

    def connection_made(self, transport):
        self.transport, self.buffer = transport, b""

    def data_received(self, data):
        self.buffer += data
        while len(self.buffer) >= 12:
            request, self.buffer = self.buffer[:12], self.buffer[12:]
            self.transport.write(request[:4] + struct.pack(">HBBB10H", 23, request[6], 3, 20, *range(10)))


class Slave:
    """Answers what it understands, 5 ms later."""

    def __init__(self, line, unit):
        self.name, self.hears, self.line = f"slave {unit}", (unit,), line
        frame = bytes([unit, 3, 20]) + bytes(20)
        self.answer = frame + FramerRTU.compute_CRC(frame).to_bytes(2, "big")
        line.attach(self)

    def line_busy(self, now_us):
        pass

    def received(self, now_us, data):
        if data[0] in self.hears and FramerRTU.compute_CRC(data[:-2]).to_bytes(2, "big") == data[-2:]:
            self.line.send(self, self.answer, now_us + 5_000)


def client_of(host):
    return AsyncModbusTcpClient(host, port=4701, retries=0, timeout=1, reconnect_delay=1, reconnect_delay_max=4)


async def poll(client, units):
    loop = running()
    await client.connect()
    while loop.time() < SECONDS:
        for unit in units:
            with contextlib.suppress(ModbusException):
                await client.read_holding_registers(0, count=10, device_id=unit)
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.3)
    client.close()


async def poll_in_turn(clients):
    loop = running()
    while loop.time() < SECONDS:
        for host in set(clients):
            with contextlib.suppress(ModbusException):
                await clients[host].read_holding_registers(0, count=10, device_id=1)
        await asyncio.sleep(0.3)


async def run(order):
    loop = running()
    for host in BOXES:
        await loop.create_server(Server, host, 4701)
        link = loop.net.link(host, 4701)
        link.jitter_us, link.split, link.loss_permille = 4_000, 7, 10
    loop.env.at(20_000_000, loop.net.reset, BOXES[0])
    loop.env.at(25_000_000, setattr, loop.net.link(BOXES[1], 4701), "hole_out", True)
    loop.env.at(40_000_000, setattr, loop.net.link(BOXES[1], 4701), "hole_out", False)
    loop.env.at(30_000_000, loop.net.half_open, BOXES[2])
    line = Line(loop, "COM1")
    line.noise_ppm = 300
    for unit in (1, 2, 3):
        Slave(line, unit)
    port = AsyncModbusSerialClient("simbus://COM1", baudrate=9_600, retries=0, timeout=0.2)
    clients = {host: client_of(host) for host in BOXES}
    if order:
        for client in clients.values():
            await client.connect()
        await asyncio.gather(poll(port, (1, 2, 3)), poll_in_turn(clients))
    else:
        await asyncio.gather(poll(port, (1, 2, 3)), *[poll(client, (1,)) for client in clients.values()])


def main(seed, *plants):
    logging.disable(logging.CRITICAL)
    loop = SimLoop(int(seed))
    loop.run(run("order" in plants))
    print(loop.trace.hexdigest(), sum(loop.trace.counts().values()))  # noqa: T201 its result


if __name__ == "__main__":
    main(*sys.argv[1:])
