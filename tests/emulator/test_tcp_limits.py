"""How many clients a device bears, what becomes of one too many, and how long it lets none in after one has gone."""

from __future__ import annotations

import asyncio

import pytest

from chargebench.datasheets.behaviour import Tcp
from chargebench.datasheets.load import load
from chargebench.emulator.clients import CLIENTS_MAX, LOST_US, Bearing, Limits
from chargebench.emulator.clock.loop import SimLoop
from chargebench.emulator.serve import serve_tcp
from chargebench.emulator.slave import Slave
from chargebench.scenarios.clauses.tcp_wire import StreamWire
from tests.emulator.bank import Bank
from tests.emulator.boxes import Bank as BoxBank
from tests.emulator.worlds import S

HOST, PORT = "192.168.2.151", 502
READ = bytes((0, 1, 0, 0, 0, 6, 1, 3, 0, 100, 0, 1))


def served(limits, play):
    """Play with connections to a slave that bears so much."""
    loop = SimLoop(1)

    async def main():
        service = await serve_tcp(Slave({1: Bank()}), HOST, PORT, clock=loop.env, limits=limits)
        await play(StreamWire(HOST, PORT))
        service.close()
        await service.wait_closed()

    loop.run(main())


async def ask(connection):
    """The answer to one request, b"" where none comes within a second."""
    await connection.send(READ)
    return await connection.read(1_000_000)


@pytest.mark.parametrize("excess", ["refuse", "unknown", "crash"])
def test_one_too_many_is_closed_where_it_is_not_known_to_be_borne(excess):
    async def play(wire):
        first, second = await wire.connect(), await wire.connect()
        assert await second.read(1_000_000) == b""
        assert second.ended == "closed"
        assert await ask(first)

    served(Limits(clients_max=1, excess=excess), play)


def test_one_too_many_waits_in_a_queue_until_another_ends():
    async def play(wire):
        first, second, third = [await wire.connect() for _ in range(3)]
        assert await ask(first)
        assert await ask(second) == b""
        assert second.ended == ""
        await second.close()  # gives up
        await third.send(READ)
        await first.close()
        assert await third.read(1_000_000)

    served(Limits(clients_max=1, excess="queue"), play)


def test_one_too_many_takes_the_place_of_the_oldest():
    async def play(wire):
        first, second = await wire.connect(), await wire.connect()
        assert await ask(second)
        assert await first.read(1_000_000) == b""
        assert first.ended == "closed"
        assert await ask(second)

    served(Limits(clients_max=1, excess="replace"), play)


def test_none_is_taken_until_the_lockout_after_the_last_has_passed():
    async def play(wire):
        first = await wire.connect()
        assert await ask(first)
        await first.close()
        await asyncio.sleep(19)
        second = await wire.connect()
        assert await second.read(1_000_000) == b""
        assert second.ended == "closed"
        await asyncio.sleep(2)
        assert await ask(await wire.connect())

    served(Limits(lockout_us=lambda: 20 * S), play)


def seven():
    return 7


def test_the_limits_are_those_of_the_sheet():
    plain = Bearing(Tcp(), seven).limits()
    assert (plain.clients_max, plain.idle_us, plain.lockout_us()) == (CLIENTS_MAX, None, 0)
    few = Bearing(Tcp(clients=1, excess="queue", lockout=True), seven).limits()
    assert (few.clients_max, few.excess, few.idle_us, few.lockout_us()) == (1, "queue", LOST_US, 7)
    assert Bearing(load("alfen-eve").tcp, seven).limits().idle_us == 60 * S


def test_the_lockout_of_a_box_is_the_time_of_its_watchdog_as_it_is_set():
    one = BoxBank("vestel-evc04", failsafe_us=20 * S)
    (server,) = one.world.servers()
    assert server.bears.limits().lockout_us() == 20 * S
    one.to(1 * S).put("failsafe_timeout", 45)
    assert server.bears.limits().lockout_us() == 45 * S


def test_a_box_for_which_two_clients_are_too_many_restarts_and_comes_back():
    one = BoxBank("em2go-home").to(1 * S).limit(10_000).to(60 * S)
    (server,) = one.world.servers()
    limits, loop = server.bears.limits(), SimLoop(1)

    async def main():
        service = await serve_tcp(Slave(server.units), HOST, PORT, clock=lambda: 60 * S + loop.now_us, limits=limits)
        wire = StreamWire(HOST, PORT)
        await wire.connect()
        second = await wire.connect()
        assert await second.read(1_000_000) == b""
        service.close()
        await service.wait_closed()

    loop.run(main())
    assert one.box.restarts == 1
    assert one.drawn_ma() == (0, 0, 0)
    assert one.after(40).letter() == "C"
