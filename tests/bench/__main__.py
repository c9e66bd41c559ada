"""``python -m tests.bench`` measures how quick the bench is, and asserts nothing: a table, each row the median of five.

``python -m tests.bench ports`` is its part about real ports alone. ``python -m tests.bench shares`` tells where the time
goes, ``python -m tests.bench memory`` how much memory a simulated day takes. Figures of a wall clock are worth something on a machine that does nothing else. ``docs/bench.md`` keeps one
such table.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench import (
    allocations,
    bench_wires,
    decisions,
    engine,
    hashes,
    memory,
    ports,
    runs,
    shares,
    startup,
    worlds,
)
from tests.bench.runs import Restless, scenario, speed

TIMES = 5
SPEED = "simulated s / s"


@dataclass(frozen=True, slots=True)
class Measure:
    """A row of the table; ``once`` measures it one time, in ``unit``, or says that there is nothing to measure."""

    what: str
    unit: str
    once: Callable[[], float | None]


NAMED: dict[str, Callable[[], float]] = {
    "house": lambda: speed(scenario("house-14kw")),
    "tcp": lambda: speed(scenario("twenty-five-slaves")),
    "tcp-writes": lambda: speed(scenario("twenty-five-slaves"), Restless),
    "line": lambda: speed(runs.line(), Restless),
    "register": lambda: speed(scenario("twenty-five-slaves"), tier="register"),
    "leap": lambda: speed(scenario("workplace-day"), tier="leap"),
    "line-register": lambda: speed(scenario("twenty-five-on-a-line"), tier="register"),
    "allocator": lambda: allocations.once_us(25),
}
"""What is measured in both builds; ``python -m tests.bench speed tcp`` prints one."""


def compiled(name: str) -> float | None:
    """The same in the compiled build, in a process of its own; None where there is none."""
    python = os.environ.get("CHARGEBENCH_COMPILED", "")
    if not python:
        return None
    command = [python, "-m", "tests.bench", "speed", name]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


MEASURES = (
    Measure("start-up of `chargebench --help`", "ms", startup.once_ms),
    Measure("`house-14kw`, 3 h, three boxes on TCP", SPEED, NAMED["house"]),
    Measure("the same, compiled", SPEED, lambda: compiled("house")),
    Measure("`rs485-line`, 40 min, three boxes and three meters on one line", SPEED, lambda: speed(scenario("rs485-line"))),
    Measure("`twenty-five-slaves`: TCP, two reads each every 3 s, writes where something changes", SPEED, NAMED["tcp"]),
    Measure("the same, compiled", SPEED, lambda: compiled("tcp")),
    Measure("`twenty-five-slaves` at tier register", SPEED, NAMED["register"]),
    Measure("the same, compiled", SPEED, lambda: compiled("register")),
    Measure("`workplace-day`, 18 h, 25 boxes and 46 recorded sessions, at tier leap", SPEED, NAMED["leap"]),
    Measure("the same, compiled", SPEED, lambda: compiled("leap")),
    Measure("`twenty-five-slaves` with a write to each every 3 s", SPEED, NAMED["tcp-writes"]),
    Measure("the same, compiled", SPEED, lambda: compiled("tcp-writes")),
    Measure("the prototype: 25 slaves on TCP, two reads and a write each every 3 s, no world", SPEED, lambda: runs.prototype("tcp")),
    Measure("25 slaves on a line at 19200 baud, one read and one write each every 3 s", SPEED, NAMED["line"]),
    Measure("the same, compiled", SPEED, lambda: compiled("line")),
    Measure("the same: its round", "simulated ms", lambda: runs.round_ms(runs.line(), "COM1", Restless)),
    Measure("`twenty-five-on-a-line`: two reads each every 3 s, writes where something changes", SPEED, lambda: speed(scenario("twenty-five-on-a-line"))),
    Measure("the same at tier register", SPEED, NAMED["line-register"]),
    Measure("the same, compiled", SPEED, lambda: compiled("line-register")),
    Measure("the prototype: 25 slaves on a line at 9600 baud, two reads and a write each, no t3.5", SPEED, lambda: runs.prototype("rtu")),
    Measure("pymodbus clients on simulated TCP, 25 slaves", "requests / s", lambda: bench_wires.measure("tcp", 600).rate),
    Measure("pymodbus client on a simulated line at 9600 baud, 25 slaves", "requests / s", lambda: bench_wires.measure("line", 600).rate),
    Measure("a decision of the controller, 25 boxes, all charging", "µs", decisions.decision_us),
    Measure("a quiet cycle of the controller, 25 boxes", "µs", decisions.quiet_us),
    Measure("the allocator: 25 boxes, three phases, a tree of four circuits", "µs", NAMED["allocator"]),
    Measure("the same, compiled", "µs", lambda: compiled("allocator")),
    Measure("the same with 250 boxes", "µs", lambda: allocations.once_us(250)),
    Measure("the same with 1,000 boxes", "µs", lambda: allocations.once_us(1_000)),
    Measure("the slave engine alone, a PDU in and a PDU out: ten registers of a box", "requests / s", engine.box_rate),
    Measure("the same, ten registers of a meter", "requests / s", engine.meter_rate),
    Measure("the world alone, 25 boxes, a night of cars", "events / s", worlds.rate),
)  # fmt: skip


def main() -> None:
    what, *rest = sys.argv[1:] or ["table"]
    if what == "table":
        table(int(rest[0]) if rest else TIMES)
        print()
        ports.table(int(rest[0]) if rest else TIMES)
    elif what == "ports":
        ports.table(int(rest[0]) if rest else TIMES)
    elif what == "shares":
        shares.main(rest)
    elif what == "hashes":
        hashes.main(rest[0] if rest else None)
        return
    elif what == "speed":
        print(NAMED[rest[0]]())
        return
    elif what == "memory":
        memory.main(int(rest[0]) if rest else memory.HOURS)
    else:
        raise SystemExit(f"expected table, ports, shares, hashes, speed or memory, got {what}")
    print(f"\n{machine()}")


def table(times: int) -> None:
    """All measures, again and again, so that a slow minute slows a bit of each row."""
    rounds = [[measure.once() for measure in MEASURES] for _ in range(times)]
    print(f"| what | median of {times} | least | most | unit |")
    print("| --- | ---: | ---: | ---: | --- |")
    for measure, values in zip(MEASURES, zip(*rounds, strict=True), strict=True):
        print(f"| {measure.what} | {figures(values)} | {measure.unit} |")


def figures(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "not here | | "
    return " | ".join(f"{value:,.0f}" for value in (statistics.median(known), min(known), max(known)))


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
