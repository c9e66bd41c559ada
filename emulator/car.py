"""A car at a box: what it draws, in linear pieces, from what the pilot offers, what it still wants and its own ways.

Ways of a car: it acts on an offer ``delay_us`` after it changed; it closes its switch (state C) once the offer it acts on
reaches its minimum and it is not full; it ramps to min(offer - ``below_ma``, cap) on each of its phases and ramps down to
nothing when the offer falls below its minimum; its switch opens when the current has gone. The cap is a staircase over
the charge taken; a stair that is passed inside a ramp counts at the ramp's end. At the last stair the car is full, ramps
down, opens its switch and asks for nothing more, for as long as it stays. One that sleeps does the same once it was paused,
until its pilot was interrupted. Where the energy it wants is turned into
charge, at plug-in, it is rounded up, so a full car has at least what it wanted.

Nothing here reads a clock: each call says when, and calls come in the order of time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from chargebench.emulator.events import Event
from chargebench.emulator.flow import CHARGE2_MV_PER_WH, FAR, NA_PER_MA, SECOND_US, energy_wh
from chargebench.emulator.spec import CarSpec

DELAY_MAX_US = 300 * SECOND_US
_HEARD_MAX = 256  # a pulse rises every 5 s at most and may be dropped in between: 120 changes in the longest delay


class Car:
    """One car and its one visit. ``na`` and ``rate`` are the current on each of its ``live`` phases."""

    __slots__ = (
        "_asleep",
        "_extra_ma",
        "_felt_ma",
        "_full",
        "_goal_na",
        "_got2",
        "_heard",
        "_most_ma",
        "_ramp_end_us",
        "_stair",
        "_stairs",
        "_tell",
        "_told",
        "_voltage_mv",
        "at_us",
        "live",
        "na",
        "plugged",
        "rate",
        "spec",
    )

    def __init__(self, spec: CarSpec, voltage_mv: int, tell: Callable[[Event], None]) -> None:
        _check(spec)
        self.spec = spec
        self._voltage_mv, self._tell = voltage_mv, tell
        wanted2 = -(-spec.wanted_wh * CHARGE2_MV_PER_WH // voltage_mv)
        self._stairs = (
            *((wanted2 * done // 1000, spec.max_ma * cap // 1000) for done, cap in spec.taper),
            (wanted2, 0),
        )
        self.plugged = False
        self.at_us = self.na = self.rate = self.live = 0
        self._got2 = 0  # twice the charge of all phases together, nA*us
        self._stair = 0
        self._full = self._asleep = False
        self._felt_ma = self._extra_ma = 0
        self._most_ma = spec.max_ma
        self._heard: deque[tuple[int, int]] = deque()
        self._goal_na, self._ramp_end_us = 0, FAR
        self._told = (0, 0)

    @property
    def channel(self) -> str:
        return f"car {self.spec.name}"

    @property
    def full(self) -> bool:
        return self._full

    @property
    def wants(self) -> bool:
        """The car's switch is closed: state C, if the box serves it."""
        asks = not self._full and not self._asleep and self._felt_ma >= self.spec.minimum_ma
        return self.plugged and (asks or self.na > 0 or self.rate != 0)

    @property
    def hears(self) -> bool:
        """It acts on an offer, or will."""
        return self._felt_ma > 0 or bool(self._heard)

    @property
    def next_us(self) -> int:
        """When the car next does something by itself."""
        heard = self._heard[0][0] if self._heard else FAR
        return min(heard, self._ramp_end_us, self._stair_us())

    def level(self, at_us: int) -> int:
        """Current on each of its live phases, nA."""
        return self.na + self.rate * (at_us - self.at_us)

    def charge2(self, at_us: int) -> int:
        """Twice the charge taken since plug-in on all phases together, nA*us."""
        span = at_us - self.at_us
        return self._got2 + self.live * (2 * self.na + self.rate * span) * span

    def energy_wh(self, at_us: int) -> int:
        """Energy taken since plug-in, whole Wh."""
        return energy_wh(self.charge2(at_us), self._voltage_mv)

    def plug(self, at_us: int) -> None:
        assert not self.plugged
        self.plugged, self.at_us = True, at_us
        self._tell(Event(at_us, self.channel, "plugged", (("box", self.spec.box),)))
        self._climb(at_us)

    def unplug(self, at_us: int) -> None:
        """The driver unlocks, which ends the draw, and pulls the plug."""
        self.lose_pilot(at_us)
        self.plugged = False
        self._tell(Event(at_us, self.channel, "unplugged", (("energy_wh", self.energy_wh(at_us)),)))

    def hear(self, at_us: int, offered_ma: int) -> None:
        """The pilot offers this from now on; 0 = no pulse."""
        assert len(self._heard) < _HEARD_MAX
        self._heard.append((at_us + self.spec.delay_us, offered_ma))

    def behave(self, at_us: int, *, extra_ma: int = 0, most_ma: int | None = None) -> None:
        """From now on it takes so much more than it should, and at most so much; with neither it behaves again."""
        self._extra_ma = extra_ma
        self._most_ma = self.spec.max_ma if most_ma is None else most_ma
        self._aim(at_us)

    def lose_pilot(self, at_us: int) -> None:
        """No pilot at all: the car stops at once and forgets what it heard; one that slept wakes."""
        self._heard.clear()
        self._felt_ma, self._asleep = 0, False
        self._stop(at_us)

    def supply(self, at_us: int, live: int) -> None:
        """So many of the car's phases are live behind the contactor from now on; 0: none, the current is gone."""
        if live == self.live:
            return
        if not live:
            self._stop(at_us)
        self._set(at_us, self.level(at_us), self.rate)
        self.live = live
        self._aim(at_us)

    def step(self, at_us: int) -> None:
        """Do what is due at ``at_us``."""
        if self._ramp_end_us == at_us:
            self._ramp_end_us = FAR
            self._set(at_us, self._goal_na, 0)
        while self._heard and self._heard[0][0] <= at_us:
            self._feel(self._heard.popleft()[1])
        self._climb(at_us)
        self._aim(at_us)

    def _feel(self, offered_ma: int) -> None:
        """Act on an offer; one that sleeps does so as soon as it is paused."""
        least_ma = self.spec.minimum_ma
        self._asleep = self._asleep or (self.spec.sleeps and offered_ma < least_ma <= self._felt_ma)
        self._felt_ma = offered_ma

    def _climb(self, at_us: int) -> None:
        """Pass the stairs whose charge is reached; within a ramp none is."""
        while self.rate == 0 and not self._full and self.charge2(at_us) >= self._stairs[self._stair][0]:
            self._stair += 1
            if self._stair == len(self._stairs):
                self._full = True
                self._tell(Event(at_us, self.channel, "full", (("energy_wh", self.energy_wh(at_us)),)))

    def _stair_us(self) -> int:
        if self.rate or self._full or not self.na or not self.live:
            return FAR
        need = self._stairs[self._stair][0] - self._got2
        return self.at_us + max(0, -(-need // (2 * self.na * self.live)))

    def _goal_ma(self) -> int:
        if self._full or self._asleep or not self.live or self._felt_ma < self.spec.minimum_ma:
            return 0
        cap = self.spec.max_ma if self._stair == 0 else min(self.spec.max_ma, self._stairs[self._stair - 1][1])
        return max(0, min(self._felt_ma - self.spec.below_ma + self._extra_ma, cap, self._most_ma))

    def _aim(self, at_us: int) -> None:
        """Head for what the car now wants to draw: a ramp, whose end is the first whole us at or beyond the goal."""
        level, goal = self.level(at_us), self._goal_ma() * NA_PER_MA
        self._goal_na = goal
        if level == goal:
            self._ramp_end_us = FAR
            self._set(at_us, goal, 0)
            self._say(at_us)
            return
        rate = self.spec.ramp_ma_per_s  # mA/s are nA/us
        self._ramp_end_us = at_us + -(-abs(goal - level) // rate)
        self._set(at_us, level, rate if goal > level else -rate)

    def _stop(self, at_us: int) -> None:
        self._goal_na, self._ramp_end_us = 0, FAR
        self._set(at_us, 0, 0)
        self._say(at_us)

    def _set(self, at_us: int, na: int, rate: int) -> None:
        self._got2 = self.charge2(at_us)
        self.at_us, self.na, self.rate = at_us, na, rate

    def _say(self, at_us: int) -> None:
        now = (self.na // NA_PER_MA, self.live if self.na else 0)
        if now != self._told:
            self._told = now
            self._tell(Event(at_us, self.channel, "draw", (("drawn_ma", now[0]), ("phases", now[1]))))


def _check(spec: CarSpec) -> None:
    """Refuse what no car can be; the sentence names the car."""
    stairs = [done for done, _ in spec.taper]
    for wrong, why in (
        (not 1 <= spec.phases <= 3, f"has 1 to 3 phases, got {spec.phases}"),
        (spec.wanted_wh < 0, f"wants 0 Wh or more, got {spec.wanted_wh}"),
        (spec.ramp_ma_per_s <= 0, f"ramps by more than 0 mA/s, got {spec.ramp_ma_per_s}"),
        (not 0 <= spec.delay_us <= DELAY_MAX_US, f"acts after 0 us to 300 s, got {spec.delay_us} us"),
        (stairs != sorted(stairs), f"has a taper whose stairs rise, got {stairs}"),
        (spec.leaves_us is not None and spec.leaves_us <= spec.plugs_us, "leaves after it was plugged in"),
    ):
        if wrong:
            raise ValueError(f"car {spec.name}: a car {why}")
