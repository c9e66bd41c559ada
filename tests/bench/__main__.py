"""``python -m tests.bench`` measures how quick the bench is, and asserts nothing: a table, each row the median of five.

Figures of a wall clock are worth something on a machine that does nothing else. ``docs/bench.md`` keeps one such table.
"""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.bench import bench_wires, decisions, runs, startup, worlds

TIMES = 5


@dataclass(frozen=True, slots=True)
class Measure:
    """A row of the table; ``once`` measures it one time, in ``unit``."""

    what: str
    unit: str
    once: Callable[[], float]


MEASURES = (
    Measure("start-up of `chargebench --help`", "ms", startup.once_ms),
    Measure("`house-14kw`, 3 h, three boxes on TCP", "simulated s / s", lambda: runs.speed("house-14kw")),
    Measure("`rs485-line`, 40 min, three boxes and three meters on one line", "simulated s / s", lambda: runs.speed("rs485-line")),
    Measure("pymodbus clients on simulated TCP, 25 slaves", "requests / s", lambda: bench_wires.measure("tcp", 600).rate),
    Measure("pymodbus client on a simulated line at 9600 baud, 25 slaves", "requests / s", lambda: bench_wires.measure("line", 600).rate),
    Measure("a decision of the controller, 25 boxes, all charging", "µs", decisions.decision_us),
    Measure("a quiet cycle of the controller, 25 boxes", "µs", decisions.quiet_us),
    Measure("the world alone, 25 boxes, a night of cars", "events / s", worlds.rate),
)  # fmt: skip


def main() -> None:
    rounds = [
        [measure.once() for measure in MEASURES] for _ in range(TIMES)
    ]  # so a slow minute slows a bit of each row
    print("| what | median of 5 | least | most | unit |")
    print("| --- | ---: | ---: | ---: | --- |")
    for measure, values in zip(MEASURES, zip(*rounds, strict=True), strict=True):
        cells = " | ".join(f"{value:,.0f}" for value in (statistics.median(values), min(values), max(values)))
        print(f"| {measure.what} | {cells} | {measure.unit} |")
    print(f"\n{machine()}")


def machine() -> str:
    """What was measured on, and how busy it was: 1 is this program alone."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    processor = f"{models[0] if models else platform.machine()}, {os.cpu_count()} cores"
    load = f"load {os.getloadavg()[0]:.1f} at the end"
    return f"{processor}, {platform.system()}, Python {platform.python_version()}; {load}"


if __name__ == "__main__":
    main()
