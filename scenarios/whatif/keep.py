"""The folder of a study: every cell as it comes, so that one that was broken off goes on, and at its end table and copy.

``cells.jsonl`` has a line for each cell that has run. A last line that was cut off is not counted, and its cell runs again.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from io import StringIO
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from chargebench.datasheets.errors import CannotOpen
from chargebench.scenarios.result import versions
from chargebench.scenarios.whatif.engine import Cell
from chargebench.scenarios.whatif.figures import FIGURES, Figures
from chargebench.scenarios.whatif.study import Study

CELLS, STUDY = "cells.jsonl", "study.json"
_SAME = ("digest", "tier", "versions")


class Folder:
    """Where a study is kept. ``found`` are the cells that have run before; those that failed run again.

    ``curves``: by variation, for how long each phase was at how many whole amperes, all its cells together.
    """

    def __init__(self, path: Path, study: Study) -> None:
        self.path, self._study = path, study
        self.found: dict[Cell, Figures] = {}
        self.curves: dict[int, tuple[dict[int, int], dict[int, int], dict[int, int]]] = {}
        self._file: TextIO | None = None

    def __enter__(self) -> Self:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._claim()
            self._read()
            self._file = (self.path / CELLS).open("a", encoding="utf-8")
        except OSError as error:
            raise CannotOpen(str(self.path), f"cannot be written: {error.strerror or error}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, one: Figures) -> None:
        """Keep a cell that has run; it is on the disk when this returns."""
        assert self._file is not None
        self._file.write(json.dumps(asdict(one), ensure_ascii=False, separators=(",", ":")) + "\n")
        self._file.flush()
        self._found(one)

    def write(self, name: str, text: str) -> Path:
        """A file beside the cells."""
        path = self.path / name
        try:
            path.write_text(text, "utf-8")
        except OSError as error:
            raise CannotOpen(str(path), f"cannot be written: {error.strerror or error}") from error
        return path

    def _found(self, one: Figures) -> None:
        """Count what a cell says of currents in its variation's curves, so that cells stay small however many there are."""
        curves = self.curves.setdefault(one.number, ({}, {}, {}))
        for curve, spent in zip(curves, one.duration_us, strict=False):
            for amps, us in spent.items():
                curve[amps] = curve.get(amps, 0) + us
        self.found[Cell(one.number, one.seed)] = replace(one, duration_us=())

    def _claim(self) -> None:
        """Refuse a folder that holds something else."""
        said = {"digest": self._study.digest, "tier": self._study.tier, "versions": versions()}
        said["versions"] = {name: one for name, one in versions().items() if name != "python"}
        about = self.path / STUDY
        if not about.exists():
            if any(self.path.iterdir()):
                raise CannotOpen(str(self.path), "there is something else in it; choose another folder with --out")
            about.write_text(json.dumps({"study": self._study.title, **said}, indent=2) + "\n", "utf-8")
            return
        try:
            kept = json.loads(about.read_text("utf-8"))
        except ValueError:
            kept = None
        if not isinstance(kept, dict) or any(kept.get(name) != said[name] for name in _SAME):
            why = "it holds another study, or this one before it was changed; choose another folder with --out"
            raise CannotOpen(str(self.path), why)

    def _read(self) -> None:
        """Read what has run before, and leave out of the file what was cut off or has failed."""
        path, anew = self.path / CELLS, self.path / f"{CELLS}.new"
        if not path.exists():
            return
        with path.open(encoding="utf-8") as file, anew.open("w", encoding="utf-8") as kept:
            for line in file:
                one = _figures(line)
                if one is not None and not one.failed and Cell(one.number, one.seed) not in self.found:
                    kept.write(line)
                    self._found(one)
        anew.replace(path)


def _figures(line: str) -> Figures | None:
    try:
        said = json.loads(line) if line.endswith("\n") else None
    except ValueError:
        said = None
    if not isinstance(said, dict):
        return None
    duration = tuple({int(amps): us for amps, us in one.items()} for one in said["duration_us"])
    return Figures(
        said["number"],
        said["seed"],
        said["numbers"],
        duration,
        tuple(said["missing_by_day_wh"]),
        said["commands_hash"],
        said["failed"],
    )


def columns(study: Study, one: Figures, infeasible: Mapping[int, str]) -> dict[str, int | str | None]:
    """A cell as a row of a table: what varies, seed, figures."""
    settings = {setting.knob: setting.amount.text for setting in study.variations[one.number].settings}
    numbers = {name: one.numbers.get(name) for name in FIGURES}
    last = {"commands_hash": one.commands_hash, "infeasible": infeasible.get(one.number, ""), "failed": one.failed}
    return {"variation": one.number, **settings, "seed": one.seed, **numbers, **last}


def as_csv(table: Sequence[Mapping[str, object]]) -> str:
    """Rows of the same columns as CSV."""
    out = StringIO()
    if table:
        writer = csv.DictWriter(out, list(table[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)
    return out.getvalue()
