"""Who manages a site: a file that one process at a time can hold, and that says which one does.

The kernel lets go of the hold when its process ends, however it ends, so nothing is left behind that somebody would have to
clear away. What the file says is for people; nothing depends on it.
"""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from chargebench.datasheets.errors import CannotOpen

_LONGEST: Final = 1_000


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that manages a site: its number, its machine, and since when by that machine's clock."""

    pid: int
    host: str
    since: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} since {self.since}"


class Held(CannotOpen):
    """Another process manages the site."""


class Hold:
    """The hold on ``path`` until ``release``, or until the process ends; ``Held`` names who has it, ``CannotOpen`` where there can be none.

    ``earlier`` is the process that held it before and did not let go itself: it was killed, or its machine was.
    """

    def __init__(self, path: Path, who: Holder) -> None:
        self._path = path
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise CannotOpen(str(path), f"cannot be opened: {error.strerror}") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = self._read()
            os.close(self._file)
            if not isinstance(error, BlockingIOError):
                raise CannotOpen(str(path), f"cannot be held: {error.strerror}") from error
            by = f"by {holder}" if holder is not None else "by another process"
            raise Held(str(path), f"the site is managed {by}; two managers on one site would fight") from error
        self.earlier = self._read()
        self._write(json.dumps(asdict(who), ensure_ascii=False))

    def release(self) -> None:
        """Let go."""
        if self._file >= 0:
            self._write("")
            os.close(self._file)
            self._file = -1

    def _read(self) -> Holder | None:
        """What the file says; None where it says nothing, or nothing that a manager has written."""
        try:
            said = json.loads(os.pread(self._file, _LONGEST, 0))
            return Holder(int(said["pid"]), str(said["host"])[:80], str(said["since"])[:40])
        except (OSError, ValueError, LookupError, TypeError):
            return None

    def _write(self, text: str) -> None:
        try:
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, text.encode(), 0)
        except OSError:  # a full disk: the hold is there all the same, only its name is missing
            return
