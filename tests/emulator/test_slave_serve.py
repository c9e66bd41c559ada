"""The shells: slaves on simulated connections, lines and ports, asked by pymodbus' own clients and by raw ones."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient

from chargebench.emulator.actions import Close, Reset, Send
from chargebench.emulator.adu import Adu, pack_mbap, pack_rtu
from chargebench.emulator.clients import Limits
from chargebench.emulator.clock.loop import SimLoop
from chargebench.emulator.serve import LineNode, SerialNode, serve_tcp
from chargebench.emulator.slave import Slave
from chargebench.emulator.wires.rs485 import Line
from chargebench.emulator.wires.uart import Setting
from chargebench.scenarios.clauses.line_wire import SimulatedLine
from chargebench.scenarios.clauses.tcp_wire import StreamWire
from chargebench.scenarios.clauses.wires import Connection
from tests.emulator.bank import Bank

HOST, PORT = "192.168.2.151", 4701
READ = bytes.fromhex("03 0065 0001")
GOOD = bytes.fromhex("03 02 0007")
FEW = (3, 6, 16)
T35 = 4_011


def run(main: Coroutine[Any, Any, None], loop: SimLoop) -> None:
    loop.run(main)


def how(connection: Connection) -> str:
    return connection.ended


def request(transaction: int, pdu: bytes = READ) -> bytes:
    return pack_mbap(Adu(1, pdu, transaction))


# ---- TCP -------------------------------------------------------------------------------------------------------------


def test_an_unmodified_client_reads_and_writes_in_virtual_time():
    loop, bank = SimLoop(), Bank()

    async def main() -> None:
        service = await serve_tcp(Slave({1: bank}), HOST, PORT, turnaround_us=20_000)
        client = AsyncModbusTcpClient(HOST, port=PORT, timeout=1, retries=0)
        assert await client.connect()
        begin_us = loop.now_us
        assert (await client.read_holding_registers(101, count=3)).registers == [7, 14, 21]
        assert loop.now_us - begin_us >= 20_000
        await client.write_registers(100, [5, 6])
        assert (await client.read_holding_registers(100, count=2)).registers == [5, 6]
        assert (await client.read_holding_registers(9_000, count=1)).exception_code == 2
        client.close()
        service.close()
        await service.wait_closed()

    run(main(), loop)


def test_a_client_too_many_is_closed_at_once_and_a_place_that_falls_free_is_taken():
    loop = SimLoop()

    async def main() -> None:
        service = await serve_tcp(Slave({1: Bank()}), HOST, PORT, limits=Limits(clients_max=2))
        wire = StreamWire(HOST, PORT)
        one, two, three = [await wire.connect() for _ in range(3)]
        assert await three.read(1_000_000) == b""
        assert three.ended == "closed"
        await one.close()
        await asyncio.sleep(0.1)
        four = await wire.connect()
        for connection in (two, four):
            await connection.send(request(1))
            assert (await connection.read(1_000_000))[7:] == GOOD
        service.close()
        await service.wait_closed()
        assert await two.read(1_000_000) == b""
        assert two.ended == "closed"

    run(main(), loop)


@pytest.mark.parametrize("idle_s", [None, 60])
def test_an_idle_client_is_closed_only_where_the_server_says_so(idle_s):
    loop = SimLoop()

    async def main() -> None:
        limits = Limits(idle_us=None if idle_s is None else idle_s * 1_000_000)
        service = await serve_tcp(Slave({1: Bank()}), HOST, PORT, limits=limits)
        connection = await StreamWire(HOST, PORT).connect()
        for _ in range(3):  # each request begins the wait anew
            await asyncio.sleep(40)
            await connection.send(request(1))
            assert (await connection.read(1_000_000))[7:] == GOOD
        heard_us = loop.now_us
        await connection.read(100_000_000)
        assert connection.ended == ("" if idle_s is None else "closed")
        if idle_s is not None:
            assert 59 <= (loop.now_us - heard_us) / 1e6 <= 60
        await connection.close()
        service.close()

    run(main(), loop)


def test_half_a_message_is_not_waited_for_for_ever():
    loop = SimLoop()

    async def main() -> None:
        service = await serve_tcp(Slave({1: Bank()}), HOST, PORT, limits=Limits(stall_us=2_000_000))
        connection = await StreamWire(HOST, PORT).connect()
        await connection.send(request(1)[:9])
        assert await connection.read(1_900_000) == b""
        assert how(connection) == ""
        await connection.read(1_000_000)
        assert how(connection) == "closed"
        service.close()

    run(main(), loop)


def test_a_client_that_takes_no_answers_is_read_no_further():
    loop, bank = SimLoop(), Bank()
    asked = 3_000

    async def main() -> None:
        service = await serve_tcp(Slave({1: bank}), HOST, PORT)
        connection = await StreamWire(HOST, PORT).connect()
        for _ in range(asked):
            await connection.send(request(1, bytes.fromhex("03 0064 007d")))
            await asyncio.sleep(0.001)
        done = len(bank.calls)
        assert done < asked
        await asyncio.sleep(10)
        assert len(bank.calls) == done
        got = 0
        while data := await connection.read(1_000_000):
            got += len(data)
        assert got == asked * (9 + 250)
        assert len(bank.calls) == asked
        await connection.close()
        service.close()

    run(main(), loop)


def test_no_more_than_sixteen_requests_are_carried_out_ahead_of_their_answers():
    loop, bank = SimLoop(), Bank()

    async def main() -> None:
        service = await serve_tcp(Slave({1: bank}), HOST, PORT, turnaround_us=100_000)
        connection = await StreamWire(HOST, PORT).connect()
        await connection.send(b"".join(request(n) for n in range(40)))
        await asyncio.sleep(0.05)
        assert len(bank.calls) == 16
        got = b""
        while data := await connection.read(1_000_000):
            got += data
        assert [got[at + 1] for at in range(0, len(got), 11)] == list(range(40))
        await connection.close()
        service.close()

    run(main(), loop)


def test_a_client_that_asks_faster_than_it_is_answered_is_read_no_further():
    loop = SimLoop()

    async def main() -> None:
        service = await serve_tcp(Slave({1: Bank()}), HOST, PORT, turnaround_us=1_000_000)
        connection = await StreamWire(HOST, PORT).connect()
        for _ in range(500):
            await connection.send(request(1))
            await asyncio.sleep(0.001)
        (client,) = service._clients
        assert client._end.full
        assert client._end._splitter.held <= 2 * len(request(1))
        await connection.close()
        service.close()

    run(main(), loop)


def test_answers_under_way_die_with_their_connection():
    loop, bank = SimLoop(), Bank()

    async def main() -> None:
        service = await serve_tcp(Slave({1: bank}), HOST, PORT, turnaround_us=1_000_000)
        connection = await StreamWire(HOST, PORT).connect()
        await connection.send(request(1) * 20)
        await asyncio.sleep(0.1)
        await connection.reset()
        await asyncio.sleep(60)
        assert len(bank.calls) == 16
        service.close()
        await service.wait_closed()

    run(main(), loop)


@pytest.mark.parametrize(
    ("actions", "got", "ended"),
    [
        ((Send(b"xyz", 5_000), Send(b"abc")), b"abcxyz", ""),
        ((), b"", ""),
        ((Send(b"xyz"), Close(5_000)), b"xyz", "closed"),
        ((Reset(5_000), Send(b"late", 6_000)), b"", "reset"),
    ],
    ids=["late and early", "nothing", "close", "reset"],
)
def test_what_a_fault_wants_is_done_on_the_wire(actions, got, ended):
    loop = SimLoop()

    async def main() -> None:
        slave = Slave({1: Bank()}, tamper=lambda _exchange, _actions: actions)
        service = await serve_tcp(slave, HOST, PORT)
        connection = await StreamWire(HOST, PORT).connect()
        await connection.send(request(1))
        data = b""
        while more := await connection.read(1_000_000):
            data += more
        assert (data, connection.ended) == (got, ended)
        await connection.close()
        service.close()

    run(main(), loop)


def test_a_clock_of_the_devices_own_is_what_they_are_told():
    loop, bank = SimLoop(), Bank()

    async def main() -> None:
        service = await serve_tcp(Slave({1: bank}), HOST, PORT, clock=lambda: 77_000_000 + loop.now_us)
        connection = await StreamWire(HOST, PORT).connect()
        await connection.send(request(1))
        await connection.read(1_000_000)
        assert bank.now_us >= 77_000_000
        await connection.close()
        service.close()

    run(main(), loop)


# ---- the line --------------------------------------------------------------------------------------------------------


def line_of(loop: SimLoop, units: int, *, functions: tuple[int, ...] = FEW) -> tuple[Line, list[Bank]]:
    line, banks = Line(loop, "COM1"), [Bank(functions=functions) for _ in range(units)]
    for unit, bank in enumerate(banks, 1):
        LineNode(loop.env, line, Slave({unit: bank}), f"box {unit}")
    return line, banks


def test_an_answer_begins_3_5_characters_after_its_request_to_the_microsecond():
    loop = SimLoop()
    line, _ = line_of(loop, 1)
    master = SimulatedLine(loop, line)

    async def main() -> None:
        sent_us = await master.send(pack_rtu(1, READ))
        burst = await master.hear(sent_us + 1_000_000)
        assert burst is not None
        assert burst.data == pack_rtu(1, GOOD)
        assert burst.begin_us == sent_us + T35
        assert burst.end_us == burst.begin_us + line.setting.time_us(7)

    run(main(), loop)


def test_twenty_five_slaves_on_one_line_each_answer_for_themselves():
    loop = SimLoop()
    line, banks = line_of(loop, 25)
    master = SimulatedLine(loop, line)

    async def main() -> None:
        for unit in range(1, 26):
            await master.pause(T35)
            burst = await master.hear(await master.send(pack_rtu(unit, READ)) + 1_000_000)
            assert burst is not None
            assert burst.data == pack_rtu(unit, GOOD)
        assert line.stats.collisions == line.stats.t35_violations == 0

    run(main(), loop)
    assert [len(bank.calls) for bank in banks] == [1] * 25


def test_a_broadcast_reaches_every_slave_on_the_line():
    loop = SimLoop()
    line, banks = line_of(loop, 5)
    master = SimulatedLine(loop, line)

    async def main() -> None:
        sent_us = await master.send(pack_rtu(0, bytes.fromhex("06 0064 0102")))
        assert await master.hear(sent_us + 1_000_000) is None

    run(main(), loop)
    assert [bank.tables["holding"][0] for bank in banks] == [0x0102] * 5


def test_a_request_right_behind_an_answer_is_lost_to_a_slave_that_was_not_even_asked_before():
    """The frame of slave 2 begins inside the silence after slave 1's answer: to slave 2 they are one frame, and broken."""
    loop = SimLoop()
    line, banks = line_of(loop, 2)
    master = SimulatedLine(loop, line)

    async def main() -> None:
        first = await master.hear(await master.send(pack_rtu(1, READ)) + 1_000_000)
        assert first is not None
        sent_us = await master.send(pack_rtu(2, READ), at_us=first.end_us + T35 - 1)
        assert await master.hear(sent_us + 1_000_000) is None
        sent_us = await master.send(pack_rtu(2, READ), at_us=sent_us + T35)
        assert await master.hear(sent_us + 1_000_000) is not None

    run(main(), loop)
    assert len(banks[1].calls) == 1


def test_a_slave_that_has_left_hears_no_more():
    loop, bank = SimLoop(), Bank(functions=FEW)
    line = Line(loop, "COM1")
    node = LineNode(loop.env, line, Slave({1: bank}), "box")
    master = SimulatedLine(loop, line)

    async def main() -> None:
        await master.send(pack_rtu(1, READ))
        node.leave()
        assert await master.hear(loop.now_us + 1_000_000) is None
        sent_us = await master.send(pack_rtu(1, READ))
        assert await master.hear(sent_us + 1_000_000) is None

    run(main(), loop)
    assert bank.calls == []


def test_a_slave_with_diagnostics_counts_what_is_said_to_others():
    loop = SimLoop()
    line, _ = line_of(loop, 2, functions=(3, 8))
    master = SimulatedLine(loop, line)

    async def main() -> None:
        for _ in range(3):
            await master.hear(await master.send(pack_rtu(1, READ)) + 50_000)
            await master.pause(T35)
        burst = await master.hear(await master.send(pack_rtu(2, bytes.fromhex("08 000b 0000"))) + 1_000_000)
        assert burst is not None
        assert burst.data == pack_rtu(2, bytes.fromhex("08 000b 0007"))  # 3 requests, 3 answers, this one

    run(main(), loop)


def test_an_unmodified_serial_client_reads_in_virtual_time_where_it_keeps_the_silence():
    loop = SimLoop()
    line_of(loop, 3)

    async def main() -> None:
        client = AsyncModbusSerialClient("simbus://COM1", baudrate=9600, timeout=0.2, retries=0)
        assert await client.connect()
        for unit in (1, 2, 3, 1):
            await asyncio.sleep(T35 / 1e6)
            answer = await client.read_holding_registers(101, count=2, device_id=unit)
            assert answer.registers == [7, 14]
        client.close()

    run(main(), loop)


# ---- ports -----------------------------------------------------------------------------------------------------------


def test_a_slave_on_a_port_answers_what_comes_in_pieces():
    loop = SimLoop()
    line = Line(loop, "COM1")
    master = SimulatedLine(loop, line)

    async def main() -> None:
        node = SerialNode(Slave({1: Bank()}), "simbus://COM1/box", Setting(9600), silence_us=20_000)
        frame = pack_rtu(1, READ)
        sent_us = await master.send(frame[:3], frame[3:], gap_us=T35 + 5_000)
        burst = await master.hear(sent_us + 1_000_000)
        assert burst is not None
        assert burst.data == pack_rtu(1, GOOD)
        assert burst.begin_us >= sent_us + 20_000
        node.close()
        node.close()
        sent_us = await master.send(frame)
        assert await master.hear(sent_us + 1_000_000) is None
        assert node.lost == ""

    run(main(), loop)


def test_a_port_that_goes_away_takes_its_slave_off_without_an_error(monkeypatch):
    loop = SimLoop()
    line = Line(loop, "COM1")
    master = SimulatedLine(loop, line)

    async def main() -> None:
        node = SerialNode(Slave({1: Bank()}), "simbus://COM1/box", Setting(9600))

        def unplugged(_size: int) -> bytes:
            raise OSError("device reports readiness to read but returned no data")

        monkeypatch.setattr(node._port, "read", unplugged)
        sent_us = await master.send(pack_rtu(1, READ))
        assert await master.hear(sent_us + 1_000_000) is None
        assert "no data" in node.lost

    run(main(), loop)
