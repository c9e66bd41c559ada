"""How much faster than real time a shipped scenario runs, without start-up and reading."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from chargebench.emulator.clock.loop import SimLoop
from chargebench.manager.controller import CYCLE_US, Controller
from chargebench.manager.readings import Command, View
from chargebench.manager.site import Site
from chargebench.scenarios.describe import Scenario, read_scenario
from chargebench.scenarios.run import Session, run
from chargebench.scenarios.shelf import find
from chargebench.scenarios.tiers import Tier

SECOND_US = 1_000_000
TURNAROUND_US = 5_000
PROTOTYPE = Path(__file__).parents[2].parent / "shared" / "reference" / "prototypes" / "bench.py"
"""What was built before this to find out whether it can be done: pymodbus at both ends of a simulated wire, and no world."""


class Restless(Controller):
    """Tells every box its limit anew in every cycle."""

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self._told: dict[int, int] = {}

    def cycle(self, n: int, view: View) -> list[Command]:
        self._told |= {command.box: command.limit_ma for command in super().cycle(n, view)}
        return [Command(n, box, limit_ma) for box, limit_ma in self._told.items()]


@cache
def scenario(name: str) -> Scenario:
    found = find(name)
    return read_scenario(found.path, found.variant, name=found.name)


@cache
def line() -> Scenario:
    """25 boxes on a line that are read once a cycle, since they have no meters, and answer after 5 ms."""
    whole = scenario("twenty-five-on-a-line")
    boxes = tuple(replace(one, attached=False, turnaround_us=TURNAROUND_US) for one in whole.world.boxes)
    return replace(whole, world=replace(whole.world, boxes=boxes), expectations=())


def speed(what: Scenario, controller: Callable[[Site], Controller] | None = None, tier: Tier = "wire") -> float:
    """Simulated seconds per second of wall time."""
    return what.duration_us / SECOND_US / run(what, controller=controller, tier=tier).wall_s


def round_ms(what: Scenario, port: str, controller: Callable[[Site], Controller]) -> float:
    """How long a round takes on a line, from the beginning of its cycle to the end of its last answer: the median."""
    last_us: dict[int, int] = {}

    def see(channel: str, at_us: int, kind: str, data: bytes) -> None:  # noqa: ARG001 a sink of the trace
        if channel == port and kind == "rx":
            last_us[at_us // CYCLE_US] = at_us

    start = datetime.fromordinal(what.clock.day) + timedelta(microseconds=what.clock.us)
    loop = SimLoop(what.seed, start=start, sink=see)
    session = Session(what, loop, None, controller)
    loop.run(session.main())
    session.result("", 0)
    return statistics.median(at_us % CYCLE_US for at_us in last_us.values()) / 1000


def prototype(kind: str) -> float | None:
    """Simulated seconds per second of the prototype, with 25 slaves for 300 s; None where it is not there."""
    if not PROTOTYPE.exists():
        return None
    command = [sys.executable, "-B", PROTOTYPE.name, kind, "300", "25"]
    told = subprocess.run(command, cwd=PROTOTYPE.parent, capture_output=True, text=True, check=True).stdout
    found = re.search(r"(\d+)x realtime", told)
    assert found is not None, told
    return float(found[1])
