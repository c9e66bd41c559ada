"""The verb for studies."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import click

from chargebench.datasheets.errors import BadInput, CannotOpen
from chargebench.datasheets.words import lasted
from chargebench.scenarios.at_tier import refuse
from chargebench.scenarios.cli import OURS, print_json
from chargebench.scenarios.moments import DAY_US
from chargebench.scenarios.tiers import Tier
from chargebench.scenarios.verbs_run import RUNS
from chargebench.scenarios.whatif import cluster, export, files, report, sweep, table
from chargebench.scenarios.whatif.answer import Answer, answers
from chargebench.scenarios.whatif.engine import Cell, infeasible
from chargebench.scenarios.whatif.figures import Figures
from chargebench.scenarios.whatif.keep import Folder, as_csv, columns
from chargebench.scenarios.whatif.study import Study, read_study
from chargebench.scenarios.whatif.sums import Row, rows


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants done with a study."""

    study: Path
    out: Path | None
    tier: Tier | None
    workers: int | None
    scheduler: str | None
    only_told: bool
    from_run: str | None
    as_json: bool

    @property
    def again(self) -> str:
        """The command that asks for it again."""
        at = "" if self.tier is None else f" --tier {self.tier}"
        return f"chargebench whatif {shlex.quote(str(self.study))}{at}"


def whatif(wish: Wish) -> int:
    """Run a study, or what is asked of it."""
    study = read_study(wish.study)
    if wish.tier is not None:
        study = replace(study, tier=wish.tier)
    if wish.from_run is not None:
        return _export(wish, study)
    for variation in study.variations:
        refuse(variation.base, study.tier)
    cannot = {one.number: why for one in study.variations if (why := infeasible(study, one))}
    if wish.only_told:
        return _foretell(wish, study, cannot)
    runner = _runner(wish, study)
    folder = Folder(wish.out or RUNS / f"whatif-{study.name}", study)
    with folder:
        cells = sweep.cells(study, list(cannot))
        left = [cell for cell in cells if cell not in folder.found]
        if len(left) < len(cells):
            click.echo(f"{len(cells) - len(left)} of {len(cells)} cells have run before", err=True)
        with _progress(study.name, len(cells), len(cells) - len(left)) as done:
            for one in runner(study, left):
                folder.add(one)
                done()
    found = [folder.found[cell] for cell in cells]
    return _tell(wish, study, folder, found, cannot)


def _tell(wish: Wish, study: Study, folder: Folder, found: Sequence[Figures], cannot: Mapping[int, str]) -> int:
    summed = rows(study, found, cannot)
    answered = answers(study.question, summed) if study.question is not None else ()
    kept = [*_tables(study, folder, found, summed, cannot), *report.write(study, folder, found, summed, answered)]
    failed = table.failures(study, found, wish.again)
    if wish.as_json:
        print_json(_summary(study, summed, answered, folder.path, failed))
    else:
        click.echo(table.text(study, summed, answered) + f"  kept    {folder.path} ({', '.join(kept)})")
    for line in failed:
        click.echo(line, err=True)
    return OURS if failed else 0


def _summary(
    study: Study, summed: Sequence[Row], answered: Sequence[Answer], folder: Path, failed: Sequence[str]
) -> dict[str, object]:
    return {
        "study": study.title,
        "tier": study.tier,
        "question": None if study.question is None else study.question.text,
        "answers": [
            {
                "sentence": one.sentence,
                "variation": None if one.row is None else one.row.variation.number,
                "sure": one.sure,
            }
            for one in answered
        ],
        "variations": table.as_rows(study, summed),
        "notes": table.notes(study),
        "failed": list(failed),
        "folder": str(folder),
    }


def _tables(
    study: Study, folder: Folder, found: Iterable[Figures], summed: Sequence[Row], cannot: Mapping[int, str]
) -> list[str]:
    """Cells and variations for analysts; as Parquet, too, where the extra is there."""
    cells = [columns(study, one, cannot) for one in found]
    folder.write("cells.csv", as_csv(cells))
    folder.write("variations.csv", as_csv(table.as_rows(study, summed)))
    return [
        "cells.csv",
        "variations.csv",
        *(["cells.parquet"] if files.write_parquet(folder.path / "cells.parquet", cells) else []),
    ]


def _foretell(wish: Wish, study: Study, cannot: Mapping[int, str]) -> int:
    """What would run, and how long by a short sample of the variation with the most boxes."""
    cells = sweep.cells(study, list(cannot))
    seconds = 0.0
    if cells:
        largest = max(cells, key=lambda cell: len(study.variations[cell.number].base.site.boxes))
        seconds = sweep.measured(study, largest, time.perf_counter) * len(cells)  # noqa: TID251  (for a person)
    workers = _workers(wish, study)
    took = lasted(round(seconds / workers) * 1_000_000)
    if wish.as_json:
        print_json(
            {
                "cells": len(cells),
                "seeds": list(study.seeds),
                "tier": study.tier,
                "cpu_s": round(seconds, 1),
                "workers": workers,
                "variations": [
                    {"number": one.number, "label": one.label, "infeasible": cannot.get(one.number, "")}
                    for one in study.variations
                ],
            }
        )
        return 0
    click.echo(f"{study.name}: {study.title}")
    for one in study.variations:
        click.echo(
            f"  {one.number:>4}  {one.label}{f'  infeasible: {cannot[one.number]}' if one.number in cannot else ''}"
        )
    many = f"{len(study.variations) - len(cannot)} variations, {len(study.seeds)} seeds"
    click.echo(
        f"{len(cells)} cells ({many}) of {table.length(study.duration_us)} at tier {study.tier}: about {took} on {workers} processes"
    )
    return 0


def _export(wish: Wish, study: Study) -> int:
    """One cell as a scenario file."""
    cell, day = _cell(str(wish.from_run), study)
    path = wish.out or Path(f"{study.name}-{str(wish.from_run).replace('/', '-')}.yaml")
    text = export.scenario_text(study, cell, None if day is None else export.night(study, day))
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise CannotOpen(str(path), "it is there already, and nothing is overwritten; choose another name") from error
    except OSError as error:
        raise CannotOpen(str(path), f"cannot be written: {error.strerror or error}") from error
    if wish.as_json:
        print_json({"path": str(path)})
    else:
        click.echo(str(path))
    return 0


def _cell(said: str, study: Study) -> tuple[Cell, int | None]:
    """``3/7`` is variation 3 with seed 7, ``3/7/12`` its night that ends on day 12 of the study."""
    parts = said.split("/")
    numbers = [int(one) for one in parts if one.isascii() and one.isdecimal() and len(one) < 19]
    days = -(-(study.clock.us + study.duration_us) // DAY_US)
    if len(numbers) != len(parts) or not 2 <= len(parts) <= 3:
        raise BadInput(
            "--from-run",
            "",
            f"expected a variation and a seed, such as 0/1, and a day behind it if need be, got {said}",
        )
    if numbers[0] >= len(study.variations):
        raise BadInput(
            "--from-run", "", f"expected a variation from 0 to {len(study.variations) - 1}, got {numbers[0]}"
        )
    if len(parts) == 3 and numbers[2] >= days:
        raise BadInput("--from-run", "", f"expected a day from 0 to {days - 1}, got {numbers[2]}")
    return Cell(numbers[0], numbers[1]), numbers[2] if len(parts) == 3 else None


def _workers(wish: Wish, study: Study) -> int:
    many = len(study.variations) * len(study.seeds)
    return min(many, wish.workers or os.cpu_count() or 1)


def _runner(wish: Wish, study: Study) -> sweep.Runner:
    """Who runs the cells: a scheduler, other processes, or this one."""
    workers = _workers(wish, study)
    if wish.scheduler is None and workers == 1:
        return sweep.here
    if cluster.missing():
        if wish.scheduler is not None:
            raise CannotOpen(wish.scheduler, files.MISSING)
        click.echo(f"one cell after the other; for several processes {files.MISSING}", err=True)
        return sweep.here
    return cluster.Cluster(workers, wish.scheduler)


class Done(Protocol):
    """Called when a cell is done."""

    def __call__(self) -> None: ...


@contextmanager
def _progress(label: str, whole: int, before: int) -> Iterator[Done]:
    """A bar with the time that is left, on a terminal only."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console  # noqa: PLC0415  (only where somebody watches)
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    bars = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("cells, left"),
        TimeRemainingColumn(),
    )
    with Progress(*bars, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=whole, completed=before)
        yield lambda: bar.update(task, advance=1)
