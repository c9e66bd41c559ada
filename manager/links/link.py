"""A link: one TCP address or one serial line, on which one thing after another is asked in the order of ranks.

A request waits in the queue by rank and then by age: cuts, raises, reads, and last what goes to units that were silent.
Its outcome is a value and comes in any case. On a serial line the link keeps t3.5 between an answer and its next request,
which pymodbus does not, and never trusts an answer that may be an earlier request's: where that could be, it first asks
the unit something of another length.

An answer leads to the next request in the very call in which it came, with no task in between:

    idle ── a job is due ──► (no connection: the task makes one) ──► the line is silent ──► asked ── answer or deadline
      ▲                                                                  ▲                               │
      └───────────── outcome ◄── nothing more to do for this job ◄───────┴── a probe was answered, or ───┘
                                                                              another try is left
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Final, TypeVarTuple

from chargebench.manager.drivers.base import Read, Write
from chargebench.manager.links.line_inlet import LineInlet
from chargebench.manager.links.master import Master, line_master, tcp_master
from chargebench.manager.links.pace import (
    DEAD_BEHIND,
    LINE_PACE,
    TCP_PACE,
    BackOff,
    Counts,
    LineTimes,
    Pace,
    Strikes,
    Unit,
)
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

Args = TypeVarTuple("Args")


class Job:
    """A request in the queue; None: a mere try to connect. ``to``: it goes to this unit, which does not answer, for another.

    ``tries`` are left after the one under way, which began at ``begun_us``.
    """

    def __init__(self, unit: int, request: Request | None, outcome: asyncio.Future[Outcome], to: int | None) -> None:
        self.unit = unit
        self.request = request
        self.outcome = outcome
        self.to = to
        self.begun_us = 0
        self.tries = 0


class Link:
    """One address and the units behind it. ``run`` is its task, which connects; all is called from the same loop.

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
        self._queue: list[tuple[Rank, int, Job]] = []
        self._number = 0
        self._job: Job | None = None
        self._asked: Request | None = None
        self._begun_us = self._latest_us = 0
        self._twice = self._second = False
        self._due = self._ended = self._wanted = False
        self._sleep: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._back_off = BackOff(self._pace)
        self._strikes = Strikes()
        self._free_us = 0
        self._broke: Exception | None = None
        self._gap_us = max(self._pace.gap_us, 0 if self._line is None else self._line.silence_us)
        self._shut = False
        self._clock: Callable[[], float] | None = None

    # -- for those who ask ----------------------------------------------------------------

    @property
    def epoch(self) -> int:
        return self.counts.connections

    def ask(self, unit: int, request: Request, rank: Rank) -> asyncio.Future[Outcome]:
        """Queue a request; after the unit was silent it goes behind those of units that answer."""
        if self._broke is not None:
            raise self._broke
        silences = self._unit(unit).back_off.fails
        if silences > 1 or (silences and rank is Rank.READ):
            rank = Rank.PROBE
        return self._put(unit, request, rank)

    def cast(self, unit: int, to: int, write: Write, rank: Rank) -> asyncio.Future[Outcome]:
        """Queue a write to unit ``to``, which nobody answers, for ``unit``: it is an answer that it was sent."""
        if self._broke is not None:
            raise self._broke
        return self._put(unit, write, rank, to)

    async def read(self, unit: int, request: Read) -> Outcome:
        """Read at once where nobody else is asking over this connection; else as ``ask``."""
        if (
            self._broke is not None
            or self._line is not None
            or self._job is not None
            or self._queue
            or self._unit(unit).back_off.fails
        ):
            return await self.ask(unit, request, Rank.READ)
        return await self._put(unit, request, Rank.READ, at_once=True)

    def _put(
        self, unit: int, request: Request | None, rank: Rank, to: int | None = None, *, at_once: bool = False
    ) -> asyncio.Future[Outcome]:
        assert len(self._queue) < QUEUE_MOST, f"{self.name}: {QUEUE_MOST} requests wait, nobody may ask so much"
        self._number += 1
        loop = asyncio.get_running_loop()
        job = Job(unit, request, loop.create_future(), to)
        heappush(self._queue, (rank, self._number, job))
        if at_once:
            self._go_on()
        elif self._job is None and not self._due:
            self._due = True  # not now: something more urgent may be asked at this very instant
            loop.call_soon(self._go_on)
        return job.outcome

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

    def dozes(self, unit: int) -> None:
        """This unit misses the request that ends its rest: such a one is made again, as it was."""
        self._unit(unit).dozes = True

    def new_round(self) -> None:
        """A link that is taken to be dead may be tried again for a while."""
        self._strikes.spent_us = 0

    # -- the task, which connects -----------------------------------------------------------

    async def run(self) -> None:
        """Connect where that is needed, until cancelled; then close, and cancel what waits."""
        try:
            while self._broke is None:
                while not self._wanted:
                    self._sleep = asyncio.get_running_loop().create_future()
                    await self._sleep
                self._wanted = False
                if self._job is not None:
                    await self._lead(self._job)
        except Exception as error:
            self._break(error)
            raise
        finally:
            self._end()
        raise self._broke

    async def _lead(self, job: Job) -> None:
        """Make a connection for a job, and have it go on. What is asked is asked by no task, so that none need wait for it."""
        if job.request is None:
            self._give(job, await self._knock())
            self._go_on()
        else:
            down = await self._connect()
            asyncio.get_running_loop().call_soon(self._led, job, job.request, down)

    def _led(self, job: Job, request: Request, down: LinkDown | None) -> None:
        if self._ended or self._job is not job:
            return
        if down is None:
            self._go_on_with(self._approach, job, request)
        else:
            self._go_on_with(self._tried, job, request, down)

    async def _connect(self) -> LinkDown | None:
        if self._back_off.rests(self._now_us()):
            return LinkDown("left alone for a while")
        why = await self._master.open(self._pace.connect_us)
        if why:
            self._shut = True
            self._back_off.failed(self._now_us())
            self._teller.tell("link down", self.name, why=why)
            return LinkDown(why)
        self._back_off.worked()
        self._strikes.connected(self._now_us())
        self.counts.connections += 1
        self._teller.tell("link up", self.name, connections=self.counts.connections)
        return None

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
        return Answer(self._now_us())

    def _want_connection(self) -> None:
        self._wanted = True
        if self._sleep is not None and not self._sleep.done():
            self._sleep.set_result(None)

    def _break(self, error: Exception) -> None:
        """An error of our own: whoever waits for the job under way gets it, and the task ends with it."""
        self._broke = error
        job, self._job = self._job, None
        if job is not None and not job.outcome.done():
            job.outcome.set_exception(error)
        self._want_connection()

    def _end(self) -> None:
        self._ended = True
        if self._timer is not None:
            self._timer.cancel()
        self._master.close()
        if self._job is not None:
            self._job.outcome.cancel()
        for _, _, job in sorted(self._queue):
            job.outcome.cancel()

    # -- one job after the other ------------------------------------------------------------

    def _go_on(self) -> None:
        """Begin the next job, where none is under way."""
        self._due = False
        try:
            while self._job is None and self._queue and not self._ended:
                _, _, job = heappop(self._queue)
                self._job = job
                self._begin(job)
        except Exception as error:  # noqa: BLE001 whatever it is, it must not end in whoever called back
            self._break(error)

    def _go_on_with(self, do: Callable[[*Args], None], *args: *Args) -> None:
        """Do what the job under way has waited for, and begin the next one if it is over by then."""
        try:
            do(*args)
        except Exception as error:  # noqa: BLE001 as above
            self._break(error)
        else:
            self._go_on()

    def _begin(self, job: Job) -> None:
        request = job.request
        if request is None:
            self._want_connection()
            return
        unit = self._unit(job.unit)
        job.begun_us = now = self._now_us()
        if job.to is not None:
            self._attempt(job, request)
        elif unit.back_off.until_us and unit.back_off.rests(now):
            self._give(job, NotAsked(unit.back_off.until_us))
        elif not self._strikes.may_try():
            self._give(job, LinkDown("silent altogether"))
        else:
            healthy = unit.back_off.fails == 0 and self._strikes.row == 0 and not unit.rested(now)
            job.tries = self._pace.retries if healthy and isinstance(request, Read) else 0
            self._attempt(job, request)

    def _attempt(self, job: Job, request: Request) -> None:
        if self._master.connected:
            self._approach(job, request)
        else:
            self._want_connection()

    def _approach(self, job: Job, request: Request) -> None:
        """Ask it over a connection, or first something that tells what is late from what is not."""
        probe = None if self._line is None or job.to is not None else self._probe(job.unit, request)
        self._exchange(job, probe or request)

    def _tried(self, job: Job, request: Request, outcome: Outcome) -> None:
        """One try is over: another one, or that was it."""
        again = job.tries and not (isinstance(outcome, NoAnswer) and self._shared)
        if again and not isinstance(outcome, Answer | Refusal) and not self._back_off.rests(self._now_us()):
            job.tries -= 1
            self._attempt(job, request)
            return
        now = outcome.at_us if isinstance(outcome, Answer) else self._now_us()
        if isinstance(outcome, Refusal) and outcome.code >= DEAD_BEHIND:
            outcome = NoAnswer(outcome.code)  # whoever said so, the unit has refused nothing
        self._unit(job.unit).take(request, outcome, job.begun_us, now)
        self._give(job, outcome)

    def _give(self, job: Job, outcome: Outcome) -> None:
        self._job = None
        if not job.outcome.done():
            job.outcome.set_result(outcome)

    # -- one exchange -----------------------------------------------------------------------

    def _probe(self, number: int, request: Request) -> Read | None:
        """What to ask first, where the answer to ``request`` could be an earlier one's; None where it could not."""
        inlet = self._master.inlet
        if not isinstance(inlet, LineInlet) or not isinstance(request, Read) or not inlet.suspects:
            return None
        now = self._now_us()
        if not inlet.doubtful(number, shape_of(request), now):
            return None
        fresh = (one for one in self._unit(number).probes(request) if not inlet.doubtful(number, shape_of(one), now))
        return next(fresh, None)

    def _exchange(self, job: Job, request: Request) -> None:
        """One request and what becomes of it."""
        now = self._now_us()
        self._asked, self._latest_us = request, now + self._pace.answer_us
        self._twice, self._second = self._line is not None and self._unit(job.unit).rested(now), False
        self._send(job, request, now)

    def _send(self, job: Job, request: Request, now: int) -> None:
        """Send it once the line has been silent for as long as it must be; a line that never is, is asked all the same."""
        free_us = self._free_us
        if self._line is not None and self._master.byte_us:
            free_us = max(free_us, self._master.byte_us + self._gap_us)
        free_us = min(free_us, self._latest_us)
        if free_us > now:
            self._timer = asyncio.get_running_loop().call_at(free_us / 1e6, self._quiet)
            return
        if job.to is not None:
            self._cast(job, job.to, request, now)
            return
        if isinstance(self._master.inlet, LineInlet):
            self._master.inlet.forget(now)
        self._begun_us = now
        outcome = self._master.ask(job.unit, request, now + self._patience_us(request), self._came)
        if outcome is not None:
            self._take(job, outcome)

    def _cast(self, job: Job, to: int, request: Request, now: int) -> None:
        """Send what nobody answers, and leave those who heard it the time to do it."""
        if not self._master.cast(to, request):
            self._give(job, LinkDown("not connected"))
            return
        self._unit(job.unit).heard_us = now
        self.counts.requests += 1
        self._free_us = now + self._pace.turnaround_us
        if self._line is not None:
            self._free_us += self._line.frame_us(_size(request))
        self._give(job, Answer(now))

    def _quiet(self) -> None:
        """The silence should be over."""
        self._timer = None
        job, request = self._job, self._asked
        if job is not None and request is not None:
            self._go_on_with(self._send, job, request, self._now_us())

    def _came(self, outcome: Outcome) -> None:
        """Called by the master: the request is over."""
        job = self._job
        if job is not None and not self._ended:
            self._go_on_with(self._take, job, outcome)

    def _take(self, job: Job, outcome: Outcome) -> None:
        inlet, asked = self._master.inlet, self._asked
        assert asked is not None
        unit = self._unit(job.unit)
        unit.heard_us = now = outcome.at_us if isinstance(outcome, Answer) else self._now_us()
        self._free_us = now + self._gap_us if self._gap_us else 0
        self.counts.count(outcome)
        self._strikes.count(outcome, self._begun_us, now, twice=self._shared and self._strikes.row == 1)
        if isinstance(outcome, Answer) and not inlet.broken:
            self._shut = False
        else:
            self._trouble(job, asked, outcome, now)
        request = job.request
        assert request is not None
        if (self._twice or self._second) and self._missed(job, asked, outcome, now):
            return
        if asked is not request and isinstance(outcome, Answer | Refusal):
            self._exchange(job, request)
        else:
            self._tried(job, request, outcome)

    def _missed(self, job: Job, asked: Request, outcome: Outcome, now: int) -> bool:
        """Whether a unit that dozes has missed it and is asked once more; then another answer to it may still come."""
        inlet = self._master.inlet
        if isinstance(inlet, LineInlet) and self._second:
            inlet.suspect(job.unit, shape_of(asked), now, answers=1 if isinstance(outcome, Answer | Refusal) else 2)
        elif isinstance(inlet, LineInlet) and isinstance(outcome, NoAnswer):
            inlet.same_again(job.unit, shape_of(asked))
            self._twice, self._second = False, True
            self._latest_us = now + self._pace.answer_us
            self._send(job, asked, now)
            return True
        return False

    def _trouble(self, job: Job, asked: Request, outcome: Outcome, now: int) -> None:
        """What an exchange that was not answered means for those that follow."""
        inlet = self._master.inlet
        self._shut = self._shut and not isinstance(outcome, Answer | Refusal)
        if isinstance(outcome, LinkDown) and self._shared:
            self._unit(job.unit).back_off.failed(now)  # some gateways hang up where the unit behind them is silent
        if isinstance(inlet, LineInlet) and isinstance(outcome, NoAnswer | BadAnswer):
            inlet.suspect(job.unit, shape_of(asked), now)
            self._free_us += self._pace.drain_us
        if inlet.broken or (self._line is None and self._strikes.give_up(len(self._units), now)):
            self._master.close(abort=True)

    @property
    def _shared(self) -> bool:
        """Whether several units are behind one connection, and so a gateway; to ask it again only makes it busier."""
        return self._line is None and len(self._units) > 1

    def _late(self, number: int) -> None:
        """Called while bytes come in: an answer to a request that was given up."""
        self.counts.late += 1
        self._strikes.alive(self._now_us())
        if number in self._units:
            self._units[number].late_us = self._now_us()
        self._teller.tell("late answer", self.name, unit=number, late=self.counts.late)

    def _patience_us(self, request: Request) -> int:
        if (
            self._line is None
        ):  # a gateway may still be at what was given up last, with everybody else behind it waiting
            return 2 * self._pace.answer_us if self._shared and self._strikes.row == 1 else self._pace.answer_us
        answered = 3 + shape_of(request).size
        return self._pace.answer_us + self._line.frame_us(_size(request)) + self._line.frame_us(answered)

    def _now_us(self) -> int:
        """The loop's time in whole microseconds; there is one loop in the life of a link."""
        if self._clock is None:
            self._clock = asyncio.get_running_loop().time
        return round(self._clock() * 1e6)

    def _unit(self, number: int) -> Unit:
        unit = self._units.get(number)
        if unit is None:
            unit = self._units[number] = Unit(BackOff(self._pace))
        return unit


def _size(request: Request) -> int:
    """Bytes of a request in its frame on a line."""
    return 8 if isinstance(request, Read) or request.function in {5, 6} else 9 + 2 * len(request.values)
