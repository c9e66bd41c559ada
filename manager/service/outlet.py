"""Text to a terminal, a pipe or a file, without ever waiting for who reads it.

A terminal that is held by Ctrl-S, or a pipe that nobody reads, would otherwise stop the manager in the middle of a cycle, and
its boxes would fall back. What cannot be written at once waits in a bounded buffer; what does not fit is dropped and counted.
"""

from __future__ import annotations

import asyncio
import os
import stat
from contextlib import suppress
from typing import Final, TextIO

MOST_BYTES: Final = 1 << 20
LAST_S: Final = 0.2
"""So long what is still buffered is waited for in the end."""


class Outlet:
    """One stream, from ``open`` to ``close``. ``dropped``: how many texts could not be kept; ``gone``: nobody reads any more."""

    def __init__(self, stream: TextIO) -> None:
        self.encoding = stream.encoding or "utf-8"
        self.dropped = 0
        self.gone = False
        self._loop = asyncio.get_running_loop()
        self._waiting = bytearray()
        self._watched = self._restore = False
        self._empty: asyncio.Future[None] | None = None
        stream.flush()
        self._fd, self._direct = self._own(stream.fileno())

    def write(self, text: str) -> int:
        """Write now or as soon as that can be; always the length of ``text``, as a file would say."""
        data = text.encode(self.encoding, "backslashreplace")
        if self.gone:
            return len(text)
        if len(self._waiting) + len(data) > MOST_BYTES:
            self.dropped += 1
            return len(text)
        self._waiting += data
        if not self._watched:
            self._push()
        return len(text)

    def flush(self) -> None:
        """Nothing: it never holds back what can be written."""

    def isatty(self) -> bool:
        """Whether it leads to a terminal."""
        return os.isatty(self._fd)

    @property
    def busy(self) -> bool:
        """Whether something waits."""
        return bool(self._waiting)

    async def close(self) -> None:
        """Write what still waits, where somebody takes it soon, and let go."""
        if self._waiting:
            self._empty = self._loop.create_future()
            await asyncio.wait((self._empty,), timeout=LAST_S)
        self._unwatch()
        if self._restore:
            os.set_blocking(self._fd, True)
        os.close(self._fd)

    def _own(self, fd: int) -> tuple[int, bool]:
        """A descriptor of our own that does not block, and whether it is a file, which never does."""
        if stat.S_ISREG(os.fstat(fd).st_mode):
            return os.dup(fd), True
        with suppress(OSError):  # a socket, or another user's
            return os.open(f"/dev/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC), False
        found = os.dup(fd)
        self._restore = os.get_blocking(found)
        os.set_blocking(found, False)
        return found, False

    def _push(self) -> None:
        """Write as much as is taken now."""
        try:
            while self._waiting:
                del self._waiting[: os.write(self._fd, self._waiting)]
        except BlockingIOError:
            self._watch()
            return
        except OSError:
            self.gone = not self._direct  # a disk that is full may have room again
            self._waiting.clear()
            self.dropped += 1
        self._unwatch()
        if self._empty is not None and not self._empty.done():
            self._empty.set_result(None)

    def _watch(self) -> None:
        if not self._watched:
            self._loop.add_writer(self._fd, self._push)
            self._watched = True

    def _unwatch(self) -> None:
        if self._watched:
            self._loop.remove_writer(self._fd)
            self._watched = False
