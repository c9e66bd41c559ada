"""A box under check, by the names of its datasheet: read, told, fed, plugged in, and never out of sight.

Time passes in ``spend`` and while it answers, and then what flows is held against the limits that may still hold.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from chargebench.datasheets.behaviour import Leave, Watchdog
from chargebench.datasheets.codec import down_to_step, encode
from chargebench.emulator.flow import SECOND_US
from chargebench.scenarios.clauses.asking import Asker
from chargebench.scenarios.clauses.bench import Bench, Currents, Socket
from chargebench.scenarios.clauses.end import End
from chargebench.scenarios.clauses.model import ANY, Broken, Clause, NotApplicable, Severity

SAMPLE_US = 250_000
OBEY_US = 10 * SECOND_US  # to act on a command from outside
LOCKOUT_US = 5 * SECOND_US  # between two changes of the pulse
CAR_US = 5 * SECOND_US  # for a car to follow
STOP_US = 30 * SECOND_US  # to take a car down and cut it off
FEED_US = 5 * SECOND_US  # where nobody knows how often
PULSE_MA = 100  # what the pulse can tell
UNITS_US = {"s": SECOND_US, "ms": 1_000, "us": 1}


@dataclass(frozen=True, slots=True)
class Told:
    """A limit that the box was told, and until when it may still hold (None: nothing has come after it)."""

    limit_ma: int
    until_us: int | None = None


class Subject(Asker):
    """A box at work. ``told_ma``: the limit that it was told last, 0 while it pauses; ``limit_ma``: the one it goes on at."""

    def __init__(self, end: End, bench: Bench) -> None:
        super().__init__(end, bench)
        sheet = bench.sheet
        self.dog = sheet.watchdog or Watchdog("none")
        limits = dict(sheet.limits)
        self.least_ma = limits.get("minimum_ma", 6_000)
        self.step_ma = max(PULSE_MA, limits.get("step_ma", 0))
        self.obey_us = OBEY_US if sheet.timing.latency_us is None else sheet.timing.latency_us + SECOND_US
        self.cut_us = self.obey_us + LOCKOUT_US + CAR_US
        self.stop_us = self.obey_us + LOCKOUT_US + STOP_US
        self.told_ma = 0
        self.paused = False
        self.limit_ma = self.least_ma
        self._sent_ma = self.fits(self.least_ma)
        self.timeout_us = bench.failsafe_us or self.dog.timeout.value or 0
        self._fed_us = 0
        self.hungry = False  # nothing is to feed the watchdog but what a check does itself
        self._told: list[Told] | None = None
        self._looked_us = 0
        self._plugged = False
        self._settings: list[tuple[str, str, int]] = []

    # -- what there is -----------------------------------------------------------------------------------------------

    @property
    def car(self) -> Socket:
        if self.bench.car is None:
            raise NotApplicable("nobody here can plug a car in")
        return self.bench.car

    async def drawn(self) -> Currents:
        if self.bench.drawn is None:
            raise NotApplicable("nothing here measures what is drawn")
        return await self.bench.drawn()

    # -- time --------------------------------------------------------------------------------------------------------

    async def spend(self, us: int) -> None:
        """Let time pass, and say nothing."""
        until_us = self.now_us + us
        while (left_us := until_us - self.now_us) > 0:
            await self.end.clock.pause(left_us if self._told is None else min(left_us, SAMPLE_US))
            await self.look()

    async def settle(self, us: int) -> None:
        """Let time pass, and keep the watchdog quiet meanwhile; leave for which it asks is given."""
        until_us = self.now_us + us
        while (left_us := until_us - self.now_us) > 0:
            due_us = self._fed_us + self.every_us - self.now_us
            if self.control.leave is not None:
                await self.grant(self.control.leave)
                left_us = min(left_us, SECOND_US)
            if due_us <= 0:
                await self.feed()
            else:
                await self.spend(min(left_us, due_us))

    async def grant(self, leave: Leave) -> None:
        """Let a car charge if the box asks whether it may."""
        asked = await self.raw(leave.register)
        for question, answer in leave.answers:
            if asked == question:
                await self.put_raw(((leave.register, answer), *leave.also))

    async def wait(self, us: int) -> None:
        """Let time pass until something may be written; only what feeds it does not feed it meanwhile."""
        await (self.spend(us) if self.hungry else self.settle(us))

    async def keep(self) -> None:
        """Feed its watchdog if that is due."""
        if self.now_us >= self._fed_us + self.every_us:
            await self.feed()

    @property
    def every_us(self) -> int:
        """How often the watchdog is fed."""
        known_us = self.timeout_us // 3 or self.dog.refresh_us or FEED_US
        often_us = min(known_us, self.dog.refresh_us or known_us, 20 * SECOND_US)
        return max(often_us, 2 * (self.sheet.timing.apart_us or 0))

    # -- telling -----------------------------------------------------------------------------------------------------

    def fits(self, limit_ma: int) -> int:
        """The limit as its register counts, rounded down."""
        return down_to_step(self.sheet.register(self.control.limit.registers[0]), limit_ma)

    async def limit(self, limit_ma: int) -> int:
        """Tell it a limit, rounded down as it counts; 0 where it is taken, else the exception."""
        limit_ma = self.fits(limit_ma)
        self.paused = self.paused and not self.pauses_by_limit
        if not self.paused:
            self._may(limit_ma)
        if code := await self.write_limit(limit_ma):
            return code
        self.limit_ma = limit_ma
        if not self.paused:
            self._only(limit_ma)
            self.told_ma = limit_ma
        return 0

    async def write_limit(self, limit_ma: int) -> int:
        """Write a limit to all its registers as it is, and go by nothing that may come of it; 0 or the exception."""
        before_ma, self._sent_ma = self._sent_ma, limit_ma
        for name in self.control.limit.registers:
            words = encode(self.sheet.register(name), limit_ma)
            if code := await self.send(name, words, unit=self.control.limit.unit):
                self._sent_ma = before_ma
                return code
        if self.dog.kind in {"limit", "broadcast", "request"}:
            self._fed_us = self.now_us
        return 0

    async def put_limit(self, limit_ma: int) -> None:
        """Write a limit that must be taken, and go by nothing that may come of it."""
        if code := await self.write_limit(limit_ma):
            raise Broken(f"limit {limit_ma} mA", "taken", f"exception {code:02x}")

    async def take(self, limit_ma: int) -> None:
        """Tell it a limit that it must take."""
        if code := await self.limit(limit_ma):
            raise Broken(f"limit {limit_ma} mA", "taken", f"exception {code:02x}")

    @property
    def pauses(self) -> bool:
        """Whether it is known how to pause it."""
        return bool(self.control.pause) or self.control.limit.zero == "stops"

    @property
    def pauses_by_limit(self) -> bool:
        """Whether what pauses it stands where its limit does, so that the next limit ends the pause."""
        return not self.control.pause or bool(self.control.stops)

    async def pause(self) -> None:
        """Stop the car."""
        if not self.pauses:
            raise NotApplicable("the datasheet tells nothing that is sure to pause it")
        if self.control.pause:
            await self.put_raw(self.control.pause)
            self._only(0)
            self.told_ma, self.paused = 0, True
            return
        kept_ma = self.limit_ma
        await self.take(0)
        self.limit_ma = kept_ma

    async def resume(self) -> None:
        """Let the car go on at the limit told last."""
        if self.control.pause:
            self._may(self.limit_ma)
            await self.put_raw(self.control.resume)
            self.paused = False
            if not self.control.resume:
                await self.take(self.limit_ma)
            self.told_ma = self.limit_ma
        else:
            await self.take(self.limit_ma)

    # -- watchdog ----------------------------------------------------------------------------------------------------

    async def feed(self) -> None:
        """Do what keeps its watchdog quiet; any request where nobody knows of one."""
        dog, was = self.dog, self.hungry
        self.hungry = True
        if dog.kind in {"limit", "broadcast"}:
            await self.put_limit(self._sent_ma)
        elif dog.kind == "timeout":
            await self.set_timeout(self.timeout_us) if self.timeout_us else await self.letter()
        elif dog.kind in {"token", "toggle"}:
            await self.put_raw(((dog.register, 1 if dog.value is None else dog.value),))
        else:
            await self.ask(self.food())
        self.hungry = was
        self._fed_us = self.now_us

    def food(self) -> bytes:
        """A read that feeds a watchdog that lives on reads."""
        low, high = self.dog.span or (0, 0xFFFF)
        held = [one for one in self.sheet.registers if one.readable and low <= one.at <= high]
        first = self.sheet.register(self.states.registers[0])
        return self.whole((first if first in held or not held else held[0]).name)

    async def put(self, name: str, value: int) -> int:
        """Write a value in house units; the exception by which it is refused, 0 where it is taken."""
        code = await super().put(name, value)
        if not code and name == (self.dog.timeout.write or self.dog.timeout.register):
            self.timeout_us = value * UNITS_US.get(self.sheet.register(name).unit, SECOND_US)
        return code

    async def set_timeout(self, us: int) -> None:
        """Write the time of its watchdog."""
        name = self.dog.timeout.write or self.dog.timeout.register
        if code := await self.put(name, us // UNITS_US.get(self.sheet.register(name).unit, SECOND_US)):
            raise Broken(f"{us} us to {name}", "taken", f"exception {code:02x}")

    async def read_timeout(self) -> int:
        """The time of its watchdog, us, as its register tells."""
        one = self.sheet.register(self.dog.timeout.register)
        return await self.value(one.name) * UNITS_US.get(one.unit, SECOND_US)

    async def back_to_work(self) -> None:
        """Out of a failsafe: feed it, write what ends it, and tell it its limit."""
        kept_ma = self.limit_ma
        await self.feed()
        for name in self.dog.recovery:
            if name not in {self.dog.register, *self.control.limit.registers, *(one for one, _ in self.control.resume)}:
                await self.put_raw(((name, 1),))
        if self.control.pause:
            await self.put_raw(self.control.resume)
            self.paused = False
        await self.take(kept_ma)
        await self.settle(self.dog.recovers_us)

    # -- beginning and end -------------------------------------------------------------------------------------------

    async def begin(self) -> None:
        """Wake it, remember its settings, and bring it to work at its least limit."""
        await self.ask(self.food())
        dog = self.dog
        for setting in (dog.timeout, dog.failsafe):
            name = setting.write or setting.register
            if self.readable(setting.register) and self.writable(name):
                self._settings.append((setting.register, name, await self.value(setting.register)))
        if self.readable(dog.timeout.register):
            self.timeout_us = await self.read_timeout()
        self.limit_ma = self.fits(self.least_ma)
        await self.back_to_work()

    async def leave(self) -> None:
        """Nobody is plugged in, and what was set is as it was; the limit is its least."""
        self._told, self.hungry = None, False
        if self._plugged:
            await self.unplug()
            with suppress(Broken, NotApplicable):
                await self.settle(self.obey_us + LOCKOUT_US)
        with suppress(Broken, NotApplicable):
            self.limit_ma = self.fits(self.least_ma)
            await self.back_to_work()
            for name, write, value in self._settings:
                if await self.value(name) != value:  # each write may wear its flash
                    await self.put(write, value)

    # -- cars --------------------------------------------------------------------------------------------------------

    async def plug(self) -> None:
        await self.car.plug()
        self._plugged = True
        await self.look()

    async def unplug(self) -> None:
        self._plugged = False
        await self.car.unplug()

    async def charge(self, limit_ma: int) -> None:
        """A car that draws what it is offered, at this limit; ``Broken`` where it does not."""
        await self.drawn()
        await self.take(limit_ma)
        await self.plug()
        await self.settle(self.obey_us + STOP_US)
        await self.insist(self.told_ma, f"limit {self.told_ma} mA, and a car")

    async def insist(self, limit_ma: int, sent: str) -> None:
        """What flows now is what a limit gives: no more, and no less than a step below it."""
        currents = await self.drawn()
        if not self.gives(limit_ma, currents):
            due = f"{self._least_of(limit_ma)} to {limit_ma} mA" if limit_ma else "no current"
            raise Broken(sent, due, f"{currents} mA")

    def gives(self, limit_ma: int, currents: Currents) -> bool:
        """Whether these are the currents that a limit gives."""
        return self._least_of(limit_ma) <= currents[0] <= max(currents) <= limit_ma

    def _least_of(self, limit_ma: int) -> int:
        return max(0, limit_ma - self.step_ma + 1 - self.bench.below_ma)

    # -- what may flow -----------------------------------------------------------------------------------------------

    async def watch(self) -> None:
        """From now on, more than the limits told that may still hold is a breach, whenever it flows."""
        await self._most_since()
        self._told, self._looked_us = [Told(self.told_ma)], self.now_us

    def watch_no_more(self) -> None:
        self._told = None

    async def _most_since(self) -> Currents:
        """The most that has flowed since somebody looked; what flows now, where nothing here remembers."""
        return await (self.drawn() if self.bench.peak is None else self.bench.peak())

    def _may(self, limit_ma: int) -> None:
        """This limit may hold from now on, beside those before."""
        if self._told is not None:
            self._told.append(Told(limit_ma))

    def _only(self, limit_ma: int) -> None:
        """This limit alone holds, once the box has had its time."""
        if self._told is not None:
            until_us = self.now_us + (self.cut_us if limit_ma else self.stop_us)
            old = [replace(one, until_us=until_us if one.until_us is None else one.until_us) for one in self._told]
            self._told = [*old, Told(limit_ma)]

    async def look(self) -> None:
        if self._told is None:
            return
        self._told = [one for one in self._told if one.until_us is None or one.until_us > self._looked_us]
        self._looked_us = self.now_us
        most_ma, currents = max(one.limit_ma for one in self._told), await self._most_since()
        if max(currents) > most_ma:
            self.watch_no_more()
            raise Broken(f"limit {self.told_ma} mA", f"at most {most_ma} mA on any phase", f"{currents} mA")


def behaviour(
    id_: str,
    text: str,
    reference: str,
    do: Callable[[Subject], Awaitable[None]],
    *,
    severity: Severity = "must",
    unverified: bool = False,
) -> Clause:
    """A clause about a box, whatever the wire: the box is brought to work before, and left as it was found."""

    async def body(end: End) -> None:
        if end.bench is None:
            raise NotApplicable("no datasheet of a box is told")
        box = Subject(end, end.bench)
        try:
            await box.begin()
            await do(box)
        finally:
            await box.leave()

    return Clause(id_, text, reference, body, severity, ANY, unverified)
