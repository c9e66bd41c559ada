"""What becomes of connections and frames when a box has no power, a network is cut, or answers are lost."""

from __future__ import annotations

import asyncio
import struct

from chargebench.emulator.adu import Adu, MbapSplitter, pack_mbap
from chargebench.emulator.clock import SimLoop
from chargebench.scenarios.describe import read_scenario
from chargebench.scenarios.stage import Stage
from tests.scenarios.files import SMALL, put

S = 1_000_000
READ = struct.pack(">BHH", 3, 8092, 4)
GATE = """\
    - {name: garage, device: power-brain, at: "192.168.2.151:4701"}
    - {name: yard, device: power-brain, at: "192.168.2.151:4701", id: 2}
"""


class Client(asyncio.Protocol):
    """Asks, and keeps what happens to its connection."""

    def __init__(self, loop):
        self.loop, self.seen, self.splitter = loop, [], MbapSplitter()

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.splitter.feed(data)
        while (adu := self.splitter.take()) is not None:
            self.seen.append((self.loop.now_us // S, adu.transaction))

    def connection_lost(self, exc):
        self.seen.append((self.loop.now_us // S, type(exc).__name__))

    def ask(self, transaction, unit=1):
        self.transport.write(pack_mbap(Adu(unit, READ, transaction)))


def play(tmp_path, fault, acts, *, boxes='    - {name: garage, device: power-brain, at: "192.168.2.151:4701"}\n'):
    """Run the world alone, with a client that does ``acts``: [(second, what)]; what was seen, and the world."""
    faults = f"faults:\n  - {{{fault}}}\nexpect:\n" if fault else "expect:\n"
    garage = '    - {name: garage, device: power-brain, at: "192.168.2.151:4701"}\n'
    scenario = read_scenario(put(tmp_path, SMALL.replace(garage, boxes).replace("expect:\n", faults)))
    loop = SimLoop(seed=1)
    stage = Stage(loop, scenario, lambda _: None)

    async def main():
        await stage.open()
        _, client = await loop.create_connection(lambda: Client(loop), "192.168.2.151", 4701)
        for second, act in acts:
            await asyncio.sleep(second - loop.time())
            stage.advance()
            act(client)
        seen = list(client.seen)
        client.transport.abort()
        stage.close()
        return seen, stage.world

    return loop.run(main())


def asks(transaction, unit=1):
    return lambda client: client.ask(transaction, unit)


def nothing(_client):
    """Let time pass."""


def test_a_box_that_restarts_forgets_its_connections_and_says_so_when_it_is_up(tmp_path):
    seen, _ = play(
        tmp_path, "at: 18:01, on: garage, fault: reboot", [(50, asks(1)), (62, asks(2)), (79, nothing), (200, nothing)]
    )
    assert seen[0] == (50, 1)
    lost_s, why = seen[1]
    assert why == "ConnectionResetError"
    assert 80 <= lost_s < 80 + 30  # up at 80 s; what was sent is tried again at longer and longer intervals
    assert len(seen) == 2


def test_a_connection_lives_through_a_cut_of_the_network_and_what_was_sent_arrives_late(tmp_path):
    seen, _ = play(
        tmp_path,
        "at: 18:01, on: garage, fault: access point lost, for: 20 s",
        [(50, asks(1)), (62, asks(2)), (79, nothing), (200, asks(3)), (201, nothing)],
    )
    assert [what for _, what in seen] == [1, 2, 3]
    assert 80 <= seen[1][0] < 110


def test_nobody_is_told_that_a_network_is_cut_and_new_connections_find_no_way(tmp_path):
    tried = []

    def tries(client):
        async def connect():
            try:
                async with asyncio.timeout(5):
                    await client.loop.create_connection(lambda: Client(client.loop), "192.168.2.151", 4701)
                    tried.append("made")
            except TimeoutError:
                tried.append("no way")

        client.loop.create_task(connect())

    fault = "at: 18:01, on: garage, fault: access point lost, way: answers, for: 60 s"
    seen, _ = play(tmp_path, fault, [(50, tries), (70, tries), (100, nothing), (130, tries), (140, nothing)])
    assert tried == ["made", "no way", "made"]
    assert seen == []


def test_a_silent_box_and_one_whose_answers_are_lost_take_new_connections(tmp_path):
    for kind in ("silence", "one-way loss"):
        seen, _ = play(tmp_path, f"at: 18:00, on: garage, fault: {kind}", [(50, asks(1)), (60, nothing)])
        assert seen == []


def test_a_request_whose_answer_is_lost_keeps_the_failsafe_away(tmp_path):
    def world(kind):
        asked = [(at, asks(at)) for at in range(10, 400, 100)]
        _, world = play(tmp_path, f"at: 18:00, on: garage, fault: {kind}", [*asked, (400, nothing)])
        return world.boxes["garage"].idle.on

    assert (world("one-way loss"), world("silence")) == (False, True)


def test_one_box_behind_a_gateway_may_be_off_while_its_address_goes_on(tmp_path):
    seen, _ = play(
        tmp_path,
        "at: 18:01, on: yard, fault: reboot",
        [(50, asks(1, 2)), (62, asks(2, 2)), (63, asks(3, 1)), (90, asks(4, 2)), (91, nothing)],
        boxes=GATE,
    )
    assert seen == [(50, 1), (63, 3), (90, 4)]


def test_a_gateway_is_gone_when_all_behind_it_are(tmp_path):
    seen, _ = play(
        tmp_path, "at: 18:01, on: [garage, yard], fault: reboot", [(62, asks(1)), (200, nothing)], boxes=GATE
    )
    assert [what for _, what in seen] == ["ConnectionResetError"]


def test_a_blackout_takes_every_connection(tmp_path):
    seen, world = play(
        tmp_path, "at: 18:01, on: connection, fault: blackout, for: 30 s", [(62, asks(1)), (300, nothing)]
    )
    (lost_s, why) = seen[0]
    assert why == "ConnectionResetError"
    assert lost_s >= 110  # 30 s without power, 20 s to boot
    assert [box.restarts for box in world.boxes.values()] == [1, 1]
