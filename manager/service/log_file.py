"""The file of the log: bounded, in a few pieces of which the oldest goes. A log that cannot be written stops nobody."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from chargebench.datasheets.errors import CannotOpen

PIECE_BYTES: Final = 1_000_000
OLDER: Final = 4
"""How many pieces are kept beside the one that is written: ``PATH.1`` is the youngest of them."""


class LogFile:
    """The file at ``path``, written at its end, made where there is none. ``CannotOpen``, but later on nothing is raised."""

    def __init__(self, path: Path, piece_bytes: int = PIECE_BYTES) -> None:
        self._path = path
        self._piece_bytes = piece_bytes
        self._missing = 0
        try:
            self._file = self._open()
        except OSError as error:
            raise CannotOpen(str(path), f"cannot be written: {error.strerror}") from error

    def write(self, line: str) -> None:
        """Add a line; where that fails, it is counted, and told of by the next one that does not."""
        data = f"{line}\n".encode()
        try:
            if os.fstat(self._file).st_size + len(data) > self._piece_bytes:
                self._turn()
            if self._missing:
                data = f"({self._missing} lines before this one could not be written)\n".encode() + data
            os.write(self._file, data)
        except OSError:
            self._missing += 1
        else:
            self._missing = 0

    def reopen(self) -> None:
        """Go on in the file that is at ``path`` now: somebody may have taken the other one away."""
        with suppress(OSError):
            following = self._open()
            os.close(self._file)
            self._file = following

    def close(self) -> None:
        """Let go of it."""
        os.close(self._file)

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)

    def _turn(self) -> None:
        """Begin a new piece; where the old one cannot be kept, in its place."""
        try:
            for k in range(OLDER, 0, -1):
                older = self._piece(k - 1)
                if older.exists():
                    older.replace(self._piece(k))
        except OSError:
            os.ftruncate(self._file, 0)
            return
        self.reopen()

    def _piece(self, k: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{k}") if k else self._path
