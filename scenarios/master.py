"""The master of a run: its process that starts and stops, its store, its clock, its licences and its log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from chargebench.emulator.clock.loop import SimLoop
from chargebench.emulator.events import Event
from chargebench.emulator.faults.kind import MASTER
from chargebench.emulator.faults.master_forgets import MASTER_FORGETS
from chargebench.manager.ledger import MemoryStore
from chargebench.manager.log import Log
from chargebench.manager.notes import Note, Teller
from chargebench.manager.orders import NO_ORDERS, of_the_day
from chargebench.manager.shell import Controller, Life, Links, manage
from chargebench.manager.site import Site
from chargebench.scenarios.describe import Scenario
from chargebench.scenarios.desk import Change, CivilClock

MOST_LINES = 10_000  # of the log; what comes after them is nobody's reading


class Master:
    """Runs the manager on the loop, where the scenario has one. ``failed`` hears of an error that ended it."""

    def __init__(
        self,
        scenario: Scenario,
        loop: SimLoop,
        controller: Callable[[Site], Controller],
        tell: Callable[[Event], None],
        failed: Callable[[BaseException], None],
        links: Callable[[Site, Mapping[str, str], Teller], Links] = Links,
    ) -> None:
        self._links = links
        self._scenario = scenario
        self._loop = loop
        self._controller = controller
        self._tell = tell
        self._failed = failed
        self._task: asyncio.Task[None] | None = None
        self._store = MemoryStore()
        self._licences = scenario.site.licences
        self._orders = NO_ORDERS
        self._clock = CivilClock(scenario.desk.clock, 0)
        self._lines: list[str] = []
        self._log = Log(self._civil, self._write)

    def schedule(self) -> None:
        """Have everything happen that people do at it."""
        for change in self._scenario.desk.changes:
            self._loop.env.at(change.at_us, self._change, change)

    def start(self, ports: Mapping[str, str], note: Callable[[Note], None]) -> None:
        """Begin, unless it runs already."""
        if not self._scenario.managed or self._task is not None:
            return

        def heard(one: Note) -> None:
            self._log.note(one)
            note(one)

        life = Life(lambda: self._licences, self._store, lambda: self._orders, lambda: of_the_day(self._civil()))
        site, links = self._scenario.site, self._links
        coroutine = manage(site, self._controller, ports=ports, note=heard, life=life, links=links)
        self._task = self._loop.create_task(coroutine, name="manager")
        self._task.add_done_callback(self._ended)

    def stop(self) -> None:
        """End, as if killed."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def event(self, event: Event) -> None:
        """Hear what the world tells: what is stored may be lost."""
        if event.channel == "fault" and event.kind == "begins" and event.get("fault") == MASTER_FORGETS.name:
            self._store = MemoryStore()

    def log(self) -> str:
        """What it has logged, each line with the time of its own clock."""
        return "".join(f"{line}\n" for line in self._lines)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A manager that ends by itself has failed."""
        if not task.cancelled() and (failure := task.exception()) is not None:
            self._failed(failure)

    def _change(self, change: Change) -> None:
        now_us = self._loop.now_us
        if change.licences is not None:
            self._licences = change.licences
            self._tell(Event(now_us, MASTER, "licences", (("count", change.licences),)))
        if change.clock is not None:
            before = self._civil()
            self._clock.set(change.clock, now_us)
            self._log.clock_was_set(before)
            self._tell(Event(now_us, MASTER, "clock", (("was", _minute(before)), ("now", _minute(self._civil())))))
        self._order(change, now_us)

    def _order(self, change: Change, now_us: int) -> None:
        """Take an order, or what somebody says of a car."""
        if change.dimmed is not None:
            self._orders = replace(self._orders, dimmed=change.dimmed)
            self._tell(Event(now_us, MASTER, "dimmed", (("on", int(change.dimmed)),)))
        if change.surplus_w is not None:
            self._orders = replace(self._orders, surplus_w=change.surplus_w)
            self._tell(Event(now_us, MASTER, "surplus", (("power_w", change.surplus_w),)))
        if change.inputs is not None:
            self._orders = replace(self._orders, inputs=change.inputs)
            on = " ".join(str(number) for number in change.inputs)
            self._tell(Event(now_us, MASTER, "inputs", (("on", on),)))
        if change.trip is not None:
            place, trip = change.trip
            known = self._orders.trips or (None,) * len(self._scenario.site.boxes)
            self._orders = replace(self._orders, trips=(*known[:place], trip, *known[place + 1 :]))
            box, leaves = self._scenario.site.boxes[place].name, self._scenario.clock.show(trip.leaves_us)
            data = ("box", box), ("leaves", leaves), ("wants_wh", trip.wants_wh)
            self._tell(Event(now_us, MASTER, "trip", data))

    def _civil(self) -> datetime:
        return self._clock.shows(self._loop.now_us)

    def _write(self, line: str) -> None:
        if len(self._lines) < MOST_LINES:
            self._lines.append(line)


def _minute(at: datetime) -> str:
    return at.isoformat(" ", "minutes")
