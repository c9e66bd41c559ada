"""The live table of a proxy on a terminal. Who holds the terminal, or is slow to take it, holds nothing up."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from typing import Final

from chargebench.manager.proxy.table import NOTES, Look, Table
from chargebench.manager.service.outlet import Outlet

UP, REST_OF_LINE, REST_OF_SCREEN = "\x1b[{}F", "\x1b[K", "\x1b[J"
USUAL: Final = (80, 24)
MANY: Final = 500


class Screen:
    """Draws over its last drawing; what was told last stands below. ``fd`` is the terminal."""

    def __init__(self, outlet: Outlet, fd: int) -> None:
        self._outlet, self._fd = outlet, fd
        self._table = Table()
        self._notes: deque[str] = deque(maxlen=NOTES)
        self._drawn = 0

    def told(self, text: str) -> None:
        """A sentence for a person."""
        self._notes.append(text)

    def show(self, looks: Sequence[Look], now_us: int) -> None:
        """Draw, unless the terminal has not taken the last drawing yet."""
        if self._outlet.busy:
            return
        lines = self._table.draw(looks, now_us, self._notes, self._size())
        up = UP.format(self._drawn) if self._drawn else ""
        self._outlet.write(up + "".join(f"{line}{REST_OF_LINE}\r\n" for line in lines) + REST_OF_SCREEN)
        self._drawn = len(lines)

    def _size(self) -> tuple[int, int]:
        try:
            columns, rows = os.get_terminal_size(self._fd)
        except OSError:
            return USUAL
        return (columns or USUAL[0], min(rows or USUAL[1], MANY))
