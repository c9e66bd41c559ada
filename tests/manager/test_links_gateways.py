"""What a link makes of a gateway between it and its units: one that is still busy, one that hangs up."""

import asyncio
import struct

import pytest

from chargebench.manager.drivers.base import Read
from chargebench.manager.links.master import now_us
from chargebench.manager.outcomes import Answer, LinkDown, NoAnswer, NotAsked
from tests.manager.slaves import ask
from tests.manager.test_links_tcp import SECOND, STATE, story

DEAD, LIVING = 1, 2


class BusyGateway:
    """Asks a dead unit for so long before it tells of it, and answers everybody else in turn."""

    def __init__(self, slave, dead_us):
        self.slave, self.dead_us, self.free_us = slave, dead_us, 0
        self.asked = []
        slave.data_received = self.data_received

    def data_received(self, data):
        while data:
            transaction, _, length, unit = struct.unpack(">HHHB", data[:7])
            pdu, data = data[7 : 6 + length], data[6 + length :]
            self.asked.append(unit)
            begun_us = max(self.free_us, now_us())
            self.free_us = begun_us + (self.dead_us if unit == DEAD else 20_000)
            answer = bytes((pdu[0] | 0x80, 0x0B)) if unit == DEAD else self.slave.units[unit].answer(pdu)
            adu = struct.pack(">HHHB", transaction, 0, len(answer) + 1, unit) + answer
            asyncio.get_running_loop().call_later((self.free_us - now_us()) / 1e6, self.slave.transports[-1].write, adu)


@pytest.mark.parametrize(("dead_us", "living"), [(2_040_000, Answer), (4_500_000, NoAnswer)])
def test_who_is_asked_behind_a_request_that_was_given_up_is_waited_for_longer(dead_us, living):
    """A Power Brain's proxy asks a dead box twice, for a second each: longer than is waited for it."""

    async def tell(t):
        gateway = BusyGateway(t.slave, dead_us)
        assert isinstance(await ask(t.link, LIVING, STATE), Answer)
        assert await ask(t.link, DEAD, STATE) == NoAnswer()
        assert gateway.asked.count(DEAD) == 1, "to ask it again only makes it busier"
        begun_us = t.loop.now_us
        assert isinstance(await ask(t.link, LIVING, STATE), living)
        assert t.loop.now_us - begun_us <= 2 * SECOND
        if living is Answer:  # the gateway has caught up, and patience is as always
            assert t.link.counts.late == 1
            assert t.link._patience_us(STATE) == SECOND

    story(tell, units=(DEAD, LIVING))


def test_who_is_alone_at_an_address_is_waited_for_as_long_as_ever():
    async def tell(t):
        BusyGateway(t.slave, 5_000_000)
        begun_us = t.loop.now_us
        assert await ask(t.link, DEAD, STATE) == NoAnswer()
        assert t.loop.now_us - begun_us < 2 * SECOND + 100_000, "a read is asked twice, for a second each"

    story(tell, units=(DEAD,))


def test_a_unit_at_which_the_gateway_hangs_up_is_left_alone_and_costs_the_others_one_connection_each_time():
    async def tell(t):
        answers = t.slave.data_received

        def hangs_up(data):
            if data[6] == DEAD:
                t.slave.transports[-1].close()
            else:
                answers(data)

        t.slave.data_received = hangs_up
        assert isinstance(await ask(t.link, LIVING, STATE), Answer)
        assert isinstance(await ask(t.link, DEAD, STATE), LinkDown)
        assert isinstance(await ask(t.link, DEAD, STATE), NotAsked)
        before = t.link.epoch
        for _ in range(10):
            await ask(t.link, DEAD, STATE)
            assert isinstance(await ask(t.link, LIVING, Read("holding", 100, 4)), Answer)
            await asyncio.sleep(3)
        assert t.link.epoch - before <= 5

    story(tell, units=(DEAD, LIVING))


def test_a_lone_unit_that_hangs_up_is_asked_again_at_once():
    async def tell(t):
        t.slave.data_received = lambda _data: t.slave.transports[-1].close()
        notes = [await ask(t.link, DEAD, STATE) for _ in range(2)]
        assert [type(one) for one in notes] == [LinkDown, LinkDown]

    story(tell, units=(DEAD,))
