"""The verb that explains a kept run."""

from __future__ import annotations

from pathlib import Path

import click

from chargebench.scenarios import explain as explains
from chargebench.scenarios import record
from chargebench.scenarios.cli import DIFFERS, print_json
from chargebench.scenarios.progress import progress
from chargebench.scenarios.verbs_run import RUNS


def explain(folder: Path, at: str | None, box: str | None, *, as_json: bool) -> int:
    """Tell what bound each box, or this one, at a time or all along."""
    kept = RUNS / folder
    recorded = record.read(kept if not folder.exists() and kept.exists() else folder)
    scenario = recorded.scenario()
    with progress(scenario.label, scenario.duration_us) as tick:
        found = explains.explain(recorded, scenario, at=at, box=box, tick=tick)
    if found.differs:
        click.echo(f"{recorded.folder}: {found.differs}", err=True)
        return DIFFERS
    if as_json:
        print_json(found.summary())
    else:
        click.echo(found.text(), nl=False)
    return 0
