"""The file of a capture that is taken while something else must not wait: bounded, in pieces, and written by the side.

What is to be written is gathered for a moment and then handed to a thread of the loop's own, one portion at a time; a disk
that stands still, or a pipe that nobody reads, holds up nobody. Nothing is kept back longer than that moment, so what a process
that is killed leaves behind can be read.
"""

from __future__ import annotations

import asyncio
import errno
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from chargebench.datasheets.errors import CannotOpen
from chargebench.manager.proxy.pcapng import MAGIC

PIECE_BYTES: Final = 64_000_000
OLDER: Final = 4
"""How many pieces are kept beside the one that is written; of ``line.pcapng`` the youngest of them is ``line.1.pcapng``."""

WAITING_MOST: Final = 4_000_000
MOMENT_S: Final = 0.2
LAST_S: Final = 0.2
"""So long what still waits is written in the end."""


def open_capture(path: Path) -> int:
    """A descriptor of the new capture at ``path``; an earlier one is overwritten, and nothing else. ``CannotOpen``."""
    try:
        refuse_other(path)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC, 0o640)
        os.set_blocking(fd, True)
        if stat.S_ISREG(os.fstat(fd).st_mode):
            os.ftruncate(fd, 0)
    except OSError as error:
        why = (
            "nobody reads this pipe" if error.errno == errno.ENXIO else f"cannot be written: {error.strerror or error}"
        )
        raise CannotOpen(str(path), why) from error
    return fd


def refuse_other(path: Path) -> None:
    """``CannotOpen`` where ``path`` is a file that holds something else than a capture."""
    if not path.is_file() or not path.stat().st_size:
        return
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise CannotOpen(str(path), "it is no capture, and nothing else is overwritten; choose another name")


class CaptureFile:
    """Made on the loop that runs. ``head`` gives what a new piece begins with; ``tell`` takes sentences for a person."""

    def __init__(
        self, path: Path, head: Callable[[], bytes], tell: Callable[[str], None], most: int = PIECE_BYTES
    ) -> None:
        self.dropped = 0
        self._path, self._head, self._tell, self._most = path, head, tell, most
        self._fd = open_capture(path)
        self._regular = stat.S_ISREG(os.fstat(self._fd).st_mode)
        self._loop = asyncio.get_running_loop()
        self._waiting: list[bytes | None] = []  # None: here a new piece begins
        self._size = self._piece = 0
        self._timer: asyncio.TimerHandle | None = None
        self._write: asyncio.Future[None] | None = None
        self._told = self._failed = self._closed = False

    def put(self, block: bytes, must: bool) -> bool:
        """Have a block written; False if there is no room for it."""
        if self._closed:
            return False
        if self._failed or (self._size >= WAITING_MOST and not must):
            return self._drop()
        if self._regular and self._piece + len(block) > self._most and not must:
            self._waiting.append(None)
            self._add(self._head())
            self._piece = 0
        self._add(block)
        if self._timer is None and self._write is None:
            self._timer = self._loop.call_later(MOMENT_S, self._go)
        return True

    async def close(self) -> None:
        """Write what still waits, if that can be done soon, and let go."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._go()
        until_s = self._loop.time() + LAST_S
        while self._write is not None and (left_s := until_s - self._loop.time()) > 0:
            await asyncio.wait((self._write,), timeout=left_s)
        if self._write is None:
            os.close(self._fd)

    def _add(self, block: bytes) -> None:
        self._waiting.append(block)
        self._size += len(block)
        self._piece += len(block)

    def _drop(self) -> bool:
        self.dropped += 1
        if not self._told:
            self._told = True
            if not self._failed:
                self._tell(f"{self._path} does not take packets in time; those that have no room are left out")
        return False

    def _go(self) -> None:
        """Hand what waits to the thread."""
        self._timer = None
        if not self._waiting:
            return
        waiting, self._waiting, self._size = self._waiting, [], 0
        self._write = self._loop.run_in_executor(None, self._work, waiting)
        self._write.add_done_callback(self._written)

    def _written(self, write: asyncio.Future[None]) -> None:
        self._write = None
        error = write.exception()
        if error is None:
            self._go()
        elif isinstance(error, OSError):
            self._failed = True
            self._waiting.clear()
            self._tell(f"{self._path} cannot be written any more: {error.strerror or error}")
        else:
            raise error

    def _work(self, waiting: list[bytes | None]) -> None:
        """In the thread: write all of it, whatever time it takes."""
        portion = bytearray()
        for block in waiting:
            if block is None:
                _put(self._fd, portion)
                portion.clear()
                following = _turn(self._path)
                os.close(self._fd)
                self._fd = following
            else:
                portion += block
        _put(self._fd, portion)


def _put(fd: int, portion: bytearray) -> None:
    view = memoryview(portion)
    while view:
        view = view[os.write(fd, view) :]
    view.release()


def _turn(path: Path) -> int:
    """Keep the piece as an older one, and begin the next; where it cannot be kept, in its place."""
    with suppress(OSError):
        for k in range(OLDER, 0, -1):
            older = piece(path, k - 1)
            if older.exists():
                older.replace(piece(path, k))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)


def piece(path: Path, k: int) -> Path:
    """Where the piece is that was ended ``k`` pieces ago."""
    return path.with_name(f"{path.stem}.{k}{path.suffix}") if k else path
