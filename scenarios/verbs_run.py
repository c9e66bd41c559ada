"""The verbs that run something: run and replay."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

import click

from chargebench.scenarios import check as checks
from chargebench.scenarios import record, render, shelf
from chargebench.scenarios import replay as replays
from chargebench.scenarios import run as runs
from chargebench.scenarios.cli import DIFFERS, FAILED, print_json
from chargebench.scenarios.describe import Scenario, read_scenario
from chargebench.scenarios.progress import progress

RUNS = Path("runs")


def run_all(names: Sequence[str], seed: int | None, out: Path | None, *, as_json: bool) -> int:
    """Run each; all are read before the first is run, so that a wrong one costs no time."""
    scenarios = [_read(name) for name in names]
    for scenario in scenarios:
        checks.refuse_errors(scenario)
    results = []
    for scenario, said in zip(scenarios, names, strict=True):
        with progress(scenario.label, scenario.duration_us) as tick:
            result = runs.run(scenario, seed, again=_again(said, scenario, seed), tick=tick)
        folder = _folder(result.scenario, result.seed, out, several=len(names) > 1)
        record.write(folder, result)
        results.append({**result.summary(), "folder": str(folder)})
        if not as_json:
            click.echo(render.report(result) + f"  kept in   {folder}\n")
    if as_json:
        print_json(results[0] if len(results) == 1 else results)
    return 0 if all(one["verdict"] == "pass" for one in results) else FAILED


def replay(folder: Path, *, as_json: bool) -> int:
    """Run it again and compare."""
    recorded = record.read(folder)
    scenario = recorded.scenario()
    with progress(scenario.label, scenario.duration_us) as tick:
        comparison = replays.replay(recorded, scenario, tick=tick)
    if as_json:
        print_json(comparison.summary())
    else:
        click.echo(comparison.text(), nl=False)
    return 0 if comparison.same else DIFFERS


def _read(name: str) -> Scenario:
    found = shelf.find(name)
    return read_scenario(found.path, found.variant, name=found.name)


def _again(said: str, scenario: Scenario, seed: int | None) -> str:
    return f"chargebench run {shlex.quote(said)} --seed {scenario.seed if seed is None else seed}"


def _folder(scenario: Scenario, seed: int, out: Path | None, *, several: bool) -> Path:
    name = f"{scenario.label.replace('/', '-')}-{seed}"
    if out is None:
        return RUNS / name
    return out / name if several else out
