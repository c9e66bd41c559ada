"""The verbs that run something: run and replay."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

import click

from chargebench.datasheets.errors import CannotOpen
from chargebench.manager.site import Policy
from chargebench.scenarios import check as checks
from chargebench.scenarios import record, render, shelf
from chargebench.scenarios import replay as replays
from chargebench.scenarios import run as runs
from chargebench.scenarios.cli import DIFFERS, FAILED, print_json
from chargebench.scenarios.describe import Scenario, read_scenario
from chargebench.scenarios.progress import progress

RUNS = Path("runs")


def run_all(names: Sequence[str], seed: int | None, policy: Policy | None, out: Path | None, *, as_json: bool) -> int:
    """Run each, by ``policy`` where one is given; all are read before the first is run, so that a wrong one costs no time."""
    scenarios = [_read(name).under(policy).seeded(seed) for name in names]
    found = [one for scenario in scenarios for one in checks.refuse_errors(scenario)]
    for danger in dict.fromkeys(str(one) for one in found if one.severity == "danger"):
        click.echo(danger, err=True)
    folders = _folders(scenarios, seed, policy, out)
    results = []
    for scenario, said, folder in zip(scenarios, names, folders, strict=True):
        with progress(scenario.label, scenario.duration_us) as tick:
            result = runs.run(scenario, seed, again=_again(said, scenario, seed, policy), tick=tick)
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


def _again(said: str, scenario: Scenario, seed: int | None, policy: Policy | None) -> str:
    by = "" if policy is None else f" --policy {policy}"
    return f"chargebench run {shlex.quote(said)} --seed {scenario.seed if seed is None else seed}{by}"


def _folders(scenarios: Sequence[Scenario], seed: int | None, policy: Policy | None, out: Path | None) -> list[Path]:
    """Where each run will be kept; ``CannotOpen`` where it could not be, before any time is spent on it."""
    by = "" if policy is None else f"-{policy}"
    called = [f"{one.label.replace('/', '-')}-{one.seed if seed is None else seed}{by}" for one in scenarios]
    if out is not None and len(called) == 1:
        folders = [out]
    else:
        folders = [(RUNS if out is None else out) / name for name in called]
    for k, folder in enumerate(folders):
        if folder in folders[:k]:
            raise CannotOpen(
                str(folder), "two of these runs would be kept there; run them apart, each with its own --out"
            )
        record.refuse(folder)
    return folders
