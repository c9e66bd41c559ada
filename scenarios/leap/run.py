"""A scenario run in leaps, from its files to its result."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from chargebench.datasheets.load import load
from chargebench.emulator.streams import Streams
from chargebench.emulator.trace import Trace
from chargebench.emulator.world import World
from chargebench.manager.notes import Note
from chargebench.manager.orders import of_the_day
from chargebench.manager.policies.registry import Controller
from chargebench.manager.site import Site
from chargebench.scenarios.describe import Scenario
from chargebench.scenarios.laws.cycle import Cycle
from chargebench.scenarios.leap.journey import Journey, Life, Network
from chargebench.scenarios.minutes import SAMPLE_US, Minutes
from chargebench.scenarios.office import Office
from chargebench.scenarios.progress import Tick
from chargebench.scenarios.result import Result


def leap(
    scenario: Scenario,
    make: Callable[[Site], Controller],
    *,
    again: str = "",
    tick: Tick | None = None,
    brief: bool = False,
) -> Result:
    """Run ``scenario``, which can be leapt, from its start to its end; ``make`` makes who decides.

    ``brief``: keep commands, verdicts and figures, and neither story nor record.
    """
    begun = time.perf_counter()  # noqa: TID251  (tells a person how long a run took; nothing in it depends on it)
    site, end_us = scenario.site, scenario.duration_us
    minutes = Minutes(scenario, Trace(None), "leap", brief=brief)
    world = World(scenario.world, Streams(scenario.seed), minutes.event, load)
    minutes.watch(world)

    def told(note: Note) -> None:
        if not brief:
            office.note(note)
        minutes.note(note)

    journey = Journey(world, Network(scenario.latency_us, scenario.jitter_us), told)
    office = Office(scenario, lambda: journey.clockwork.now_us, minutes.event)
    life = Life(lambda: office.licences, lambda: office.orders, lambda: of_the_day(office.civil()))
    journey.tells_all = any(isinstance(one.law, Cycle) for one in scenario.expectations)
    if scenario.managed:
        journey.manage(site, make(site), life)
    for change in scenario.desk.changes:
        journey.at(change.at_us, partial(office.change, change), news=True)
    looks = range(0, end_us, SAMPLE_US) if minutes.court.samples or tick is not None else ()
    for at_us in sorted({*minutes.court.instants, *looks}):
        journey.at(at_us, partial(_sample, minutes, world, at_us, tick))
    try:
        journey.go(end_us)
    except Exception as error:
        minutes.explain(error, scenario.clock.show(journey.clockwork.now_us, exact=True), again)
        raise
    minutes.close(world, end_us)
    wall_s = time.perf_counter() - begun  # noqa: TID251  (as above)
    return minutes.result(world, again, wall_s, office.text())


def _sample(minutes: Minutes, world: World, at_us: int, tick: Tick | None) -> None:
    minutes.sample(world, at_us)
    if tick is not None and at_us % SAMPLE_US == 0:
        tick(at_us)
