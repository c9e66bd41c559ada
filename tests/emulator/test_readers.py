"""Somebody else's client: it asks on its grid, feeds the box's watchdog, and finds back to it."""

from __future__ import annotations

import asyncio

import pytest

from chargebench.emulator.clock import SimLoop
from chargebench.emulator.readers import Reader
from chargebench.emulator.serve import serve_tcp
from chargebench.emulator.slave import Slave
from chargebench.emulator.spec import ReaderSpec, TcpAt
from tests.emulator.bank import Bank

S = 1_000_000
AT = TcpAt("box", 4701)
SPEC = ReaderSpec("monitor", "garage", 10 * S, "holding", 8092, 4)


class Noting(Slave):
    """A slave that keeps what it was asked, and when."""

    def __init__(self, units):
        super().__init__(units)
        self.asked = []

    def answer(self, unit, pdu, now_us, *, serial=False):
        self.asked.append((now_us, unit, pdu.hex()))
        return super().answer(unit, pdu, now_us, serial=serial)


class Place:
    """A slave on a loop, and a reader of it."""

    def __init__(self, spec=SPEC):
        self.loop = SimLoop(seed=1)
        self.slave = Noting({1: Bank()})
        self.power = True
        self.reader = Reader(spec, AT, 1, lambda: self.power)

    def run(self, seconds, *, serve=True, then=None):
        async def main():
            service = await serve_tcp(self.slave, AT.host, AT.port) if serve else None
            task = self.loop.create_task(self.reader.run())
            if then is not None:
                await then(self)
            await asyncio.sleep(seconds)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            if service is not None:
                service.close()

        self.loop.run(main())
        return self

    def link(self):
        return self.loop.net.link(AT.host, AT.port)


def instants(place):
    return [at // S for at, *_ in place.slave.asked]


@pytest.mark.parametrize(
    ("table", "function"), [("coil", "01"), ("discrete", "02"), ("holding", "03"), ("input", "04")]
)
def test_it_asks_the_same_block_on_its_own_grid(table, function):
    place = Place(ReaderSpec("monitor", "garage", 10 * S, table, 8092, 4)).run(35)
    assert instants(place) == [0, 10, 20, 30]
    assert {entry[1:] for entry in place.slave.asked} == {(1, f"{function}1f9c0004")}


def test_it_keeps_one_connection_from_a_host_of_its_own():
    place = Place().run(35)
    assert (place.reader.answers, place.reader.failures) == (4, 0)
    names = [channel.name for channel in place.loop.trace.channels() if channel.name.startswith("tcp monitor>")]
    assert names == ["tcp monitor>box:4701#1"]


def test_an_answer_that_does_not_come_costs_its_connection_and_nothing_else():
    async def then(place):
        await asyncio.sleep(5)
        place.slave.reach(1, hears=True, speaks=False)
        await asyncio.sleep(20)
        place.slave.reach(1, hears=True, speaks=True)

    place = Place().run(20, then=then)
    assert instants(place) == [0, 10, 20, 30, 40]  # each of them arrives
    assert (place.reader.answers, place.reader.failures) == (3, 2)


def test_it_waits_out_a_hole_a_refusal_and_a_reset():
    async def then(place):
        await asyncio.sleep(5)
        place.link().hole_out = True
        await asyncio.sleep(10)
        place.link().hole_out = False
        place.link().refuse = True
        await asyncio.sleep(10)
        place.link().refuse = False
        await asyncio.sleep(10)
        place.loop.net.reset(AT.host)

    place = Place().run(15, then=then)
    assert instants(place) == [0, 16, 30, 40]  # at 16 s what the hole held back, for which nobody waits any more
    assert (place.reader.answers, place.reader.failures) == (3, 2)


def test_it_needs_somebody_at_the_other_end_and_power():
    async def then(place):
        await asyncio.sleep(15)
        place.power = False
        await asyncio.sleep(20)
        place.power = True

    assert instants(Place().run(10, then=then)) == [0, 10, 40]
    assert Place().run(15, serve=False).reader.failures == 2


def test_a_reader_of_the_fast_kind_skips_what_it_has_missed():
    place = Place(ReaderSpec("monitor", "garage", 1 * S, "holding", 8092, 4))
    place.slave.reach(1, hears=False, speaks=True)
    assert instants(place.run(9)) == [0, 4, 8]  # 3 s of patience, then the next instant of its grid
