"""What a proxy tells its capture: frames put together from what comes in portions, connections, and clients."""

from __future__ import annotations

import asyncio

from chargebench.emulator.adu import pack_rtu
from chargebench.emulator.clock import SimLoop
from chargebench.emulator.wires.rs485 import Line
from chargebench.manager.links.master import crc_of, lrc_of
from chargebench.manager.links.pace import TCP_PACE
from chargebench.manager.proxy.between import Later, Passed
from chargebench.manager.proxy.capture import Capture
from chargebench.manager.proxy.config import SERVED_PACE, Before, Behind, Config
from chargebench.manager.proxy.recorder import LineTap, Recorder
from chargebench.manager.proxy.shell import Proxy
from chargebench.manager.site import TcpAddress
from tests.manager.slaves import COM1, Bank, LineSlave, TcpSlave
from tests.pcapng import File, read, segment, streams
from tests.proxy.test_shell import Raw, adu, words
from tests.proxy.test_shell import read as asks

ON_LINE = Behind("COM1", "serial", "simbus://COM1", COM1, SERVED_PACE)
BOX = Behind("box", "tcp", "192.168.2.151:4701", None, TCP_PACE)
REQUEST, ANSWER = pack_rtu(1, b"\x06\x1f\x9d\0\x3c"), pack_rtu(1, b"\x06\x1f\x9d\0\x3d")


class Taken:
    """A recorder, its clock, and what it has written."""

    def __init__(self) -> None:
        self.blocks: list[bytes] = []
        self.now_us = 0
        self.recorder = Recorder(Capture(self.put, crc_of, lrc_of, "proxy"), lambda: self.now_us)

    def put(self, block: bytes, must: bool) -> bool:  # noqa: ARG002 there is room
        self.blocks.append(block)
        return True

    def read(self) -> File:
        return read(b"".join(self.blocks))

    def line(self) -> LineTap:
        tap = self.recorder.behind(ON_LINE)
        assert isinstance(tap, LineTap)
        return tap


def frames(taken: Taken) -> list[tuple[int, bytes, bool]]:
    return [(one.at_us, one.frame, one.flags & 3 == 2) for one in taken.read().packets]


def test_portions_become_the_frame_that_the_gateway_takes():
    taken = Taken()
    tap = taken.line()
    tap.sent(REQUEST)
    for taken.now_us, part in ((20_000, ANSWER[:3]), (36_000, ANSWER[3:])):
        tap.heard(part)
    tap.settled()
    tap.settled()
    assert frames(taken) == [(0, REQUEST, True), (36_000, ANSWER, False)]


def test_what_is_no_answer_ends_with_the_next_request_or_a_silence():
    taken = Taken()
    tap = taken.line()
    tap.sent(REQUEST)
    for taken.now_us, part in ((20_000, b"\xff\xff\xff\xff"), (200_000, ANSWER)):
        tap.heard(part)
    taken.now_us = 300_000
    tap.sent(REQUEST)
    assert [(at_us, data) for at_us, data, _ in frames(taken)] == [
        (0, REQUEST),
        (20_000, b"\xff\xff\xff\xff"),
        (200_000, ANSWER),
        (300_000, REQUEST),
    ]


def test_an_echo_and_the_answer_behind_it_are_two():
    taken = Taken()
    tap = taken.line()
    tap.sent(REQUEST)
    tap.heard(REQUEST + ANSWER)
    tap.closed()
    assert [(data, asked) for _, data, asked in frames(taken)] == [(REQUEST, True), (REQUEST, True), (ANSWER, False)]
    assert taken.read().comments == ["echo"]


def test_a_line_that_is_never_silent_is_written_all_the_same():
    taken = Taken()
    tap = taken.line()
    for _ in range(100):
        tap.heard(bytes(100))
    assert sum(len(data) for _, data, _ in frames(taken)) > 8_000


def test_what_was_made_to_go_wrong_stands_in_the_next_packet():
    taken = Taken()
    tap = taken.line()
    done: dict[str, int] = {}
    tap.meddled(done)
    tap.sent(REQUEST)
    done["garble"] = 1
    for _ in range(2):
        tap.meddled(done)
        tap.heard(ANSWER)
        tap.settled()
    assert taken.read().comments == ["made to go wrong: garble on COM1"]


def test_a_proxy_captures_its_line_the_server_behind_it_and_its_clients():
    taken = Taken()
    loop = SimLoop()
    line = Line(loop, "COM1", 9_600)
    LineSlave(loop, line, 1, Bank({8092: 7}))
    setup = Config((ON_LINE, BOX), (Before("127.0.0.1", 4701, "COM1"), Before("127.0.0.1", 4702, "box")))

    async def main() -> None:
        await TcpSlave({1: Bank({8092: 9})}).serve(TcpAddress("192.168.2.151", 4701))
        proxy = Proxy(setup, lambda _: None, recorder=taken.recorder)
        await proxy.open()
        for port in (4701, 4702):
            async with Raw(port) as client:
                client.send(adu(3, 1, asks(8092)))
                await client.answer()
            await asyncio.sleep(0.1)
        proxy.close()

    loop.run(main())
    found = taken.read()
    assert [one.frame for one in found.of("COM1")] == [pack_rtu(1, asks(8092)), pack_rtu(1, words(7))]
    for name, value in (("127.0.0.1:4701", 7), ("127.0.0.1:4702", 9), ("192.168.2.151:4701", 9)):
        packets = [one.data for one in found.of(name)]
        said = [data[7:] for data in streams(packets).values()]
        assert said == [asks(8092), words(value)], name
        assert {segment(one).target[1] for one in packets} > {502}
    assert [one.comments for one in found.packets if one.comments] == []


class Spoils:
    """Stands before a line and flips a bit of the first answer."""

    def __init__(self) -> None:
        self.done: dict[str, int] = {}

    def leaves(self, adu: bytes) -> Passed:
        return Passed(adu)

    def comes(self, data: bytes) -> tuple[Later, ...]:
        if self.done:
            return (Later(0, data),)
        self.done["garble"] = 1
        return (Later(5_000, data[:-1] + bytes((data[-1] ^ 1,))),)


def test_what_a_fault_makes_of_a_line_is_captured_as_the_gateway_is_given_it():
    taken = Taken()
    loop = SimLoop()
    LineSlave(loop, Line(loop, "COM1", 9_600), 1, Bank({8092: 7}))

    async def main() -> None:
        places = (Before("127.0.0.1", 4701, "COM1"),)
        proxy = Proxy(Config((ON_LINE,), places), lambda _: None, lambda _: Spoils(), taken.recorder)
        await proxy.open()
        async with Raw() as client:
            client.send(adu(3, 1, asks(8092)))
            assert (await client.answer())[2] == words(7)
        proxy.close()

    loop.run(main())
    asked, spoilt, again, answer = taken.read().of("COM1")
    assert (asked.frame, again.frame, answer.frame) == (*[pack_rtu(1, asks(8092))] * 2, pack_rtu(1, words(7)))
    assert spoilt.comments == ("made to go wrong: garble on COM1", "wrong CRC")
