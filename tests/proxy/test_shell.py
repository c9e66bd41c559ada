"""The whole proxy on simulated wires: our links and pymodbus before it, emulated units on a line behind it."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Self

import pytest
from pymodbus.client import AsyncModbusTcpClient

from chargebench.datasheets.errors import CannotOpen
from chargebench.emulator.adu import pack_rtu, unpack_rtu
from chargebench.emulator.ascii import pack_ascii, unpack_ascii
from chargebench.emulator.clock import SimLoop, running
from chargebench.emulator.wires.rs485 import Line
from chargebench.manager.drivers.base import Read, Write
from chargebench.manager.links.pace import TCP_PACE
from chargebench.manager.outcomes import Answer, NoAnswer
from chargebench.manager.proxy.access import Access, parse_rule
from chargebench.manager.proxy.config import SERVED_PACE, Before, Behind, Config, Crowd
from chargebench.manager.proxy.shell import Proxy
from chargebench.manager.site import SerialAddress, TcpAddress
from tests.manager.slaves import COM1, Bank, LineSlave, TcpSlave, ask, dead, link_to

AT = "127.0.0.1:4701"
PLACE = TcpAddress("127.0.0.1", 4701)
BEHIND = Behind("COM1", "serial", "simbus://COM1", COM1, SERVED_PACE)
BOX = Behind("box", "tcp", "192.168.2.151:4701", None, TCP_PACE)
STATE = Read("holding", 8092, 4)


def config(*behind: Behind, **more: object) -> Config:
    lines = behind or (BEHIND,)
    places = tuple(Before("127.0.0.1", 4701 + k, one.name) for k, one in enumerate(lines))
    return Config(lines, places, **more)  # type: ignore[arg-type]


def served(
    story: Callable[[Proxy, list[LineSlave]], Awaitable[object]],
    setup: Config | None = None,
    units: tuple[int, ...] = (1, 2),
) -> list[str]:
    """Serve units of a line, and run a story before the proxy; what the proxy told a person."""
    told: list[str] = []
    loop = SimLoop()
    line = Line(loop, "COM1", 9_600)
    slaves = [LineSlave(loop, line, unit, Bank({8092 + k: 100 * unit + k for k in range(20)})) for unit in units]

    async def main() -> None:
        proxy = Proxy(setup or config(), told.append)
        await proxy.open()
        try:
            await story(proxy, slaves)
        finally:
            proxy.close()

    loop.run(main())
    return told


class Raw:
    """A client that sends what bytes it likes."""

    def __init__(self, port: int = 4701) -> None:
        self.port = port

    async def __aenter__(self) -> Self:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()

    def send(self, *parts: bytes) -> None:
        self.writer.write(b"".join(parts))

    async def answer(self) -> tuple[int, int, bytes]:
        transaction, protocol, length, unit = struct.unpack(">HHHB", await self.reader.readexactly(7))
        assert protocol == 0
        return transaction, unit, await self.reader.readexactly(length - 1)


def adu(transaction: int, unit: int, pdu: bytes, protocol: int = 0) -> bytes:
    return struct.pack(">HHHB", transaction, protocol, len(pdu) + 1, unit) + pdu


def read(address: int, count: int = 1) -> bytes:
    return struct.pack(">BHH", 3, address, count)


def words(*values: int) -> bytes:
    return struct.pack(f">BB{len(values)}H", 3, 2 * len(values), *values)


def test_our_own_links_read_and_write_units_behind_it():
    async def story(_proxy, slaves):
        link = link_to(PLACE, AT)
        task = asyncio.get_running_loop().create_task(link.run(), name="link")
        one, two = await ask(link, 1, STATE), await ask(link, 2, STATE)
        assert isinstance(one, Answer)
        assert isinstance(two, Answer)
        assert (one.words, two.words) == ((100, 101, 102, 103), (200, 201, 202, 203))
        assert isinstance(await ask(link, 2, Write(6, 8093, (60,))), Answer)
        assert slaves[1].bank.words[8093] == 60
        slaves[0].habit = dead
        assert await ask(link, 1, STATE) == NoAnswer(11)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    served(story)


def test_pymodbus_reads_through_it():
    async def story(_proxy, _slaves):
        client = AsyncModbusTcpClient("127.0.0.1", port=4701, retries=0)
        assert await client.connect()
        answer = await client.read_holding_registers(8092, count=3, device_id=2)
        client.close()
        assert answer.registers == [200, 201, 202]

    served(story)


def test_requests_in_one_segment_and_in_single_bytes_are_answered_with_their_own_ids():
    async def story(_proxy, _slaves):
        async with Raw() as raw:
            raw.send(*(adu(0xBEEF + k, 1 + k % 2, read(8092 + k)) for k in range(40)))
            for _ in range(40):
                transaction, unit, pdu = await raw.answer()
                k = transaction - 0xBEEF
                assert (unit, pdu) == (1 + k % 2, words((1 + k % 2) * 100 + k if k < 20 else 0))
            for byte in adu(7, 1, read(8092)):
                raw.send(bytes((byte,)))
                await asyncio.sleep(0.01)
            assert await raw.answer() == (7, 1, words(100))

    served(story)


def test_another_protocol_is_skipped_and_a_length_that_cannot_be_ends_the_connection():
    async def story(_proxy, slaves):
        async with Raw() as raw:
            raw.send(adu(1, 1, read(8092), protocol=1), adu(2, 1, read(8093)))
            assert await raw.answer() == (2, 1, words(101))
            raw.send(struct.pack(">HHHB", 3, 0, 300, 1))
            assert await raw.reader.read() == b""
        assert len(slaves[0].bank.asked) == 1

    served(story)


def test_half_a_request_and_no_request_end_a_connection():
    async def story(_proxy, _slaves):
        async with Raw() as half, Raw() as idle:
            half.send(adu(1, 1, read(8092))[:9])
            begun_us = running().now_us
            assert await half.reader.read() == b""
            assert 5_000_000 <= running().now_us - begun_us <= 7_000_000
            assert await idle.reader.read() == b""
            assert 20_000_000 <= running().now_us - begun_us <= 22_000_000

    served(story, config(crowd=Crowd(idle_us=20_000_000)))


def test_a_client_that_sends_no_more_gets_its_answers_and_then_the_end():
    async def story(_proxy, _slaves):
        async with Raw() as raw:
            raw.send(*(adu(k, 1, read(8092)) for k in range(20)))
            raw.writer.write_eof()
            assert [await raw.answer() for _ in range(20)] == [(k, 1, words(100)) for k in range(20)]
            assert await raw.reader.read() == b""

    served(story)


def test_a_thousand_connections_that_only_hang_about_make_room_for_those_who_ask():
    async def story(proxy, _slaves):
        async with Raw() as honest:
            honest.send(adu(1, 1, read(8092)))
            await honest.answer()
            hanging = [Raw() for _ in range(1_000)]
            for k, one in enumerate(hanging):
                await one.__aenter__()
                one.send((b"", b"\0", adu(1, 1, read(8092))[:11], b"\xff" * 300)[k % 4])
            await asyncio.sleep(0.1)
            honest.send(adu(2, 1, read(8092)))
            assert await honest.answer() == (2, 1, words(100))
            async with Raw() as newcomer:
                newcomer.send(adu(3, 2, read(8092)))
                assert await newcomer.answer() == (3, 2, words(200))
            here = proxy._clients.here
            assert len(here) <= Crowd().most
            assert sum(one._splitter.held for one in here.values()) <= len(here) * 260
            assert len(proxy.look()[0].clients) <= len(here)
            for one in hanging:
                one.writer.close()

    served(story)


def test_clients_who_reset_leave_nothing_behind_and_what_they_asked_is_not_sent():
    async def story(proxy, slaves):
        async with Raw() as raw:
            raw.send(*(adu(k, 1, read(8092)) for k in range(10)))
            await asyncio.sleep(0.01)
        await asyncio.sleep(2)
        assert len(slaves[0].bank.asked) == 1
        counts, late = proxy.carried["COM1"]
        assert (counts.sent, counts.dropped, late) == (1, 9, 0)

    served(story)


def test_units_have_other_numbers_outside_and_a_listener_may_be_for_one_alone():
    async def story(_proxy, _slaves):
        async with Raw() as mapped, Raw(4702) as alone:
            mapped.send(adu(1, 101, read(8092)))
            alone.send(adu(2, 77, read(8092)))
            assert await mapped.answer() == (1, 101, words(100))
            assert await alone.answer() == (2, 77, words(200))

    places = (Before("127.0.0.1", 4701, "COM1"), Before("127.0.0.1", 4702, "COM1", 2))
    served(story, Config((BEHIND,), places, {101: 1}))


def test_what_is_not_allowed_is_refused_and_not_sent():
    async def story(_proxy, slaves):
        async with Raw() as raw:
            for unit, pdu, answer in [
                (1, read(8092), words(100)),
                (1, b"\x06\x1f\x9d\x00\x3c", b"\x86\x01"),
                (1, read(8000), b"\x83\x02"),
                (2, read(8092), b"\x83\x0a"),
            ]:
                raw.send(adu(1, unit, pdu))
                assert await raw.answer() == (1, unit, answer)
        assert (len(slaves[0].bank.asked), len(slaves[1].bank.asked)) == (1, 0)

    served(story, config(access=Access(rules=(parse_rule("units=1 functions=3,4 registers=8092-8100"),))))


def test_a_box_that_bears_one_client_is_shared_by_many():
    async def story(_proxy, _slaves):
        box = TcpSlave({1: Bank({8092: 5})})
        server = await box.serve()
        async with Raw() as one, Raw() as two:
            one.send(adu(9, 1, read(8092)))
            two.send(adu(9, 1, read(8093)))
            assert await one.answer() == (9, 1, words(5))
            assert await two.answer() == (9, 1, words(0))
            assert len(box.opened) == 1
            box.transports[-1].close()
            await asyncio.sleep(1)
            one.send(adu(10, 1, read(8092)))
            assert await one.answer() == (10, 1, words(5))
            assert len(box.opened) == 2
            server.close()
            box.transports[-1].close()
            await asyncio.sleep(1)
            one.send(adu(11, 1, read(8092)))
            assert await one.answer() == (11, 1, b"\x83\x0a")

    served(story, config(BOX))


def test_several_lines_are_served_by_one_proxy_and_one_that_is_dead_costs_the_other_nothing():
    async def story(proxy, slaves):
        slaves[0].habit = slaves[1].habit = dead
        box = TcpSlave({1: Bank({8092: 5})})
        await box.serve()
        async with Raw() as one, Raw(4702) as two:
            one.send(adu(1, 1, b"\x06\x1f\x9d\x00\x3c"))
            begun_us = running().now_us
            two.send(adu(2, 1, read(8092)))
            assert await two.answer() == (2, 1, words(5))
            assert running().now_us - begun_us < 100_000
            assert await one.answer() == (1, 1, b"\x86\x0b")
            first, second = proxy.look()
            assert (first.line.silent, first.line.answered, second.line.silent, second.line.answered) == (1, 0, 0, 1)

    served(story, config(BEHIND, BOX))


def test_a_box_on_tcp_that_answers_late_is_never_understood_as_answering_the_next():
    async def story(_proxy, _slaves):
        box = TcpSlave({1: Bank({8092: 5, 8093: 6})}, habit=lambda _pdu, adu: [(1_200_000, adu)])
        await box.serve()
        async with Raw() as raw:
            raw.send(adu(1, 1, b"\x06\x1f\x9c\x00\x07"))
            assert await raw.answer() == (1, 1, b"\x86\x0b")
            box.habit = lambda _pdu, adu: [(400_000, adu)]
            raw.send(adu(2, 1, read(8093)))
            assert await raw.answer() == (2, 1, words(6))

    served(story, config(BOX))


def test_a_line_behind_a_tcp_adapter_is_served():
    class Adapter(asyncio.Protocol):
        def connection_made(self, transport):
            self.transport = transport

        def data_received(self, data):
            request = unpack_rtu(data)
            assert request is not None
            frame = pack_rtu(request.unit, words(request.unit))
            self.transport.write(frame[:3])
            asyncio.get_running_loop().call_later(0.02, self.transport.write, frame[3:])

    async def story(_proxy, _slaves):
        await running().create_server(Adapter, "adapter", 4196)
        async with Raw() as raw:
            raw.send(adu(1, 5, read(0)), adu(2, 6, read(0)))
            assert [await raw.answer() for _ in range(2)] == [(1, 5, words(5)), (2, 6, words(6))]

    served(story, config(Behind("COM2", "rtu-tcp", "adapter:4196", None, TCP_PACE)))


def test_a_port_that_is_not_there_is_told_at_once():
    with pytest.raises(CannotOpen, match="simbus://COM9 for COM9"):
        served(
            nothing,
            config(Behind("COM9", "serial", "simbus://COM9", SerialAddress("COM9", 9_600, 8, "N", 1), SERVED_PACE)),
        )


async def nothing(_proxy: Proxy, _slaves: list[LineSlave]) -> None:
    """No client comes."""


def test_drained_it_answers_what_is_under_way_and_nothing_more():
    async def story(proxy, _slaves):
        async with Raw() as raw:
            raw.send(adu(1, 1, read(8092)))
            await asyncio.sleep(0.01)
            begun_us = running().now_us
            await proxy.drain(0.6)
            assert running().now_us - begun_us <= 600_000
            assert await raw.answer() == (1, 1, words(100))
            assert await raw.reader.read() == b""

    served(story)


def test_nothing_is_sent_that_nobody_asks():
    async def story(proxy, slaves):
        async with Raw() as raw:
            raw.send(adu(1, 1, read(8092)))
            await raw.answer()
            slaves[0].habit = dead
            for k in range(8):
                raw.send(adu(k, 1, read(8092)))
                await raw.answer()
        sent = proxy.carried["COM1"][0].sent
        await asyncio.sleep(3600)
        assert proxy.carried["COM1"][0].sent == sent

    served(story)


def test_a_line_in_ascii_mode_is_served():
    loop = SimLoop()
    bank = Bank({8092: 7})
    line = Line(loop, "COM4", 38_400, 8, "E", 1)
    heard = []

    class Node:
        name, hears = "box", None

        def line_busy(self, _now_us):
            """Not looked at."""

        def received(self, now_us, data):
            heard.append(data)
            request = unpack_ascii(data)
            if request is not None:
                line.send(self, pack_ascii(request.unit, bank.answer(request.pdu)), now_us + 5_000)

    line.attach(Node())
    address = SerialAddress("COM4", 38_400, 8, "E", 1, "ascii")
    setup = config(Behind("COM4", "serial", "simbus://COM4", address, SERVED_PACE))

    async def main():
        proxy = Proxy(setup, lambda _text: None)
        await proxy.open()
        async with Raw() as raw:
            raw.send(adu(1, 3, read(8092)), adu(2, 3, b"\x06\x1f\x9c\x00\x09"))
            assert [await raw.answer() for _ in range(2)] == [(1, 3, words(7)), (2, 3, b"\x06\x1f\x9c\x00\x09")]
        proxy.close()

    loop.run(main())
    assert heard == [pack_ascii(3, read(8092)), pack_ascii(3, b"\x06\x1f\x9c\x00\x09")]


def test_the_echo_of_the_first_write_is_not_taken_for_its_answer_where_it_comes_late():
    """An adapter that hears itself and hands on what it hears after 16 ms; the unit is dead."""

    async def story(_proxy, slaves):
        slaves[0].habit = dead
        async with Raw() as raw:
            raw.send(adu(1, 1, b"\x06\x1f\x9c\x00\x09"), adu(2, 2, b"\x06\x1f\x9c\x00\x0a"))
            assert await raw.answer() == (1, 1, b"\x86\x0b")
            assert await raw.answer() == (2, 2, b"\x06\x1f\x9c\x00\x0a")

    served(story, config(replace(BEHIND, target="simbus://COM1?rx_latency_us=16000&echo", echo=True)))
