"""The master of a run: its process that starts and stops, its store, its clock, its licences and its log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from chargebench.emulator.clock.loop import SimLoop
from chargebench.emulator.events import Event
from chargebench.emulator.faults.master_forgets import MASTER_FORGETS
from chargebench.manager.ledger import MemoryStore
from chargebench.manager.notes import Note, Teller
from chargebench.manager.orders import of_the_day
from chargebench.manager.shell import Controller, Life, Links, manage
from chargebench.manager.site import Site
from chargebench.scenarios.describe import Scenario
from chargebench.scenarios.office import Office


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
        self._failed = failed
        self._task: asyncio.Task[None] | None = None
        self._store = MemoryStore()
        self._office = Office(scenario, lambda: loop.now_us, tell)

    def schedule(self) -> None:
        """Have everything happen that people do at it."""
        for change in self._scenario.desk.changes:
            self._loop.env.at(change.at_us, self._office.change, change)

    def start(self, ports: Mapping[str, str], note: Callable[[Note], None]) -> None:
        """Begin, unless it runs already."""
        if not self._scenario.managed or self._task is not None:
            return

        def heard(one: Note) -> None:
            office.note(one)
            note(one)

        office = self._office
        life = Life(
            lambda: office.licences,
            self._store,
            lambda: office.orders,
            lambda: of_the_day(office.civil()),
            tells_inputs=True,
        )
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
        return self._office.text()

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A manager that ends by itself has failed."""
        if not task.cancelled() and (failure := task.exception()) is not None:
            self._failed(failure)
