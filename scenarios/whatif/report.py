"""The page of a study: one file that opens offline on any phone, beside it the worst night as a scenario.

Answers and tables stand in the page as such, so they can be read without a script; the plots are drawn by uPlot, which is in
the page as well. Of what flowed only shares of time and change points are kept, whatever a study's size.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Final

from chargebench.scenarios.result import versions
from chargebench.scenarios.whatif import export, table
from chargebench.scenarios.whatif.answer import Answer, spelled
from chargebench.scenarios.whatif.figures import FIGURES, Figures, show
from chargebench.scenarios.whatif.keep import Folder
from chargebench.scenarios.whatif.night import Night, play_file, worst
from chargebench.scenarios.whatif.study import Study
from chargebench.scenarios.whatif.sums import DERIVED, Row

Curves = Mapping[int, Sequence[Mapping[int, int]]]
"""By variation and phase: for how long how many whole amperes flowed."""

PAGE, NIGHT = "report.html", "worst-night.yaml"
_PARTS = Path(__file__).parent / "page"
MOST_CURVES: Final = 40  # variations whose duration curves are kept in the page
MOST_CHANGES: Final = 4_000  # of a night; a larger one is not drawn


def write(
    study: Study, folder: Folder, found: Sequence[Figures], rows: Sequence[Row], answered: Sequence[Answer]
) -> list[str]:
    """Write page and night into the folder of a study; their names."""
    written = [PAGE]
    shown = _shown(rows, answered)
    night, said = None, ""
    bad = None if shown is None else worst(found, shown.variation.number)
    if bad is not None:
        cell, day = bad
        path = folder.write(NIGHT, export.scenario_text(study, cell, export.night(study, day)))
        night = play_file(study, path)
        said = f"{study.variations[cell.number].label}, seed {cell.seed}"
        written.append(NIGHT)
    folder.write(PAGE, page(study, folder.curves, rows, answered, (night, said)))
    return written


def page(
    study: Study,
    curves: Curves,
    rows: Sequence[Row],
    answered: Sequence[Answer],
    worst_night: tuple[Night | None, str],
) -> str:
    """The whole page."""
    night, said = worst_night
    count = len(study.seeds)
    how = f"{table.length(study.duration_us)} from {_start(study)}, {count} seed{'' if count == 1 else 's'}, at tier {study.tier}"
    parts = {
        "TITLE": escape(study.title),
        "HOW": escape(how),
        "ANSWERS": "\n".join(_answer(one) for one in answered),
        "NOTES": "\n".join(f'<p class="soft">{escape(one)}</p>' for one in table.notes(study)),
        "GRID": "\n".join(_grid(study, rows, answered)),
        "NIGHT": "" if night is None else _night(night, said),
        "TABLE": "\n".join(_table(study, rows)),
        "MEANING": "".join(f"<dt>{name}</dt><dd>{escape(about)}</dd>" for name, about in _meanings()),
        "AGAIN": _again(study),
        "DATA": _json({"variations": _variations(curves, rows), "night": _drawn(night)}),
        "UPLOT_CSS": _part("uplot.css"),
        "UPLOT_LICENSE": _part("uplot-LICENSE.txt").strip(),
        "UPLOT_JS": _part("uplot.js"),
        "SCRIPT": _part("page.js"),
    }
    return re.sub(r"@([A-Z_]+)@", lambda mark: parts[mark[1]], _part("page.html"))


def _part(name: str) -> str:
    return (_PARTS / name).read_text("utf-8")


def _json(value: object) -> str:
    """JSON that no script element ends in."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _start(study: Study) -> str:
    return export.moment_text(study.clock, 0)[:16]


def _answer(one: Answer) -> str:
    kind = "answer" if one.row is not None else "answer none"
    return f'<p class="{kind}">{escape(one.sentence)}</p>'


def _shown(rows: Sequence[Row], answered: Sequence[Answer]) -> Row | None:
    """The variation of which a night is drawn: the first that answers, else the first that has run."""
    return next((one.row for one in answered if one.row is not None), next((row for row in rows if row.seeds), None))


def _grid(study: Study, rows: Sequence[Row], answered: Sequence[Answer]) -> Iterator[str]:
    """The heat map: a table whose columns are what is asked for, or what varies last, and whose rows are all the rest."""
    figure = study.question.figure if study.question is not None else study.shown[0]
    across = study.question.knob if study.question is not None else study.knobs[-1] if study.knobs else ""
    heads = list(dict.fromkeys(row.variation.text(across) for row in rows)) if across else [""]
    lines: dict[str, dict[str, Row]] = {}
    for row in rows:
        others = ", ".join(f"{one.knob} {one.amount.text}" for one in row.variation.settings if one.knob != across)
        lines.setdefault(others, {})[row.variation.text(across) if across else ""] = row
    means = [row.means[figure].mean for row in rows if figure in row.means and not row.infeasible]
    low, high = min(means, default=0.0), max(means, default=0.0)
    chosen = _shown(rows, answered)
    yield f'<p class="soft" id="of">{figure}: {escape(FIGURES[figure].about)}. Choose a field to see more of it.</p>'
    yield '<div class="wide" tabindex="0" role="region" aria-labelledby="h-grid"><table id="grid" aria-describedby="of">'
    yield f"<thead><tr><th scope=col>{escape(across)}</th>{''.join(f'<th scope=col>{escape(one)}</th>' for one in heads)}</tr></thead><tbody>"
    for others, line in lines.items():
        fields = "".join(_field(line.get(head), figure, (low, high), chosen) for head in heads)
        yield f"<tr><th scope=row>{escape(others)}</th>{fields}</tr>"
    yield "</tbody></table></div>"


def _field(row: Row | None, figure: str, span: tuple[float, float], chosen: Row | None) -> str:
    if row is None:
        return "<td></td>"
    if row.infeasible:
        return f'<td><span class="no" title="{escape(row.infeasible)}">infeasible</span></td>'
    if figure not in row.means:
        return '<td><span class="no">–</span></td>'
    low, high = span
    mean = row.means[figure].mean
    share = (mean - low) / (high - low) if high > low else 0.5
    pressed = "true" if row is chosen else "false"
    label = escape(f"{row.variation.label}: {figure} {spelled(figure, row.means[figure])}")
    return (
        f'<td><button style="--v:{share:.2f}" data-number="{row.variation.number}" aria-pressed="{pressed}"'
        f' aria-label="{label}">{show(figure, round(mean))}</button></td>'
    )


def _table(study: Study, rows: Sequence[Row]) -> Iterator[str]:
    names = table.shown(study, rows)
    heads = "".join(f"<th scope=col>{escape(one)}</th>" for one in [*(study.knobs or ("variation",)), *names])
    yield f'<table id="all"><thead><tr>{heads}</tr></thead><tbody>'
    for row in rows:
        settings = [row.variation.text(knob) for knob in study.knobs] or [row.variation.label]
        cells = [spelled(name, row.means[name]) if name in row.means else "–" for name in names]
        if row.infeasible:
            fields = f"<td colspan={len(names)}>infeasible: {escape(row.infeasible)}</td>"
        else:
            fields = "".join(f"<td>{escape(one)}</td>" for one in cells)
        yield f"<tr>{''.join(f'<td>{escape(one)}</td>' for one in settings)}{fields}</tr>"
    yield "</tbody></table>"


def _night(night: Night, said: str) -> str:
    phases = "".join(f"<option value={k}>L{k + 1}</option>" for k in range(3))
    plot = (
        '<div id="night" role="img"></div>'
        if len(night.changes) <= MOST_CHANGES
        else "<p>Too much happened in it to be drawn here.</p>"
    )
    return (
        '<section aria-labelledby="h-night"><h2 id="h-night">The worst night</h2><div class="card">'
        f'<p class="soft">{escape(said)}; from {escape(night.start)} on. Boxes upon each other, the house below, the limit above.</p>'
        f'<p><label>Phase <select id="phase">{phases}</select></label></p>{plot}'
        f'<p>It is in <a href="{NIGHT}">{NIGHT}</a> beside this page: <code>chargebench run {NIGHT}</code> plays it byte by byte,'
        f" with the same commands ({night.commands_hash[:12]}…).</p></div></section>"
    )


def _meanings() -> Iterator[tuple[str, str]]:
    yield from ((name, one.about) for name, one in FIGURES.items())
    yield from DERIVED.items()


def _again(study: Study) -> str:
    version = escape(versions()["chargebench"])
    return f"chargebench {version}. Again: <code>chargebench whatif {escape(study.name)}.yaml</code>, files {study.digest[:12]}…"


def _variations(curves: Curves, rows: Sequence[Row]) -> list[dict[str, object]]:
    names = [*FIGURES, *DERIVED]
    kept = curves if len(rows) <= MOST_CURVES else {}
    return [
        {
            "label": row.variation.label,
            "limit": row.variation.base.world.connection.limit_ma / 1000,
            "peak": round(row.means["peak_ma"].mean / 1000, 1) if "peak_ma" in row.means else None,
            "figures": [[name, spelled(name, row.means[name])] for name in names if name in row.means],
            "duration": [_beyond(phase) for phase in kept.get(row.variation.number, ()) if phase] or None,
        }
        for row in rows
    ]


def _beyond(spent_us: Mapping[int, int]) -> list[int]:
    """For how much of the time, in hundredths of a percent, at least so many whole amperes flowed."""
    whole = sum(spent_us.values())
    left, curve = whole, []
    for amps in range(max(spent_us) + 1):
        curve.append(left * 10_000 // whole)
        left -= spent_us.get(amps, 0)
    return curve


def _drawn(night: Night | None) -> dict[str, object] | None:
    if night is None or len(night.changes) > MOST_CHANGES:
        return None
    hour, minute, second = (int(one) for one in night.start.split(":"))
    return {
        "start": night.start,
        "startS": hour * 3600 + minute * 60 + second,
        "length": night.length_s,
        "limit": night.limit_ma,
        "boxes": night.boxes,
        "wiring": night.wiring,
        "changes": night.changes,
    }
