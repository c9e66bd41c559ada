"""How the lines of a proxy stand, as a table for a terminal and as values for a program. Sans-IO.

Rates are those between two looks. The table is plain text, put together by hand: while it is made no line is served, and a
tenth of the time that a drawing library would take is not noticed by any.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from chargebench.manager.proxy.gateway import Carried, Gateway
from chargebench.manager.proxy.watch import Side

HEAD: Final = ("", "busy", "requests/s", "queue", "p50", "p95", "timeouts", "CRC", "late", "refused", "answers")
NOTES: Final = 5
Cells = tuple[str, ...]
HALF, MOST = 50, 95


@dataclass(frozen=True, slots=True)
class Row:
    """One unit, one client, or a line, as it stood. Times in us; None: nothing was answered yet."""

    name: str
    asked: int
    answered: int
    silent: int
    garbled: int
    refused: int
    waiting: int
    p50_us: int | None
    p95_us: int | None


@dataclass(frozen=True, slots=True)
class Look:
    """A line as it stood at one moment; ``target`` is what is behind it, ``there`` whether that can be asked."""

    line: Row
    target: str
    there: bool
    sent: int
    late: int
    busy_us: int
    units: tuple[Row, ...]
    clients: tuple[Row, ...]


def look(name: str, target: str, gateway: Gateway, clients: Mapping[int, str]) -> Look:
    """A line as it is now; ``clients`` are the names of those who are there."""
    watch, counts = gateway.watch, gateway.counts
    of_units, of_clients = gateway.waits()
    units = tuple(_row(str(unit), side, of_units.get(unit, 0)) for unit, side in sorted(watch.units.items()))
    known = tuple(
        _row(clients[number], side, of_clients.get(number, 0))
        for number, side in watch.clients.items()
        if number in clients
    )
    line = _row(name, watch.line, sum(of_units.values()))
    return Look(line, target, gateway.there, counts.sent, gateway.late, counts.busy_us, units, known)


def _row(name: str, side: Side, waiting: int) -> Row:
    counts = side.asked, side.answered, side.silent, side.garbled, side.refused
    half_us, most_us = side.percentiles_us(HALF, MOST)
    return Row(name, *counts, waiting, half_us, most_us)


def busy(now: Look, then: Look | None, passed_us: int) -> float:
    """The share of the time since that a line was in use, 0 to 1."""
    return min(1.0, (now.busy_us - (then.busy_us if then else 0)) / passed_us) if passed_us else 0.0


def values(now: Look, then: Look | None, passed_us: int) -> dict[str, object]:
    """A line for a program; ``carried`` counts from the beginning."""
    sent = now.sent - (then.sent if then else 0)
    return {
        "there": now.there,
        "busy": round(busy(now, then, passed_us), 4),
        "per_s": round(sent * 1e6 / passed_us, 2) if passed_us else 0.0,
        "late": now.late,
        **_values(now.line),
        "units": {row.name: _values(row) for row in now.units},
        "clients": {row.name: _values(row) for row in now.clients},
    }


def _values(row: Row) -> dict[str, object]:
    return {
        "asked": row.asked,
        "answered": row.answered,
        "silent": row.silent,
        "spoilt": row.garbled,
        "refused": row.refused,
        "queue": row.waiting,
        "p50_us": row.p50_us,
        "p95_us": row.p95_us,
    }


def totals(counts: Carried, late: int) -> str:
    """What a line has carried, as a sentence goes on."""
    return (
        f"{counts.sent} requests sent, {counts.answered} answered, {counts.silent} not, "
        f"{counts.spoilt} answers spoilt, {late} late"
    )


class Table:
    """Draws looks one after the other, each beside the one before: lines, then their units, then clients, the busiest first."""

    def __init__(self) -> None:
        self._then: dict[str, Look] = {}
        self._asked: dict[str, int] = {}
        self._at_us: int | None = None

    def draw(self, looks: Sequence[Look], now_us: int, notes: Iterable[str], size: tuple[int, int]) -> list[str]:
        """Lines of text that fit on a terminal of so many columns and rows."""
        passed_us = 0 if self._at_us is None else now_us - self._at_us
        lines = [self._line(now, passed_us) for now in looks]
        units = {f"  {now.line.name}/{row.name}": row for now in looks for row in now.units}
        several = len(looks) > 1
        clients = {
            f"  {row.name}{f' on {now.line.name}' if several else ''}": row for now in looks for row in now.clients
        }
        busiest = sorted(clients, key=lambda name: self._asked.get(name, 0) - clients[name].asked)
        rows = units | {name: clients[name] for name in busiest}
        cells = [HEAD, *lines, *(self._row(name, row, passed_us) for name, row in rows.items())]
        self._then, self._at_us = {now.line.name: now for now in looks}, now_us
        self._asked = {name: row.asked for name, row in rows.items()}
        return _fitting(cells, list(notes)[-NOTES:], size)

    def _line(self, now: Look, passed_us: int) -> Cells:
        then = self._then.get(now.line.name)
        load = f"{busy(now, then, passed_us):.0%}" if now.there else "gone"
        sent = now.sent - (then.sent if then else 0)
        return (f"{now.line.name} {now.target}", load, *_cells(now.line, sent, passed_us, str(now.late)))

    def _row(self, name: str, row: Row, passed_us: int) -> Cells:
        return (name, "", *_cells(row, row.asked - self._asked.get(name, 0), passed_us, ""))


def _fitting(cells: list[Cells], notes: list[str], size: tuple[int, int]) -> list[str]:
    """The text, cut where the terminal ends; the cursor stands below it."""
    columns, rows = size
    room = max(2, rows - 1 - len(notes))
    shown = cells if len(cells) <= room else cells[: room - 1]
    more = [] if len(cells) <= room else [f"  and {len(cells) - len(shown)} more"]
    return [text[: max(1, columns - 1)] for text in (*_columns(shown), *more, *notes)]


def _cells(row: Row, fresh: int, passed_us: int, late: str) -> Cells:
    rate = f"{fresh * 1e6 / passed_us:.1f}" if passed_us else ""
    ends = str(row.silent), str(row.garbled), late, str(row.refused), str(row.answered)
    return rate, str(row.waiting), _ms(row.p50_us), _ms(row.p95_us), *ends


def _ms(us: int | None) -> str:
    return "" if us is None else f"{us / 1000:.0f} ms" if us >= 10_000 else f"{us / 1000:.1f} ms"


def _columns(cells: Sequence[Cells]) -> list[str]:
    """Names to the left, numbers to the right of their columns."""
    widths = [max(len(row[k]) for row in cells) for k in range(len(HEAD))]
    return [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in cells
    ]
