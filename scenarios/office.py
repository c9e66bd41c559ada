"""The master's desk in a run: its licences, orders, clock and log, and what people do at it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from chargebench.emulator.events import Event
from chargebench.emulator.faults.kind import MASTER
from chargebench.manager.log import Log
from chargebench.manager.notes import Note
from chargebench.manager.orders import NO_ORDERS
from chargebench.scenarios.describe import Scenario
from chargebench.scenarios.desk import Change, CivilClock

MOST_LINES = 10_000  # of the log; what comes after them is nobody's reading


class Office:
    """What holds now, and who hears of changes. ``now_us``: the time of the run."""

    def __init__(self, scenario: Scenario, now_us: Callable[[], int], tell: Callable[[Event], None]) -> None:
        self.licences = scenario.site.licences
        self.orders = NO_ORDERS
        self._scenario = scenario
        self._now_us = now_us
        self._tell = tell
        self._clock = CivilClock(scenario.desk.clock, 0)
        self._lines: list[str] = []
        self._log = Log(self.civil, self._write)

    def civil(self) -> datetime:
        """What its clock shows."""
        return self._clock.shows(self._now_us())

    def note(self, note: Note) -> None:
        """Log what the manager tells."""
        self._log.note(note)

    def text(self) -> str:
        """What was logged, each line with the time of its own clock."""
        return "".join(f"{line}\n" for line in self._lines)

    def change(self, change: Change) -> None:
        """Do what somebody does now."""
        now_us = self._now_us()
        if change.licences is not None:
            self.licences = change.licences
            self._tell(Event(now_us, MASTER, "licences", (("count", change.licences),)))
        if change.clock is not None:
            before = self.civil()
            self._clock.set(change.clock, now_us)
            self._log.clock_was_set(before)
            self._tell(Event(now_us, MASTER, "clock", (("was", _minute(before)), ("now", _minute(self.civil())))))
        self._order(change, now_us)

    def _order(self, change: Change, now_us: int) -> None:
        """Take an order, or what somebody says of a car."""
        if change.dimmed is not None:
            self.orders = replace(self.orders, dimmed=change.dimmed)
            self._tell(Event(now_us, MASTER, "dimmed", (("on", int(change.dimmed)),)))
        if change.surplus_w is not None:
            self.orders = replace(self.orders, surplus_w=change.surplus_w)
            self._tell(Event(now_us, MASTER, "surplus", (("power_w", change.surplus_w),)))
        if change.inputs is not None:
            self.orders = replace(self.orders, inputs=change.inputs)
            on = " ".join(str(number) for number in change.inputs)
            self._tell(Event(now_us, MASTER, "inputs", (("on", on),)))
        if change.trip is not None:
            place, trip = change.trip
            known = self.orders.trips or (None,) * len(self._scenario.site.boxes)
            self.orders = replace(self.orders, trips=(*known[:place], trip, *known[place + 1 :]))
            box, leaves = self._scenario.site.boxes[place].name, self._scenario.clock.show(trip.leaves_us)
            data = ("box", box), ("leaves", leaves), ("wants_wh", trip.wants_wh)
            self._tell(Event(now_us, MASTER, "trip", data))

    def _write(self, line: str) -> None:
        if len(self._lines) < MOST_LINES:
            self._lines.append(line)


def _minute(at: datetime) -> str:
    return at.isoformat(" ", "minutes")
