"""A link without bytes against a link with them: the same outcomes at the same instants, whatever happens to the way."""

from __future__ import annotations

import asyncio
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from chargebench.emulator.clock.loop import SimLoop
from chargebench.emulator.reel import Reel
from chargebench.emulator.serve import serve_tcp
from chargebench.emulator.slave import Slave
from chargebench.manager.drivers.base import Read, Write
from chargebench.manager.links.link import Link
from chargebench.manager.notes import Note, Teller
from chargebench.manager.outcomes import Answer, Rank
from chargebench.manager.site import TcpAddress
from chargebench.scenarios.register import straight_master
from chargebench.scenarios.register.image_link import ImageLink
from chargebench.scenarios.register.rounds import Together
from tests.scenarios.cells import TAMPERS, Cells
from tests.strategies import examples

AT = TcpAddress("192.168.2.151", 4701)
CYCLE_S = 3
CYCLES = 12
LIMIT = Write(16, 8093, (160, 1))
READS = (Read("holding", 8092, 4), Read("holding", 8080, 13), Read("coil", 1, 9), Read("input", 7, 2))


WAYS: dict[str, dict[str, int]] = {
    "there shut": {"hole_out": True},
    "back shut": {"hole_back": True},
    "open": {"hole_out": False, "hole_back": False},
    "slow": {"latency_us": 30_000},
    "jittery": {"jitter_us": 9_000},
    "thin": {"bandwidth_bps": 9_600},
    "in pieces": {"split": 3},
    "lossy": {"loss_permille": 300},
    "as it was": {"latency_us": 500, "jitter_us": 0, "bandwidth_bps": 0, "split": 0, "loss_permille": 0},
    "refused": {"refuse": True},
    "let in": {"refuse": False},
}
CHANGES = [*WAYS, *TAMPERS, "reset", "half open", "gone silent", "mute", "speaks"]
moments = st.one_of(
    st.tuples(st.integers(1, CYCLES), st.integers(0, 70_000)).map(lambda at: at[0] * CYCLE_S * 1_000_000 + at[1]),
    st.integers(0, CYCLES * CYCLE_S * 1_000_000),
)
stories = st.lists(st.tuples(moments, st.sampled_from(CHANGES)), max_size=10)


def change(loop, slave, what):
    if what in WAYS:
        for name, value in WAYS[what].items():
            setattr(loop.net.link(AT.host, AT.port), name, value)
    elif what in TAMPERS:
        slave.tamper = TAMPERS[what]
    elif what == "reset":
        loop.net.reset(AT.host, AT.port)
    elif what in {"mute", "speaks"}:
        slave.mute = what == "mute"
    else:
        loop.net.half_open(AT.host, AT.port, silent=what == "gone silent")


async def polled(link, loop, told, cycle):
    """A round of one box: now and then a write, reads, and one that is refused."""
    if cycle % 4 == 2:
        told.append((loop.now_us, await link.ask(1, LIMIT, Rank.CUT)))
    for read in (*READS, Read("holding", 666, 1)):
        outcome = await link.read(1, read)
        told.append((loop.now_us, outcome))
        if not isinstance(outcome, Answer):
            return


def play(story, turnaround_us, *, straight):
    """All outcomes with their instants, all that the device heard, and all notes."""
    loop = SimLoop(seed=3)
    told: list[tuple[object, object]] = []
    notes: list[Note] = []
    cells = Cells()

    async def main():
        slave = Slave({1: cells})
        service = await serve_tcp(slave, AT.host, AT.port, turnaround_us=turnaround_us, clock=loop.env)
        teller = Teller(notes.append, lambda: loop.now_us)
        reel = Reel(loop.env, loop._ready)
        link = ImageLink(AT, str(AT), teller, loop.env, reel) if straight else Link(AT, str(AT), teller)
        task = loop.create_task(link.run())
        for at_us, what in sorted(story):
            loop.env.at(at_us, change, loop, slave, what)
        for cycle in range(CYCLES):
            await asyncio.sleep(cycle * CYCLE_S - loop.time())
            link.new_round()
            rounds = [polled(link, loop, told, cycle), polled(link, loop, told, 1)]
            if straight:
                await Together(loop, rounds).done
            else:
                await asyncio.gather(*rounds)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        told.append((link.counts, link.heard_us(1)))
        service.close()

    loop.run(main())
    return told, cells.heard, notes


def test_whatever_happens_to_the_way_a_link_without_bytes_has_the_same_outcomes_at_the_same_instants():
    tally: Counter[str] = Counter()

    @given(stories, st.sampled_from([0, 20_000, 900_000]))
    @examples(60)
    def draw(story, turnaround_us):
        wire = play(story, turnaround_us, straight=False)
        assert play(story, turnaround_us, straight=True) == wire
        tally.update(type(outcome).__name__ for _, outcome in wire[0])

    draw()
    assert {"Answer", "Refusal", "NoAnswer", "LinkDown", "BadAnswer", "NotAsked"} <= {*tally}, tally


def test_where_all_is_well_no_byte_is_made(monkeypatch):
    made = []
    monkeypatch.setattr(straight_master, "pack_mbap", lambda *_: made.append("answer"))
    monkeypatch.setattr(straight_master.StraightMaster, "as_bytes", lambda *_: made.append("request"))
    told, heard, _ = play([], 20_000, straight=True)
    assert len(heard) == len(told) - 1 > 2 * CYCLES
    assert made == []
