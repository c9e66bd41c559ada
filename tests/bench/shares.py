"""Where the time of a run goes: the program is stopped a thousand times a second and asked where it is.

A moment counts for our innermost function that runs or waits for what it has called: what the standard library does
counts where it was called, so asyncio's own work shows as the clock's, which runs its callbacks.
"""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Sequence
from types import FrameType

from chargebench.scenarios.describe import Scenario
from chargebench.scenarios.run import run
from tests.bench import runs
from tests.bench.runs import Restless, scenario

SAMPLES = 4_000
EVERY_S = 0.001
GROUPS = (
    ("emulator/clock/", "the clock: asyncio's loop, heap"),
    ("emulator/trace.py", "the trace and its hash"),
    ("emulator/wires/", "wires: TCP, RS-485, virtual descriptors"),
    ("emulator/streams.py", "wires: TCP, RS-485, virtual descriptors"),
    ("emulator/", "slaves, boxes, meters, cars"),
    ("manager/links/", "the manager's links"),
    ("pymodbus/", "pymodbus"),
    ("manager/", "the rest of the manager: rounds, drivers, controller"),
    ("datasheets/", "the codec"),
    ("scenarios/", "laws, story, record"),
)
ROOMS = ("/chargebench/", "/emulator/", "/manager/", "/datasheets/", "/scenarios/", "/pymodbus/")


def group(path: str) -> str | None:
    """The group of a source file; None for what is not ours, nor pymodbus'."""
    for start, name in GROUPS:
        if f"/{start}" in path and any(room in path for room in ROOMS):
            return name
    return None


def shares(what: Scenario, *, restless: bool = False, samples: int = SAMPLES) -> Counter[str]:
    """So many samples of a run, repeated until there are as many: how often each group had the processor."""
    found: Counter[str] = Counter()

    def sample(_number: int, frame: FrameType | None) -> None:
        while frame is not None:
            name = group(frame.f_code.co_filename)
            if name is not None:
                found[name] += 1
                return
            frame = frame.f_back

    before = signal.signal(signal.SIGPROF, sample)
    signal.setitimer(signal.ITIMER_PROF, EVERY_S, EVERY_S)
    try:
        while found.total() < samples:
            run(what, controller=Restless if restless else None)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    return found


def main(names: Sequence[str]) -> None:
    """Print a table in per cent: the runs that are named, or those that show most."""
    columns = {f"`{name}`": shares(scenario(name)) for name in names or ("house-14kw", "twenty-five-slaves")}
    if not names:
        columns["25 on a line"] = shares(runs.line(), restless=True)
    print(f"| | {' | '.join(columns)} |")
    print(f"| --- |{' ---: |' * len(columns)}")
    for name in dict.fromkeys(name for _, name in GROUPS):
        cells = " | ".join(f"{100 * found[name] / found.total():.0f}" for found in columns.values())
        print(f"| {name} | {cells} |")
