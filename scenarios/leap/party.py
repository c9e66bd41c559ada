"""Who is asked over one link, what of the world it can show, and when it has nothing new to tell.

A link is *calm* once everything behind it has been read after the last thing that happened to it: no current is changing, every
meter has taken its sample since, and the round showed what the one before had shown. Until something happens again its rounds
can be left out.
"""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from chargebench.emulator.box import Box
from chargebench.emulator.devices.s0 import QUIET_US, PulseMeter
from chargebench.emulator.flow import FAR, ZERO, Flow
from chargebench.emulator.meter import PhaseMeter
from chargebench.manager.meter_poll import MeterPoll
from chargebench.manager.readings import BoxReading, Command, MeterReading
from chargebench.manager.rounds import BoxPoll
from chargebench.scenarios.leap.way import LeapLink
from chargebench.scenarios.register.image_link import Turn

NOTHING: Final[Mapping[int, Any]] = {}

Shown = tuple[object, ...]
Poll = BoxPoll | MeterPoll


@dataclass(slots=True)
class Behind:
    """What is behind a link: the boxes at it, the currents that its meters see, and how long they may show an old sample.

    ``restless``: its readings change by themselves. ``pulses``: its S0 meters, whose power depends on the last two pulses.
    ``counter``: the meter whose counter of energy the only box shows, whole Wh.
    """

    boxes: list[Box] = field(default_factory=list)
    flows: list[Flow] = field(default_factory=list)
    pulses: list[PulseMeter] = field(default_factory=list)
    sample_us: int = 0
    restless: bool = False
    counter: PhaseMeter | None = None

    def settles_us(self) -> int:
        """How long after the last event, at the earliest, all of it shows what is now; ``FAR`` while it changes."""
        if (
            self.restless
            or any(flow.rate != ZERO for flow in self.flows)
            or any(box.cut_left_s(0) for box in self.boxes)
        ):
            return FAR
        if not self.pulses:
            return self.sample_us
        return FAR if any(flow.level(flow.at_us) != ZERO for flow in self.flows) else self.sample_us + QUIET_US

    def draws(self) -> bool:
        """Whether an energy grows that a box may tell."""
        return any(box.flow.rate != ZERO or box.flow.level(box.flow.at_us) != ZERO for box in self.boxes)


class Errand:
    """A round of one poll, a step at a time."""

    def __init__(self, party: Party, coroutine: Coroutine[Any, Any, None]) -> None:
        self._party = party
        self._coroutine = coroutine

    def go_on(self) -> None:
        """What it has waited for is there."""
        try:
            waits = self._coroutine.send(None)
        except StopIteration:
            self._party.over()
        else:
            assert isinstance(waits, Turn), f"a round waits for a turn, not for {waits!r}"
            waits.waiter = self


class Party:
    """The polls over one link, in the order in which a round asks them.

    Since somebody has looked: ``changed``, it shows something else; ``fresh``, it was read, and its counters have gone on.
    """

    def __init__(self, link: LeapLink, polls: Sequence[Poll], places: Sequence[int | None], behind: Behind) -> None:
        self.link, self.behind = link, behind
        self.polls = polls
        self.places = places
        self.boxes: Sequence[int] = ()
        self.meters: Sequence[int] = ()
        self.done = -1  # the last round that was asked
        self.stirred_us = 0
        self.calm = False
        self.changed = self.fresh = True
        self._under_way = 0
        self._begun_us = 0
        self._plain = False
        self._requests_before = 0
        self._per_round = 0
        self._shown: list[Shown] = [()] * len(polls)

    @property
    def longest_us(self) -> int:
        """The most that a round without a write takes, from its begin."""
        return (self._per_round or 8 * len(self.polls)) * self.link.road.longest_us + len(self.polls)

    def stir(self, at_us: int) -> None:
        """Something that it can show has happened."""
        self.stirred_us = at_us
        self.calm = False

    def count(self, at_us: int) -> bool:
        """Have the only box tell the energy that it would have told in the round that began at ``at_us``; False: it must be asked.

        That is known where no sample is taken while that round lasts.
        """
        counter, (poll, *others) = self.behind.counter, self.polls
        if counter is None or others or not isinstance(poll, BoxPoll) or poll.reading is None:
            return False
        spec = counter.spec
        if at_us < spec.offset_us or (at_us - spec.offset_us) % spec.interval_us + self.longest_us >= spec.interval_us:
            return False
        poll.reading = replace(poll.reading, energy_wh=counter.total_energy_wh(at_us))
        self.fresh = True
        return True

    def begin(
        self, n: int, at_us: int, limits: Mapping[int, int] = NOTHING, turns: Mapping[int, Command] = NOTHING
    ) -> None:
        """Begin round ``n``; those since the last one were left out. ``limits`` and ``turns``: of all boxes that are told something."""
        assert not self._under_way, f"{self.link.name}: round {n} begins before the last one has ended"
        left_out = n - self.done - 1
        if left_out > 0:
            self.link.leave_out(left_out * self._per_round)
        self.done = n
        self.calm = False
        self._plain = self.link.epoch > 0
        self._begun_us, self._requests_before = at_us, self.link.requests
        self._under_way = len(self.polls)
        for poll, k in zip(self.polls, self.places, strict=True):
            if not isinstance(poll, BoxPoll) or k is None:
                continue
            poll.begin(n, limits.get(k))
            self._plain = self._plain and k not in limits and k not in turns
            if k in turns:
                poll.turn(turns[k].phases or 0, turns[k].why)

    def start(self) -> None:
        """Have all of them ask."""
        for poll in self.polls:
            Errand(self, poll.round()).go_on()

    def over(self) -> None:
        """One of them has done."""
        self._under_way -= 1
        if self._under_way:
            return
        if self._plain:
            self._per_round = self.link.requests - self._requests_before
        before = self._shown
        self._shown = [_shown(poll) for poll in self.polls]
        same = self._shown == before
        self.changed, self.fresh = self.changed or not same, True
        settles_us = self.behind.settles_us()
        waits = any(poll.waits for poll in self.polls if isinstance(poll, BoxPoll))
        self.calm = (
            same and not waits and self._plain and settles_us < FAR and self._begun_us >= self.stirred_us + settles_us
        )


def _shown(poll: Poll) -> Shown:
    """What a poll has read, but for its time and its counter of energy."""
    reading: BoxReading | MeterReading | None = poll.reading
    if reading is None:
        return (poll.presence.silent_us,)
    if isinstance(reading, MeterReading):
        return poll.presence.silent_us, reading.phases_ma, reading.power_w
    return (
        poll.presence.silent_us,
        reading.pilot,
        reading.limit_ma,
        reading.offered_ma,
        reading.phases_ma,
        reading.power_w,
        reading.failsafe_us,
        reading.failsafe_ma,
        reading.restarts,
        reading.boot_ma,
        reading.phases,
    )
