"""The manager's memory over restarts, in one SQLite file that only one manager at a time can have.

Whole or not at all is SQLite's own promise, a process that is killed leaves no lock behind, and the file is read as what
anybody may have written: numbers out of bounds are damage. A damaged file is put aside under another name, once told of,
and the manager goes on as one that remembers nothing.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from chargebench.datasheets.errors import CannotOpen
from chargebench.manager.ledger import States, Unusable
from chargebench.manager.readings import Remembered

LAYOUT: Final = 1
MOST_BOXES: Final = 1_000
MOST_MA: Final = 100_000
MOST_US: Final = 1 << 53
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS boxes (
  name TEXT PRIMARY KEY, top_ma INTEGER NOT NULL, sent_ma INTEGER,
  failsafe_us INTEGER, failsafe_ma INTEGER, boot_ma INTEGER, restarts INTEGER
)
"""
_COLUMNS: Final = ["name", "top_ma", "sent_ma", "failsafe_us", "failsafe_ma", "boot_ma", "restarts"]
_BUSY: Final = ("SQLITE_BUSY", "SQLITE_LOCKED")


class SqliteStore:
    """A store in the file at ``path``, made where there is none. Held until ``close``, or until the process ends.

    ``CannotOpen`` where another manager has it, or where there can be no such file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._why = ""
        try:
            self._file = self._open()
        except Unusable as damage:
            self._why = f"{damage.args[0]}; it is kept as {self._put_aside().name}"
            try:
                self._file = self._open()
            except Unusable as again:
                raise CannotOpen(str(path), str(again.args[0])) from again

    def load(self) -> States:
        """What was saved last; ``Unusable`` once where the file was damaged, nothing after that."""
        if self._why:
            why, self._why = self._why, ""
            raise Unusable(why)
        try:
            rows = self._file.execute("SELECT * FROM boxes ORDER BY name LIMIT ?", (MOST_BOXES,)).fetchall()
            return {name: _checked(*values) for name, *values in rows}
        except (sqlite3.Error, ValueError) as error:
            raise Unusable(f"{self._path} is damaged: {error}") from error

    def save(self, states: States) -> None:
        """Keep ``states`` in place of all others; on the disk when this returns. ``Unusable``."""
        rows = [
            (name, one.top_ma, one.sent_ma, one.failsafe_us, one.failsafe_ma, one.boot_ma, one.restarts)
            for name, one in states.items()
        ]
        try:
            with self._file:
                self._file.execute("DELETE FROM boxes")
                self._file.executemany("INSERT INTO boxes VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        except sqlite3.Error as error:
            raise Unusable(f"{self._path} cannot be written: {error}") from error

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _open(self) -> sqlite3.Connection:
        """The file, locked; ``Unusable`` if it is none of ours, ``CannotOpen`` if it cannot be had."""
        try:
            file = sqlite3.connect(self._path, timeout=0)
        except sqlite3.Error as error:
            raise CannotOpen(str(self._path), f"cannot be opened: {error}") from error
        try:
            file.execute("PRAGMA locking_mode = EXCLUSIVE")
            file.execute("PRAGMA synchronous = FULL")
            with file:
                file.execute("BEGIN EXCLUSIVE")
                _lay_out(file)
        except sqlite3.Error as error:
            file.close()
            if getattr(error, "sqlite_errorname", "") in _BUSY:
                raise CannotOpen(str(self._path), "is held by another manager of this site") from error
            if isinstance(error, sqlite3.OperationalError):
                raise CannotOpen(str(self._path), f"cannot be opened: {error}") from error
            raise Unusable(f"{self._path} is damaged: {error}") from error
        except Unusable as error:
            file.close()
            raise Unusable(f"{self._path} {error.args[0]}") from error
        return file

    def _put_aside(self) -> Path:
        """Give the damaged file another name, in place of one that was put aside before."""
        aside = self._path.with_name(f"{self._path.name}.damaged")
        try:
            return self._path.replace(aside)
        except OSError as error:
            raise CannotOpen(str(self._path), f"is damaged and cannot be put aside: {error.strerror}") from error


def _lay_out(file: sqlite3.Connection) -> None:
    """Make the table where there is none; ``Unusable`` where there is another."""
    (layout,) = file.execute("PRAGMA user_version").fetchone()
    if layout not in (0, LAYOUT):
        raise Unusable(f"has layout {layout}, this manager knows {LAYOUT}")
    file.execute(_TABLE)
    if [row[1] for row in file.execute("PRAGMA table_info(boxes)")] != _COLUMNS:
        raise Unusable("holds something else")
    file.execute(f"PRAGMA user_version = {LAYOUT}")


def _checked(*values: object) -> Remembered:
    """A row as a value; ``ValueError`` for what no manager writes."""
    top_ma, sent_ma, failsafe_us, failsafe_ma, boot_ma, restarts = values
    top = _number(top_ma, MOST_MA)
    if top is None:
        raise ValueError("a box without a limit")
    return Remembered(
        top_ma=top,
        sent_ma=_number(sent_ma, MOST_MA),
        failsafe_us=_number(failsafe_us, MOST_US),
        failsafe_ma=_number(failsafe_ma, MOST_MA),
        boot_ma=_number(boot_ma, MOST_MA),
        restarts=_number(restarts, MOST_US),
    )


def _number(value: object, most: int) -> int | None:
    if value is None or (isinstance(value, int) and 0 <= value <= most):
        return value
    raise ValueError(f"{value!r} where a number from 0 to {most} belongs")
