"""How patient a link is: deadlines, gaps, retries, and how long a silent unit is left alone. Sans-IO.

A silent unit costs one deadline per back-off, 2 s, 4 s, 6 s … up to a minute, and the units beside it are asked first.
After ``STRIKES`` silences in a row without any answer the link itself is taken to be dead, and until something answers a
round waits no more than ``SPENT_US_MOST`` for it: 25 boxes behind a cut line must not cost 25 deadlines in one round, for
which all other links would wait.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from chargebench.manager.drivers.base import Read
from chargebench.manager.outcomes import Answer, BadAnswer, LinkDown, NoAnswer, Outcome, Refusal, Request
from chargebench.manager.site import Mode, SerialAddress

STRIKES: Final = 3
SPENT_US_MOST: Final = 1_500_000
KNOWN_MOST: Final = 16
SLOW_BAUD: Final = 19_200
"""Above this rate the silent interval is fixed (Modbus over Serial Line 2.5.1.1)."""

GIVE_UP_AFTER: Final = 2
"""Silences in a row after which a TCP connection is given up; before, a late answer can still be seen to be late."""

GIVE_UP_US: Final = 8_000_000
"""Where several units share a connection, it is given up only after nothing was heard on it for so long."""

AWAKE_US: Final = 1_000_000
"""So long after a request a unit that dozes is sure to hear the next."""

DEAD_BEHIND: Final = 0x0A
"""The exceptions from here on are a gateway's, and say that nobody answered behind it."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The times of a link.

    ``answer_us``: what a unit may take beside the time on the wire. ``gap_us``: kept at least between an answer and the
    next request. ``drain_us``: more than t3.5 for a serial line to stay silent after a request that got no answer.
    ``turnaround_us``: left to those who heard what nobody answers.
    """

    answer_us: int = 1_000_000
    connect_us: int = 1_000_000
    retries: int = 1
    gap_us: int = 0
    drain_us: int = 10_000
    turnaround_us: int = 200_000
    rest_us: int = 2_000_000
    rest_us_max: int = 60_000_000


TCP_PACE: Final = Pace()
LINE_PACE: Final = Pace(answer_us=500_000)


class BackOff:
    """Leaves alone what failed: after the n-th failure in a row for n times ``rest_us``."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self.fails = 0
        self.until_us = 0

    def failed(self, now_us: int) -> None:
        self.fails += 1
        self.until_us = now_us + min(self.fails * self._pace.rest_us, self._pace.rest_us_max)

    def worked(self) -> None:
        self.fails = self.until_us = 0

    def rests(self, now_us: int) -> bool:
        return now_us < self.until_us


@dataclass(slots=True)
class Strikes:
    """Silences on a link, whichever unit was asked: ``row`` without an answer, ``spent_us`` waited for in this round."""

    row: int = 0
    spent_us: int = 0
    unanswered: int = 0
    heard_us: int = 0

    def may_try(self) -> bool:
        """Whether one more request may be made in this round."""
        return self.row < STRIKES or self.spent_us < SPENT_US_MOST

    def connected(self, now_us: int) -> None:
        self.unanswered, self.heard_us = 0, now_us

    def count(self, outcome: Outcome, begun_us: int, now_us: int, *, twice: bool = False) -> None:
        """One more. A silence counts ``twice`` where it was waited for twice as long."""
        if isinstance(outcome, NoAnswer):
            self.row += 2 if twice else 1
            self.unanswered += 1
            self.spent_us += now_us - begun_us
        elif isinstance(outcome, Answer) or not isinstance(outcome, LinkDown):
            self.alive(now_us)

    def alive(self, now_us: int) -> None:
        """Something was heard, be it wrong or late."""
        self.row = self.unanswered = 0
        self.heard_us = now_us

    def give_up(self, units: int, now_us: int) -> bool:
        """Whether a connection that serves so many units is to be made anew."""
        return self.unanswered >= GIVE_UP_AFTER and (units == 1 or now_us - self.heard_us >= GIVE_UP_US)


@dataclass(slots=True)
class Unit:
    """What a link remembers of one unit: when it may last have heard something, its back-off, reads that it answered.

    ``dozes``: it misses the request that ends its rest.
    """

    back_off: BackOff
    dozes: bool = False
    heard_us: int | None = None
    late_us: int = -1
    known: dict[Read, None] = field(default_factory=dict)

    def rested(self, now_us: int) -> bool:
        """Whether it may miss a request that comes now. How long such a unit stays awake no maker tells: it is taken to be short."""
        return self.dozes and (self.heard_us is None or now_us >= self.heard_us + AWAKE_US)

    def take(self, request: Request, outcome: Outcome, begun_us: int, now_us: int) -> None:
        """Judge a request that was begun at ``begun_us`` and is over."""
        if isinstance(outcome, Answer):
            self.back_off.worked()
            if len(self.known) < KNOWN_MOST and isinstance(request, Read):
                self.known.setdefault(request)
        elif self._failed(request, outcome, begun_us):
            self.back_off.failed(now_us)
        elif isinstance(outcome, Refusal):
            self.back_off.worked()

    def _failed(self, request: Request, outcome: Outcome, begun_us: int) -> bool:
        """Whether the unit is to be left alone for a while.

        Not after a write whose answer was taken for an earlier one's: the unit is back, what follows may be asked.
        """
        if isinstance(outcome, BadAnswer):
            return isinstance(request, Read) or self.late_us < begun_us
        return isinstance(outcome, NoAnswer)

    def probes(self, request: Read) -> list[Read]:
        """Reads to ask before ``request``, of other lengths: those that were answered before, then parts of it."""
        known = [one for one in self.known if one.count != request.count]
        parts = [count for count in range(1, request.count + 2) if count != request.count]
        return known + [Read(request.table, request.address, count) for count in parts]


@dataclass(slots=True)
class Counts:
    """What happened on a link so far."""

    requests: int = 0
    answers: int = 0
    refusals: int = 0
    silences: int = 0
    bad: int = 0
    late: int = 0
    connections: int = 0

    def count(self, outcome: Outcome) -> None:
        self.requests += 1
        if isinstance(outcome, Answer):
            self.answers += 1
            return
        self.refusals += isinstance(outcome, Refusal)
        self.silences += isinstance(outcome, NoAnswer)
        self.bad += isinstance(outcome, BadAnswer)


@dataclass(frozen=True, slots=True)
class LineTimes:
    """The times of a serial line: a character with its start, parity and stop bits, and the silence between frames.

    In ASCII mode no silence is asked for; the same is kept, so that who has just answered can let go of the line.
    """

    baud: int
    character_bits: int
    mode: Mode = "rtu"

    @classmethod
    def of(cls, address: SerialAddress) -> LineTimes:
        parity = 0 if address.parity == "N" else 1
        return cls(address.baud, 1 + address.bits + parity + address.stops, address.mode)

    @property
    def silence_us(self) -> int:
        """t3.5, counted in characters of 11 bits as the standard has them, which is never shorter than it must be."""
        return -(-35 * 11 * 1_000_000 // (10 * self.baud)) if self.baud <= SLOW_BAUD else 1_750

    def frame_us(self, size: int) -> int:
        """The time that an RTU frame of ``size`` bytes takes on the wire, or the same message in ASCII.

        There each byte is two characters, one check in place of the two, and three characters frame it.
        """
        characters = size if self.mode == "rtu" else 2 * (size - 1) + 3
        return -(-characters * self.character_bits * 1_000_000 // self.baud)
