"""Modbus ASCII at 7E1 on a simulated line: pymodbus' own client and server, our slave and the manager's link, each with each."""

from __future__ import annotations

import logging

import pytest
from pymodbus import FramerType
from pymodbus.client import AsyncModbusSerialClient
from pymodbus.exceptions import ModbusIOException
from pymodbus.server import ModbusSerialServer
from pymodbus.simulator import DataType, SimData, SimDevice

from chargebench.emulator.ascii import Speech
from chargebench.emulator.clock import SimLoop, running
from chargebench.emulator.serve import LineNode, SerialPort, tolerant_end
from chargebench.emulator.slave import Slave
from chargebench.emulator.wires.rs485 import Line
from chargebench.emulator.wires.uart import Setting
from chargebench.manager.drivers.base import Read, Write
from chargebench.manager.outcomes import Answer
from chargebench.manager.site import SerialAddress
from tests.emulator.bank import Bank
from tests.manager.slaves import ask, link_to
from tests.manager.slaves import running as beside

PORT = "simbus://COM1/box"
SETTING = Setting(9_600, 7, "E", 1)
ADDRESS = SerialAddress("COM1", 9_600, 7, "E", 1, "ascii")
FIRST = [7 * k for k in range(3)]


@pytest.fixture(autouse=True)
def quiet(caplog):
    caplog.set_level(logging.CRITICAL, "pymodbus.logging")


def on_a_line(story):
    """What the story gives that is told on a line at 7E1."""
    loop = SimLoop()
    Line(loop, "COM1", SETTING.baud, SETTING.bits, SETTING.parity, SETTING.stops)
    return loop.run(story())


def node():
    """Our slave, unit 1, whose word at 100 + k is 7 k."""
    line = running().lines["COM1"]
    few = Bank(functions=(3, 6, 16))
    LineNode(running().env, line, Slave({1: few}), "box", turnaround_us=5_000, speech=Speech("ascii"))


def port(setting=SETTING):
    """The same behind a serial port."""
    return SerialPort(tolerant_end(Slave({1: Bank()}), setting, 5_000, speech=Speech("ascii")), PORT, setting)


async def foreign():
    """pymodbus' server, unit 1, whose words are 7."""
    device = SimDevice(id=1, simdata=[SimData(0, count=200, values=7, datatype=DataType.REGISTERS)])
    server = ModbusSerialServer(device, port=PORT, framer=FramerType.ASCII, baudrate=9_600, bytesize=7, parity="E")
    await server.serve_forever(background=True)
    return server


async def client():
    one = AsyncModbusSerialClient(
        "simbus://COM1", framer=FramerType.ASCII, baudrate=9_600, bytesize=7, parity="E", retries=0, timeout=1
    )
    assert await one.connect()
    return one


def test_its_client_talks_to_our_slave_and_every_microsecond_is_right():
    async def story():
        node()
        one = await client()
        begun_us = running().now_us
        answer = await one.read_holding_registers(100, count=3, device_id=1)
        took_us = running().now_us - begun_us
        assert not (await one.write_register(100, 0x3A0A, device_id=1)).isError()
        again = await one.read_holding_registers(100, count=1, device_id=1)
        refused = await one.read_holding_registers(99, count=1, device_id=1)
        one.close()
        return answer.registers, took_us, again.registers, refused.exception_code

    # 17 characters there, the turnaround, 23 characters back; 10 bits each
    assert on_a_line(story) == (FIRST, 17_709 + 5_000 + 23_959, [0x3A0A], 2)


def test_its_client_talks_to_our_port():
    async def story():
        ours = port()
        one = await client()
        answer = await one.read_holding_registers(100, count=3, device_id=1)
        one.close()
        ours.close()
        return answer.registers

    assert on_a_line(story) == FIRST


@pytest.mark.parametrize("setting", [Setting(9_600, 8, "N", 1), Setting(19_200, 7, "E", 1)])
def test_a_port_that_is_set_otherwise_understands_nothing(setting):
    async def story():
        ours = port(setting)
        one = await client()
        with pytest.raises(ModbusIOException):
            await one.read_holding_registers(100, count=3, device_id=1)
        one.close()
        ours.close()

    on_a_line(story)


def test_its_client_and_its_server_understand_each_other():
    async def story():
        server, one = await foreign(), await client()
        answer = await one.read_holding_registers(100, count=3, device_id=1)
        one.close()
        await server.shutdown()
        return answer.registers

    assert on_a_line(story) == [7, 7, 7]


@pytest.mark.parametrize("ours", [True, False], ids=["our slave", "its server"])
def test_the_managers_link_talks_to_either(ours):
    async def story():
        server = None if ours else await foreign()
        if ours:
            node()
        link = link_to(ADDRESS, "simbus://COM1")

        async def asked():
            return [
                await ask(link, 1, request)
                for request in (Read("holding", 100, 3), Write(16, 101, (77, 78)), Read("holding", 100, 3))
            ]

        outcomes = await beside(link, asked())
        if server is not None:
            await server.shutdown()
        assert all(isinstance(one, Answer) for one in outcomes), outcomes
        return [one.words for one in outcomes if isinstance(one, Answer)]

    first = tuple(FIRST) if ours else (7, 7, 7)
    assert on_a_line(story) == [first, (), (first[0], 77, 78)]
