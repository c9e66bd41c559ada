"""What comes next on the ways between master and slaves, in the order of time, and which time it is meanwhile.

A round that has begun goes on here while the world stands still. It may also be made up for: then its time lies behind that
of the world, which is all the same to those it asks, since nothing has happened to them in between.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush

from chargebench.emulator.flow import FAR

Entry = tuple[int, int, Callable[..., object], tuple[object, ...]]


class Clockwork:
    """A queue of calls, and ``now_us``, the time of the call under way."""

    def __init__(self) -> None:
        self.now_us = 0
        self._queue: list[Entry] = []
        self._number = 0
        self._soon: deque[tuple[Callable[..., object], tuple[object, ...]]] = deque()

    @property
    def next_us(self) -> int:
        """When the next call is due."""
        return self._queue[0][0] if self._queue else FAR

    def at(self, when_us: int, fn: Callable[..., object], *args: object) -> None:
        """Call ``fn(*args)`` at ``when_us``, after all that was put here before for that instant."""
        self._number = number = self._number + 1
        heappush(self._queue, (when_us, number, fn, args))

    def soon(self, fn: Callable[..., object], *args: object) -> None:
        """Call ``fn(*args)`` at this very instant, after the call under way."""
        self._soon.append((fn, args))

    def run(self, until_us: int) -> None:
        """Make all calls that are due before ``until_us``."""
        queue, soon = self._queue, self._soon
        while queue and queue[0][0] < until_us:
            self.now_us, _, fn, args = heappop(queue)
            fn(*args)
            while soon:
                fn, args = soon.popleft()
                fn(*args)
