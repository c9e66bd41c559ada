"""Open requests that nobody will answer.

A watched request is starved when 60 virtual seconds pass without a record on its channel. Requests that a client made by
writing to a connection or a port are watched by themselves, with one more rule, so that a client with a timeout of its own
is left alone: the task that wrote must still wait for the very thing it waited for after writing, and no timer may be
running that could end that wait: none that this task has set, and none that a task above it had set by then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from chargebench.emulator.clock.hangs import NEVER_US, PATIENCE_US
from chargebench.emulator.clock.tasks import RunTask
from chargebench.emulator.trace import Trace


@dataclass(frozen=True, slots=True)
class Timer:
    """A timer that is running: when it was set, and by which task (None: by a callback)."""

    owner: asyncio.Task[Any] | None
    set_us: int


class Clockwork(Protocol):
    """What the watches see of their loop."""

    @property
    def now_us(self) -> int:
        """Microseconds since the start of the run."""

    def timers(self) -> Iterable[Timer]:
        """The timers that are running, in any order."""


@dataclass(slots=True, eq=False)
class Watch:
    """An open request on ``channel``; ``done`` ends it. ``what`` says in words what is waited for."""

    channel: str
    what: str
    opened_us: int
    book: dict[Watch, None] = field(repr=False)
    task: RunTask[Any] | None = None
    waits_for: asyncio.Future[Any] | None = None

    def done(self) -> None:
        """Answered, or given up."""
        self.book.pop(self, None)

    def settle(self) -> None:
        """Note what the task that wrote waits for, now that it has come to wait."""
        self.waits_for = self.task.waits_for if self.task is not None else None
        if self.waits_for is None:
            self.done()

    def moved_on(self) -> bool:
        """Whether the task that wrote waits for something else by now."""
        return self.task is not None and self.task.waits_for is not self.waits_for

    def __str__(self) -> str:
        return (
            f"{self.what} on {self.channel}" if self.task is None else f"{self.task} for {self.what} on {self.channel}"
        )


class Watches:
    """All open requests of a loop. ``look_us`` is when ``starved`` has to be asked again."""

    def __init__(self, loop: Clockwork, trace: Trace) -> None:
        self._loop = loop
        self._trace = trace
        self._open: dict[Watch, None] = {}
        self.look_us = NEVER_US

    def open(self, channel: str, what: str, task: RunTask[Any] | None = None) -> Watch:
        """Watch a request; with ``task``, by the rule for clients that may have timeouts of their own."""
        watch = Watch(channel, what, self._loop.now_us, self._open, task)
        self._open[watch] = None
        self.look_us = min(self.look_us, watch.opened_us + PATIENCE_US)
        return watch

    def starved(self) -> list[Watch]:
        """The requests that have waited too long, in the order in which they were opened; sets ``look_us``."""
        late: list[Watch] = []
        now_us, self.look_us = self._loop.now_us, NEVER_US
        for watch in list(self._open):
            if watch.moved_on():
                watch.done()
                continue
            due_us = max(watch.opened_us, self._trace.last_us(watch.channel)) + PATIENCE_US
            if due_us <= now_us:
                if not self._will_give_up(watch):
                    late.append(watch)
                due_us = now_us + PATIENCE_US
            self.look_us = min(self.look_us, due_us)
        return late

    def _will_give_up(self, watch: Watch) -> bool:
        if watch.task is None:
            return False
        above = watch.task.above()
        return any(
            timer.owner is watch.task
            or (timer.set_us <= watch.opened_us and any(timer.owner is parent for parent in above))
            for timer in self._loop.timers()
        )
