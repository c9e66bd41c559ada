"""A run: the one place where the manager and the emulator are put together.

The world moves on the loop's heap: at each instant at which something in it changes by itself, and whenever a slave is
asked. The manager is started on the master's host; its ports lead to the simulated lines. Everything that happens goes
three ways: into the trace (hashed), to the court (judged), to the story (told).

A run ends with the first thing of its last instant; what happens while it is taken down is no part of it.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import cast

from chargebench.emulator.clock.loop import SimLoop
from chargebench.emulator.events import Event
from chargebench.emulator.faults.kind import MASTER
from chargebench.manager.notes import Note
from chargebench.manager.policies.registry import Controller as Leapable
from chargebench.manager.policies.registry import controller_for
from chargebench.manager.shell import Controller as Decides
from chargebench.manager.site import Site
from chargebench.scenarios.at_tier import LINKS, refuse
from chargebench.scenarios.capture import RunCapture
from chargebench.scenarios.court import Court
from chargebench.scenarios.describe import Scenario
from chargebench.scenarios.laws.judge import Verdict
from chargebench.scenarios.laws.law import Sample
from chargebench.scenarios.leap.run import leap
from chargebench.scenarios.master import Master
from chargebench.scenarios.plain import plain
from chargebench.scenarios.progress import Tick
from chargebench.scenarios.record import commands_hash
from chargebench.scenarios.result import HAPPENED, Commanded, Happened, Result, commanded
from chargebench.scenarios.spool import Spool
from chargebench.scenarios.stage import Stage
from chargebench.scenarios.story import Story
from chargebench.scenarios.tiers import Tier
from chargebench.scenarios.unpreventable import unpreventable

SAMPLE_US = 60_000_000  # how often the cars' energies are looked at, besides every deadline
_LAST_TRACE = 12
_COLLECT = (50_000, 20, 100)


def run(  # noqa: PLR0913 each is a wish of its own
    scenario: Scenario,
    seed: int | None = None,
    *,
    again: str = "",
    tick: Tick | None = None,
    controller: Callable[[Site], Decides] | None = None,
    tier: Tier = "wire",
    capture: RunCapture | None = None,
) -> Result:
    """Run ``scenario`` from its start to its end, with ``seed`` in place of its own.

    ``again`` is the command that repeats the run; ``tick`` hears the simulated time once a simulated minute; ``controller``
    makes who decides, in place of the site's policy; ``capture`` is given what the buses carry, which ``wire`` alone makes. An
    exception is an error of our own: it carries seed, instant, the last of the trace and ``again`` as notes.
    """
    refuse(scenario, tier)
    scenario = scenario.seeded(seed)
    seed = scenario.seed
    again = again or f"chargebench run {scenario.label} --seed {seed}"
    if tier == "leap":
        make = controller or controller_for(scenario.site.policy)
        return leap(scenario, cast("Callable[[Site], Leapable]", make), again=again, tick=tick)
    begun = time.perf_counter()  # noqa: TID251  (tells a person how long a run took; nothing in it depends on it)
    start = datetime.fromordinal(scenario.clock.day) + timedelta(microseconds=scenario.clock.us)
    loop = SimLoop(seed, start=start, sink=None if capture is None else capture.record)
    session = Session(scenario, loop, tick, controller or controller_for(scenario.site.policy), tier)
    if capture is not None:
        session.captured(capture)
    try:
        with undisturbed():
            loop.run(session.main())
    except Exception as error:
        error.add_note(f"seed {seed}, at {loop.instant}; the last of the trace:")
        for record in loop.trace.last(_LAST_TRACE):
            error.add_note(f"  {record}")
        error.add_note(f"again: {again}")
        raise
    wall_s = time.perf_counter() - begun  # noqa: TID251  (as above)
    return session.result(seed, again, wall_s)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Have the garbage collector look seldom, and only at what is new.

    What a run makes is gone at once or stays to its end; hardly anything in it is a cycle.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*_COLLECT)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


class Session:
    """One run under way."""

    def __init__(
        self,
        scenario: Scenario,
        loop: SimLoop,
        tick: Tick | None,
        controller: Callable[[Site], Decides],
        tier: Tier = "wire",
    ) -> None:
        self.scenario = scenario
        self._tier = tier
        self._loop = loop
        self._tick = tick
        self._story = Story(scenario)
        self._court = Court(scenario.world, scenario.expectations)
        self._happened: Spool[Happened] = Spool(HAPPENED)
        self._commands: Spool[Commanded] = Spool(commanded([box.name for box in scenario.site.boxes]))
        self._stage = Stage(loop, scenario, self._tell, self._court.event)
        self._verdicts: tuple[Verdict, ...] = ()
        self._hash = ""
        self._channels: tuple[tuple[str, int, str], ...] = ()
        self._checkpoints: tuple[tuple[str, tuple[str, ...]], ...] = ()
        self._capture: RunCapture | None = None
        self._ended: asyncio.Future[None] = loop.create_future()
        self._master = Master(scenario, loop, controller, self._tell, self._failed, LINKS[tier])

    def captured(self, capture: RunCapture) -> None:
        """Have what happens on the buses, and the story, captured."""
        self._capture, self._story.heard = capture, capture.story
        capture.begin(self._loop.lines, frozenset(server.name for server in self._stage.world.servers()))

    async def main(self) -> None:
        """The run: from setting the stage to taking it down."""
        env, end_us = self._loop.env, self.scenario.duration_us
        env.at(end_us, self._end)
        self._stage.world.watch.extend((self._court.segment, self._story.segment))
        self._stage.world.circuits.watch.append(self._court.circuit)
        await self._stage.open()
        for at_us in sorted({*self._court.instants, *range(0, end_us, SAMPLE_US)}):
            env.at(at_us, self._sample)
        self._master.schedule()
        self._start_master()
        await self._ended
        self._master.stop()
        self._stage.close()

    def result(self, seed: int, again: str, wall_s: float) -> Result:
        """What has come of it."""
        passed = all(verdict.kept for verdict in self._verdicts)
        broken = [verdict.first_us for verdict in self._verdicts if verdict.first_us is not None]
        return Result(
            scenario=self.scenario,
            seed=seed,
            verdicts=self._verdicts,
            figures=self._stage.world.figures(),
            hash=self._hash,
            commands_hash=commands_hash((one.cycle, one.box, one.limit_ma) for one in self._commands),
            channels=self._channels,
            checkpoints=self._checkpoints,
            happened=self._happened,
            commands=self._commands,
            story=self._story.text(),
            log=self._master.log(),
            why="" if passed else self._why(min(broken)),
            again="" if passed else again,
            wall_s=round(wall_s, 3),
            tier=self._tier,
        )

    def _why(self, first_us: int) -> str:
        causes, beyond = self._story.why(first_us), unpreventable(self.scenario, self._verdicts)
        return "; ".join(one for one in (causes, beyond) if one)

    # -- what happens ---------------------------------------------------------------------

    def _tell(self, event: Event) -> None:
        self._record(event.at_us, event.channel, event.kind, event.data)
        self._court.event(event)
        self._story.event(event)
        self._master.event(event)
        if event.channel == MASTER and event.kind == "stops":
            self._master.stop()
        elif event.channel == MASTER and event.kind == "starts":
            self._start_master()

    def _note(self, note: Note) -> None:
        self._record(note.at_us, f"manager {note.subject}", note.kind, note.data)
        self._court.note(note)
        self._story.note(note)
        if note.kind == "command":
            cycle, limit_ma = int(note.get("cycle")), int(note.get("limit_ma"))
            self._commands.add(Commanded(note.at_us, cycle, note.subject, limit_ma))

    def _record(self, at_us: int, channel: str, kind: str, data: tuple[tuple[str, int | str], ...]) -> None:
        if self._ended.done():
            return
        self._happened.add((at_us, channel, kind, data))
        self._loop.trace.record(channel, at_us, kind, plain(data).encode())

    def _sample(self) -> None:
        if self._ended.done():
            return
        self._stage.advance()
        now_us = self._loop.now_us
        cars = self._stage.world.cars
        self._court.sample(Sample(now_us, tuple((name, car.energy_wh(now_us)) for name, car in cars.items())))
        if self._tick is not None and now_us % SAMPLE_US == 0:
            self._tick(now_us)

    def _end(self) -> None:
        self._stage.advance()
        self._stage.world.finish(self._loop.now_us)
        self._sample()
        self._story.finish()
        self._verdicts = self._court.finish(self._loop.now_us)
        channels = self._loop.trace.channels()
        self._channels = tuple((one.name, one.count, one.hexdigest()) for one in channels)
        self._checkpoints = tuple((one.name, tuple(one.checkpoints)) for one in channels)
        self._hash = self._loop.trace.hexdigest()
        if self._capture is not None:
            self._capture.end()
        self._ended.set_result(None)

    # -- the master -----------------------------------------------------------------------

    def _start_master(self) -> None:
        if not self._ended.done():
            self._master.start(self._stage.ports, self._note)

    def _failed(self, failure: BaseException) -> None:
        """A manager that has failed fails the run with it."""
        if not self._ended.done():
            self._ended.set_exception(failure)
