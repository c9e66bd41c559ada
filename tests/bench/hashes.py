"""``python -m tests.bench hashes OTHER``: whether every shipped scenario comes out the same under another Python, to the byte.

One of the two is a compiled build. Without OTHER the lines that are compared are printed.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace

from chargebench.emulator import trace
from chargebench.scenarios import shelf
from chargebench.scenarios.describe import read_scenario, titles
from chargebench.scenarios.run import run

MOST_US = 30 * 60_000_000
"""Longer scenarios are run up to here: what is seldom happens early in them."""


def labels() -> Iterator[str]:
    for name in shelf.names():
        yield name
        yield from (f"{name}/{variant}" for variant in titles(shelf.find(name).path)[2])


def lines() -> Iterator[str]:
    """How this build is made, then two hashes and a name for each scenario."""
    yield "compiled" if trace.__file__.endswith(".so") else "interpreted"
    for label in labels():
        found = shelf.find(label)
        scenario = read_scenario(found.path, found.variant, name=found.name)
        if scenario.duration_us > MOST_US:
            scenario = replace(scenario, duration_us=MOST_US, expectations=())
        result = run(scenario)
        yield f"{result.hash} {result.commands_hash} {label}"


def main(other: str | None) -> None:
    if other is None:
        for line in lines():
            print(line, flush=True)
        return
    command = [other, "-m", "tests.bench", "hashes"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as beside:  # at the same time, on another core
        here = list(lines())
        told, _ = beside.communicate()
    there = told.splitlines()
    if beside.returncode or here[0] == there[0] or len(here) != len(there):
        raise SystemExit(f"nothing is compared: {here[0]}, {len(here)} lines, and {there[:1]}, {len(there)} lines")
    different = [f"{one}\n{two}" for one, two in zip(here[1:], there[1:], strict=True) if one != two]
    if different:
        raise SystemExit("\n".join(["different:", *different]))
    print(f"{len(here) - 1} scenarios come out the same, {here[0]} and {there[0]}")
