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
    """A request in the queue."""

    rank: Rank
    number: int
    unit: int = field(compare=False)
    request: Request = field(compare=False)
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
        self._wake = asyncio.Event()
        self._back_off = BackOff(self._pace)
        self._strikes = Strikes()
        self._free_us = 0
        self._broke: Exception | None = None
        self._device_gap_us = 0

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
        self._number += 1
        job = Job(rank, self._number, unit, request, asyncio.get_running_loop().create_future())
        heappush(self._queue, job)
        self._wake.set()
        return job.outcome

    def heard_us(self, unit: int) -> int | None:
        """The last instant at which a request may have reached the unit, answered or not."""
        return self._unit(unit).heard_us

    def keep_gap(self, gap_us: int) -> None:
        """A device on this link needs so long between an answer and the next request."""
        self._device_gap_us = max(self._device_gap_us, gap_us)

    def new_round(self) -> None:
        """A link that is taken to be dead may be tried again for a while."""
        self._strikes.spent_us = 0

    # -- the task -------------------------------------------------------------------------

    async def run(self) -> None:
        """Serve the queue until cancelled; then close, and cancel what waits."""
        try:
            while True:
                while not self._queue:
                    self._wake.clear()
                    await self._wake.wait()
                await self._take(heappop(self._queue))
        except Exception as error:
            self._broke = error
            raise
        finally:
            self._master.close()
            for job in sorted(self._queue):
                job.outcome.cancel()

    async def _take(self, job: Job) -> None:
        try:
            outcome = await self._serve(job.unit, job.request)
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
        if unit.back_off.rests(now_us()):
            return NotAsked(unit.back_off.until_us)
        if not self._strikes.may_try():
            return LinkDown("silent altogether")
        healthy = unit.back_off.fails == 0 and self._strikes.row == 0
        again = self._pace.retries if healthy and isinstance(request, Read) else 0
        begun_us = now_us()
        outcome = await self._attempt(number, unit, request)
        while again and not isinstance(outcome, Answer | Refusal) and not self._back_off.rests(now_us()):
            again -= 1
            outcome = await self._attempt(number, unit, request)
        unit.take(request, outcome, begun_us, now_us())
        return outcome

    # -- one attempt ----------------------------------------------------------------------

    async def _attempt(self, number: int, unit: Unit, request: Request) -> Outcome:
        down = await self._connect()
        if down is not None:
            return down
        probe = self._probe(number, unit, request)
        if probe is not None:
            outcome = await self._exchange(number, unit, probe)
            if not isinstance(outcome, Answer | Refusal):
                return outcome
        return await self._exchange(number, unit, request)

    async def _connect(self) -> LinkDown | None:
        if self._master.connected:
            return None
        if self._back_off.rests(now_us()):
            return LinkDown("left alone for a while")
        why = await self._master.open(self._pace.connect_us)
        if why:
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
        inlet, now = self._master.inlet, now_us()
        if not isinstance(inlet, LineInlet) or not isinstance(request, Read):
            return None
        if not inlet.doubtful(number, shape_of(request), now):
            return None
        fresh = (one for one in unit.probes(request) if not inlet.doubtful(number, shape_of(one), now))
        return next(fresh, None)

    async def _exchange(self, number: int, unit: Unit, request: Request) -> Outcome:
        await self._pause()
        begun_us = now_us()
        if isinstance(self._master.inlet, LineInlet):
            self._master.inlet.forget(begun_us)
        outcome = await self._master.ask(number, request, begun_us + self._patience_us(request))
        unit.heard_us = now = now_us()
        self._free_us = now + self._gap_us()
        self.counts.count(outcome)
        self._strikes.count(outcome, begun_us, now)
        inlet = self._master.inlet
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

    async def _pause(self) -> None:
        """Wait until the line has been silent for as long as it must be; a line that never is, is asked all the same."""
        latest = now_us() + self._pace.answer_us
        while (now := now_us()) < latest:
            free_us = self._free_us
            if self._line is not None and self._master.byte_us:
                free_us = max(free_us, self._master.byte_us + self._gap_us())
            if free_us <= now:
                return
            await asyncio.sleep(min(free_us, latest) / 1e6 - asyncio.get_running_loop().time())

    def _gap_us(self) -> int:
        least_us = max(self._pace.gap_us, self._device_gap_us)
        return max(least_us, self._line.silence_us) if self._line is not None else least_us

    def _patience_us(self, request: Request) -> int:
        if self._line is None:
            return self._pace.answer_us
        asked = 8 if isinstance(request, Read) or request.function == 6 else 9 + 2 * len(request.values)
        answered = 3 + shape_of(request).size
        return self._pace.answer_us + self._line.frame_us(asked) + self._line.frame_us(answered)

    def _unit(self, number: int) -> Unit:
        if number not in self._units:
            self._units[number] = Unit(BackOff(self._pace))
        return self._units[number]
