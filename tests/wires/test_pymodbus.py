"""pymodbus' own clients and servers, as they are, on the wires of a run."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import struct

import pytest
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.exceptions import ModbusIOException
from pymodbus.framer.rtu import FramerRTU
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from chargebench.emulator.clock import SimLoop, running
from chargebench.emulator.wires.rs485 import Line
from chargebench.emulator.wires.uart import Setting


@pytest.fixture(autouse=True)
def quiet(caplog):
    caplog.set_level(logging.CRITICAL, "pymodbus.logging")


def run(main, **options):
    loop = SimLoop(**options)
    return loop.run(main), loop


def registers(unit, address, count):
    return [100 * unit + address + k for k in range(count)]


class Slave:
    """Answers reads of holding registers with their own numbers, 5 ms after the request."""

    def __init__(self, line, unit):
        self.name, self.hears, self.unit, self.line, self.requests = f"slave {unit}", (unit,), unit, line, []
        line.attach(self)

    def line_busy(self, now_us):
        pass

    def received(self, now_us, data):
        self.requests.append((now_us, data))
        if len(data) == 8 and data[0] == self.unit and FramerRTU.compute_CRC(data[:-2]).to_bytes(2, "big") == data[-2:]:
            address, count = struct.unpack(">HH", data[2:6])
            frame = bytes([self.unit, 3, 2 * count]) + struct.pack(f">{count}H", *registers(self.unit, address, count))
            self.line.send(self, frame + FramerRTU.compute_CRC(frame).to_bytes(2, "big"), now_us + 5_000)


class Server(asyncio.Protocol):
    """Answers reads of holding registers with their own numbers."""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        transaction, _, _, unit, _, address, count = struct.unpack(">HHHBBHH", data)
        values = struct.pack(f">{count}H", *registers(unit, address, count))
        self.transport.write(struct.pack(">HHHBBB", transaction, 0, 3 + len(values), unit, 3, len(values)) + values)


def device(unit):
    return SimDevice(id=unit, simdata=[SimData(0, count=100, values=unit, datatype=DataType.REGISTERS)])


def test_the_tcp_client_talks_to_a_server_of_a_few_lines():
    async def main():
        loop = running()
        await loop.create_server(Server, "box", 4701)
        client = AsyncModbusTcpClient("box", port=4701, retries=0)
        assert await client.connect()
        begun_us = loop.now_us
        answer = await client.read_holding_registers(8092, count=4, device_id=1)
        took_us = loop.now_us - begun_us
        client.close()
        return answer.registers, took_us

    assert run(main())[0] == (registers(1, 8092, 4), 1_000)


def test_the_serial_client_talks_to_a_slave_and_every_microsecond_is_right():
    async def main():
        loop = running()
        line = Line(loop, "COM1")
        slave = Slave(line, 3)
        client = AsyncModbusSerialClient("simbus://COM1", baudrate=9_600, retries=0)
        assert await client.connect()
        await asyncio.sleep(1)
        answer = await client.read_holding_registers(7, count=10, device_id=3)
        client.close()
        return answer.registers, loop.now_us, slave.requests, line

    (values, now_us, requests, line), loop = run(main())
    asked_us, answered_us = 1_000_000 + 8_334, 1_000_000 + 8_334 + 5_000 + 26_042  # 8 and 25 characters of 10 bits
    request = bytes.fromhex("03 03 00 07 00 0a 75 ee")
    assert values == registers(3, 7, 10)
    assert requests == [(asked_us, request)]
    assert now_us == answered_us
    told = [(record.at_us, record.kind, len(record.data)) for record in loop.trace.channel("COM1").last()]
    assert told == [
        (1_000_000, "tx port", 8),
        (asked_us, "rx", 8),
        (asked_us + 5_000, "tx slave 3", 25),
        (answered_us, "rx", 25),
    ]
    assert (line.stats.busy_us, line.stats.t35_violations, line.stats.collisions) == (8_334 + 26_042, 0, 0)


def test_its_servers_run_too():
    async def main():
        loop = running()
        Line(loop, "COM1", 19_200, 8, "E")
        servers = [
            ModbusTcpServer(device(1), address=("box", 502)),
            ModbusSerialServer(device(2), port="simbus://COM1/slave", baudrate=19_200, parity="E"),
        ]
        for server in servers:
            await server.serve_forever(background=True)
        clients = [
            AsyncModbusTcpClient("box", port=502),
            AsyncModbusSerialClient("simbus://COM1", baudrate=19_200, parity="E"),
        ]
        values = []
        for unit, client in enumerate(clients, 1):
            assert await client.connect()
            await client.write_register(3, 77, device_id=unit)
            values.append((await client.read_holding_registers(2, count=3, device_id=unit)).registers)
            client.close()
        for server in servers:
            await server.shutdown()
        return values

    assert run(main())[0] == [[1, 77, 1], [2, 77, 2]]


def test_a_dead_slave_costs_its_timeout_and_no_more():
    async def main():
        loop = running()
        Line(loop, "COM1")
        client = AsyncModbusSerialClient("simbus://COM1", baudrate=9_600, retries=0, timeout=1)
        assert await client.connect()
        begun_us = loop.now_us
        with pytest.raises(ModbusIOException):
            await client.read_holding_registers(0, device_id=3)
        took_us = loop.now_us - begun_us
        await asyncio.sleep(1_000)
        client.close()
        return took_us

    assert run(main())[0] == 1_000_000


def test_the_tcp_client_connects_again_after_a_reset():
    async def main():
        loop = running()
        await loop.create_server(Server, "box", 4701)
        client = AsyncModbusTcpClient("box", port=4701, retries=0, reconnect_delay=1)
        assert await client.connect()
        loop.net.reset("box")
        await asyncio.sleep(0.5)
        assert not client.connected
        await asyncio.sleep(1)
        answer = await client.read_holding_registers(1, count=1, device_id=1)
        client.close()
        return answer.registers

    result, loop = run(main())
    assert result == registers(1, 1, 1)
    assert [name for name in loop.trace.counts() if name.startswith("tcp master")] == [
        "tcp master>box:4701#1",
        "tcp master>box:4701#2",
    ]


def test_the_client_survives_split_streams():
    async def main():
        loop = running()
        await loop.create_server(Server, "box", 4701)
        link = loop.net.link("box", 4701)
        client = AsyncModbusTcpClient("box", port=4701, retries=0)
        assert await client.connect()
        link.jitter_us = 4_000
        values = []
        for k in range(20):
            link.split = 0  # the server of this test does not put the pieces of a request together
            loop.call_soon(setattr, link, "split", 7)
            values.append((await client.read_holding_registers(k, count=100, device_id=1)).registers)
        client.close()
        return values

    assert run(main(), seed=5)[0] == [registers(1, k, 100) for k in range(20)]


def test_it_keeps_no_silence_between_an_answer_and_the_next_request_and_the_line_sees_it():
    async def main(gap_us):
        loop = running()
        line = Line(loop, "COM1")
        slaves = [Slave(line, unit) for unit in (1, 2)]
        client = AsyncModbusSerialClient("simbus://COM1", baudrate=9_600, retries=0, timeout=1)
        assert await client.connect()
        await client.read_holding_registers(0, device_id=1)
        if gap_us:
            await asyncio.sleep(gap_us / 1e6)
        with contextlib.suppress(ModbusIOException):
            await client.read_holding_registers(0, device_id=2)
        client.close()
        return line.stats.t35_violations, [len(data) for _, data in slaves[1].requests]

    assert run(main(0))[0] == (1, [7 + 8])  # answer and request are one frame to a strict slave
    assert run(main(Setting(9_600).t35_us))[0] == (0, [8])
