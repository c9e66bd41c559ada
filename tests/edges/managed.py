"""Emulated sites and their managers as programs of their own, spoken to by the lines that they write."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

DEADLINE_S = 60
PROGRAM = (sys.executable, "-c", "from chargebench.scenarios.cli import main; main()")
Line = dict[str, Any]


class Process:
    """A program, and its stdout as JSON lines. ``said`` holds all that were read so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said: list[Line] = []

    async def until(self, wanted: Callable[[Line], object]) -> Line:
        """The next line that is wanted."""
        try:
            async with asyncio.timeout(DEADLINE_S):
                while line := await self._line():
                    if wanted(line):
                        return line
        except TimeoutError:
            raise AssertionError(f"it did not say that; it said {self._all()}") from None
        raise AssertionError(f"it ended before it said that; it said {self._all()}")

    async def end(self, number: signal.Signals | None = None) -> int:
        """Its exit status, after a signal if one is given, and after all that it says has been read."""
        if number is not None:
            self.process.send_signal(number)
        async with asyncio.timeout(DEADLINE_S):
            while await self._line():
                pass
            return await self.process.wait()

    async def _line(self) -> Line | None:
        assert self.process.stdout is not None
        text = await self.process.stdout.readline()
        if not text.endswith(b"\n"):
            return None  # the end, or what was being written when it was killed
        self.said.append(json.loads(text))
        return self.said[-1]

    def _all(self) -> str:
        """Everything, briefly: sentences, and of each cycle the state and the limit of each box."""
        cycles = {"boxes": lambda boxes: [(one["pilot"], one["limit_ma"], one["why"]) for one in boxes]}
        return "\n".join(
            f"{line.get('at', '')[14:22]} {line.get('says') or [cycles[key](line[key]) for key in cycles if key in line]}"
            for line in self.said
        )

    def notes(self, *kinds: str) -> list[str]:
        """What was said of notes of these kinds."""
        return [line["says"] for line in self.said if line.get("note", {}).get("kind") in kinds]


@asynccontextmanager
async def started(*words: str, cwd: Path, **more: str) -> AsyncIterator[Process]:
    """A verb of ours in a process of its own, its stdout JSON lines, its stderr in ``cwd``/VERB.err; ``more`` environment."""
    with (cwd / f"{words[0]}.err").open("ab") as err:
        env = os.environ | {"XDG_RUNTIME_DIR": str(cwd)} | more
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *PROGRAM, *words, "--json", cwd=cwd, stdout=pipe, stderr=err, env=env, limit=1 << 20
        )
    try:
        yield Process(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@asynccontextmanager
async def served(*words: str, cwd: Path) -> AsyncIterator[tuple[Process, dict[str, str]]]:
    """An emulation, and where its devices are."""
    async with started("emulate", *words, cwd=cwd) as process:
        first = await process.until(lambda line: "serving" in line)
        yield process, {one["name"]: one["at"] for one in first["serving"]}
