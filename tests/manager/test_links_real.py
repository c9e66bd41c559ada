"""The same manager and the same links on the ordinary event loop: loopback sockets and a pty."""

import asyncio
import os
import tty

import pytest

from chargebench.emulator.adu import pack_rtu, unpack_rtu
from chargebench.manager.drivers.base import Read, Write
from chargebench.manager.links.pace import Pace
from chargebench.manager.outcomes import Answer, LinkDown, NoAnswer
from chargebench.manager.shell import manage
from chargebench.manager.site import SerialAddress, TcpAddress
from tests.manager.house import GARAGE, GARAGE_AT, HOUSE, Double, brain, sdm, site
from tests.manager.slaves import COM1, TcpSlave, ask, dead, link_to, prompt, running

pytestmark = pytest.mark.serial
STATE = Read("holding", 8092, 4)


async def served(slave):
    """Serve on a free port of the loopback; the server and where it listens."""
    server = await slave.serve(TcpAddress("127.0.0.1", 0))
    return server, "127.0.0.1:{1}".format(*server.sockets[0].getsockname())


class Pty:
    """A unit at the other end of a pseudo terminal."""

    def __init__(self, unit, bank):
        self.unit, self.bank = unit, bank
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        self.name = os.ttyname(self._theirs)
        asyncio.get_running_loop().add_reader(self._ours, self._readable)

    def _readable(self):
        request = unpack_rtu(os.read(self._ours, 256))
        if request is not None and request.unit == self.unit:
            os.write(self._ours, pack_rtu(self.unit, self.bank.answer(request.pdu)))

    def close(self):
        asyncio.get_running_loop().remove_reader(self._ours)
        os.close(self._ours)
        os.close(self._theirs)


def test_the_manager_manages_over_real_sockets_and_a_real_serial_port():
    async def main():
        slave = TcpSlave({1: brain()})
        server, where = await served(slave)
        meter = Pty(101, sdm())
        double = Double({2: {0: 8_000}}, cycle_us=200_000)
        notes = []
        confirmed = asyncio.Event()

        def note(one):
            notes.append(one)
            if one.kind == "cycle" and any(each.kind == "confirmed" for each in notes):
                confirmed.set()

        ports = {str(GARAGE_AT): where, "COM1": meter.name}
        house_site = site(GARAGE, meters=(HOUSE,))
        task = asyncio.create_task(manage(house_site, lambda _: double, ports=ports, note=note))
        async with asyncio.timeout(20):
            await confirmed.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        server.close()
        await server.wait_closed()
        meter.close()
        _, _, view = double.seen[-1]
        assert slave.units[1].words[8093] == 80
        box, house = view.boxes[0].reading, view.meters[0].reading
        assert box is not None
        assert house is not None
        assert (box.limit_ma, house.phases_ma) == (8_000, (-2_000, 3_000, 1_000))
        assert [one.subject for one in notes if one.kind == "silent"] == []

    asyncio.run(main())


def test_a_connection_that_is_given_up_is_reset_so_that_nothing_sent_on_it_can_still_arrive():
    async def main():
        slave = TcpSlave({1: brain()})
        server, where = await served(slave)
        link = link_to(GARAGE_AT, where, pace=Pace(answer_us=50_000, rest_us=1))

        async def tell():
            assert isinstance(await ask(link, 1, STATE), Answer)
            slave.habit = dead
            for _ in range(2):
                assert isinstance(await ask(link, 1, Write(16, 8093, (60, 1))), NoAnswer)
                await asyncio.sleep(0.05)
            slave.habit = prompt
            assert isinstance(await ask(link, 1, STATE), Answer)

        await running(link, tell())
        server.close()
        await server.wait_closed()
        assert isinstance(slave.closed[0], ConnectionResetError)
        assert link.epoch == 2

    asyncio.run(main())


def test_ports_and_addresses_that_are_not_there_are_outcomes():
    async def main():
        for address, target in ((GARAGE_AT, "127.0.0.1:9"), (COM1, "/dev/there-is-no-such-port")):
            link = link_to(address, target)
            assert isinstance(await running(link, ask(link, 1, STATE)), LinkDown)

    asyncio.run(main())


def test_a_serial_port_that_goes_away_is_an_outcome():
    async def main():
        unit = Pty(1, brain())
        link = link_to(COM1, unit.name, pace=Pace(answer_us=200_000, rest_us=1))

        async def tell():
            assert isinstance(await ask(link, 1, STATE), Answer)
            unit.close()
            for _ in range(3):
                outcome = await ask(link, 1, STATE)
                await asyncio.sleep(0.01)
            assert isinstance(outcome, LinkDown)

        await running(link, tell())

    asyncio.run(main())


def test_a_port_that_cannot_be_set_so_is_an_outcome_that_says_it():
    """A pty carries whole bytes without parity and nothing else."""

    async def main():
        unit = Pty(1, brain())
        link = link_to(SerialAddress("COM1", 9600, 7, "E", 1, "ascii"), unit.name)
        outcome = await running(link, ask(link, 1, STATE))
        unit.close()
        assert outcome == LinkDown("it cannot be set to these parameters")

    asyncio.run(main())
