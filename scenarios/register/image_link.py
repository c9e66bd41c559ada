"""Links whose reads need no queue, no future and no task where nobody else asks and all is well.

Whatever is not so simple is done as on the wire, by the link that the wire has: writes, greetings, a unit that was silent,
a device that wants a pause, a request that is not answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import Any, Protocol

from chargebench.emulator.clock.env import SimEnv
from chargebench.emulator.reel import Reel
from chargebench.manager.drivers.base import Read
from chargebench.manager.links.link import Job, Link
from chargebench.manager.links.pace import KNOWN_MOST
from chargebench.manager.notes import Teller
from chargebench.manager.outcomes import Answer, Outcome
from chargebench.manager.site import Address, TcpAddress
from chargebench.scenarios.register.line_master import LineMaster
from chargebench.scenarios.register.straight_master import StraightMaster


class Waiter(Protocol):
    """Whoever runs the coroutine that waits for a turn."""

    def go_on(self) -> None:
        """What it waits for is there."""


class Turn:
    """A read that is under way; it is awaited, and whoever runs the coroutine sets ``waiter``."""

    def __init__(self) -> None:
        self.outcome: Outcome | None = None
        self.waiter: Waiter | None = None

    def __await__(self) -> Generator[Turn, None, Outcome]:
        if self.outcome is None:
            yield self
        assert self.outcome is not None, "a turn goes on with its outcome"
        return self.outcome

    def over(self, outcome: Outcome) -> None:
        """The outcome has come."""
        self.outcome = outcome
        waiter, self.waiter = self.waiter, None
        if waiter is not None:
            waiter.go_on()


class ImageLink(Link):
    """A link as on the wire, with another master over TCP. Who awaits its reads must know what a ``Turn`` is."""

    def __init__(self, address: Address, target: str, teller: Teller, env: SimEnv, reel: Reel) -> None:
        super().__init__(address, target, teller)
        self._reel = reel
        self._turn = Turn()
        self._job_of_turn: Job | None = None
        self._straight: StraightMaster | None = None
        if isinstance(address, TcpAddress):
            self._master = self._straight = StraightMaster(self._master, self._late, reel)
        else:
            self._master = LineMaster(self._master, reel, env)

    async def read(self, unit: int, request: Read) -> Outcome:
        """As on the wire, where it is not simple."""
        master, now = self._straight, self._reel.now_us
        known = self._unit(unit)
        if (
            master is None
            or self._broke is not None
            or self._job is not None
            or self._queue
            or known.back_off.fails
            or known.dozes
            or self._strikes.row
            or self._free_us > now
            or not master.connected
        ):
            return await Link.read(self, unit, request)
        job = self._job_of_turn
        if job is None:
            job = self._job_of_turn = self._new_job()
        self._job = job
        job.unit, job.request, job.begun_us, job.tries = unit, request, now, self._pace.retries
        self._asked, self._begun_us, self._latest_us = request, now, now + self._pace.answer_us
        self._twice = self._second = False
        self._turn.outcome = None
        down = master.ask(unit, request, self._latest_us, self._turned)
        if down is not None:
            self._turned(down)
        return await self._turn

    def _now_us(self) -> int:
        return self._reel.now_us

    def _new_job(self) -> Job:
        """What stands for a turn where the link looks for the job under way; nobody waits for its future."""
        done = asyncio.get_running_loop().create_future()
        done.cancel()
        return Job(0, None, done, None)

    def _turned(self, outcome: Outcome) -> None:
        """Called by the master: the read is over."""
        job = self._job
        if job is None or self._ended:
            return
        if not isinstance(outcome, Answer) or self._master.inlet.broken or not isinstance(job.request, Read):
            self._turned_out_badly(job, outcome)
            return
        now, unit, strikes, counts = outcome.at_us, self._unit(job.unit), self._strikes, self.counts
        unit.heard_us = now
        self._free_us = now + self._gap_us if self._gap_us else 0
        counts.requests += 1
        counts.answers += 1
        strikes.row = strikes.unanswered = 0
        strikes.heard_us = now
        self._shut = False
        if job.request not in unit.known and len(unit.known) < KNOWN_MOST:
            unit.known[job.request] = None
        self._job = None
        if self._queue:
            self._go_on()
        self._turn.over(outcome)

    def _turned_out_badly(self, job: Job, outcome: Outcome) -> None:
        """From here on it is a job as all others; the coroutine hears of its outcome as if it had waited for it."""
        turn = self._turn
        job.outcome = asyncio.get_running_loop().create_future()

        def heard(future: asyncio.Future[Any]) -> None:
            if not future.cancelled():
                turn.over(future.result())

        job.outcome.add_done_callback(heard)
        self._job_of_turn, self._turn = None, Turn()
        self._came(outcome)
