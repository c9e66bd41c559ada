"""A link: one TCP address or one serial line, a task that asks one thing after another in the order of ranks.

A request waits in the queue by rank and then by age: cuts, raises, reads, and last what goes to units that were silent.
Its outcome is a value and comes in any case. On a serial line the link keeps t3.5 between an answer and its next request,
which pymodbus does not, and never trusts an answer that may be an earlier request's: where that could be, it first asks
the unit something of another length.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Final

from chargebench.manager.drivers.base import Read
from chargebench.manager.links.line_inlet import LineInlet
from chargebench.manager.links.master import Master, line_master, now_us, tcp_master
from chargebench.manager.links.pace import LINE_PACE, TCP_PACE, BackOff, Counts, LineTimes, Pace, Strikes, Unit
from chargebench.manager.links.shape import shape_of
from chargebench.manager.notes import Teller
from chargebench.manager.outcomes import (
    Answer,
    BadAnswer,
    LinkDown,
    NoAnswer,
    NotAsked,
    Outcome,
    Rank,
    Refusal,
    Request,
)
from chargebench.manager.site import Address, TcpAddress

QUEUE_MOST: Final = 4096


@dataclass(order=True, slots=True)
class Job:
    """A request in the queue; None: a mere try to connect."""

    rank: Rank
    number: int
    unit: int = field(compare=False)
    request: Request | None = field(compare=False)
    outcome: asyncio.Future[Outcome] = field(compare=False)


class Link:
    """One address and the units behind it. ``run`` is its task; everything else is called from the same loop.

    ``target`` is where the address really leads: ``host:port``, or a port or URL for pyserial.
    """

    def __init__(self, address: Address, target: str, teller: Teller, pace: Pace | None = None) -> None:
        self.name = str(address)
        self.counts = Counts()
        self._teller = teller
        if isinstance(address, TcpAddress):
            host, _, port = target.rpartition(":")
            self._master: Master = tcp_master(host, int(port), self._late)
            self._line = None
            self._pace = pace or TCP_PACE
        else:
            self._master = line_master(target, address, self._late)
            self._line = LineTimes.of(address)
            self._pace = pace or LINE_PACE
        self._units: dict[int, Unit] = {}
        self._queue: list[Job] = []
        self._number = 0
        self._sleep: asyncio.Future[None] | None = None
        self._busy = False
        self._back_off = BackOff(self._pace)
        self._strikes = Strikes()
        self._free_us = 0
        self._broke: Exception | None = None
        self._gap_us = max(self._pace.gap_us, 0 if self._line is None else self._line.silence_us)
        self._shut = False

    # -- for those who ask ----------------------------------------------------------------

    @property
    def epoch(self) -> int:
        return self.counts.connections

    def ask(self, unit: int, request: Request, rank: Rank) -> asyncio.Future[Outcome]:
        """Queue a request; after the unit was silent it goes behind those of units that answer."""
        if self._broke is not None:
            raise self._broke
        assert len(self._queue) < QUEUE_MOST, f"{self.name}: {QUEUE_MOST} requests wait, nobody may ask so much"
        silences = self._unit(unit).back_off.fails
        if silences > 1 or (silences and rank is Rank.READ):
            rank = Rank.PROBE
        return self._put(unit, request, rank)

    async def read(self, unit: int, request: Read) -> Outcome:
        """Read now, with no detour through the queue, where nobody else is asking over this connection; else as ``ask``."""
        healthy = self._unit(unit).back_off.fails == 0
        if self._line is not None or self._busy or self._queue or not healthy or self._broke is not None:
            return await self.ask(unit, request, Rank.READ)
        self._busy = True
        try:
            return await self._serve(unit, request)
        finally:
            self._busy = False
            if self._queue:
                self._wake()

    def _put(self, unit: int, request: Request | None, rank: Rank) -> asyncio.Future[Outcome]:
        self._number += 1
        job = Job(rank, self._number, unit, request, asyncio.get_running_loop().create_future())
        heappush(self._queue, job)
        self._wake()
        return job.outcome

    def _wake(self) -> None:
        if self._sleep is not None and not self._sleep.done():
            self._sleep.set_result(None)

    async def knock(self) -> bool:
        """Try to connect and ask nothing: whether that works now and did not before, since something last answered.

        A connection that comes about proves that the way is open both ways, but nothing of who sits at its end: it is
        worth something only where it failed before. On a line there is nothing to try.
        """
        return isinstance(await self._put(0, None, Rank.PROBE), Answer)

    def heard_us(self, unit: int) -> int | None:
        """The last instant at which a request may have reached the unit, answered or not."""
        return self._unit(unit).heard_us

    def keep_gap(self, gap_us: int) -> None:
        """A device on this link needs so long between an answer and the next request."""
        self._gap_us = max(self._gap_us, gap_us)

    def new_round(self) -> None:
        """A link that is taken to be dead may be tried again for a while."""
        self._strikes.spent_us = 0

    # -- the task -------------------------------------------------------------------------

    async def run(self) -> None:
        """Serve the queue until cancelled; then close, and cancel what waits."""
        try:
            while True:
                while self._busy or not self._queue:
                    self._sleep = asyncio.get_running_loop().create_future()
                    await self._sleep
                self._busy = True
                await self._take(heappop(self._queue))
                self._busy = False
        except Exception as error:
            self._broke = error
            raise
        finally:
            self._master.close()
            for job in sorted(self._queue):
                job.outcome.cancel()

    async def _take(self, job: Job) -> None:
        try:
            outcome = await (self._knock() if job.request is None else self._serve(job.unit, job.request))
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError):
                job.outcome.cancel()
            elif not job.outcome.done():
                job.outcome.set_exception(error)
            raise
        if not job.outcome.done():
            job.outcome.set_result(outcome)

    async def _serve(self, number: int, request: Request) -> Outcome:
        unit = self._unit(number)
        if unit.back_off.until_us and unit.back_off.rests(now_us()):
            return NotAsked(unit.back_off.until_us)
        if not self._strikes.may_try():
            return LinkDown("silent altogether")
        healthy = unit.back_off.fails == 0 and self._strikes.row == 0
        again = self._pace.retries if healthy and isinstance(request, Read) else 0
        begun_us = now_us()
        if self._line is None and self._master.connected:
            outcome = await self._exchange(number, unit, request, begun_us)
        else:
            outcome = await self._attempt(number, unit, request)
        while again and not isinstance(outcome, Answer | Refusal) and not self._back_off.rests(now_us()):
            again -= 1
            outcome = await self._attempt(number, unit, request)
        unit.take(request, outcome, begun_us, outcome.at_us if isinstance(outcome, Answer) else now_us())
        return outcome

    async def _knock(self) -> Outcome:
        if self._line is not None or self._master.connected:
            return LinkDown("nothing to try")
        down = await self._connect()
        if down is not None:
            return down
        if not self._shut:
            self._master.close()
            return LinkDown("it was open all the time")
        for unit in self._units.values():
            unit.back_off.until_us = 0
        return Answer(now_us())

    # -- one attempt ----------------------------------------------------------------------

    async def _attempt(self, number: int, unit: Unit, request: Request) -> Outcome:
        down = None if self._master.connected else await self._connect()
        if down is not None:
            return down
        probe = None if self._line is None else self._probe(number, unit, request)
        if probe is not None:
            outcome = await self._exchange(number, unit, probe)
            if not isinstance(outcome, Answer | Refusal):
                return outcome
        return await self._exchange(number, unit, request)

    async def _connect(self) -> LinkDown | None:
        if self._back_off.rests(now_us()):
            return LinkDown("left alone for a while")
        why = await self._master.open(self._pace.connect_us)
        if why:
            self._shut = True
            self._back_off.failed(now_us())
            self._teller.tell("link down", self.name, why=why)
            return LinkDown(why)
        self._back_off.worked()
        self._strikes.connected(now_us())
        self.counts.connections += 1
        self._teller.tell("link up", self.name, connections=self.counts.connections)
        return None

    def _probe(self, number: int, unit: Unit, request: Request) -> Read | None:
        """What to ask first, where the answer to ``request`` could be an earlier one's; None where it could not."""
        inlet = self._master.inlet
        if not isinstance(inlet, LineInlet) or not isinstance(request, Read) or not inlet.suspects:
            return None
        now = now_us()
        if not inlet.doubtful(number, shape_of(request), now):
            return None
        fresh = (one for one in unit.probes(request) if not inlet.doubtful(number, shape_of(one), now))
        return next(fresh, None)

    async def _exchange(self, number: int, unit: Unit, request: Request, at_us: int | None = None) -> Outcome:
        """One request and what becomes of it; ``at_us`` is the time, where the caller knows it."""
        inlet = self._master.inlet
        begun_us = at_us if at_us is not None and not self._free_us else await self._pause()
        if isinstance(inlet, LineInlet):
            inlet.forget(begun_us)
        outcome = await self._master.ask(number, request, begun_us + self._patience_us(request))
        unit.heard_us = now = outcome.at_us if isinstance(outcome, Answer) else now_us()
        self._free_us = now + self._gap_us if self._gap_us else 0
        self.counts.count(outcome)
        self._strikes.count(outcome, begun_us, now)
        if isinstance(outcome, Answer) and not inlet.broken:
            self._shut = False
            return outcome
        self._shut = self._shut and not isinstance(outcome, Answer | Refusal)
        if isinstance(inlet, LineInlet) and isinstance(outcome, NoAnswer | BadAnswer):
            inlet.suspect(number, shape_of(request), now)
            self._free_us += self._pace.drain_us
        if inlet.broken or (self._line is None and self._strikes.give_up(len(self._units), now)):
            self._master.close(abort=True)
        return outcome

    def _late(self, number: int) -> None:
        """Called while bytes come in: an answer to a request that was given up."""
        self.counts.late += 1
        self._strikes.alive(now_us())
        if number in self._units:
            self._units[number].late_us = now_us()
        self._teller.tell("late answer", self.name, unit=number, late=self.counts.late)

    async def _pause(self) -> int:
        """Wait until the line has been silent for as long as it must be; a line that never is, is asked all the same.

        Returns the time (loop time).
        """
        now = now_us()
        latest = now + self._pace.answer_us
        while now < latest:
            free_us = self._free_us
            if self._line is not None and self._master.byte_us:
                free_us = max(free_us, self._master.byte_us + self._gap_us)
            if free_us <= now:
                break
            await asyncio.sleep(min(free_us, latest) / 1e6 - asyncio.get_running_loop().time())
            now = now_us()
        return now

    def _patience_us(self, request: Request) -> int:
        if self._line is None:
            return self._pace.answer_us
        asked = 8 if isinstance(request, Read) or request.function in {5, 6} else 9 + 2 * len(request.values)
        answered = 3 + shape_of(request).size
        return self._pace.answer_us + self._line.frame_us(asked) + self._line.frame_us(answered)

    def _unit(self, number: int) -> Unit:
        if number not in self._units:
            self._units[number] = Unit(BackOff(self._pace))
        return self._units[number]
