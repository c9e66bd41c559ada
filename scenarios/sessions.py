"""Recorded charging sessions: a CSV of arrivals, departures and energies, read with every error of the file at once.

The first line names the columns; ``session``, ``arrival``, ``departure`` and the energy that is asked for must be among
them, in any order, the rest is left alone. Lines that begin with ``#``, and empty ones, say nothing. Times are local, with
the offset from UTC behind them or without; energies are kWh.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import NamedTuple

from chargebench.datasheets.errors import BadFile, BadInput, suggest
from chargebench.datasheets.quantity import got

MOST_WH = 1_000_000
_FIELD = re.compile(r'"(?:[^"]|"")*"|[^,"]*')
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}", re.ASCII)
_TIME = re.compile(
    r"(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}(?::\d{2})?)(?:\.\d{1,6})?(Z|[+-]\d{2}:\d{2})?",
    re.ASCII,
)
_KWH = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,20})?", re.ASCII)
_TIME_DUE = "expected a day and a time such as 2019-11-07 07:09:11-08:00"


@dataclass(frozen=True, slots=True)
class Session:
    """One recorded visit. Its times are aware of their offset where the file tells it; ``line`` is where it stands."""

    name: str
    line: int
    arrival: datetime
    departure: datetime
    energy_wh: int


class _Cell(NamedTuple):
    column: int
    text: str


class _Row(NamedTuple):
    line: int
    cells: tuple[_Cell, ...]


def parse_sessions(text: str, name: str, energy: str) -> tuple[Session, ...]:
    """The sessions of a file that calls itself ``name``, in its order; ``energy`` is the column that is asked for.

    ``BadFile`` with all that is wrong in it.
    """
    return _Reader(name, energy).read(text)


class _Reader:
    """Reads one file; what is wrong goes to ``_wrong``."""

    def __init__(self, name: str, energy: str) -> None:
        self._name, self._energy = name, energy
        self._wrong: list[BadInput] = []
        self._lines: dict[str, int] = {}  # on which line each session stands

    def read(self, text: str) -> tuple[Session, ...]:
        rows = self._rows(text)
        head = next(rows, None)
        if head is None:
            self._add(1, 1, "", f"expected a first line that names the columns: {', '.join(self._columns)}")
        places = {} if head is None else self._head(head)
        if self._wrong:
            raise BadFile(*self._wrong)
        assert head is not None
        found = [self._session(row, len(head.cells), places) for row in rows]
        if not self._wrong and not found:
            self._add(head.line, 1, "", "expected at least one session below the names of the columns")
        if self._wrong:
            raise BadFile(*self._wrong)
        return tuple(one for one in found if one is not None)

    @property
    def _columns(self) -> tuple[str, ...]:
        return "session", "arrival", "departure", self._energy

    def _add(self, line: int, column: int, field: str, problem: str) -> None:
        self._wrong.append(BadInput(f"{self._name}:{line}:{column}", field, problem))

    def _rows(self, text: str) -> Iterator[_Row]:
        for line, whole in enumerate(re.split(r"\r\n|\n|\r", text), 1):
            if whole.strip() and not whole.startswith("#") and (cells := self._cells(line, whole)):
                yield _Row(line, cells)

    def _cells(self, line: int, whole: str) -> tuple[_Cell, ...]:
        """The fields of a line; none where a quote is left open, which is told."""
        found: list[_Cell] = []
        at = 0
        while True:
            match = _FIELD.match(whole, at)
            assert match is not None, "a field may be empty"
            end = match.end()
            if end < len(whole) and whole[end] != ",":
                self._add(line, end + 1, "", "expected a comma, and quotes around a whole field only")
                return ()
            raw = match[0]
            text = raw[1:-1].replace('""', '"') if raw.startswith('"') else raw
            found.append(_Cell(at + 1, text.strip()))
            if end == len(whole):
                return tuple(found)
            at = end + 1

    def _head(self, head: _Row) -> dict[str, int]:
        """Where each column that is needed stands."""
        names = [cell.text for cell in head.cells]
        if len(names) == 1 and ";" in names[0]:
            self._add(
                head.line, head.cells[0].text.index(";") + 1, "", "expected commas between the columns, got semicolons"
            )
            return {}
        for cell in head.cells:
            if cell.text in self._columns and names.count(cell.text) > 1:
                self._add(head.line, cell.column, cell.text, "expected one column of this name")
        for needed in self._columns:
            if needed not in names:
                hint = suggest(needed, names) if names != [""] else ""
                meant = hint if "mean" in hint else ""
                self._add(head.line, 1, "", f"expected a column {needed}, and it is missing{meant}")
        return {needed: names.index(needed) for needed in self._columns if needed in names}

    def _session(self, row: _Row, width: int, places: dict[str, int]) -> Session | None:
        if len(row.cells) != width:
            self._add(row.line, 1, "", f"expected {width} fields, as the first line names, got {len(row.cells)}")
            return None
        known = len(self._wrong)
        cells = [(needed, row.cells[places[needed]]) for needed in self._columns]
        (_, called), arrival, departure, energy = cells
        name = self._id(row.line, called)
        arrives, leaves = self._time(row.line, *arrival), self._time(row.line, *departure)
        energy_wh = self._kwh(row.line, *energy)
        if arrives is None or leaves is None:
            return None
        if (arrives.tzinfo is None) != (leaves.tzinfo is None):
            self._add(
                row.line, departure[1].column, "departure", "expected an offset from UTC in both times or in none"
            )
        elif leaves <= arrives:
            self._add(row.line, departure[1].column, "departure", "expected a later time than the arrival")
        return Session(name, row.line, arrives, leaves, energy_wh) if len(self._wrong) == known else None

    def _id(self, line: int, cell: _Cell) -> str:
        if not _ID.fullmatch(cell.text):
            problem = f"expected a number or a name of lower-case letters, digits, - and _, got {got(cell.text)}"
            self._add(line, cell.column, "session", problem)
        elif cell.text in self._lines:
            problem = f"expected once, and line {self._lines[cell.text]} has {cell.text} too"
            self._add(line, cell.column, "session", problem)
        self._lines.setdefault(cell.text, line)
        return cell.text

    def _time(self, line: int, field: str, cell: _Cell) -> datetime | None:
        found = _TIME.fullmatch(cell.text)
        if found is None:
            self._add(line, cell.column, field, f"{_TIME_DUE}, got {got(cell.text)}")
            return None
        try:
            read = datetime.fromisoformat(f"{found[1]} {found[2]}{(found[3] or '').replace('Z', '+00:00')}")
        except ValueError:
            read = None
        if read is None or not 1 < read.year < 9999:  # at either end no clock can be put forward or back
            self._add(line, cell.column, field, f"expected a day and a time of the calendar, got {got(cell.text)}")
            return None
        return read

    def _kwh(self, line: int, field: str, cell: _Cell) -> int:
        """The energy in whole Wh, to the nearest: records carry the noise of what wrote them."""
        if _KWH.fullmatch(cell.text) and (exact := Fraction(cell.text) * 1000) <= MOST_WH:
            return int(exact + Fraction(1, 2))
        problem = f"expected an energy in kWh of at most {MOST_WH // 1000}, such as 14.6, got {got(cell.text)}"
        self._add(line, cell.column, field, problem)
        return 0


def local(session: Session, offset: timedelta | None) -> tuple[datetime, datetime]:
    """Arrival and departure on a clock with this offset from UTC, without it; as they stand where the file tells none."""
    if offset is None or session.arrival.tzinfo is None:
        return session.arrival.replace(tzinfo=None), session.departure.replace(tzinfo=None)
    arrival, departure = (
        (one - (one.utcoffset() or timedelta())).replace(tzinfo=None) + offset
        for one in (session.arrival, session.departure)
    )
    return arrival, departure


def offset_of(sessions: Sequence[Session]) -> timedelta | None:
    """The offset of a site's clock: that of the first session which tells one."""
    return next((one.arrival.utcoffset() for one in sessions if one.arrival.tzinfo is not None), None)
