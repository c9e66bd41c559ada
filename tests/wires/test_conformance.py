from __future__ import annotations

import asyncio

import pytest

from chargebench.emulator.clock import SimLoop, running
from tests.wires import conformance
from tests.wires.conformance import EVERYWHERE, ON_CONNECTIONS, ON_LINES, check_stream_pair
from tests.wires.ends import DescriptorEnd, Pair, StreamEnd, connection, line_ports, terminal

CONNECTION = [check.__name__ for check in EVERYWHERE + ON_CONNECTIONS]
LINE = [check.__name__ for check in EVERYWHERE + ON_LINES]


async def memory() -> tuple[StreamEnd, StreamEnd]:
    return await connection("pb1")


async def rough_memory() -> Pair:
    near, far = await connection("pb1", 4701)
    link = running().net.link("pb1", 4701)
    link.jitter_us, link.split, link.merge_us = 4_000, 700, 1_500
    return near, far


def test_memory_tcp_is_a_stream_pair():
    assert SimLoop().run(check_stream_pair(memory)) == CONNECTION


def test_memory_tcp_is_a_stream_pair_over_a_rough_link():
    assert SimLoop(seed=3).run(check_stream_pair(rough_memory)) == CONNECTION


def test_ports_on_a_simulated_line_are_a_stream_pair():
    assert SimLoop().run(check_stream_pair(line_ports, line=True)) == LINE


@pytest.mark.serial
def test_real_loopback_is_a_stream_pair():
    async def loopback() -> Pair:
        return await connection("127.0.0.1")

    assert asyncio.run(check_stream_pair(loopback)) == CONNECTION


@pytest.mark.serial
def test_a_real_terminal_is_a_stream_pair():
    assert asyncio.run(check_stream_pair(terminal, line=True)) == LINE


class Swapping(StreamEnd):
    """Sends the two halves of a chunk in the wrong order."""

    async def send(self, data: bytes) -> None:
        half = len(data) // 2
        await super().send(data[half:] + data[:half])


class Losing(StreamEnd):
    """Loses what a cancelled receive would have got."""

    async def receive(self, limit: int = 65_536) -> bytes:
        try:
            return await super().receive(limit)
        except asyncio.CancelledError:
            self.writer.transport.pause_reading()  # type: ignore[attr-defined]
            raise


class Boundless(StreamEnd):
    """Buffers without bound."""

    async def send(self, data: bytes) -> None:
        if not self.writer.is_closing():
            self.writer.write(data)
            return
        raise ConnectionError


class Abrupt(StreamEnd):
    """Forgets what is buffered when it is closed."""

    async def close(self) -> None:
        self.writer.transport.abort()


class Greedy(DescriptorEnd):
    """Takes everything at once, whatever the port holds."""

    async def send(self, data: bytes) -> None:
        self._check()
        for place in range(0, len(data), 64):
            self._write(data[place : place + 64])


@pytest.mark.parametrize(
    ("wrong", "check"),
    [
        (Swapping, conformance.order_is_kept),
        (Losing, conformance.a_cancelled_receive_loses_nothing),
        (Boundless, conformance.a_sleeping_reader_holds_the_sender_back),
        (Abrupt, conformance.closing_sends_what_is_buffered),
    ],
)
def test_the_checks_find_a_wrong_end_of_a_connection(wrong, check):
    async def pair() -> Pair:
        near, far = await memory()
        return wrong(near.reader, near.writer), wrong(far.reader, far.writer)

    with pytest.raises((AssertionError, TimeoutError, pytest.fail.Exception)):
        SimLoop().run(conformance.run_check(check, pair))


def test_the_checks_find_a_wrong_end_of_a_line():
    async def pair() -> Pair:
        near, far = await line_ports()
        return Greedy(near.fd, near._read, near._write, near._close), far

    with pytest.raises((AssertionError, TimeoutError)):
        SimLoop().run(conformance.run_check(conformance.sending_waits_for_the_line, pair))
