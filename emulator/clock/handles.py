"""The handles of callbacks, made by the loop of a run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context
from typing import Any

from chargebench.emulator.clock.env import Call


class Handle(asyncio.Handle):
    """A callback that is ready, made without asking the loop whether it is being debugged, which costs more than the rest."""

    def __init__(
        self,
        callback: Callable[..., object],
        args: tuple[object, ...],
        loop: asyncio.AbstractEventLoop,
        context: Context,
    ) -> None:
        self._context = context
        self._loop = loop
        self._callback = callback
        self._args = args
        self._cancelled = False
        self._repr = self._source_traceback = None


class TimerHandle(asyncio.TimerHandle):
    """A timer that knows its place in the heap, who set it and when."""

    __slots__ = ("call", "owner", "set_us")

    call: Call | None
    owner: asyncio.Task[Any] | None
    set_us: int
