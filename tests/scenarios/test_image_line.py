"""A line without bytes against a line with them: the same outcomes at the same instants, whatever happens on it."""

from __future__ import annotations

import asyncio
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from chargebench.emulator.clock.loop import SimLoop
from chargebench.emulator.reel import Reel
from chargebench.emulator.serve import LineNode
from chargebench.emulator.slave import Slave
from chargebench.emulator.wires.rs485 import Line
from chargebench.manager.drivers.base import Read, Write
from chargebench.manager.links.link import Link
from chargebench.manager.notes import Teller
from chargebench.manager.outcomes import Answer, Rank
from chargebench.manager.site import SerialAddress
from chargebench.scenarios.register import line_master
from chargebench.scenarios.register.image_link import ImageLink
from chargebench.scenarios.register.rounds import Together
from tests.scenarios.cells import TAMPERS, Cells
from tests.strategies import examples

AT = SerialAddress("COM1", 9_600, 8, "E", 1)
CYCLE_S = 3
CYCLES = 12
LIMIT = Write(6, 261, (160,))
READS = (Read("input", 4, 15), Read("holding", 257, 6), Read("coil", 1, 9))
CHANGES = [
    *TAMPERS,
    "mute",
    "speaks",
    "deaf",
    "hears",
    "speechless",
    "noise",
    "no noise",
    "cut",
    "mended",
    "the master starts anew",
]
moments = st.one_of(
    st.tuples(st.integers(1, CYCLES), st.integers(0, 400_000)).map(lambda at: at[0] * CYCLE_S * 1_000_000 + at[1]),
    st.integers(0, CYCLES * CYCLE_S * 1_000_000),
)
stories = st.lists(st.tuples(moments, st.sampled_from(CHANGES)), max_size=8)


class Play:
    """One line with two boxes on it and a master."""

    def __init__(self, turnaround_us, *, straight):
        self.loop = SimLoop(seed=5)
        self.straight = straight
        self.told, self.notes, self.cells = [], [], {1: Cells(), 2: Cells()}
        self.line = Line(self.loop, AT.port, AT.baud, AT.bits, AT.parity, AT.stops)
        self.slaves = {unit: Slave({unit: one}) for unit, one in self.cells.items()}
        for unit, slave in self.slaves.items():
            LineNode(self.loop.env, self.line, slave, f"box {unit}", turnaround_us=turnaround_us)
        self.task: asyncio.Task[None]

    def start(self):
        """A master begins, in place of the one there is."""
        if hasattr(self, "task"):
            self.task.cancel()
        self.task = self.loop.create_task(self.manage())

    async def manage(self):
        teller = Teller(self.notes.append, lambda: self.loop.now_us)
        reel = Reel(self.loop.env, self.loop._ready)
        port = "simbus://COM1"
        link = ImageLink(AT, port, teller, self.loop.env, reel) if self.straight else Link(AT, port, teller)
        task = self.loop.create_task(link.run())
        together = None
        try:
            for cycle in range(CYCLES):
                await asyncio.sleep(max(0, cycle * CYCLE_S - self.loop.time()))
                link.new_round()
                rounds = [self.polled(link, unit, cycle) for unit in self.cells]
                if self.straight:
                    together = Together(self.loop, rounds)
                    await together.done
                else:
                    await asyncio.gather(*rounds)
        finally:
            if together is not None:
                together.end()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            self.told.append((link.counts, link.heard_us(1), link.heard_us(2)))

    async def polled(self, link, unit, cycle):
        if cycle % 4 == 2:
            self.told.append((self.loop.now_us, await link.ask(unit, LIMIT, Rank.CUT)))
        for read in (*READS, Read("holding", 666, 1)):
            outcome = await link.read(unit, read)
            self.told.append((self.loop.now_us, outcome))
            if not isinstance(outcome, Answer):
                return

    def change(self, what):
        slave = self.slaves[1]
        if what in TAMPERS:
            slave.tamper = TAMPERS[what]
        elif what in {"mute", "speaks"}:
            slave.mute = what == "mute"
        elif what in {"deaf", "hears", "speechless"}:
            slave.reach(1, hears=what != "deaf", speaks=what == "hears")
        elif what in {"noise", "no noise"}:
            self.line.noise_ppm = 2_000 if what == "noise" else 0
        elif what in {"cut", "mended"}:
            (self.line.cut if what == "cut" else self.line.mend)("box 1")
        else:
            self.start()

    def run(self, story):
        """All outcomes with their instants, all that the devices heard, and all notes."""

        async def main():
            for at_us, what in sorted(story):
                self.loop.env.at(at_us, self.change, what)
            self.start()
            await asyncio.sleep(CYCLES * CYCLE_S + 5)
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)

        self.loop.run(main())
        return self.told, [cells.heard for cells in self.cells.values()], self.notes


def test_whatever_happens_on_a_line_a_master_without_bytes_has_the_same_outcomes_at_the_same_instants():
    tally: Counter[str] = Counter()

    @given(stories, st.sampled_from([0, 20_000, 480_000]))
    @examples(30)
    def draw(story, turnaround_us):
        wire = Play(turnaround_us, straight=False).run(story)
        assert Play(turnaround_us, straight=True).run(story) == wire
        tally.update(type(one[1]).__name__ for one in wire[0])

    draw()
    assert {"Answer", "Refusal", "NoAnswer", "BadAnswer"} <= {*tally}, tally


def test_where_all_is_well_no_byte_is_made(monkeypatch):
    made = []
    monkeypatch.setattr(line_master.LineMaster, "_ask_in_bytes", lambda *_: made.append("request"))
    monkeypatch.setattr(line_master.LineMaster, "as_bytes", lambda *_: made.append("answer"))
    told, heard, _ = Play(20_000, straight=True).run([])
    assert len(heard[0]) == len(heard[1]) > 2 * CYCLES
    assert made == []
    assert all(type(one[1]).__name__ in {"Answer", "Refusal"} for one in told[:-1])
