"""The capture of a proxy that serves: its file, its clock, and who tells it what."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from chargebench.manager.links.master import crc_of, lrc_of
from chargebench.manager.proxy.capture import Capture, Known
from chargebench.manager.proxy.capture_file import CaptureFile
from chargebench.manager.proxy.config import Captured
from chargebench.manager.proxy.recorder import Recorder


class Recording:
    """From its first block to its last; made on the loop that runs. ``CannotOpen`` where the file cannot be had."""

    def __init__(self, wanted: Captured, tell: Callable[[str], None]) -> None:
        self._path = wanted.path
        loop_time = asyncio.get_running_loop().time
        civil_us = time.time_ns() // 1_000 - round(loop_time() * 1e6)  # noqa: TID251  (what a capture is compared by)
        known = Known()
        self._file = CaptureFile(Path(wanted.path), known.head, tell, wanted.piece_bytes)
        capture = Capture(self._file.put, crc_of, lrc_of, "proxy", known)
        self.recorder = Recorder(capture, lambda: civil_us + round(loop_time() * 1e6))

    @property
    def said(self) -> str:
        """What became of it."""
        left_out = self._file.dropped
        return f"captured in {self._path}" + (f", with {left_out} packets left out" if left_out else "")

    @property
    def told(self) -> dict[str, str | int]:
        """The same, for a program."""
        return {"file": self._path, "left_out": self._file.dropped}

    async def close(self) -> None:
        """Write what can still be written soon."""
        await self._file.close()
