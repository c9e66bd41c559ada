"""What wires stand on: the little of the loop that they see."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context
from typing import Protocol, TypeVarTuple

from chargebench.emulator.streams import Streams
from chargebench.emulator.trace import Trace

Args = TypeVarTuple("Args")


class Ticket(Protocol):
    """A call that is still to come."""

    def cancel(self) -> None: ...


class Heap(Protocol):
    """The clock and its heap of things to come."""

    @property
    def now_us(self) -> int:
        """Microseconds since the start of the run."""

    def at(self, when_us: int, fn: Callable[[*Args], object], *args: *Args) -> Ticket:
        """Call at ``when_us``, after all that was put there before."""

    def after(self, delay_us: int, fn: Callable[[*Args], object], *args: *Args) -> Ticket:
        """Call in ``delay_us``."""


class Pending(Protocol):
    """An open request that is watched."""

    def done(self) -> None: ...


class Ground(Protocol):
    """A loop, as seen by the wires."""

    @property
    def env(self) -> Heap:
        """The heap."""

    @property
    def trace(self) -> Trace:
        """The record of the run."""

    @property
    def streams(self) -> Streams:
        """All chance there is."""

    def call_soon(
        self, callback: Callable[[*Args], object], *args: *Args, context: Context | None = None
    ) -> asyncio.Handle:
        """As asyncio's."""

    def asked(self, channel: str, what: str) -> Pending | None:
        """Watch the request that the running task has just written on ``channel``; None where no task runs."""
