"""Gateways of other makes on their wires: who is let in, who is closed, and what a loss of power or of the adapter does."""

from __future__ import annotations

import asyncio

from chargebench.emulator.adu import Adu, MbapSplitter, pack_mbap
from chargebench.emulator.clock import SimLoop, running
from chargebench.emulator.gateway_profiles import PROFILES
from chargebench.emulator.serve import LineNode
from chargebench.emulator.serve_gateway import GatewayNode
from chargebench.emulator.slave import Slave
from chargebench.emulator.wires.rs485 import Line
from chargebench.emulator.wires.uart import Setting
from tests.emulator.bank import Bank

READ = bytes((3, 0, 100, 0, 1))
HOST, PORT = "192.168.2.160", 4701


class Client(asyncio.Protocol):
    """Asks, and keeps what it gets and when its connection ended."""

    def __init__(self):
        self.got, self.ended_s, self._splitter = [], None, MbapSplitter()

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self._splitter.feed(data)
        while (adu := self._splitter.take()) is not None:
            self.got.append(adu)

    def connection_lost(self, exc):
        del exc
        self.ended_s = asyncio.get_running_loop().time()

    def ask(self, transaction=1, unit=3, pdu=READ):
        self.transport.write(pack_mbap(Adu(unit, pdu, transaction)))


async def connected():
    _, client = await asyncio.get_running_loop().create_connection(Client, HOST, PORT)
    return client


def play(profile, tell):
    """``tell(gateway)`` beside a gateway and a unit 3 on its line."""
    loop = SimLoop(seed=1)

    async def main():
        line = Line(running(), "CELLAR")
        LineNode(loop.env, line, Slave({3: Bank()}), "unit")
        gateway = GatewayNode(loop.env, line, "cellar", PROFILES[profile], Setting())
        await gateway.open(HOST, PORT)
        try:
            return await tell(gateway)
        finally:
            gateway.close()

    return loop.run(main())


def test_requests_of_several_clients_go_over_the_line_and_each_gets_its_own():
    async def tell(_):
        clients = [await connected() for _ in range(4)]
        for number, client in enumerate(clients):
            client.ask(number)
            client.ask(100 + number)
        await asyncio.sleep(2)
        return [[adu.transaction for adu in client.got] for client in clients]

    assert play("power-brain", tell) == [[number, 100 + number] for number in range(4)]


def test_one_client_too_many_is_closed_and_the_others_stay():
    async def tell(_):
        clients = [await connected() for _ in range(5)]
        await asyncio.sleep(1)
        clients[0].transport.close()
        await asyncio.sleep(1)
        late = await connected()
        late.ask()
        await asyncio.sleep(1)
        return [client.ended_s is None for client in clients], len(late.got)

    assert play("power-brain", tell) == ([False, True, True, True, False], 1)


def test_who_says_nothing_for_a_minute_is_closed_by_mbusd():
    async def tell(_):
        silent, speaks = await connected(), await connected()
        for _ in range(4):
            await asyncio.sleep(25)
            speaks.ask()
        return silent.ended_s, speaks.ended_s

    ended_s, never = play("mbusd", tell)
    assert 60 <= ended_s < 60.1
    assert never is None


def test_bytes_out_of_step_end_their_connection_alone():
    async def tell(_):
        broken, fine = await connected(), await connected()
        broken.transport.write(bytes(4) + b"\xff\xff" + bytes(6))
        await asyncio.sleep(1)
        fine.ask()
        await asyncio.sleep(1)
        return broken.ended_s is None, len(fine.got)

    assert play("mbusd", tell) == (False, 1)


def test_without_power_everything_is_forgotten_and_nobody_is_let_in():
    async def tell(gateway):
        client = await connected()
        client.ask()
        gateway.power(on=False)
        gateway.power(on=False)
        await asyncio.sleep(1)
        refused = await connected()
        await asyncio.sleep(1)
        gateway.power(on=True)
        again = await connected()
        again.ask()
        await asyncio.sleep(1)
        return client.got, client.ended_s is None, refused.ended_s is None, len(again.got)

    assert play("mbusd", tell) == ([], False, False, 1)


def test_without_its_adapter_nothing_is_heard_and_clients_stay():
    async def tell(gateway):
        client = await connected()
        gateway.plug(on=False)
        client.ask(1)
        await asyncio.sleep(5)
        gateway.plug(on=True)
        gateway.plug(on=True)
        client.ask(2)
        await asyncio.sleep(1)
        return [(adu.transaction, adu.pdu[0]) for adu in client.got], client.ended_s

    assert play("mbusd", tell) == ([(1, 0x83), (2, 3)], None)
