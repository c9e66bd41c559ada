"""A world in real time: whatever the loop's clock says, the world is brought there, at each of its events and at each access.

The world's time is the loop's, times ``speed``. A timer waits for the next thing that happens by itself; whoever looks in
between advances the world first, so nothing depends on how punctual the timer is. What came late is told in ``late_us``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from heapq import heappop, heappush
from math import ceil, isfinite

from chargebench.emulator.flow import FAR
from chargebench.emulator.world import World


class Pump:
    """Drives ``world`` from now on (or from ``begin`` on, if ``held``), ``speed`` times as fast as the clock of the loop.

    ``late_us`` is the most by which an event came late so far, in us of the loop. ``ended`` is done once the pump has been
    stopped, or holds the exception that broke the world. A world has one pump, and is advanced by nobody else.
    """

    def __init__(self, world: World, loop: asyncio.AbstractEventLoop, speed: float = 1, *, held: bool = False) -> None:
        if not (isfinite(speed) and speed > 0):
            raise ValueError(f"expected a speed above 0, such as 1 or 60, got {speed}")
        self.world, self.loop, self.speed = world, loop, speed
        self.late_us = 0
        self.ended: asyncio.Future[None] = loop.create_future()
        self._held = held
        self._begun_us, self._begun_world_us = self._loop_us(), world.now_us
        self._timer: asyncio.TimerHandle | None = None
        self._due_us = FAR
        self._calls: list[tuple[int, int, Callable[[int], None]]] = []
        self._numbers = 0
        world.on_change = self._arm
        self._step()

    def begin(self) -> None:
        """Let the time of a world that was held go on from here."""
        self._held = False
        self._begun_us, self._begun_world_us = self._loop_us(), self.world.now_us
        self._step()

    @property
    def now_us(self) -> int:
        """The world's time by the loop's clock, in us."""
        if self._held:
            return self.world.now_us
        return self._begun_world_us + int((self._loop_us() - self._begun_us) * self.speed)

    def at(self, when_us: int, call: Callable[[int], None]) -> None:
        """Call ``call`` with ``when_us``, a time of the world, when the world is there exactly: what is due then has happened."""
        heappush(self._calls, (when_us, self._numbers, call))
        self._numbers += 1
        self._arm()

    def advance(self) -> int:
        """Bring the world to the present; tells when that is. Held and once stopped, the world stands still."""
        if self._held or self.ended.done():
            return self.world.now_us
        now_us, next_us = self.now_us, self._next_us
        if now_us < next_us:  # as with most accesses: nothing has happened since, and the timer stands
            self.world.advance(now_us)
            return now_us
        self.late_us = max(self.late_us, int((now_us - next_us) / self.speed))
        try:
            self._advance(now_us)
        except Exception as error:
            self._end()
            self.ended.set_exception(error)
            raise
        self._arm()
        return now_us

    def stop(self) -> None:
        """Bring the world to the present and leave it there."""
        if not self.ended.done():
            self.advance()
        if not self.ended.done():
            self._end()
            self.ended.set_result(None)

    @property
    def _next_us(self) -> int:
        return min(self.world.next_us, self._calls[0][0]) if self._calls else self.world.next_us

    def _advance(self, now_us: int) -> None:
        while self._calls and self._calls[0][0] <= now_us:
            when_us, _, call = heappop(self._calls)
            self.world.advance(when_us)
            call(when_us)
        self.world.advance(now_us)

    def _loop_us(self) -> int:
        return round(self.loop.time() * 1e6)

    def _arm(self) -> None:
        """Wait for what the world does next by itself."""
        due_us = self._next_us
        if due_us == self._due_us or self._held or self.ended.done():
            return
        self._disarm()
        if due_us < FAR:
            self._due_us = due_us
            at_us = self._begun_us + ceil((due_us - self._begun_world_us) / self.speed)
            self._timer = self.loop.call_at(at_us / 1e6, self._step)

    def _step(self) -> None:
        self._disarm()
        self.advance()
        self._arm()

    def _disarm(self) -> None:
        self._due_us = FAR
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end(self) -> None:
        self._disarm()
        self.world.on_change = None
