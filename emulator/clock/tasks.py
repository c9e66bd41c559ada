"""Tasks that know their number and their creator, and the exceptions that nobody has taken from them."""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar
from weakref import ref

from chargebench.emulator.clock.hangs import NEVER_US, PATIENCE_US

T = TypeVar("T")


class RunTask(asyncio.Task[T]):
    """A task of a run: ``number`` counts the tasks of its loop."""

    number: int = 0
    _parent: ref[asyncio.Task[Any]] | None = None

    def created_by(self, parent: asyncio.Task[Any] | None) -> None:
        """Note who created it; held weakly, so that a chain of tasks does not keep its dead."""
        self._parent = None if parent is None else ref(parent)

    @property
    def waits_for(self) -> asyncio.Future[Any] | None:
        """The future it waits for; None while it does not wait."""
        return None if self.done() else self._fut_waiter  # type: ignore[attr-defined]

    def above(self) -> list[asyncio.Task[Any]]:
        """Its creator, that one's creator, and so on, as far as they still live."""
        line: list[asyncio.Task[Any]] = []
        link = self._parent
        while link is not None and (parent := link()) is not None:
            line.append(parent)
            link = parent._parent if isinstance(parent, RunTask) else None  # noqa: SLF001 one of us
        return line

    def give_up(self) -> None:
        """It will never end, and that has been said already: no warning when it is thrown away."""
        self._log_destroy_pending = False

    def __str__(self) -> str:
        return f"{self.get_name()}<{getattr(self.get_coro(), '__qualname__', '?')}>"


class Untaken:
    """Exceptions of finished tasks that nobody has taken yet. ``look_us`` is when the oldest has waited long enough."""

    def __init__(self) -> None:
        self._since: dict[RunTask[Any], int] = {}
        self.look_us = NEVER_US

    def ended(self, task: RunTask[Any], now_us: int) -> None:
        """A task is over; keep it where it failed and nobody knows."""
        if _untaken(task):
            self._since[task] = now_us
            self.look_us = min(self.look_us, now_us + PATIENCE_US)

    def oldest(self, before_us: int) -> tuple[RunTask[Any], int] | None:
        """The first task that failed at or before ``before_us`` and whose exception is still untaken, and when it failed."""
        for task, since_us in list(self._since.items()):
            if not _untaken(task):
                del self._since[task]
            elif since_us <= before_us:
                del self._since[task]
                return task, since_us
        self.look_us = min((since_us + PATIENCE_US for since_us in self._since.values()), default=NEVER_US)
        return None


def _untaken(task: RunTask[Any]) -> bool:
    return bool(task._log_traceback)  # noqa: SLF001 the only place where asyncio keeps it
