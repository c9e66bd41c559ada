"""The files that a study names: sessions as CSV or Parquet, house loads as CSV. Bounded, and with every error of a file at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from chargebench.datasheets.errors import BadFile, BadInput, CannotOpen
from chargebench.datasheets.quantity import got
from chargebench.scenarios.moments import day as day_of
from chargebench.scenarios.sessions import Session, parse_sessions
from chargebench.scenarios.whatif.house import QUARTERS, Profile

MOST_BYTES = 64_000_000
MISSING = "this needs the extra whatif: pip install 'chargebench[whatif]'"
_ROW = re.compile(
    r"(?:(\d{4}-\d{2}-\d{2})[ T])?(\d{1,2}):(\d{2})(?::00)?\s*,\s*([0-9]{1,6}(?:\.[0-9]{1,9})?)", re.ASCII
)


def read_sessions(path: Path, energy: str) -> tuple[Session, ...]:
    """The sessions of a file in the shape that scenarios have, too; one that ends in .parquet has the same columns."""
    text = _parquet(path, energy) if path.suffix == ".parquet" else _text(path)
    return parse_sessions(text, str(path), energy)


def read_profile(path: Path) -> Profile:
    """A house's load: ``time,load_kw`` and a line each quarter hour, of one day or, with dates, of whole days on end."""
    wrong: list[BadInput] = []
    watts: list[int] = []
    first: int | None = None
    lines = [(number, line.strip()) for number, line in enumerate(_text(path).splitlines(), 1)]
    rows = [(number, line) for number, line in lines if line and not line.startswith("#")]
    if not rows or rows[0][1].replace(" ", "") != "time,load_kw":
        raise BadFile(BadInput(f"{path}:1:1", "", "expected a first line time,load_kw"))
    for k, (number, line) in enumerate(rows[1:]):
        found = _ROW.fullmatch(line)
        if found is None:
            due = "expected a time and a load in kW, such as 00:15,4.2"
            wrong.append(BadInput(f"{path}:{number}:1", "", f"{due}, got {got(line)}"))
            continue
        if k == 0 and found[1] is not None:
            first = _day(found[1], f"{path}:{number}:1", wrong)
        expected = f"{k % QUARTERS // 4:02}:{k % 4 * 15:02}"
        if f"{found[2]:0>2}:{found[3]}" != expected:
            wrong.append(
                BadInput(f"{path}:{number}:1", "", f"expected {expected}, a line each quarter hour from midnight on")
            )
            break
        watts.append(round(float(found[4]) * 1000))
    if not wrong and (not watts or len(watts) % QUARTERS or (first is None and len(watts) != QUARTERS)):
        due = (
            "whole days of 96 quarter hours"
            if first is not None
            else "one day of 96 quarter hours, or dates with the times"
        )
        wrong.append(BadInput(f"{path}:{rows[-1][0]}:1", "", f"expected {due}, got {len(watts)} lines"))
    if wrong:
        raise BadFile(*wrong)
    return Profile(tuple(watts), first)


def _day(text: str, where: str, wrong: list[BadInput]) -> int | None:
    try:
        return day_of(text)
    except ValueError as error:
        wrong.append(BadInput(where, "", str(error)))
        return None


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise BadInput(str(path), "", f"expected at most {MOST_BYTES // 1_000_000} MB, and the file is larger")
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(str(path), "", "expected text in UTF-8") from error
    except OSError as error:
        raise BadInput(str(path), "", f"cannot be read: {error.strerror or error}") from error


def _parquet(path: Path, energy: str) -> str:
    """The rows of a Parquet file as the CSV that says the same."""
    try:
        from pyarrow import ArrowException, parquet  # noqa: PLC0415  (an extra that few need)
    except ImportError as error:
        raise CannotOpen(str(path), MISSING) from error
    columns = ("session", "arrival", "departure", energy)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise BadInput(str(path), "", f"expected at most {MOST_BYTES // 1_000_000} MB, and the file is larger")
        rows: Sequence[dict[str, object]] = parquet.read_table(path).to_pylist()
    except (OSError, ArrowException) as error:
        raise BadInput(str(path), "", f"cannot be read as Parquet: {error}") from error
    names = list(rows[0]) if rows else list(columns)
    head = [name for name in columns if name in names]
    return "\n".join([",".join(head), *(",".join(str(row[name]) for name in head) for row in rows)])


def write_parquet(path: Path, table: Sequence[dict[str, int | str | None]]) -> bool:
    """Rows of the same columns as Parquet; whether that could be done."""
    try:
        from pyarrow import Table, parquet  # noqa: PLC0415  (an extra that few need)
    except ImportError:
        return False
    try:
        parquet.write_table(Table.from_pylist(list(table)), path)
    except OSError as error:
        raise CannotOpen(str(path), f"cannot be written: {error.strerror or error}") from error
    return True
