"""Random nights of 13 boxes behind 25 A per phase, run under a policy in leaps: the real controller, cars that follow at once.

Every box measures each of its phases, so the controller learns which of them a car uses. A car takes what its box offers
from ``FOLLOWS_US`` after the offer on, up to what its charger can, until it has what it wants. Between two such events nothing
changes, so the controller is asked at the cycles at which something has, and at those that it asked for itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any, Literal

from chargebench.datasheets.cars import CarSheet, car, car_names
from chargebench.emulator.streams import Streams
from chargebench.manager.controller import CYCLE_US
from chargebench.manager.policies.registry import controller_for
from chargebench.manager.readings import BoxReading, BoxView, Pilot, View
from chargebench.manager.site import Box, Connection, Policy, Site, TcpAddress

BOXES, LIMIT_MA, BOX_MA, MINIMUM_MA, VOLTAGE_MV = 13, 25_000, 16_000, 6_000, 230_000
MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
FOLLOWS_US = 6_000_000
NIGHT_US = 17 * HOUR_US
"""From 16:00, when the first can come, to 09:00, when the last has left."""

What = Literal["plugs", "leaves", "draws"]
MA_US_PER_WH = 3_600_000_000 * 1_000_000 // VOLTAGE_MV


@dataclass(frozen=True, slots=True)
class Visit:
    """A car at the box of its place: us since 16:00, its phases and mA, and what it wants over all of them."""

    plugs_us: int
    leaves_us: int
    phases: tuple[int, ...]
    max_ma: int
    wants_wh: int

    @property
    def wants_ma_us(self) -> int:
        """The charge that it wants on each of its phases."""
        return self.wants_wh * MA_US_PER_WH // len(self.phases)

    def alone_wh(self) -> int:
        """What it would get with the whole connection for itself."""
        charge = min(self.wants_ma_us, self.max_ma * (self.leaves_us - self.plugs_us))
        return charge * len(self.phases) // MA_US_PER_WH


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a night: Wh and starts of the contactor of each car, and how long some phase carried too much."""

    energies_wh: tuple[int, ...]
    starts: tuple[int, ...]
    over_us: int
    decisions: int


def night(seed: int) -> tuple[Visit, ...]:
    """The cars of a night: models drawn from the list, which come in the evening with a fifth to four fifths of their battery."""
    draw = Streams(seed).stream("night")
    names = car_names()
    visits = []
    for k in range(BOXES):
        sheet = car(names[draw.below(len(names))])
        plugs_us = draw.below(7 * 60) * MINUTE_US + draw.below(60) * 1_000_000
        leaves_us = (13 * 60 + 30 + draw.below(210)) * MINUTE_US
        wants_wh = sheet.battery_wh * draw.between(20, 80) // 100
        phases = tuple((k + terminal) % 3 for terminal in range(sheet.phases))
        visits.append(Visit(plugs_us, leaves_us, phases, most_ma(sheet), wants_wh))
    return tuple(visits)


def most_ma(sheet: CarSheet) -> int:
    """What a car takes at most on a phase, from a box of 11 kW."""
    return min(BOX_MA, sheet.ac_max_w * 1_000_000 // (VOLTAGE_MV * sheet.phases))


def site(policy: Policy) -> Site:
    """13 boxes, each with its first terminal on the next phase."""
    boxes = tuple(
        Box(f"box{k}", "power-brain", TcpAddress(f"192.168.2.{k + 1}", 4701), 1, (k % 3, (k + 1) % 3, (k + 2) % 3))
        for k in range(BOXES)
    )
    return Site(Connection(LIMIT_MA * 3 * VOLTAGE_MV // 1_000_000, LIMIT_MA), boxes, policy=policy)


@dataclass(slots=True)
class Outlet:
    """One box with its car: what it offers and, from the last event on, what is drawn."""

    visit: Visit
    plugged: bool = False
    limit_ma: int = 0
    drawn_ma: int = 0
    charge: int = 0
    since_us: int = 0
    starts: int = 0

    def reading(self, now_us: int) -> BoxReading:
        """What the manager reads of it. The counter shows 1 Wh at plug-in."""
        if not self.plugged:
            return BoxReading(now_us, Pilot.A, self.limit_ma, self.limit_ma, (0, 0, 0), energy_wh=1)
        charge = self.charge + self.drawn_ma * (now_us - self.since_us)
        t1, t2, t3 = (self.drawn_ma if terminal < len(self.visit.phases) else 0 for terminal in range(3))
        pilot = Pilot.C if self.drawn_ma else Pilot.B
        energy_wh = 1 + charge * len(self.visit.phases) // MA_US_PER_WH
        return BoxReading(now_us, pilot, self.limit_ma, self.limit_ma, (t1, t2, t3), energy_wh=energy_wh)

    def draw(self, now_us: int) -> int | None:
        """Draw what is offered from now on; when that will be all that the car wants, None: never."""
        self.charge += self.drawn_ma * (now_us - self.since_us)
        self.since_us = now_us
        left = self.visit.wants_ma_us - self.charge
        offered = min(self.limit_ma, self.visit.max_ma) if self.limit_ma >= MINIMUM_MA else 0
        drawn = offered if self.plugged and left > 0 else 0
        self.starts += drawn > 0 == self.drawn_ma
        self.drawn_ma = drawn
        return now_us - (-left // drawn) if drawn else None


@dataclass(slots=True)
class Yard:
    """A night under a policy."""

    visits: tuple[Visit, ...]
    policy: Policy
    outlets: list[Outlet] = field(default_factory=list)
    events: list[tuple[int, int, int, What]] = field(default_factory=list)
    order: int = 0
    over_us: int = 0
    over_since_us: int | None = None

    def run(self, controller: Any = None) -> Outcome:
        """The whole night. ``controller`` decides in place of the policy's."""
        control = controller or controller_for(self.policy)(site(self.policy))
        self.outlets = [Outlet(visit) for visit in self.visits]
        for k, visit in enumerate(self.visits):
            self._plan(visit.plugs_us, k, "plugs")
            self._plan(visit.leaves_us, k, "leaves")
        n = decisions = 0
        while n * CYCLE_US < NIGHT_US:
            self._happen(n * CYCLE_US)
            view = View(tuple(BoxView(outlet.reading(n * CYCLE_US)) for outlet in self.outlets))
            quiet = control.quiet(n, view)
            commands = [] if quiet else control.cycle(n, view)
            decisions += not quiet
            for command in commands:
                self.outlets[command.box].limit_ma = command.limit_ma
                self._plan(n * CYCLE_US + FOLLOWS_US, command.box, "draws")
            soon = -(-self.events[0][0] // CYCLE_US) if self.events else control.next_cycle
            n = n + 1 if commands else max(n + 1, min(control.next_cycle, soon))
        self._happen(NIGHT_US)
        self._flow(NIGHT_US)
        wh = tuple(outlet.charge * len(outlet.visit.phases) // MA_US_PER_WH for outlet in self.outlets)
        return Outcome(wh, tuple(one.starts for one in self.outlets), self.over_us, decisions)

    def _plan(self, at_us: int, k: int, what: What) -> None:
        self.order += 1
        heappush(self.events, (at_us, self.order, k, what))

    def _happen(self, until_us: int) -> None:
        while self.events and self.events[0][0] <= until_us:
            at_us, _, k, what = heappop(self.events)
            outlet = self.outlets[k]
            if what != "draws":
                outlet.plugged = what == "plugs"
            full_us = outlet.draw(at_us)
            if full_us is not None:
                self._plan(full_us, k, "draws")
            self._flow(at_us)

    def _flow(self, now_us: int) -> None:
        """Book how long a phase carries more than there is."""
        sums = [sum(one.drawn_ma for one in self.outlets if phase in one.visit.phases) for phase in range(3)]
        if self.over_since_us is not None:
            self.over_us += now_us - self.over_since_us
        self.over_since_us = now_us if max(sums) > LIMIT_MA else None
