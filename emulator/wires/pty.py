"""A serial port of this machine's own making: a pty, whose other end a master opens by its path as it would a real port."""

from __future__ import annotations

import os
import tty

PTY = "pty"
"""What stands for "a new pty" where the URL of a serial port is asked for."""


class PtyPort:
    """The near end of a new pty; ``path`` is the far one. It never blocks, and keeps the far end open when masters come and go."""

    def __init__(self) -> None:
        self._near, self._far = os.openpty()
        tty.setraw(self._far)
        os.set_blocking(self._near, False)
        self.path = os.ttyname(self._far)
        self.is_open = True

    def fileno(self) -> int:
        return self._near

    def read(self, most: int, /) -> bytes:
        """What has come, as far as ``most`` bytes; nothing where nothing has."""
        try:
            return os.read(self._near, most)
        except BlockingIOError:
            return b""

    def write(self, data: bytes, /) -> int:
        """How much of ``data`` was taken: none while nobody has read what was sent before."""
        try:
            return os.write(self._near, data)
        except BlockingIOError:
            return 0

    def close(self) -> None:
        if self.is_open:
            self.is_open = False
            os.close(self._near)
            os.close(self._far)
