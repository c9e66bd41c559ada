"""What a study has come to, as text for a terminal and as rows for others."""

from __future__ import annotations

from collections.abc import Sequence

from chargebench.datasheets.words import lasted
from chargebench.scenarios import render
from chargebench.scenarios.moments import DAY_US
from chargebench.scenarios.whatif.answer import Answer, spelled
from chargebench.scenarios.whatif.figures import FIGURES, Figures
from chargebench.scenarios.whatif.study import Study
from chargebench.scenarios.whatif.sums import DERIVED, Row


def text(study: Study, rows: Sequence[Row], answered: Sequence[Answer]) -> str:
    """Answers, then a line for each variation with the figures that the study asks for."""
    seeds = f"{len(study.seeds)} seed{'' if len(study.seeds) == 1 else 's'}"
    lines = [f"{study.name}: {study.title}", f"{length(study.duration_us)} each, {seeds}, at tier {study.tier}", ""]
    lines += [f"  answer  {one.sentence}" for one in answered]
    lines += [""] * bool(answered)
    names = shown(study, rows)
    head = [*study.knobs, *names] if study.knobs else ["", *names]
    table = [head, *(_line(study, row, names) for row in rows)]
    lines += [f"  {one}" for one in render.table(table).splitlines()]
    lines += ["", *(f"  {row.variation.label}: cannot be built: {row.infeasible}" for row in rows if row.infeasible)]
    lines += [f"  note    {one}" for one in notes(study)]
    return "\n".join(lines).rstrip() + "\n"


def length(duration_us: int) -> str:
    """How long a study is, in days where it lasts whole ones."""
    days, rest = divmod(duration_us, DAY_US)
    return f"{days} d" if days and not rest else lasted(duration_us)


def shown(study: Study, rows: Sequence[Row]) -> list[str]:
    """The figures that a table of the study has."""
    return [*study.shown, *(name for name in DERIVED if any(name in row.means for row in rows))]


def notes(study: Study) -> list[str]:
    """What a reader must know of where the numbers come from."""
    found = []
    if study.managed_energy:
        found.append("what was delivered then had been managed, too, so it says little of what was wanted")
    if study.played and len(study.seeds) > 1:
        found.append("recorded cars come the same for every seed; seeds draw the models and the house")
    return found


def as_rows(study: Study, rows: Sequence[Row]) -> list[dict[str, object]]:
    """A row for each variation: what varies, then mean and interval of every figure."""
    names = [*FIGURES, *(name for name in DERIVED if any(name in row.means for row in rows))]
    return [_row(study, row, names) for row in rows]


def failures(study: Study, found: Sequence[Figures], again: str) -> list[str]:
    """A line for each cell that failed, with the command that repeats it alone."""
    return [
        f"{study.variations[one.number].label}, seed {one.seed}: {one.failed}; again: {again} --from-run {one.number}/{one.seed}"
        for one in found
        if one.failed
    ]


def _line(study: Study, row: Row, names: Sequence[str]) -> list[str]:
    settings = [row.variation.text(knob) for knob in study.knobs] or ["as it is"]
    if row.infeasible:
        return [*settings, *("infeasible" if k == 0 else "" for k in range(len(names)))]
    return [*settings, *(spelled(name, row.means[name]) if name in row.means else "–" for name in names)]


def _row(study: Study, row: Row, names: Sequence[str]) -> dict[str, object]:
    made: dict[str, object] = {"variation": row.variation.number}
    made |= {knob: row.variation.text(knob) for knob in study.knobs}
    made["seeds"] = row.seeds
    for name in names:
        mean = row.means.get(name)
        made[name] = None if mean is None else round(mean.mean, 3)
        made[f"{name}_half"] = None if mean is None or mean.half is None else round(mean.half, 3)
    made["infeasible"] = row.infeasible
    return made
