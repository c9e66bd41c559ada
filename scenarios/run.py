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
from chargebench.manager.policies.registry import Controller as Leapable
from chargebench.manager.policies.registry import controller_for
from chargebench.manager.shell import Controller as Decides
from chargebench.manager.site import Site
from chargebench.scenarios.at_tier import LINKS, refuse
from chargebench.scenarios.capture import RunCapture
from chargebench.scenarios.describe import Scenario
from chargebench.scenarios.leap.run import leap
from chargebench.scenarios.master import Master
from chargebench.scenarios.minutes import SAMPLE_US, Minutes
from chargebench.scenarios.progress import Tick
from chargebench.scenarios.result import Result
from chargebench.scenarios.stage import Stage
from chargebench.scenarios.tiers import Tier

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
    make = controller or controller_for(scenario.site.policy)
    if tier == "leap":
        with undisturbed():
            return leap(scenario, cast("Callable[[Site], Leapable]", make), again=again, tick=tick)
    begun = time.perf_counter()  # noqa: TID251  (tells a person how long a run took; nothing in it depends on it)
    start = datetime.fromordinal(scenario.clock.day) + timedelta(microseconds=scenario.clock.us)
    loop = SimLoop(seed, start=start, sink=None if capture is None else capture.record)
    session = Session(scenario, loop, tick, make, tier)
    if capture is not None:
        session.captured(capture)
    try:
        with undisturbed():
            loop.run(session.main())
    except Exception as error:
        session.minutes.explain(error, loop.instant, again)
        raise
    wall_s = time.perf_counter() - begun  # noqa: TID251  (as above)
    return session.result(again, wall_s)


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
        self._loop = loop
        self._tick = tick
        self.minutes = Minutes(scenario, loop.trace, tier)
        self._stage = Stage(loop, scenario, self._tell, self.minutes.court.event)
        self._capture: RunCapture | None = None
        self._ended: asyncio.Future[None] = loop.create_future()
        self._master = Master(scenario, loop, controller, self._tell, self._failed, LINKS[tier])

    def captured(self, capture: RunCapture) -> None:
        """Have what happens on the buses, and the story, captured."""
        self._capture, self.minutes.story.heard = capture, capture.story
        capture.begin(self._loop.lines, frozenset(server.name for server in self._stage.world.servers()))

    async def main(self) -> None:
        """The run: from setting the stage to taking it down."""
        env, end_us = self._loop.env, self.scenario.duration_us
        env.at(end_us, self._end)
        self.minutes.watch(self._stage.world)
        await self._stage.open()
        for at_us in sorted({*self.minutes.court.instants, *range(0, end_us, SAMPLE_US)}):
            env.at(at_us, self._sample)
        self._master.schedule()
        self._start_master()
        await self._ended
        self._master.stop()
        self._stage.close()

    def result(self, again: str, wall_s: float) -> Result:
        """What has come of it."""
        return self.minutes.result(self._stage.world, again, wall_s, self._master.log())

    # -- what happens ---------------------------------------------------------------------

    def _tell(self, event: Event) -> None:
        self.minutes.event(event)
        self._master.event(event)
        if event.channel == MASTER and event.kind == "stops":
            self._master.stop()
        elif event.channel == MASTER and event.kind == "starts":
            self._start_master()

    def _sample(self) -> None:
        if self._ended.done():
            return
        self._stage.advance()
        now_us = self._loop.now_us
        self.minutes.sample(self._stage.world, now_us)
        self._look(now_us)

    def _look(self, now_us: int) -> None:
        """Tell whoever watches how far it is."""
        if self._tick is not None and now_us % SAMPLE_US == 0:
            self._tick(now_us)

    def _end(self) -> None:
        self._stage.advance()
        now_us = self._loop.now_us
        self.minutes.close(self._stage.world, now_us)
        self._look(now_us)
        if self._capture is not None:
            self._capture.end()
        self._ended.set_result(None)

    # -- the master -----------------------------------------------------------------------

    def _start_master(self) -> None:
        if not self._ended.done():
            self._master.start(self._stage.ports, self.minutes.note)

    def _failed(self, failure: BaseException) -> None:
        """A manager that has failed fails the run with it."""
        if not self._ended.done():
            self.minutes.closed = True
            self._ended.set_exception(failure)
