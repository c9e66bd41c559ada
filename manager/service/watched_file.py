"""A file that says something while the manager runs: it is read again when it has changed, and what is wrong in it is told once."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from chargebench.datasheets.errors import Complaint

T = TypeVar("T")
_Stamp = tuple[int, int, int]


class WatchedFile(Generic[T]):
    """What ``read`` finds in the file at ``path``; ``Complaint`` where it cannot be understood at the start.

    ``stays``: what is said of the value that goes on to hold where the file is wrong now. ``changes``: of a new value, given
    the one before. ``stamp``: of the file as it was last looked at.
    """

    def __init__(
        self, path: Path, read: Callable[[Path], T], stays: Callable[[T], str], changes: Callable[[T, T], str]
    ) -> None:
        self._path, self._read = path, read
        self._stays, self._changes = stays, changes
        self.stamp = stamp_of(path)
        self.value = read(path)
        self._wrong = ""
        self._say: Callable[[str], None] = lambda _: None

    def start(self, say: Callable[[str], None]) -> None:
        """From now on what a person is to know is told."""
        self._say = say

    def look(self) -> bool:
        """Whether it has been read anew, since it has changed and can be understood."""
        stamp = stamp_of(self._path)
        if stamp == self.stamp:
            return False
        self.stamp = stamp
        return self.refresh()

    def refresh(self) -> bool:
        """Read it, whether or not it seems to have changed; whether it can be understood."""
        try:
            value = self._read(self._path)
        except Complaint as error:
            if str(error) != self._wrong:
                self._say(f"{self._stays(self.value)}: {error}")
            self._wrong = str(error)
            return False
        self._wrong = ""
        if value != self.value:
            self._say(self._changes(value, self.value))
        self.value = value
        return True


def stamp_of(path: Path) -> _Stamp | None:
    """By what one sees that a file has changed."""
    try:
        found = os.stat(path)  # noqa: PTH116  (asked for at every cycle)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
