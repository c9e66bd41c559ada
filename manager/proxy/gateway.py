"""The heart of the proxy: requests of clients in, frames for one line and answers for the clients out. Sans-IO.

One request at a time is under way, and nothing is ever sent that no client has asked for: a probe of the proxy's own would
feed the watchdogs of boxes whose master is dead. What answers a request:

- the frame with its unit, its function and its length; a repeated read may be answered by any of its frames;
- exception 0B where none came; a unit that was silent ``STRIKES`` times is left alone for a while, in which it costs nobody
  anything, and is tried again only with what a client asks next;
- 0A where the line is not there, 06 where too much waits; nothing at all to a broadcast.

Where bytes take their time (``Wire.paced``), what comes before the request can have been answered is none of its answers.
An answer that was not waited for any longer may still come. As long as it may, a request that it would fit is kept back,
and whatever comes of its kind is thrown away:

    closed ── the port opens ──► idle ── a turn, and silence ──► asked ── the answer, or none ──► idle
                                                                  ▲ │
                                                                  └─┘ a read got none, and may be asked again
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from chargebench.manager.links.line_inlet import LineInlet
from chargebench.manager.links.pace import STRIKES, BackOff, Pace, Strikes
from chargebench.manager.proxy.answers import (
    BUSY,
    GATEWAY_PATH,
    GATEWAY_TARGET,
    ILLEGAL_FUNCTION,
    expected,
    harmless,
    reads,
    refusal,
)
from chargebench.manager.proxy.waiting import Job, Waiting
from chargebench.manager.proxy.watch import Ending, Watch
from chargebench.manager.proxy.wire import LONGEST, PORTION_US, Wire

QUEUE_MOST: Final = 512
LATE_US: Final = 1_000_000
"""So long after its deadline an answer may still come."""

EVERYBODY: Final = 0
EXCEPTION: Final = 2
SHORT: Final = 8
"""Bytes of an answer of unknown length that are waited for before any has come; those that follow put the end off."""


class ToLine(NamedTuple):
    """Bytes for the line, now."""

    data: bytes


class ToClient(NamedTuple):
    """A request is over; ``pdu`` is its answer, empty where there is none: it was a broadcast."""

    client: int
    token: int
    pdu: bytes


class Drop(NamedTuple):
    """The connection behind is of no use any more: end it, and call ``closed``."""


Action = ToLine | ToClient | Drop


@dataclass(slots=True)
class Carried:
    """What a line has carried. ``silent``: tries without an answer; ``spoilt``: with bytes that are none in its place.
    ``busy_us``: its time that frames, silences and turn-arounds took; of TCP: with an open request.
    """

    sent: int = 0
    answered: int = 0
    silent: int = 0
    spoilt: int = 0
    refused: int = 0
    dropped: int = 0
    busy_us: int = 0


class Gateway:
    """One line, or one server, behind the proxy. Clients and their requests are numbers here.

    Every method takes the time and returns what is to be done now; ``advance`` is due at ``next_us``.
    """

    def __init__(self, wire: Wire, pace: Pace, late_us: int = LATE_US) -> None:
        self.counts = Carried()
        self.watch = Watch()
        self.next_us: int | None = None
        self._wire = wire
        self._pace = pace
        self._late_us = late_us
        self._state: Literal["closed", "open", "down"] = "closed"
        self._waiting = Waiting()
        self._job: Job | None = None
        self._again = False
        self._early = False
        self._late = 0
        self._out_us = 0
        self._begun_us = self._due_us = self._patient_us = self._latest_us = 0
        self._free_us = self._byte_us = 0
        self._wanted_us: int | None = None
        self._rests: dict[int, BackOff] = {}
        self._strikes = Strikes()
        silence_us = 0 if wire.line is None else wire.line.silence_us
        self._gap_us = max(pace.gap_us, wire.gap_us)
        self._drain_us = max(pace.drain_us, 2 * silence_us) if isinstance(wire.inlet, LineInlet) else 0
        self._end_us = max(PORTION_US, silence_us)

    # -- what clients do --------------------------------------------------------------------

    @property
    def wants(self) -> bool:
        """Whether something waits for the line to be opened."""
        return self._state == "closed" and (self._job is not None or len(self._waiting) > 0)

    @property
    def late(self) -> int:
        """How many answers came too late for their request."""
        return self._wire.late

    @property
    def there(self) -> bool:
        """Whether what is behind can be asked, as far as is known."""
        return self._state != "down"

    def waits(self) -> tuple[dict[int, int], dict[int, int]]:
        """How many requests wait for each unit, and how many of each client."""
        return self._waiting.counted()

    @property
    def quiet(self) -> bool:
        """Whether nothing waits and nothing is under way."""
        return self._job is None and not len(self._waiting)

    def request(self, client: int, token: int, unit: int, pdu: bytes, now_us: int) -> list[Action]:
        """A client asks ``unit``; the answer comes with its ``token``."""
        self.watch.asked(client, unit)
        code = self._refuses(unit, pdu, now_us)
        if code:
            self.counts.refused += 1
            self.watch.tried(client, unit, "refused")
            return [ToClient(client, token, refusal(pdu, code))]
        self._waiting.put(Job(client, token, unit, pdu, expected(pdu), now_us))
        return self._go(now_us, []) if self._job is None else []

    def gone(self, client: int, now_us: int) -> list[Action]:
        """A client's connection has ended: what it still waits for is not sent any more."""
        self.watch.gone(client)
        self.counts.dropped += self._waiting.drop_client(client)
        job = self._job
        if job is not None and job.client == client:
            job.gone = True
            if self._again:
                return self._over(job, b"", now_us)
        return self._go(now_us, [])

    def _refuses(self, unit: int, pdu: bytes, now_us: int) -> int:
        """The exception with which a request is answered at once, or 0."""
        if not 0 < pdu[0] < 0x80:
            return ILLEGAL_FUNCTION
        if self._state == "down":
            return GATEWAY_PATH
        if unit == EVERYBODY and self._wire.broadcasts and harmless(pdu):
            return GATEWAY_TARGET
        if self._rests_now(unit, now_us):
            return GATEWAY_TARGET
        return BUSY if len(self._waiting) >= QUEUE_MOST else 0

    def _rests_now(self, unit: int, now_us: int) -> bool:
        rest = self._rests.get(unit)
        return rest is not None and rest.fails >= STRIKES and rest.rests(now_us)

    # -- the way behind ---------------------------------------------------------------------

    def opened(self, now_us: int) -> list[Action]:
        """The port is open, or a connection is made."""
        self._state = "open"
        self._wire.fresh()
        self._strikes.connected(now_us)
        return self._go(now_us, [])

    def closed(self, now_us: int) -> list[Action]:
        """There is no connection, and one may be tried: what waits goes on waiting, a read under way is asked again."""
        was_open, self._state = self._state == "open", "closed"
        job = self._job
        if job is None or not was_open:
            return self._settle([])
        if job.tries and not job.gone:
            self._tries_again(job, now_us)
            return self._settle([])
        self._note(job, "refused")
        return self._over(job, refusal(job.pdu, GATEWAY_PATH), now_us)

    def down(self, now_us: int) -> list[Action]:
        """The port or the server is not there: nobody waits for it until ``closed`` or ``opened`` says otherwise."""
        self._state = "down"
        actions: list[Action] = []
        if self._job is not None:
            self._note(self._job, "refused")
            actions = self._over(self._job, refusal(self._job.pdu, GATEWAY_PATH), now_us)
        return self._settle(actions + self._give_up(self._waiting.take_all(), GATEWAY_PATH))

    def received(self, data: bytes, now_us: int) -> list[Action]:
        """Bytes came in from behind."""
        self._byte_us = now_us
        job = self._job
        if self._early and job is not None and now_us >= self._possible_us(EXCEPTION):
            self._end_early(job)
        inlet = self._wire.inlet
        owed = [] if job is None else self._wire.owed_by(job.unit, now_us)
        adu = inlet.receive(data)
        if adu and job is not None:
            for shape, until_us in owed:
                self._wire.owe(job.unit, shape, until_us)
            pdu = inlet.pdu(adu)
            if self._possible(pdu):
                return self._answered(job, pdu, now_us)
            inlet.expect(job.unit, job.shape)
        if self._wire.broken and self._state == "open":
            self._state = "closed"
            actions = [] if job is None else self._failed(job, now_us)
            return self._settle([*actions, Drop()])
        if job is not None and not self._again:
            self._hurry(job, inlet.wait_us, now_us)
            if self._due_us <= now_us:
                return self._failed(job, now_us)
        return self._go(now_us, [])

    def advance(self, now_us: int) -> list[Action]:
        """Do what is due."""
        job = self._job
        if job is None or self._again or now_us < self._due_us:
            return self._go(now_us, [])
        inlet = self._wire.inlet
        if self._wire.open_ended(job.shape) and (adu := self._wire.whole()):
            pdu = inlet.pdu(adu)
            if self._possible(pdu):
                return self._answered(job, pdu, now_us)
            inlet.expect(job.unit, job.shape)
            self._due_us = max(self._patient_us, now_us + 1)
            return self._settle([])
        return self._failed(job, now_us)

    def _possible(self, pdu: bytes) -> bool:
        """Whether an answer, the last byte of which has just come, can be one to the request under way."""
        return not self._wire.paced or self._byte_us >= self._possible_us(len(pdu))

    def _possible_us(self, size: int) -> int:
        """When an answer with a PDU of this size may be there at the soonest; clocks of lines differ by some percent."""
        return self._begun_us + (self._out_us + self._wire.answered_us(size)) * 15 // 16

    def _end_early(self, job: Job) -> None:
        self._early = False
        self._wire.in_time(job.unit, job.shape)

    def _hurry(self, job: Job, wait_us: int | None, now_us: int) -> None:
        """Bytes that are no answer (yet) have come: how long more are waited for."""
        if wait_us is None:
            self._due_us = self._patient_us
        else:
            end_us = self._end_us if self._wire.open_ended(job.shape) else wait_us
            self._due_us = min(self._latest_us, now_us + end_us)

    # -- one request ------------------------------------------------------------------------

    def _go(self, now_us: int, actions: list[Action]) -> list[Action]:
        """Send what may be sent now."""
        while self._state == "open" and (self._again or (self._job is None and len(self._waiting))):
            if self._free() > now_us:
                self._note_wanted(now_us)
                break
            job = self._job if self._again else self._waiting.take(lambda one: self._may(one, now_us))
            if job is None:
                break
            self._send(job, now_us, actions)
        return self._settle(actions)

    def _note_wanted(self, now_us: int) -> None:
        """Somebody waits for nothing but silence."""
        if self._wanted_us is None and (self._again or any(self._may(one, now_us) for one in self._waiting.heads())):
            self._wanted_us = now_us

    def _free(self) -> int:
        """When the line may be used; one that never is silent is used all the same, since nobody may wait for ever."""
        free_us = max(self._free_us, self._byte_us + self._gap_us if self._gap_us else 0)
        return free_us if self._wanted_us is None else min(free_us, self._wanted_us + self._pace.answer_us)

    def _may(self, job: Job, now_us: int) -> bool:
        """Whether a request may go now: not while the answer to an earlier one could be taken for its own."""
        return not self._wire.doubtful(job.unit, job.shape, now_us)

    def _send(self, job: Job, now_us: int, actions: list[Action]) -> None:
        wire, inlet = self._wire, self._wire.inlet
        adu = wire.frame(job.unit, job.pdu)
        self._wanted_us, self._again = None, False
        self.counts.sent += 1
        actions.append(ToLine(adu))
        out_us = 0 if wire.line is None else wire.line.frame_us(3 + len(job.pdu))
        if job.unit == EVERYBODY and wire.broadcasts:
            inlet.sent(adu)
            self._free_us = now_us + out_us + self._pace.turnaround_us
            self.watch.answered(job.client, job.unit, now_us - job.asked_us)
            self.counts.busy_us += out_us + self._pace.turnaround_us
            actions.append(ToClient(job.client, job.token, b""))
            return
        if isinstance(inlet, LineInlet):
            inlet.forget(now_us)
        rest = self._rests.setdefault(job.unit, BackOff(self._pace))
        if not job.sent:
            job.tries = self._pace.retries if reads(job.pdu) and not rest.fails else 0
        job.sent += 1
        job.owed += 1
        inlet.expect(job.unit, job.shape)
        inlet.sent(adu)
        self._job, self._begun_us, self._out_us, self._late = job, now_us, out_us, wire.late
        self._early = wire.paced
        if self._early:
            wire.too_early(job.unit, job.shape, now_us)
        patience_us = out_us + self._pace.answer_us
        if wire.open_ended(job.shape):
            self._due_us = now_us + patience_us + wire.answered_us(SHORT)
            self._latest_us = now_us + patience_us + wire.answered_us(LONGEST)
        else:
            self._due_us = self._latest_us = now_us + patience_us + wire.answered_us(job.shape.size)
        self._patient_us = self._due_us

    def _answered(self, job: Job, pdu: bytes, now_us: int) -> list[Action]:
        self.counts.answered += 1
        self.watch.answered(0 if job.gone else job.client, job.unit, now_us - job.asked_us)
        job.owed -= 1
        self._rests[job.unit].worked()
        self._strikes.alive(now_us)
        return self._over(job, pdu, now_us)

    def _failed(self, job: Job, now_us: int) -> list[Action]:
        """The request under way got no answer; what came in its place is not one."""
        if self._early:
            self._end_early(job)
        spoilt = self._wire.spoilt()
        if spoilt:
            job.owed -= 1
        if spoilt or (self._wire.inlet.bad and self._wire.late == self._late):
            self.counts.spoilt += 1
            self._note(job, "garbled")
        else:
            self.counts.silent += 1
            self._note(job, "silent")
        self._strikes.unanswered += 1
        self._free_us = max(self._free_us, now_us + self._drain_us)
        if job.tries and not job.gone and not self._wire.broken:
            self._tries_again(job, now_us)
            return self._go(now_us, [])
        self._rests[job.unit].failed(now_us)
        others = self._waiting.take_unit(job.unit) if self._rests_now(job.unit, now_us) else []
        drops = self._state == "open" and self._strikes_out(now_us)
        if drops:
            self._state = "closed"  # nothing more is sent over it
        actions = self._over(job, refusal(job.pdu, GATEWAY_TARGET), now_us)
        actions += self._give_up(others, GATEWAY_TARGET)
        return [*actions, Drop()] if drops else actions

    def _strikes_out(self, now_us: int) -> bool:
        """Whether a connection is to be made anew; a serial port stays open whatever its units do."""
        return self._wire.connects and self._strikes.give_up(len(self._rests), now_us)

    def _tries_again(self, job: Job, now_us: int) -> None:
        """Ask the same again once the line is free; an answer that comes before is one, too."""
        job.tries -= 1
        self._again, self._wanted_us = True, None
        self.counts.busy_us += now_us - self._begun_us

    def _over(self, job: Job, pdu: bytes, now_us: int) -> list[Action]:
        """Nothing more is waited for; answers to it that may still come are remembered."""
        if not self._again:
            self.counts.busy_us += now_us - self._begun_us + self._gap_us
        inlet = self._wire.inlet
        if self._early:
            self._end_early(job)
        inlet.give_up()
        if isinstance(inlet, LineInlet):
            inlet.sent(b"")  # a second answer to a write, which looks like it, would be taken for the adapter's echo
        if job.owed > 0:
            self._wire.owe(job.unit, job.shape, max(now_us, self._latest_us) + self._late_us)
        self._job, self._again = None, False
        actions = self._go(now_us, [])  # first what is next: the line waits, a client can
        if not job.gone:
            actions.append(ToClient(job.client, job.token, pdu))
        return actions

    def _note(self, job: Job, how: Ending) -> None:
        self.watch.tried(0 if job.gone else job.client, job.unit, how)

    def _give_up(self, jobs: list[Job], code: int) -> list[Action]:
        self.counts.refused += len(jobs)
        for job in jobs:
            self._note(job, "refused")
        return [ToClient(job.client, job.token, refusal(job.pdu, code)) for job in jobs]

    def _settle(self, actions: list[Action]) -> list[Action]:
        """Set when to be called again."""
        if self._job is not None and not self._again:
            self.next_us = self._due_us
        elif self._state == "open" and (self._again or len(self._waiting)):
            free_us = self._free()
            self.next_us = free_us if self._again else max(free_us, self._held_until())
        else:
            self.next_us = None
        return actions

    def _held_until(self) -> int:
        """When the first of those that wait may go, as far as earlier answers keep it back."""
        return min(self._wire.clear_us(job.unit, job.shape) for job in self._waiting.heads())
