"""How long the controller takes for one cycle of a site of 25 boxes behind a grid meter."""

from __future__ import annotations

import statistics
import time
from dataclasses import replace

from chargebench.manager.controller import CYCLE_US, Controller
from chargebench.manager.readings import BoxReading, BoxView, MeterReading, MeterView, Pilot, View
from chargebench.manager.site import Box, Connection, HouseMeter, Site, TcpAddress

BOXES = 25
CYCLES = 400
HOUSE_MA = 8_000
PHASES = ((0, 1, 2), (1, 2, 0), (2, 0, 1), (0,), (1, 2))


def site() -> Site:
    boxes = tuple(
        Box(f"box{k}", "power-brain", TcpAddress(f"192.168.2.{k + 1}", 4701), 1, PHASES[k % 5], maximum_ma=32_000)
        for k in range(BOXES)
    )
    meter = HouseMeter("grid", "eastron-sdm630", TcpAddress("192.168.2.99", 502), 1, "grid supply")
    return Site(Connection(138_000, 200_000, reserve_ma=2_000), boxes, (meter,))


class Park:
    """Boxes that obey: each draws what it was last told, and the grid meter sees them and a house that fidgets."""

    def __init__(self) -> None:
        self.site = site()
        self.controller = Controller(self.site)
        self.limits = [0] * BOXES
        self.energies = [0] * BOXES

    def view(self, n: int, house_ma: int) -> View:
        boxes, grid = [], [house_ma] * 3
        for k, box in enumerate(self.site.boxes):
            limit_ma = self.limits[k]
            drawn = [limit_ma if terminal < len(box.phases) else 0 for terminal in range(3)]
            for phase in box.phases:
                grid[phase] += limit_ma
            self.energies[k] += limit_ma * len(box.phases) * 230 * 3 // 3_600_000
            boxes.append(self._box(n, k, limit_ma, (drawn[0], drawn[1], drawn[2])))
        meter = MeterReading(n * CYCLE_US - 500_000, (grid[0], grid[1], grid[2]))
        return View(tuple(boxes), (MeterView(meter),))

    def _box(self, n: int, k: int, limit_ma: int, drawn: tuple[int, int, int]) -> BoxView:
        at_us = n * CYCLE_US - 1_000_000 + k * 1_000
        pilot = Pilot.C if limit_ma else Pilot.B
        reading = BoxReading(at_us, pilot, limit_ma, limit_ma, drawn, sum(drawn) * 230 // 1000, self.energies[k])
        return BoxView(reading, None, at_us)

    def cycle(self, n: int, view: View) -> float:
        """One cycle, obeyed at once; the time that the controller took, us."""
        began = time.perf_counter_ns()
        commands = self.controller.cycle(n, view)
        took = time.perf_counter_ns() - began
        for command in commands:
            self.limits[command.box] = command.limit_ma
        return took / 1000


def decision_us() -> float:
    """Median of cycles in each of which the house has moved out of its band."""
    park = Park()
    taken = []
    for n in range(1, CYCLES):
        view = park.view(n, HOUSE_MA + n % 7 * 1_000)
        if not park.controller.quiet(n, view):
            taken.append(park.cycle(n, view))
    return statistics.median(taken)


def quiet_us() -> float:
    """Median of cycles in which nothing has happened."""
    park = Park()
    n = 1
    while not park.controller.quiet(n, view := park.view(n, HOUSE_MA)):
        park.cycle(n, view)
        n += 1
        assert n < 10_000, "a park where nothing happens becomes quiet"
    view = replace(view)
    taken = []
    for _ in range(CYCLES):
        assert park.controller.quiet(n, view)
        taken.append(park.cycle(n, view))
    return statistics.median(taken)
