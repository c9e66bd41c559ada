"""How many licences there are: a number that stays, or a file that is asked again at every cycle.

The file holds one number and may hold remarks after ``#``. While the manager runs, a file that cannot be read or understood
changes nothing but is told of once: a licence that goes is a number that somebody writes, not an editor in the middle of it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from chargebench.datasheets.errors import BadInput
from chargebench.datasheets.quantity import got
from chargebench.manager.service.watched_file import WatchedFile

MOST: Final = 99
_LONGEST: Final = 4_096


class Licences(Protocol):
    """Who is asked. ``refresh`` is a person's wish to be heard now; ``say`` takes what a person is to know."""

    def start(self, say: Callable[[str], None]) -> None: ...

    def now(self) -> int: ...

    def refresh(self) -> None: ...


class FixedLicences:
    """As many as were given at the start."""

    def __init__(self, count: int) -> None:
        self._count = count

    def start(self, say: Callable[[str], None]) -> None:
        """Begin."""

    def now(self) -> int:
        """How many there are."""
        return self._count

    def refresh(self) -> None:
        """Nothing can have changed."""


class LicenceFile:
    """As many as ``read`` finds in the file at ``path``; ``Complaint`` where it cannot be understood at the start."""

    def __init__(self, path: Path, read: Callable[[Path], int]) -> None:
        self._file = WatchedFile(
            path,
            read,
            stays=lambda count: f"licences stay {count}",
            changes=lambda count, before: f"licences are {count} now, were {before}",
        )

    def start(self, say: Callable[[str], None]) -> None:
        """From now on what a person is to know is told."""
        self._file.start(say)

    def now(self) -> int:
        """How many there are."""
        self._file.look()
        return self._file.value

    def refresh(self) -> None:
        """Read it, whether or not it seems to have changed."""
        self._file.refresh()


def read_number(path: Path) -> int:
    """The number that a licence file holds; ``BadInput``."""
    if path.exists() and not path.is_file():
        raise BadInput(str(path), "", "expected a number of licences, or a file that holds one")
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            text = file.read(_LONGEST + 1)
    except OSError as error:
        raise BadInput(str(path), "", f"cannot be read: {error.strerror}") from error
    said = [(number, line.partition("#")[0].strip()) for number, line in enumerate(text.splitlines(), 1)]
    filled = [(number, word) for number, word in said if word]
    if len(filled) == 1 and len(text) <= _LONGEST:
        ((_, word),) = filled
        if word.isascii() and word.isdecimal() and len(word) <= 2:
            return int(word)
    line = filled[-1][0] if filled else 1
    found = got(filled[-1][1]) if filled else "nothing"
    raise BadInput(f"{path}:{line}:1", "", f"expected one number of licences from 0 to {MOST}, got {found}")
