"""What the controller knows of one box: what its car may draw, what it does draw, and what it is to be offered at most.

Kept between decisions only; a quiet cycle changes nothing in here. Time is the cycle's own (us since the first cycle),
and everything that waits does so from an anchor, so the answer does not depend on how often it was asked for.

A limit is not yet current. ``top_ma`` is the highest limit that the car may still be following: it falls to the confirmed
limit when the cut is physical, that is when its current was seen to come down to it, or lies below it though the car has
had time to take more, or ``PHYSICAL_US`` after it was confirmed. A low current alone proves nothing: a car that was offered
more some seconds ago is about to take it. ``floor_ma`` is the lowest that it may still be following: it rises to the
confirmed limit equally late. What the car draws lies between the two, and that is all an unmetered box lets one know.
"""

from __future__ import annotations

from typing import NamedTuple

from chargebench.manager.licence import manageable
from chargebench.manager.readings import BoxReading, BoxView, Pilot, Remembered, Session
from chargebench.manager.sessions import take_up
from chargebench.manager.site import Box
from chargebench.manager.units import NOTHING, Amps3

PHYSICAL_US = 16_000_000  # a box waits up to 5 s with its pulse, cars were seen to take 11 s
SETTLE_US = 60_000_000  # a draw that stood still so long is what the car wants
IDLE_US = 600_000_000  # a car that draws nothing for so long is done
REFUSE_US = 120_000_000  # a car that stays in state B under an offer for so long is done
AGAIN_US = 3_600_000_000  # a stopped car that was done is asked again after so long, then every two: a timer
STUBBORN_US = (
    36_000_000  # a box that for so long shows another limit than was written is not in our hands; some take 30 s
)
SILENCE_MARGIN_US = 30_000_000  # beyond a box's failsafe time, before its failsafe current is believed
BAND_MA = 400  # a draw within so much of its anchor is no news
DRAWS_MA = 500  # below it a car does not charge
KNOWS_PHASES_MA = 5_000  # a settled draw above it shows which phases the car uses
PHASE_MA = 1_000
HEADROOM_MA = 1_500  # a car is left so much above what it takes
WORTH_MA = 1_000  # for less its limit is left alone: a car that keeps its distance would be led down to its minimum
WAKE_MA = 1_000  # a car within so much of its own cap wants more
DRAW_MARGIN_MA = 1_000  # an unmetered car is taken to draw so much less than it may


class Level(NamedTuple):
    """What makes a decision due when it changes: all of a view that is not a measured current.

    A tuple, since one is made and compared for each box in each cycle.
    """

    reached: bool
    silent: bool
    pilot: Pilot | None
    limit_ma: int
    offered_ma: int
    loads: tuple[bool, ...]
    licensed: bool | None = None
    by_itself: bool = False
    phases: int | None = None


def level_of(view: BoxView, pending: bool) -> Level:
    """The level of a view. The offer counts only while a limit is ``pending``."""
    reading = view.reading
    if reading is None:
        return Level(False, view.silent_since_us is not None, None, 0, 0, (), view.licensed)
    offered = reading.offered_ma if pending else 0
    silent, loads = view.silent_since_us is not None, _loads(reading)
    licensed, by_itself = view.licensed, view.by_itself
    return Level(True, silent, reading.pilot, reading.limit_ma, offered, loads, licensed, by_itself, reading.phases)


def _loads(reading: BoxReading) -> tuple[bool, ...]:
    """Which terminals carry current; a single one for a meter that knows only a total, none without a meter."""
    if reading.phases_ma is not None:
        t1, t2, t3 = reading.phases_ma
        return t1 > PHASE_MA, t2 > PHASE_MA, t3 > PHASE_MA
    return () if reading.power_w is None else (True,)


class Memory:
    """One box, as decisions left it."""

    def __init__(self, box: Box, voltage_mv: int) -> None:
        self.box = box
        self.voltage_mv = voltage_mv
        self.reached = self.silent = self.plugged = self.charging = False
        self.pilot = Pilot.A
        self.sent_ma: int | None = None
        self.sent_us = 0
        self.confirmed_ma = box.maximum_ma
        self.top_ma = box.maximum_ma
        self.floor_ma = 0
        self.confirmed_us = self.pilot_us = self.differs_us = self.offer_us = 0
        self.up_us = -PHYSICAL_US
        self.stubborn = False
        self.managed = box.licensed and not box.observed
        self.failsafe_ma = self.told_ma = box.maximum_ma
        self.fell_back = self.known = self.wakes = False
        self.metered = self.measured = False
        self.low_draw = self.high_draw = self.last_draw = NOTHING
        self.drawn_ma = self.peak_ma = 0
        self.energy_read_wh: int | None = None
        self.moving = False
        self.earlier: Session | None = None
        self.new_session(0, 0)

    # -- a charging session ------------------------------------------------------------

    def new_session(self, now_us: int, energy_wh: int) -> None:
        """Forget what was learned of the last car."""
        self.running = False
        self.hold_us = 0
        self.stopped_us: int | None = None
        self.waits_us = self.since_us = now_us
        self.evictions = 0
        self.asked_again = False
        self.cap_ma: int | None = None
        self.most_ma = self.box.maximum_ma
        self.idle = False
        self.anchor_ma = 0
        self.anchor_us = self.raised_us = now_us
        self.phases = self.box.phases
        self.loads: tuple[bool, ...] = ()
        self.guess: tuple[int, ...] = ()
        self.meter_wh = energy_wh
        self.before_wh = self.work_pj = 0
        self.work_us = now_us

    @property
    def in_hand(self) -> bool:
        """Whether a command can be expected to take effect."""
        return self.reached and not self.silent and not self.stubborn and self.managed

    @property
    def shows(self) -> bool:
        """Whether the box shows what it was sent last, if it was sent anything."""
        return self.sent_ma is None or self.confirmed_ma == self.sent_ma

    @property
    def pending(self) -> bool:
        """Whether the car may still follow another limit than the confirmed one."""
        return self.top_ma > self.confirmed_ma or not self.shows

    def booked_ma(self) -> int:
        """What the car may draw on each phase that it uses, as far as has been read."""
        most = max(self.confirmed_ma, self.top_ma, self.sent_ma or 0, self.drawn_ma)
        if not self.managed:
            return max(most, self.box.maximum_ma)
        if not self.silent:
            return most
        return self.failsafe_ma if self.fell_back else max(most, self.failsafe_ma)

    def booked(self) -> Amps3:
        """``booked_ma`` on the house phases that the car may use."""
        return self._spread(self.booked_ma(), self.box.phases if not self.in_hand else self.phases)

    def taken(self) -> tuple[Amps3, Amps3]:
        """The least and the most that it may be drawing on each phase, never more than what is booked for it."""
        booked = self.booked()
        return _lower(self.low_draw, booked), _lower(self.high_draw, booked)

    def over_ma(self) -> int:
        """What the car goes on taking beyond its limit though it has had time to follow."""
        followed = self.charging and not self.moving and self.top_ma == self.confirmed_ma
        return max(0, self.drawn_ma - self.confirmed_ma) if followed else 0

    def settling(self, now_us: int) -> bool:
        """Whether its meter may not yet show what the house's meter does."""
        return self.moving or (self.measured and self.charging and now_us < self.up_us + PHYSICAL_US)

    def rising(self, now_us: int) -> bool:
        """Whether its car may be about to take more than it did: after a raise, a start, or unseen."""
        return self.moving or self.silent or now_us < self.up_us + PHYSICAL_US

    # -- observing ---------------------------------------------------------------------

    def observe(self, view: BoxView, now_us: int) -> list[int]:
        """Take one view in; returns the times at which this box alone would make a decision due."""
        self.silent = view.silent_since_us is not None
        self._review_rights(view)
        reading = view.reading
        if reading is None:
            return self._absent(view, now_us)
        first = not self.reached
        if first:
            self._first(reading, now_us)
        self.failsafe_ma = reading.failsafe_ma if reading.failsafe_ma is not None else self.box.maximum_ma
        if self.silent:
            return self._silence(view, reading, now_us)
        self.fell_back = False
        self._pilot(reading, now_us)
        self._limit(reading, now_us)
        if first:
            take_up(self, reading, now_us)
            self.up_us = now_us - PHYSICAL_US  # it was like this before we came
        self.measured = reading.phases_ma is not None
        self.metered = self.measured or reading.power_w is not None
        due = self._physical(reading, now_us)
        self._draw(reading, now_us)
        due += self._wants(now_us) + self._obeys(now_us)
        due += [self.anchor_us + PHYSICAL_US] if self.guess else []
        return [at for at in due if at > now_us]

    def _review_rights(self, view: BoxView) -> None:
        """Whether it is managed. What a box was sent before it was not any more may still arrive, and binds it no longer."""
        self.managed = manageable(self.box, view) and not view.by_itself
        if not self.managed and self.sent_ma is not None:
            self.top_ma, self.sent_ma = max(self.top_ma, self.sent_ma), None

    def _absent(self, view: BoxView, now_us: int) -> list[int]:
        """What is remembered of a box from before this start, as long as it was not reached since.

        It may be at what it was told then, at what it falls back to, or at what it starts with. It may also be at its
        failsafe current only as long as nobody speaks to it: then it wakes at what it was told.
        """
        was = view.remembered
        if was is None:
            return []
        if not self.known:
            self.known, self.wakes, self.earlier = True, was.failsafe_us != 0, was.session
            if was.failsafe_ma is not None:
                self.failsafe_ma = was.failsafe_ma
            self.told_ma = self.box.maximum_ma if was.sent_ma is None else was.sent_ma
            self.confirmed_ma = self.top_ma = max(was.top_ma, self._starts_ma(was), self.failsafe_ma * self.wakes)
        return self._silence(view, was, now_us) if self.silent else []

    def _starts_ma(self, was: Remembered) -> int:
        """The limit with which it starts after a loss of power, as it said or as the site says."""
        if was.boot_ma is not None:
            return was.boot_ma
        if self.box.boot_enable is False:
            return 0
        return self.box.maximum_ma if self.box.boot_ma is None else self.box.boot_ma

    @property
    def laid_ma(self) -> int:
        """The most that a box may be told as the first that it hears after a silence."""
        return min(self.failsafe_ma, self.told_ma, self.box.maximum_ma)

    def _first(self, reading: BoxReading, now_us: int) -> None:
        self.reached, self.wakes = True, False
        self.confirmed_ma = reading.limit_ma
        self.top_ma = max(self.top_ma, reading.limit_ma) if self.known else reading.limit_ma
        self.told_ma = self.box.maximum_ma
        self.confirmed_us = self.pilot_us = self.offer_us = now_us
        self.last_draw = self._house(reading)

    def _silence(self, view: BoxView, reading: BoxReading | Remembered, now_us: int) -> list[int]:
        """A silent box keeps its booking until its own watchdog must have spoken, then counts as its failsafe current.

        From then on that is its limit, and the controller has it written before the box hears anything else.
        """
        self.moving = False
        self.low_draw = NOTHING
        if not reading.failsafe_us or reading.failsafe_ma is None or self.fell_back:
            return []
        due = view.heard_us + reading.failsafe_us + SILENCE_MARGIN_US
        if now_us >= due:
            self.fell_back = True
            self.sent_ma = None
            self.top_ma = self.confirmed_ma = reading.failsafe_ma
            self.floor_ma = min(self.floor_ma, reading.failsafe_ma)
        return [due]

    def _pilot(self, reading: BoxReading, now_us: int) -> None:
        charging = reading.pilot in (Pilot.C, Pilot.D)
        plugged = charging or reading.pilot is Pilot.B
        self._work(now_us)
        if plugged != self.plugged:
            self.new_session(now_us, reading.energy_wh or 0)
        if charging != self.charging:
            self.pilot_us = self.anchor_us = self.up_us = now_us
            self.floor_ma = 0
        self.plugged, self.charging, self.pilot = plugged, charging, reading.pilot

    def _limit(self, reading: BoxReading, now_us: int) -> None:
        if reading.limit_ma != self.confirmed_ma:
            if self.confirmed_ma < min(reading.limit_ma, self.anchor_ma + HEADROOM_MA):
                self.raised_us = now_us  # the car was held by its limit, so what it wants is unknown again
            if self.confirmed_ma < self.box.minimum_ma <= reading.limit_ma:
                self.offer_us = now_us
            if self.confirmed_ma < reading.limit_ma:
                self.up_us = now_us
            self.floor_ma = min(self.floor_ma, self.confirmed_ma, reading.limit_ma)
            self.top_ma = max(self.top_ma, self.confirmed_ma, reading.limit_ma)
            self.confirmed_ma, self.confirmed_us = reading.limit_ma, now_us

    def _house(self, reading: BoxReading) -> Amps3:
        """The measured currents on the phases of the house; a total counts wholly on each phase that the car may use."""
        out = [0, 0, 0]
        if reading.phases_ma is not None:
            for terminal, phase in enumerate(self.box.phases):
                out[phase] = reading.phases_ma[terminal]
        elif reading.power_w is not None:
            for phase in self.phases:
                out[phase] = min(reading.power_w * 1_000_000 // self.voltage_mv, max(self.top_ma, self.confirmed_ma))
        return out[0], out[1], out[2]

    def _draw(self, reading: BoxReading, now_us: int) -> None:
        if not self.metered:
            self.moving, self.drawn_ma = False, 0
            steady = max(0, self.floor_ma - DRAW_MARGIN_MA) if self.charging and not reading.old else 0
            most = max(self.top_ma, self.confirmed_ma) if self.charging or reading.old else 0
            if self.top_ma == self.floor_ma and not reading.old:
                most = steady
            self.low_draw, self.high_draw = self._spread(steady), self._spread(most)
            return
        now = self._house(reading)
        least = now if self.measured else self._shared(reading)
        at_most = self._most(now, least)
        was = self.last_draw
        self.drawn_ma = max(now) if self.measured else 0
        self.peak_ma = max(now)
        self.low_draw = _lower(was, least)
        self.high_draw = _higher(was, at_most)
        self.moving = max(abs(was[0] - least[0]), abs(was[1] - least[1]), abs(was[2] - least[2])) > BAND_MA
        self.last_draw = least
        self._learn(now, reading, now_us)
        self._count(reading.energy_wh)

    def _most(self, now: Amps3, least: Amps3) -> Amps3:
        """The most that may flow by the time at which the house's meter is read."""
        if not self.measured and not self.charging:
            return NOTHING
        if not self.measured:
            return now if self.top_ma == self.floor_ma else self._spread(max(self.top_ma, self.confirmed_ma))
        l1, l2, l3 = (2 * ma - was if ma > was + BAND_MA else ma for ma, was in zip(least, self.last_draw, strict=True))
        return l1, l2, l3  # a ramp is taken to go on

    def _count(self, energy_wh: int | None) -> None:
        """Take the counter's reading, from where it stood at plug-in. Some show 0 for a while after start, some are reset."""
        if energy_wh is not None and (not self.meter_wh or energy_wh < self.meter_wh):
            self.meter_wh = energy_wh
        self.energy_read_wh = energy_wh

    def highest(self, reading: BoxReading) -> int:
        """The measured current of the highest phase, as ``band`` counts it."""
        return max(self._house(reading))

    def _shared(self, reading: BoxReading) -> Amps3:
        """What flows on each phase at least, by a total: shared among them, once the meter has caught up with the car.

        Pulses tell a power late: for a minute after a car has left, they still seem to come.
        """
        if not self.charging or self.top_ma != self.floor_ma:
            return NOTHING
        assert reading.power_w is not None
        return self._spread(reading.power_w * 1_000_000 // (self.voltage_mv * len(self.phases)))

    def _spread(self, ma: int, phases: tuple[int, ...] | None = None) -> Amps3:
        on = phases or self.phases
        return ma if 0 in on else 0, ma if 1 in on else 0, ma if 2 in on else 0

    def _learn(self, now: Amps3, reading: BoxReading, now_us: int) -> None:
        """Anchor the draw, and learn the car's phases from one that stands. Any other phase that carries current counts at once."""
        draw = max(now)
        loads = _loads(reading)
        if abs(draw - self.anchor_ma) > BAND_MA or loads != self.loads:
            self.anchor_ma, self.anchor_us, self.loads = draw, now_us, loads
        if not self.measured:
            return
        used = tuple(phase for phase in self.box.phases if now[phase] > PHASE_MA)
        if any(phase not in self.phases for phase in used):
            self.phases = self.box.phases
        elif draw > KNOWS_PHASES_MA and now_us - self.anchor_us >= (PHYSICAL_US if used == self.guess else SETTLE_US):
            self.phases, self.guess = used, ()

    # -- what follows from it ----------------------------------------------------------

    def _physical(self, reading: BoxReading, now_us: int) -> list[int]:
        """Let ``top_ma`` and ``floor_ma`` meet the confirmed limit where the car must have followed."""
        if self.top_ma == self.confirmed_ma == self.floor_ma:
            return []
        due = max(self.confirmed_us, self.pilot_us, self.sent_us) + PHYSICAL_US
        had_time_us = self.up_us + PHYSICAL_US
        if not self.charging and not reading.old:
            followed = now_us >= due or not self.plugged or not self.confirmed_ma
        else:
            followed = now_us >= due or (self.metered and self._came_down(reading, now_us >= had_time_us))
        if followed and reading.offered_ma <= self.confirmed_ma:
            self.top_ma = self.confirmed_ma
        if self.charging and (self.measured or now_us >= due):
            self.floor_ma = self.confirmed_ma
        done = self.top_ma == self.confirmed_ma and (self.floor_ma == self.confirmed_ma or not self.charging)
        return [] if done else [due, had_time_us] if self.metered else [due]

    def _came_down(self, reading: BoxReading, had_time: bool) -> bool:
        """Whether what is measured shows that the car follows the confirmed limit; ``had_time``: to take what it was offered."""
        peak_ma = max(self._house(reading))
        calm = had_time and peak_ma <= self.peak_ma + BAND_MA
        return peak_ma <= self.confirmed_ma and (calm or self.peak_ma > self.confirmed_ma)

    def _wants(self, now_us: int) -> list[int]:
        """Judge what the car takes: cap it at its draw, free it when it wakes, call it idle when it takes nothing."""
        if not self.running:
            return self._again(now_us)
        if not self.charging:
            return self._refuses(now_us)
        if not self.metered:
            self.idle, self.cap_ma = False, None
            return []
        draw, quiet_us = self.anchor_ma, now_us - self.anchor_us
        if draw >= DRAWS_MA:
            self.idle = False
        elif quiet_us >= IDLE_US:
            self.idle = True
        if self.cap_ma is not None and self.peak_ma >= self.cap_ma - WAKE_MA:
            self.cap_ma = None
            self.anchor_us, quiet_us = now_us, 0
        could_less = self.shows and draw + HEADROOM_MA + WORTH_MA <= self.confirmed_ma
        settled_us = max(self.anchor_us, self.raised_us) + SETTLE_US
        if could_less and now_us >= settled_us:
            self.cap_ma = draw + HEADROOM_MA
        due = [] if self.idle or draw >= DRAWS_MA else [self.anchor_us + IDLE_US]
        return [*due, self.anchor_us + SETTLE_US, settled_us]

    def _again(self, now_us: int) -> list[int]:
        """Whether a stopped car that was done is to be asked again."""
        if not self.idle or self.stopped_us is None:
            return []
        due = self.stopped_us + (2 * AGAIN_US if self.asked_again else AGAIN_US)
        if now_us >= due:
            self.idle, self.asked_again = False, True
        return [due]

    def _refuses(self, now_us: int) -> list[int]:
        """A car that stays in B though it was offered enough is done, until it goes to C by itself."""
        if not self.plugged or self.confirmed_ma < self.box.minimum_ma:
            return []
        due = max(self.pilot_us, self.offer_us) + REFUSE_US
        if now_us >= due:
            self.idle = True
        return [due]

    def _obeys(self, now_us: int) -> list[int]:
        """A box that shows another limit than the one it was sent is counted as it is, not as it should be.

        One that shows less, and stays there, is taken at its word; where it is much less, the box can no more, and is not
        asked for more during this session.
        """
        due = max(self.differs_us, self.confirmed_us) + STUBBORN_US
        self.stubborn = not self.shows and now_us >= due
        if self.stubborn and self.sent_ma is not None and self.box.minimum_ma <= self.confirmed_ma < self.sent_ma:
            if self.sent_ma - self.confirmed_ma >= WORTH_MA:
                self.most_ma = self.confirmed_ma
            self.sent_ma = self.confirmed_ma
            self.stubborn = False
        return [] if self.shows else [due]

    def _work(self, now_us: int) -> None:
        """Estimate the energy of an unmetered car: its limit times the time that it charged under it."""
        if self.charging:
            self.work_pj += self.confirmed_ma * len(self.phases) * self.voltage_mv * (now_us - self.work_us)
        self.work_us = now_us

    def energy_wh(self) -> int:
        """Energy since plug-in, measured where there is a meter, else estimated."""
        if self.metered and self.energy_read_wh is not None:
            return self.before_wh + self.energy_read_wh - self.meter_wh
        return self.before_wh + self.work_pj // 3_600_000_000_000_000

    # -- commanding --------------------------------------------------------------------

    def send(self, limit_ma: int, now_us: int) -> None:
        """A command leaves for the box; what it was sent before may still arrive."""
        self.top_ma = max(self.top_ma, self.confirmed_ma, self.sent_ma or 0)
        if self.shows:
            self.differs_us = now_us
        if limit_ma > self.confirmed_ma:
            self.up_us = now_us
        self.sent_ma, self.sent_us = limit_ma, now_us

    def stop(self, now_us: int) -> None:
        """Its turn ends; one that is cut short is counted."""
        self.evictions += self.hold_us > now_us and not self.idle
        self.running, self.cap_ma = False, None
        self.stopped_us = self.waits_us = now_us

    def band(self) -> tuple[int, int] | None:
        """The band of its highest phase within which no decision can follow; None: not looked at."""
        if not self.metered or not self.reached or self.silent:
            return None
        low, high = self.anchor_ma - BAND_MA, self.anchor_ma + BAND_MA
        if self.top_ma > self.confirmed_ma and self.peak_ma > self.confirmed_ma:
            low = max(low, self.confirmed_ma + 1)
        if self.cap_ma is not None:
            high = min(high, self.cap_ma - WAKE_MA - 1)
        return low, high


def _lower(one: Amps3, other: Amps3) -> Amps3:
    (a1, a2, a3), (b1, b2, b3) = one, other
    return a1 if a1 < b1 else b1, a2 if a2 < b2 else b2, a3 if a3 < b3 else b3  # noqa: FURB136 a call less, thrice


def _higher(one: Amps3, other: Amps3) -> Amps3:
    (a1, a2, a3), (b1, b2, b3) = one, other
    return a1 if a1 > b1 else b1, a2 if a2 > b2 else b2, a3 if a3 > b3 else b3  # noqa: FURB136 as above
