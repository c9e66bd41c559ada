"""What a round does with one box or one meter: write what was ordered, greet, read, understand, remember. Sans-IO.

Requests go out through an ``Asker`` and come back as values, so nothing in here knows of loops, wires or clocks.

The first frame after a silence is the write of the limit that was ordered last, never a read: any access ends a box's
failsafe, and a read would wake it at its old limit. A cut that was not answered is written again, as the first frame, until
it is answered or another command takes its place.

A box that has been silent for a minute is left alone until its own watchdog must have spoken, counted from the last request
that may have reached it: with only the way back broken, every further request would keep its old limit alive for ever.
It is spoken to sooner only where something that does not feed its watchdog shows that the way is open again, both ways: a
new TCP connection after one that failed, or the S0 meter in its own case that was silent with it.

After every connect a box is greeted and its failsafe is set where the site says one and the box shows another; then it is
greeted again, so that what is counted on is what was read back. So it is when its limit changes without a command: it may
have restarted, or be another box.

Where a box cannot show its limit, the last that it was told and answered counts, on the connection on which it did: after
every other one it is told again before it is read, and as long as it was told nothing it is counted at its maximum. A box
whose watchdog lives on writes is fed while it is managed and heard; never while it is to fall back.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import replace
from typing import Final

from chargebench.manager.behaviour import Behaviour
from chargebench.manager.drivers.base import Answers, BoxDriver, Feed, Node, Read, Wakeable, Write
from chargebench.manager.drivers.phases import PhaseSwitch
from chargebench.manager.lag import Lag
from chargebench.manager.meter_poll import MeterPoll
from chargebench.manager.notes import Teller
from chargebench.manager.outcomes import Answer, Asker, BadAnswer, LinkError, NoAnswer, NotAsked, Outcome, Rank, Refusal
from chargebench.manager.pacing import Pacing
from chargebench.manager.presence import Heard, Presence, read_all, since
from chargebench.manager.readings import BoxReading, BoxView, Remembered
from chargebench.manager.site import Box, Failsafe, TcpAddress
from chargebench.manager.turning import Turning
from chargebench.manager.units import down_to_step
from chargebench.manager.waking import Waking

PROBE_US: Final = 60_000_000
"""So long a silent box is asked in the hope that it comes back at once."""

DUMB_US: Final = 20_000_000
"""So long after the first silence a box that takes connections is told to be silent by its settings."""

ALONE_US: Final = 40_000_000
"""Beyond a box's failsafe time before it is asked again: whoever decides must have booked its failsafe current by then."""


BEAT_US: Final = 1_500_000
"""How often a box may be fed: whatever falls due before the next time goes out now."""


GREETINGS: Final = 3
"""So often a box is asked after a connect for what it refuses to tell."""


class BoxPoll:
    """One box, with the meter that the master knows to be its. ``may_write``: beside the limits that are ordered."""

    def __init__(  # noqa: PLR0913 what it is, how it is spoken to and over what
        self,
        box: Box,
        driver: BoxDriver,
        link: Asker,
        teller: Teller,
        meter: MeterPoll | None,
        *,
        may_write: bool = True,
        pacing: Pacing | None = None,
        phases: PhaseSwitch | None = None,
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
        self._lag = Lag(driver.latency_us, box.maximum_ma)
        self._pacing = pacing or Pacing()
        self._turning: Turning | None = None
        if phases is not None:
            self._turning = Turning(box.name, box.unit, phases, link, self._pacing, teller)
        self._node = driver if isinstance(driver, Node) else None
        wakes = driver.wakes if isinstance(driver, Wakeable) else ()
        self._waking = Waking(wakes, box.minimum_ma) if wakes else None
        self._held: tuple[int, int] | None = None
        self._fed_us: int | None = None
        self._awaited_ma: int | None = None
        self._standing = False
        self._fell_back = False
        self._other_failsafe: Failsafe | None = None
        self._way_was_shut = False
        self._open_us = 0
        self._writes: list[Awaitable[Outcome]] = []
        self.licensed = box.licensed
        self._licence: bool | None = None
        self.remembered: Remembered | None = None
        self.behaviour = Behaviour()
        self._dumb = False

    @property
    def step_ma(self) -> int:
        """The step in which the box takes limits."""
        return self._driver.step_ma

    @property
    def waits(self) -> bool:
        """Whether its next round may do or find something else though the box shows the same."""
        waking = self._waking is not None and self._waking.waits
        turning = self._turning is not None and self._turning.waits
        return waking or turning or self._standing or self._pacing.waits or self._lag.waits

    def license(self, allowed: bool, *, managed: bool) -> None:
        """Its licence comes or goes. Without one it is never written again, not even what it did not hear the first time."""
        if allowed == self.licensed:
            return
        self.licensed, self.may_write = allowed, allowed and managed
        self._licence = None if allowed == self.box.licensed else allowed
        self._teller.tell("licensed" if allowed else "unlicensed", self.box.name)
        self._ordered, self._awaited_ma, self._standing = None, None, False
        self.behaviour.release()
        self._pacing.forget()
        self._greeted = None  # what is to be written once, is

    def begin(self, cycle: int, limit_ma: int | None) -> None:
        """Begin a round: put its writes into the queue, those of a cut before everything else."""
        if limit_ma is not None:
            shown_ma = self.reading.limit_ma if self.reading is not None else self.box.maximum_ma
            self._ordered, self._standing = limit_ma, limit_ma < shown_ma
            self._awaited_ma = down_to_step(limit_ma, self._driver.step_ma)
            self.behaviour.told(self._awaited_ma, self._teller.now_us())
            rank = "cut" if self._standing else "raise"
            self._teller.tell("command", self.box.name, cycle=cycle, limit_ma=limit_ma, rank=rank)
            if self._turning is not None:
                self._turning.forget()
        due = limit_ma is not None or self._standing or self.presence.silent_us is not None or self._in_doubt()
        due = due or self._pacing.waits
        self._writes = self._order() if due and not self._left_alone() else []

    def turn(self, count: int, why: str) -> None:
        """Have it charge on so many phases, before this round's reads. It has stopped."""
        if self._turning is not None and self.may_write:
            self._turning.order(count, why)

    def _order(self) -> list[Awaitable[Outcome]]:
        """Put the writes of the limit that was ordered last into the queue, as far as they may go now; none where nothing was."""
        if self._ordered is None:
            return []
        rank = Rank.CUT if self._standing else Rank.RAISE
        writes = self._pacing.due(self._driver.writes(self._ordered), self._ordered, self._teller.now_us())
        if self._node is not None:
            return [self._link.cast(self.box.unit, self._node.casts_to, one, rank) for one in writes]
        return [self._link.ask(self.box.unit, one, rank) for one in writes]

    def _in_doubt(self) -> bool:
        """Whether nobody can know the limit of a box that does not show it: it was told none on this connection."""
        return not self._driver.shows_limit and self._held_ma() is None

    def _held_ma(self) -> int | None:
        """What it was told last and answered."""
        return self._held[1] if self._held is not None and self._held[0] == self._link.epoch else None

    def _left_alone(self) -> bool:
        """Whether the box is to hear nothing now, so that its failsafe comes."""
        silent_us, reading = self.presence.silent_us, self.reading or self.remembered
        if silent_us is None or reading is None or not reading.failsafe_us or self._fell_back:
            return False
        now_us = self._teller.now_us()
        heard_us = self._link.heard_us(self.box.unit) or silent_us
        self._fell_back = now_us >= heard_us + reading.failsafe_us + ALONE_US
        return not self._fell_back and now_us >= max(silent_us, self._open_us) + PROBE_US

    async def round(self) -> None:
        """Finish the round that was begun: the answers to its writes, then the reads.

        A connection that was made in the middle of it may lead to another box: greeted and read once more.
        """
        if self._left_alone():
            if await self._way_is_open():
                self._open_us = self._teller.now_us()
            return
        if not (await self._written() and await self._turned()):
            return
        for _ in range(2):
            if not await self._read():
                return
            if self._epoch == self._link.epoch:
                await self.feed()
                return
        self.presence.lost("its connection breaks again and again")

    async def _turned(self) -> bool:
        """Write what changes its phases; whether the box answered."""
        error = await self._turning.written() if self._turning is not None else None
        if error is not None:
            self._lost(error)
        return error is None

    async def feed(self) -> None:
        """Keep its watchdog quiet, where that takes writes and is due before the next time."""
        feed = self.feeding()
        now_us = self._teller.now_us()
        if feed is None or (self._fed_us is not None and now_us + BEAT_US < self._fed_us + feed.every_us):
            return
        self._writes = self._order() if not feed.writes else []
        if self._writes:
            if await self._written():
                self._fed_us = now_us
            return
        if feed.writes and not self._pacing.may_feed(feed.writes, now_us):
            return
        for write in feed.writes:
            outcome = await self._link.ask(self.box.unit, write, Rank.RAISE)
            if not isinstance(outcome, Answer):
                self._held = None  # it may be on its way to its failsafe
            if not isinstance(outcome, Answer | Refusal):
                self._lost(outcome)
                return
        self._pacing.went(self._teller.now_us())
        self._fed_us = now_us

    def feeding(self) -> Feed | None:
        """What feeds it now: nothing while it is not managed, not known, or silent."""
        if not self.may_write or self._greeted is None or self.presence.silent_us is not None:
            return None
        return self._driver.feeds(self._greeted)

    async def _way_is_open(self) -> bool:
        """Whether the box can be reached again, judged by what does not feed its watchdog."""
        if self._meter is not None and in_its_case(self.box):
            silent = self._meter.presence.silent_us is not None
            if self._way_was_shut and not silent:
                return True
            self._way_was_shut = self._way_was_shut or silent
        return await self._link.knock()

    async def _read(self) -> bool:
        """Greet where that is due, then read; whether the box answered."""
        known = self._greeted is not None and self._epoch == self._link.epoch
        if not known and not await self._greet():
            return False
        greeted = self._greeted or {}
        try:
            reads = self._driver.reads(greeted)
            writes = self._driver.prepares(greeted, self.box.failsafe) if self.may_write and not known else ()
        except ValueError as error:
            self.presence.impossible(str(error))
            self._greeted = None
            return False
        if not known and not (await self._prepare(writes) and await self._say_again()):
            return False
        greeted = self._greeted or {}
        heard = await read_all(self._link, self.box.unit, reads)
        if not isinstance(heard, Heard):
            self._lost(heard)
            return False
        mute = await self._turning.read() if self._turning is not None else None
        if mute is not None:
            self._lost(mute)
            return False
        if self._epoch == self._link.epoch:
            self._understand(greeted, heard, known=known)
        return await self._woken() and (self._node is None or await self._granted(self._node, heard.answers))

    async def _woken(self) -> bool:
        """Wake a car that seems to sleep; whether the box answered."""
        if self._waking is None or self.reading is None or not self._waking.due(self.reading) or not self.may_write:
            return True
        if not await self._heard(self._waking.writes):
            return False
        self._teller.tell("woken", self.box.name)
        return True

    async def _granted(self, node: Node, answers: Answers) -> bool:
        """Give the leave that the box asks for, where there is current for it; whether the box answered."""
        return await self._heard(node.grants(answers) if self.may_write and self._ordered else ())

    async def _say_again(self) -> bool:
        """Tell a box its limit on a new connection where it cannot show the one that it has. Whether it answered."""
        self._writes = self._order() if self._in_doubt() and self.licensed else []
        return await self._written()

    async def _written(self) -> bool:
        """Whether the box is still worth a read after its writes: not if it was silent, since it is left alone then."""
        outcomes = [await one for one in self._writes]
        if not outcomes:
            return True
        assert self._ordered is not None
        self._pacing.went(self._teller.now_us())
        error = next((one for one in outcomes if not isinstance(one, Answer)), None)
        told = error is None and self._pacing.bounds(self._ordered) and self._node is None
        told_ma, held_ma = down_to_step(self._ordered, self._driver.step_ma), self._held_ma()
        if not told and held_ma is not None:
            told_ma = max(told_ma, held_ma)
        self._held = (self._link.epoch, told_ma) if told or held_ma is not None else None
        self._standing = self._standing and not told
        if error is None:
            if not self._pacing.waits and self._node is None:
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
        """Ask what one asks after each connect. What the box refuses is left out, once it has been asked again: some refuse
        their first reads.
        """
        answers: dict[Read, tuple[int, ...]] = {}
        for read in GREETINGS * self._driver.greet():
            if read in answers:
                continue
            outcome = await self._link.ask(self.box.unit, read, Rank.READ)
            if isinstance(outcome, Answer):
                answers[read] = outcome.words
            elif not isinstance(outcome, Refusal):
                self._lost(outcome)
                return False
        self._greeted, self._epoch = answers, self._link.epoch
        return True

    async def _prepare(self, writes: tuple[Write, ...]) -> bool:
        """Write what is to be written once; then greet again. Whether the box answered."""
        return await self._heard(writes) and (not writes or await self._greet())

    async def _heard(self, writes: tuple[Write, ...]) -> bool:
        """Write one after the other, which are no orders of a limit; whether the box answered."""
        for write in writes:
            outcome = await self._link.ask(self.box.unit, write, Rank.RAISE)
            if not isinstance(outcome, Answer | Refusal):
                self._lost(outcome)
                return False
        return True

    def _lost(self, error: LinkError) -> None:
        if not isinstance(error, Refusal | BadAnswer):
            self._greeted = self._held = self._fed_us = None
            self._lag.forget()
            self._pacing.forget()
            if self._turning is not None:
                self._turning.forget()
        self.behaviour.forget()
        self.presence.lost(str(error))
        self._suspect(error)

    def _suspect(self, error: LinkError) -> None:
        """Tell of a box that takes connections and has never answered as one should: its Modbus may be off."""
        silent_us = self.presence.silent_us
        if self.reading is not None or self._dumb or silent_us is None or not isinstance(self.box.address, TcpAddress):
            return
        asked = isinstance(error, NoAnswer | BadAnswer | Refusal) and self._link.epoch
        if asked and self._teller.now_us() >= silent_us + DUMB_US:
            self._dumb = True
            self._teller.tell("dumb", self.box.name, why=str(error))

    def _understand(self, greeted: Answers, heard: Heard, *, known: bool) -> None:
        before = self.reading
        try:
            reading = self._driver.understand(heard.at_us, greeted, heard.answers)
        except ValueError as error:
            self.presence.impossible(str(error))
            return
        if not self._driver.shows_limit:
            held_ma = self._held_ma()
            reading = replace(reading, limit_ma=self.box.maximum_ma if held_ma is None else held_ma)
        if self._turning is not None:
            reading = replace(reading, phases=self._turning.shown)
        follows_ma = self._lag.follows_ma(reading.limit_ma, heard.at_us)
        self.reading = reading if follows_ma == reading.limit_ma else replace(reading, limit_ma=follows_ma)
        self.presence.there()
        self._fell_back = self._way_was_shut = False
        if known:
            self._watch(before, self.reading)
        else:
            self._compare(before, self.reading)
        self._judge(self.reading.limit_ma, heard.at_us)
        if self._awaited_ma == self.reading.limit_ma:
            self._awaited_ma, self._standing = None, False
            self._teller.tell("confirmed", self.box.name, limit_ma=self.reading.limit_ma)

    def _judge(self, shows_ma: int, at_us: int) -> None:
        """Tell of a box that does not do as it is told, by the limit that it shows."""
        behaviour, own_ma, told_ma = self.behaviour, self.behaviour.own_ma, self._ordered or 0
        fault = behaviour.shows(shows_ma, at_us, self.box.minimum_ma)
        if fault is not None:
            shown_ma = behaviour.own_ma if fault == "by itself" else shows_ma
            self._teller.tell(fault, self.box.name, limit_ma=told_ma, shows_ma=shown_ma)
        if behaviour.others and not behaviour.by_itself:
            self._teller.tell("foreign", self.box.name, times=behaviour.others, limit_ma=told_ma, shows_ma=own_ma)

    def _watch(self, before: BoxReading | None, now: BoxReading) -> None:
        """Have it greeted anew where it took another limit by itself."""
        ordered_ma = None if self._ordered is None else down_to_step(self._ordered, self._driver.step_ma)
        if before is not None and now.limit_ma not in (before.limit_ma, ordered_ma):
            self._greeted = None

    def _compare(self, before: BoxReading | None, now: BoxReading) -> None:
        """Tell of a restart, and of a failsafe that is not as it was to be."""
        earlier = before or self.remembered
        if earlier is not None and None not in (earlier.restarts, now.restarts) and earlier.restarts != now.restarts:
            self._teller.tell("restarted", self.box.name, restarts=now.restarts or 0)
            self.behaviour.restarted()
        wanted = self.box.failsafe
        if wanted is None or now.failsafe_us is None or now.failsafe_ma is None or not self.may_write:
            return
        has = Failsafe(now.failsafe_us, now.failsafe_ma)
        if has not in (wanted, self._other_failsafe):
            found = {"after_us": has.after_us, "current_ma": has.current_ma}
            meant = {"wanted_after_us": wanted.after_us, "wanted_ma": wanted.current_ma}
            self._teller.tell("failsafe", self.box.name, **found, **meant)
        self._other_failsafe = has

    def view(self, start_us: int) -> BoxView:
        """The box as a cycle sees it, times since ``start_us``; what its own meter measures comes into its reading."""
        reading = self.reading
        if reading is not None:
            meter = self._meter
            measured = None if meter is None or meter.presence.silent_us is not None else meter.reading
            reading = reading.since(start_us, measured)
        heard_us = self._link.heard_us(self.box.unit)
        heard = 0 if heard_us is None else heard_us - start_us
        remembered = self.remembered if reading is None else None
        silent_us = since(self.presence.silent_us, start_us)
        return BoxView(reading, silent_us, heard, self._licence, self.behaviour.by_itself, remembered)


def in_its_case(box: Box) -> bool:
    """Whether the meter of a box is an S0 input of its own: at the same host, but on a unit that feeds no watchdog."""
    here, there = box.address, box.meter.address if box.meter is not None else None
    same_host = isinstance(here, TcpAddress) and isinstance(there, TcpAddress) and here.host == there.host
    return same_host and box.meter is not None and box.meter.device == "power-brain-s0"
