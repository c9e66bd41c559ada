"""The verbs that run something: run and replay."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from chargebench.datasheets.errors import CannotOpen
from chargebench.manager.site import Policy
from chargebench.scenarios import check as checks
from chargebench.scenarios import record, render, shelf
from chargebench.scenarios import replay as replays
from chargebench.scenarios import run as runs
from chargebench.scenarios.at_tier import refuse
from chargebench.scenarios.capture_file import captured, refuse_capture
from chargebench.scenarios.cli import DIFFERS, FAILED, print_json
from chargebench.scenarios.describe import Scenario, read_scenario
from chargebench.scenarios.progress import progress
from chargebench.scenarios.tiers import Tier

RUNS = Path("runs")


@dataclass(frozen=True, slots=True)
class How:
    """How a person wants it run: with another seed, by another policy, at another tier."""

    seed: int | None = None
    policy: Policy | None = None
    tier: Tier = "wire"

    def again(self, said: str, scenario: Scenario) -> str:
        """The command that runs it so again."""
        by = "" if self.policy is None else f" --policy {self.policy}"
        at = "" if self.tier == "wire" else f" --tier {self.tier}"
        return f"chargebench run {shlex.quote(said)} --seed {self._seed(scenario)}{by}{at}"

    def called(self, scenario: Scenario) -> str:
        """The name of the folder of such a run."""
        by = "" if self.policy is None else f"-{self.policy}"
        at = "" if self.tier == "wire" else f"-{self.tier}"
        return f"{scenario.label.replace('/', '-')}-{self._seed(scenario)}{by}{at}"

    def _seed(self, scenario: Scenario) -> int:
        return scenario.seed if self.seed is None else self.seed


@dataclass(frozen=True, slots=True)
class Kept:
    """What a person wants kept, and where: the folder of the run, a capture of its buses."""

    out: Path | None = None
    pcap: Path | None = None

    @property
    def told(self) -> dict[str, str]:
        """What a program is told of it beside the run's summary."""
        return {} if self.pcap is None else {"pcap": str(self.pcap)}


def run_all(names: Sequence[str], how: How, kept: Kept, *, as_json: bool) -> int:
    """Run each as a person wants it; all are read before the first is run, so that a wrong one costs no time."""
    scenarios = [_read(name).under(how.policy).seeded(how.seed) for name in names]
    for scenario in scenarios:
        refuse(scenario, how.tier)
    if kept.pcap is not None:
        refuse_capture(how.tier, len(scenarios))
    found = [one for scenario in scenarios for one in checks.refuse_errors(scenario)]
    for danger in dict.fromkeys(str(one) for one in found if one.severity == "danger"):
        click.echo(danger, err=True)
    folders = _folders(scenarios, how, kept.out)
    results = []
    for scenario, said, folder in zip(scenarios, names, folders, strict=True):
        with progress(scenario.label, scenario.duration_us) as tick, captured(scenario, kept.pcap) as capture:
            again = how.again(said, scenario)
            result = runs.run(scenario, how.seed, again=again, tick=tick, tier=how.tier, capture=capture)
        record.write(folder, result)
        results.append({**result.summary(), "folder": str(folder), **kept.told})
        if not as_json:
            captured_in = "" if kept.pcap is None else f"  captured  {kept.pcap}\n"
            click.echo(render.report(result) + f"  kept in   {folder}\n{captured_in}")
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


def _folders(scenarios: Sequence[Scenario], how: How, out: Path | None) -> list[Path]:
    """Where each run will be kept; ``CannotOpen`` where it could not be, before any time is spent on it."""
    called = [how.called(one) for one in scenarios]
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
