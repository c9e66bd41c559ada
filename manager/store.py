"""The manager's memory over restarts, in one SQLite file that only one manager at a time can have.

Whole or not at all is SQLite's own promise, a process that is killed leaves no lock behind, and the file is read as what
anybody may have written: numbers out of bounds are damage. A file that is damaged, or that is something else, is refused
and stays as it is: to begin without memory is a decision of a person, who gives the file another name.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Final

from chargebench.datasheets.errors import BadInput, CannotOpen
from chargebench.manager.ledger import States, Unusable
from chargebench.manager.readings import Remembered, Session

LAYOUT: Final = 2
OURS: Final = 0x63686772
"""The application id of the file: its tables are the manager's."""

MOST_BOXES: Final = 1_000
MOST_MA: Final = 100_000
MOST_WH: Final = 10_000_000
MOST_US: Final = 1 << 53
_TABLES: Final = (
    "CREATE TABLE site (path TEXT NOT NULL)",
    """
CREATE TABLE boxes (
  name TEXT PRIMARY KEY, top_ma INTEGER NOT NULL, sent_ma INTEGER,
  failsafe_us INTEGER, failsafe_ma INTEGER, boot_ma INTEGER, restarts INTEGER,
  phases INTEGER, energy_wh INTEGER, waited_us INTEGER, left_us INTEGER
)
""",
)
_COLUMNS: Final = [
    *("name", "top_ma", "sent_ma", "failsafe_us", "failsafe_ma", "boot_ma", "restarts"),
    *("phases", "energy_wh", "waited_us", "left_us"),
]
_INSERT: Final = f"INSERT INTO boxes VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608  (question marks, nothing else)
_BUSY: Final = ("SQLITE_BUSY", "SQLITE_LOCKED")
_REMEDY: Final = "give it another name to begin without memory, and every box counts at its maximum until it is reached"


class SqliteStore:
    """A store in the file at ``path``, made where there is none. Held until ``close``, or until the process ends.

    ``site`` names whose boxes are kept in it. ``CannotOpen`` where another process has it, or where there can be no such
    file; ``BadInput`` where it is damaged, or something else.
    """

    def __init__(self, path: Path, site: str = "") -> None:
        self._path = path
        self._site = site
        try:
            self._file = self._open()
        except Unusable as damage:
            raise BadInput(str(path), "", f"{damage.args[0]}; {_REMEDY}") from damage

    @property
    def site(self) -> str:
        """Whose boxes were saved last; nothing if none were."""
        row = self._file.execute("SELECT path FROM site").fetchone()
        return "" if row is None else str(row[0])

    def load(self) -> States:
        """What was saved last; ``Unusable``."""
        try:
            return _states(self._file)
        except (sqlite3.Error, ValueError) as error:
            raise Unusable(f"{self._path} cannot be read: {error}") from error

    def save(self, states: States) -> None:
        """Keep ``states`` in place of all others; on the disk when this returns. ``Unusable``."""
        rows = [_row(name, one) for name, one in states.items()]
        try:
            with self._file:
                self._file.execute("DELETE FROM site")
                self._file.execute("INSERT INTO site VALUES (?)", (self._site,))
                self._file.execute("DELETE FROM boxes")
                self._file.executemany(_INSERT, rows)
        except sqlite3.Error as error:
            raise Unusable(f"{self._path} cannot be written: {error}") from error

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _open(self) -> sqlite3.Connection:
        """The file, locked, and all in it read once; ``Unusable`` if that makes no sense, ``CannotOpen`` if it cannot be had."""
        try:
            _make_private(self._path)
            file = sqlite3.connect(self._path, timeout=0)
        except (OSError, sqlite3.Error) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise CannotOpen(str(self._path), f"cannot be opened: {why}") from error
        try:
            file.execute("PRAGMA locking_mode = EXCLUSIVE")
            file.execute("PRAGMA synchronous = EXTRA")
            with file:
                file.execute("BEGIN EXCLUSIVE")
                _lay_out(file)
        except sqlite3.Error as error:
            file.close()
            if getattr(error, "sqlite_errorname", "") in _BUSY:
                raise CannotOpen(str(self._path), "is held by another manager of this site") from error
            if isinstance(error, sqlite3.OperationalError):
                raise CannotOpen(str(self._path), f"cannot be opened: {error}") from error
            raise Unusable(f"is damaged: {error}") from error
        except Unusable:
            file.close()
            raise
        try:
            _states(file)
        except (sqlite3.Error, ValueError) as error:
            file.close()
            raise Unusable(f"is damaged: {error}") from error
        return file


def _make_private(path: Path) -> None:
    """Have the file there, and nobody else's: who can write it can have boxes counted as less than they are."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        found = path.stat()
        if found.st_uid == os.geteuid() and found.st_mode & 0o077:
            path.chmod(0o600)


def _lay_out(file: sqlite3.Connection) -> None:
    """Make the tables in a new file; ``Unusable`` where others are in it, and then nothing is changed."""
    (tables,) = file.execute("SELECT count(*) FROM sqlite_master").fetchone()
    (layout,) = file.execute("PRAGMA user_version").fetchone()
    (owner,) = file.execute("PRAGMA application_id").fetchone()
    if not (tables or layout or owner):
        for table in _TABLES:
            file.execute(table)
        file.execute(f"PRAGMA user_version = {LAYOUT}")
        file.execute(f"PRAGMA application_id = {OURS}")
        return
    if owner != OURS:
        raise Unusable("is not what a manager remembers, but another program's")
    if layout != LAYOUT:
        raise Unusable(f"has layout {layout}, this manager knows {LAYOUT}")
    (sound,) = file.execute("PRAGMA quick_check(1)").fetchone()
    if sound != "ok":
        raise Unusable(f"is damaged: {sound}")
    if [row[1] for row in file.execute("PRAGMA table_info(boxes)")] != _COLUMNS:
        raise Unusable("is damaged: its columns are others")


def _states(file: sqlite3.Connection) -> States:
    """Everything in the file; ``ValueError`` for what no manager writes."""
    rows = file.execute("SELECT * FROM boxes ORDER BY name LIMIT ?", (MOST_BOXES,)).fetchall()
    return {str(name): _checked(*values) for name, *values in rows}


def _row(name: str, one: Remembered) -> tuple[object, ...]:
    session = one.session
    car: tuple[object, ...] = (None,) * 4
    if session is not None:
        car = (sum(1 << phase for phase in session.phases), session.energy_wh, session.waited_us, session.left_us)
    return (name, one.top_ma, one.sent_ma, one.failsafe_us, one.failsafe_ma, one.boot_ma, one.restarts, *car)


def _checked(*values: object) -> Remembered:
    """A row as a value; ``ValueError`` for what no manager writes."""
    top_ma, sent_ma, failsafe_us, failsafe_ma, boot_ma, restarts, *car = values
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
        session=_session(*car),
    )


def _session(phases: object, energy_wh: object, waited_us: object, left_us: object) -> Session | None:
    mask, energy, waited = _number(phases, 7), _number(energy_wh, MOST_WH), _number(waited_us, MOST_US)
    left = _number(left_us, MOST_US)
    if mask is None or energy is None or waited is None:
        if (mask, energy, waited, left) != (None,) * 4:
            raise ValueError("half of what is known of a car")
        return None
    return Session(tuple(phase for phase in range(3) if mask >> phase & 1), energy, waited, left)


def _number(value: object, most: int) -> int | None:
    if value is None or (isinstance(value, int) and 0 <= value <= most):
        return value
    raise ValueError(f"{value!r} where a number from 0 to {most} belongs")
