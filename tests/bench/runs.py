"""How much faster than real time a shipped scenario runs, without start-up and reading."""

from __future__ import annotations

from chargebench.scenarios.describe import read_scenario
from chargebench.scenarios.run import run
from chargebench.scenarios.shelf import find


def speed(name: str) -> float:
    """Simulated seconds per second of wall time."""
    scenario = read_scenario(find(name).path)
    return scenario.duration_us / 1_000_000 / run(scenario).wall_s
