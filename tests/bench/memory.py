"""How much memory a simulated day of 25 slaves takes: what the process holds, hour by hour.

The house steps every minute, so that every box gets a command each time: some 40,000 commands and five times as many
notes and events.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from chargebench.emulator.spec import HouseSpec
from chargebench.scenarios.describe import Scenario
from chargebench.scenarios.run import run
from tests.bench.runs import scenario

HOURS = 24
SETTLED_H = 2
HOUR_US = 3_600_000_000
MINUTE_US = 60_000_000
LOADS_MA = (20_000, 60_000, 35_000, 50_000)


def day(hours: int) -> Scenario:
    """``twenty-five-slaves`` for so many hours, in a house that never rests, with cars that are never full."""
    whole = scenario("twenty-five-slaves")
    steps = tuple((k * MINUTE_US, (LOADS_MA[k % len(LOADS_MA)],) * 3) for k in range(hours * 60))
    cars = tuple(replace(car, wanted_wh=1_000_000) for car in whole.world.cars)
    world = replace(whole.world, house=HouseSpec(steps), cars=cars)
    return replace(whole, world=world, duration_us=hours * HOUR_US, expectations=())


def resident_mb() -> float:
    """What this process holds in memory, in MB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main(hours: int) -> None:
    """Run the day and print a line every two hours."""
    held: dict[int, float] = {}

    def tick(now_us: int) -> None:
        if now_us and now_us % (2 * HOUR_US) == 0:
            held[now_us // HOUR_US] = resident_mb()
            print(f"after {now_us // HOUR_US:2} h: {held[now_us // HOUR_US]:.1f} MB", flush=True)

    result = run(day(hours), tick=tick)
    held[hours] = resident_mb()
    print(f"after {hours:2} h, at the end: {held[hours]:.1f} MB; {len(result.happened):,} notes and events, ", end="")
    print(f"{len(result.commands):,} commands in {result.wall_s:.0f} s")
    if hours > SETTLED_H:
        print(f"from hour {SETTLED_H} to hour {hours}: {held[hours] - held[SETTLED_H]:+.1f} MB")
