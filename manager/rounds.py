"""What a round does with one box or one meter: write what was ordered, greet, read, understand, remember. Sans-IO.

Requests go out through an ``Asker`` and come back as values, so nothing in here knows of loops, wires or clocks.

The first frame after a silence is the write of the limit that was ordered last, never a read: any access ends a box's
failsafe, and a read would wake it at its old limit. A cut that was not answered is written again, as the first frame, until
it is answered or another command takes its place.

A box that has been silent for a minute is left alone until its own watchdog must have spoken, counted from the last request
that may have reached it: with only the way back broken, every further request would keep its old limit alive for ever.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from chargebench.manager.drivers.base import Answers, BoxDriver, MeterDriver, Read
from chargebench.manager.notes import Teller
from chargebench.manager.outcomes import Answer, Asker, BadAnswer, LinkError, NoAnswer, NotAsked, Outcome, Rank, Refusal
from chargebench.manager.readings import BoxReading, BoxView, MeterReading, MeterView
from chargebench.manager.site import Box
from chargebench.manager.units import down_to_step, on_phases

PROBE_US: Final = 60_000_000
"""So long a silent box is asked in the hope that it comes back at once."""

ALONE_US: Final = 40_000_000
"""Beyond a box's failsafe time before it is asked again: whoever decides must have booked its failsafe current by then."""


class Presence:
    """Whether something gives readings, and since when it does not; tells when that changes."""

    def __init__(self, name: str, teller: Teller) -> None:
        self.name = name
        self.teller = teller
        self.silent_us: int | None = None

    def lost(self, why: str) -> None:
        if self.silent_us is None:
            self.silent_us = self.teller.now_us()
            self.teller.tell("silent", self.name, why=why)

    def impossible(self, why: str) -> None:
        """What was answered cannot be."""
        if self.silent_us is None:
            self.teller.tell("impossible", self.name, why=why)
        self.lost(why)

    def there(self) -> None:
        if self.silent_us is not None:
            self.teller.tell("back", self.name, silent_us=self.teller.now_us() - self.silent_us)
            self.silent_us = None


class MeterPoll:
    """One meter, of the house or of a box."""

    def __init__(self, name: str, unit: int, driver: MeterDriver, link: Asker, teller: Teller) -> None:
        self.reading: MeterReading | None = None
        self.presence = Presence(name, teller)
        self._unit = unit
        self._driver = driver
        self._link = link

    async def round(self) -> None:
        """Read it once."""
        heard = await _read_all(self._link, self._unit, self._driver.reads())
        if not isinstance(heard, Heard):
            self.presence.lost(str(heard))
            return
        try:
            self.reading = self._driver.understand(heard.at_us, heard.answers)
        except ValueError as error:
            self.presence.impossible(str(error))
        else:
            self.presence.there()

    def view(self, start_us: int, phases: Sequence[int]) -> MeterView:
        """The meter as a cycle sees it, times since ``start_us``, currents on the phases of the house."""
        reading = self.reading
        if reading is not None:
            measured = None if reading.phases_ma is None else on_phases(reading.phases_ma, phases)
            reading = replace(reading, at_us=reading.at_us - start_us, phases_ma=measured)
        return MeterView(reading, _since(self.presence.silent_us, start_us))


class BoxPoll:
    """One box, with the meter that the master knows to be its. ``may_write``: beside the limits that are ordered."""

    def __init__(
        self,
        box: Box,
        driver: BoxDriver,
        link: Asker,
        teller: Teller,
        meter: MeterPoll | None,
        *,
        may_write: bool = True,
    ) -> None:
        self.box = box
        self.may_write = may_write
        self.reading: BoxReading | None = None
        self.presence = Presence(box.name, teller)
        self._teller = teller
        self._driver = driver
        self._link = link
        self._meter = meter
        self._greeted: dict[Read, tuple[int, ...]] | None = None
        self._epoch = 0
        self._ordered: int | None = None
        self._awaited_ma: int | None = None
        self._standing = False
        self._fell_back = False
        self._writes: list[Awaitable[Outcome]] = []

    def begin(self, cycle: int, limit_ma: int | None) -> None:
        """Begin a round: put its writes into the queue, those of a cut before everything else."""
        if limit_ma is not None:
            shown_ma = self.reading.limit_ma if self.reading is not None else self.box.maximum_ma
            self._ordered, self._standing = limit_ma, limit_ma < shown_ma
            self._awaited_ma = down_to_step(limit_ma, self._driver.step_ma)
            rank = "cut" if self._standing else "raise"
            self._teller.tell("command", self.box.name, cycle=cycle, limit_ma=limit_ma, rank=rank)
        due = limit_ma is not None or self._standing or self.presence.silent_us is not None
        self._writes = []
        if due and self._ordered is not None and not self._left_alone():
            rank_of = Rank.CUT if self._standing else Rank.RAISE
            self._writes = [self._link.ask(self.box.unit, one, rank_of) for one in self._driver.writes(self._ordered)]

    def _left_alone(self) -> bool:
        """Whether the box is to hear nothing now, so that its failsafe comes."""
        silent_us, reading = self.presence.silent_us, self.reading
        if silent_us is None or reading is None or not reading.failsafe_us or self._fell_back:
            return False
        now_us = self._teller.now_us()
        heard_us = self._link.heard_us(self.box.unit) or silent_us
        self._fell_back = now_us >= heard_us + reading.failsafe_us + ALONE_US
        return not self._fell_back and now_us >= silent_us + PROBE_US

    async def round(self) -> None:
        """Finish the round that was begun: the answers to its writes, then the reads.

        A connection that was made in the middle of it may lead to another box: greeted and read once more.
        """
        if self._left_alone() or not await self._written():
            return
        for _ in range(2):
            if not await self._read() or self._epoch == self._link.epoch:
                return
        self.presence.lost("its connection breaks again and again")

    async def _read(self) -> bool:
        """Greet where that is due, then read; whether the box answered."""
        known = self._greeted is not None and self._epoch == self._link.epoch
        if not known and not await self._greet():
            return False
        greeted = self._greeted or {}
        try:
            reads = self._driver.reads(greeted)
        except ValueError as error:
            self.presence.impossible(str(error))
            self._greeted = None
            return False
        if not known and not await self._prepare(greeted):
            return False
        heard = await _read_all(self._link, self.box.unit, reads)
        if not isinstance(heard, Heard):
            self._lost(heard)
            return False
        if self._epoch == self._link.epoch:
            self._understand(greeted, heard)
        return True

    async def _written(self) -> bool:
        """Whether the box is still worth a read after its writes: not if it was silent, since it is left alone then."""
        outcomes = [await one for one in self._writes]
        if not outcomes:
            return True
        assert self._ordered is not None
        error = next((one for one in outcomes if not isinstance(one, Answer)), None)
        if error is None:
            self._standing = False
            self._teller.tell("answered", self.box.name, limit_ma=self._ordered)
        elif isinstance(error, Refusal):
            self._standing = False
            self._teller.tell("refused", self.box.name, limit_ma=self._ordered, code=error.code)
        else:
            self._teller.tell("unanswered", self.box.name, limit_ma=self._ordered, why=str(error))
        if isinstance(error, NoAnswer | NotAsked):
            self._lost(error)
            return False
        return True

    async def _greet(self) -> bool:
        """Ask what one asks after each connect. What the box refuses is left out."""
        answers: dict[Read, tuple[int, ...]] = {}
        for read in self._driver.greet():
            outcome = await self._link.ask(self.box.unit, read, Rank.READ)
            if isinstance(outcome, Answer):
                answers[read] = outcome.words
            elif not isinstance(outcome, Refusal):
                self._lost(outcome)
                return False
        self._greeted, self._epoch = answers, self._link.epoch
        return True

    async def _prepare(self, greeted: Answers) -> bool:
        """Write what keeps the box within reach, where anything may be written; whether it answered."""
        for write in self._driver.prepares(greeted) if self.may_write else ():
            outcome = await self._link.ask(self.box.unit, write, Rank.RAISE)
            if not isinstance(outcome, Answer | Refusal):
                self._lost(outcome)
                return False
        return True

    def _lost(self, error: LinkError) -> None:
        if not isinstance(error, Refusal | BadAnswer):
            self._greeted = None
        self.presence.lost(str(error))

    def _understand(self, greeted: Answers, heard: Heard) -> None:
        try:
            self.reading = self._driver.understand(heard.at_us, greeted, heard.answers)
        except ValueError as error:
            self.presence.impossible(str(error))
            return
        self.presence.there()
        self._fell_back = False
        if self._awaited_ma == self.reading.limit_ma:
            self._awaited_ma = None
            self._teller.tell("confirmed", self.box.name, limit_ma=self.reading.limit_ma)

    def view(self, start_us: int) -> BoxView:
        """The box as a cycle sees it, times since ``start_us``; what its own meter measures comes into its reading."""
        reading = self.reading
        if reading is not None:
            reading = replace(reading, at_us=reading.at_us - start_us)
            if self._meter is not None and self._meter.presence.silent_us is None and self._meter.reading is not None:
                measured = self._meter.reading
                reading = replace(
                    reading, phases_ma=measured.phases_ma, power_w=measured.power_w, energy_wh=measured.energy_wh
                )
        heard_us = self._link.heard_us(self.box.unit)
        heard = 0 if heard_us is None else heard_us - start_us
        return BoxView(reading, _since(self.presence.silent_us, start_us), heard)


@dataclass(frozen=True, slots=True)
class Heard:
    """The answers to all reads of a round, and when the last of them arrived."""

    at_us: int
    answers: Answers


async def _read_all(link: Asker, unit: int, reads: Sequence[Read]) -> Heard | LinkError:
    """All the answers, or the first error."""
    answers: dict[Read, tuple[int, ...]] = {}
    at_us = 0
    for read in reads:
        outcome = await link.ask(unit, read, Rank.READ)
        if not isinstance(outcome, Answer):
            return outcome
        answers[read], at_us = outcome.words, outcome.at_us
    return Heard(at_us, answers)


def _since(at_us: int | None, start_us: int) -> int | None:
    return None if at_us is None else at_us - start_us
