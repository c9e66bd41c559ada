"""``explain``: which constraint bound each box of a kept run, at a time or all along.

The record says what was decided, not why. So the run is run again from its own copy, with its manager looked at, up to that
time; it is the same run as long as all that happened until then is what the record says, and else nothing is explained.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from chargebench.datasheets.errors import BadInput, UnknownName
from chargebench.emulator.clock.loop import SimLoop
from chargebench.emulator.faults.kind import MASTER
from chargebench.manager.policies.registry import controller_for
from chargebench.manager.service.watched import Watched
from chargebench.manager.site import Site
from chargebench.manager.status import BoxStatus, Status, said_of
from chargebench.scenarios.describe import Scenario
from chargebench.scenarios.moments import Clock, moment
from chargebench.scenarios.progress import Tick
from chargebench.scenarios.record import Recorded, happened_rows
from chargebench.scenarios.result import Result
from chargebench.scenarios.run import run


@dataclass(frozen=True, slots=True)
class Standing:
    """How a box stood from a cycle on, until the next of its standings."""

    at_us: int
    cycle: int
    box: BoxStatus

    def summary(self, clock: Clock) -> dict[str, object]:
        """The same as JSON says it."""
        seen = self.box
        return {
            "since": clock.show(self.at_us, exact=True),
            "cycle": self.cycle,
            "pilot": seen.pilot,
            "silent": seen.silent,
            "limit_ma": seen.limit_ma,
            "why": seen.why,
        }


@dataclass(frozen=True, slots=True)
class Explained:
    """What bound each box that was asked for. ``at_us`` None: all along, each of its standings, else the last until then.

    ``change`` is when something could change by itself, as of the last cycle, "" where nothing could. ``runs``: whether the
    master did so at that time. ``differs`` says how the run differs from its record; then nothing else is worth reading.
    """

    scenario: Scenario
    at_us: int | None
    boxes: tuple[tuple[str, tuple[Standing, ...]], ...]
    change: str = ""
    runs: bool = True
    differs: str = ""

    def summary(self) -> dict[str, object]:
        """The explanation as JSON says it."""
        clock = self.scenario.clock
        head: dict[str, object] = {"scenario": self.scenario.label, "seed": self.scenario.seed}
        if self.at_us is None:
            told = [{"name": name, "standings": [self._told(one) for one in all_of]} for name, all_of in self.boxes]
            return {**head, "boxes": told}
        last = [{"name": name, **(self._told(all_of[-1]) if all_of else {})} for name, all_of in self.boxes]
        return {**head, "at": clock.show(self.at_us, exact=True), "master": self.runs, "boxes": last}

    def text(self) -> str:
        """The explanation for a terminal."""
        clock, at_us = self.scenario.clock, self.at_us
        lines = [f"{self.scenario.label} seed {self.scenario.seed}"]
        if at_us is None:
            for name, all_of in self.boxes:
                lines.append(name)
                told = [(clock.show(one.at_us), _without(name, self._says(one))) for one in all_of]
                news = [one for k, one in enumerate(told) if not k or one[1] != told[k - 1][1]]
                lines += [f"  {at}  {says}" for at, says in news]
            return "\n".join(lines) + "\n"
        lines[0] += f", {clock.show(at_us)}"
        if not self.runs:
            lines.append("  the master does not run; this is what it decided last")
        for name, all_of in self.boxes:
            if all_of:
                lines.append(f"  {self._says(all_of[-1])} (since {clock.show(all_of[-1].at_us)})")
            else:
                lines.append(f"  {name}: nothing has been decided yet")
        return "\n".join(lines) + "\n"

    def _told(self, one: Standing) -> dict[str, object]:
        return {**one.summary(self.scenario.clock), "says": self._says(one)}

    def _says(self, one: Standing) -> str:
        return said_of(one.box, self.change)


def explain(
    recorded: Recorded, scenario: Scenario, *, at: str | None = None, box: str | None = None, tick: Tick | None = None
) -> Explained:
    """Run ``scenario`` up to ``at``, a time as a person writes it, and tell of ``box``, or of all. ``BadInput``, ``UnknownName``."""
    names = tuple(one.name for one in scenario.site.boxes)
    if box is not None and box not in names:
        raise UnknownName("box", box, names)
    if not scenario.managed:
        raise BadInput(str(recorded.folder), "", "expected a run with a manager; in this one nobody manages")
    scenario = scenario.seeded(recorded.seed)
    end_us = scenario.duration_us
    at_us = None if at is None else _instant(scenario, at)
    short = scenario if at_us is None else replace(scenario, duration_us=min(at_us + 1, end_us), expectations=())
    witness = Witness(len(names))
    result = run(short, controller=witness.controller, tick=tick, tier=recorded.tier)
    asked = [k for k, name in enumerate(names) if box in {None, name}]
    boxes = tuple((names[k], tuple(witness.standings[k])) for k in asked)
    change, differs = "", _differs(recorded, result, end_us if at_us is None else at_us)
    if at_us is not None and witness.next_us is not None:
        change = scenario.clock.show(witness.next_us)
    return Explained(scenario, at_us, boxes, change, _runs(recorded, at_us), differs)


class Witness:
    """Looks at the manager of a run: each time that a box stands differently. ``next_us``: when something may change by itself."""

    def __init__(self, boxes: int) -> None:
        self.standings: list[list[Standing]] = [[] for _ in range(boxes)]
        self.next_us: int | None = None

    def controller(self, site: Site) -> Watched:
        """The controller of the site's policy, looked at."""
        return Watched(site, controller_for(site.policy)(site), self._seen)

    def _seen(self, status: Status) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimLoop)
        now_us = loop.now_us
        self.next_us = None if status.next_us is None else now_us + status.next_us
        for known, seen in zip(self.standings, status.boxes, strict=True):
            if not known or _key(known[-1].box) != _key(seen):
                known.append(Standing(now_us, status.cycle, seen))


def _key(box: BoxStatus) -> tuple[object, ...]:
    return box.pilot, box.silent, box.limit_ma, box.why


def _instant(scenario: Scenario, at: str) -> int:
    try:
        at_us = scenario.clock.since_start(moment(at))
    except ValueError as error:
        raise BadInput("--at", "", str(error)) from None
    wrong = scenario.clock.misses(at_us, scenario.duration_us)
    if wrong:
        raise BadInput("--at", "", f"{wrong}, got {at}")
    return at_us


def _without(name: str, says: str) -> str:
    """A sentence about a box below a heading that names it."""
    return says.removeprefix(name).removeprefix(":").strip()


def _runs(recorded: Recorded, at_us: int | None) -> bool:
    """Whether the master did so at the end of that instant."""
    states = [kind for us, channel, kind, _ in _until(recorded.happened, at_us) if channel == MASTER]
    return next((kind == "starts" for kind in reversed(states) if kind in {"starts", "stops"}), True)


def _until(rows: Sequence[tuple[int, str, str, str]], at_us: int | None) -> Iterable[tuple[int, str, str, str]]:
    return rows if at_us is None else (row for row in rows if row[0] <= at_us)


def _differs(recorded: Recorded, result: Result, before_us: int) -> str:
    """The first thing before that instant in which the run differs from its record, or nothing."""
    then = [row for row in recorded.happened if row[0] < before_us]
    now = [row for row in happened_rows(result) if row[0] < before_us]
    if then == now:
        return ""
    clock = result.scenario.clock
    first = next(
        (k for k, (one, other) in enumerate(zip(then, now, strict=False)) if one != other), min(len(then), len(now))
    )
    at_us = min(rows[first][0] for rows in (then, now) if first < len(rows))
    return f"it went otherwise than recorded from {clock.show(at_us, exact=True)} on; what decided then is not what decides now"
