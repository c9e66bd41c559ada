"""A queue of things to come beside the heap: what follows one another within milliseconds, many times a second.

Its entries happen in the order of their times, and between the events of the heap: time goes on to the next of them only
where nothing on the heap is due by then and no callback of the loop is ready. So they happen as if they were on the heap,
without what it costs to go through it and through the loop for each.
"""

from __future__ import annotations

from collections.abc import Callable, Sized
from heapq import heappop, heappush

from chargebench.emulator.clock.env import Call, SimEnv

Entry = tuple[int, int, Callable[..., object], tuple[object, ...]]


class Reel:
    """A queue on the heap ``env``; ``ready``: the callbacks of its loop that are to be called before time goes on."""

    def __init__(self, env: SimEnv, ready: Sized) -> None:
        self._env = env
        self._ready = ready
        self._queue: list[Entry] = []
        self._number = 0
        self._call: Call | None = None
        self._due_us = 0
        self._runs = False

    @property
    def now_us(self) -> int:
        """The heap's clock."""
        return self._env.now_us

    def at(self, when_us: int, fn: Callable[..., object], *args: object) -> None:
        """Call ``fn(*args)`` at ``when_us``, which is not past, after all that was put here before for that instant."""
        self._number = number = self._number + 1
        heappush(self._queue, (when_us, number, fn, args))
        if not self._runs and (self._call is None or when_us < self._due_us):
            self._arm()

    def _arm(self) -> None:
        if self._call is not None:
            self._call.cancel()
        self._due_us = self._queue[0][0]
        self._call = self._env.at(self._due_us, self._run)

    def _run(self) -> None:
        env, queue, ready = self._env, self._queue, self._ready
        heap = env._queue  # noqa: SLF001  looked at far more often than anything stands there
        self._call = None
        self._runs = True
        try:
            while queue:
                when_us = queue[0][0]
                if when_us > env.now_us:
                    if ready or (heap and heap[0][0] <= when_us and self._waits_for_heap(when_us)):
                        break
                    env.skip_to(when_us)
                _, _, fn, args = heappop(queue)
                fn(*args)
        finally:
            self._runs = False
        if queue:
            self._arm()

    def _waits_for_heap(self, when_us: int) -> bool:
        """Whether something on the heap is due by ``when_us`` that has not been taken back."""
        next_us = self._env.next_us()
        return next_us is not None and next_us <= when_us
