"""Phase switching: when a box charges on one phase alone, and when on all three again. Sans-IO; asked at decisions only.

Three phases need 6 A on each, which is 4.1 kW; one phase is content with 1.4 kW. So a box goes to one phase where its minimum on
three has not been free for a while and that on one has, and back where three have been free for longer and give its car more.
What is free is what the allocation says, whoever bounds it: the sun, an order, the fuse, a phase that is short. Between two
changes lies a time that bounds what a contactor suffers. A car that was seen to use a single phase is left alone.

A change goes: the box gives way to the others and is cut to 0; once it shows that and its car was seen to have stopped, it is
told; then it rests for its own time, and counts as changed once it shows that. Until then, and whenever it does not say on how many
it charges, it counts on all three; a silent box does so anyway. One that does not change goes on as it is, and is not asked
again before the next car. What it shows may be what it was told and not what it does: where its current is measured, it begins
on one phase with its minimum, until the meter has shown that phase alone.

The single phase is that of its first terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from chargebench.datasheets.words import kilowatts, lasted
from chargebench.manager.allocator import Allocation, Ask
from chargebench.manager.memory import DRAWS_MA, PHASE_MA, PHYSICAL_US, Memory
from chargebench.manager.readings import BoxReading, BoxView, Command
from chargebench.manager.sharing import Sharing

SHORT_US: Final = 120_000_000
"""So long its minimum on three phases must have been out of reach before a box goes to one."""

AMPLE_US: Final = 300_000_000
"""So long it must have been free before the box goes back."""

APART_US: Final = 600_000_000
"""So much lies between two changes."""

STOP_US: Final = 120_000_000
"""A car that has not stopped by then does not obey, and the change is given up."""

MARGIN_US: Final = 16_000_000
"""So much longer it rests than the box should need: what it is told goes out later than it was decided."""

LATE_US: Final = 60_000_000
TRIES: Final = 2
"""So much longer than it should take a box may not show its phases, and so often it is told, before it is left alone."""

Try = Callable[[Sequence[Ask]], Allocation]
"""What would be given for these asks."""


@dataclass(slots=True)
class Switch:
    """One box. ``live``: on how many phases it counts; ``goal``: on how many it is to charge.

    ``told``: what it was told last, at ``told_us``; ``busy``: it is on its way, and gets nothing. ``one_us``: since when it
    shows one phase. ``since_us``: since when the other number would be better, for ``why``. ``car``: the phases that its car
    was seen to use. ``fixed``: it is left alone until the next car; ``lies``: current was seen on other phases than it says;
    ``proven``: on one phase alone.
    """

    box: int
    memory: Memory
    takes_us: int
    car: tuple[int, ...]
    live: int = 3
    goal: int = 3
    told: int | None = None
    told_us: int = 0
    busy: bool = False
    begun_us: int = 0
    one_us: int | None = None
    since_us: int | None = None
    changed_us: int | None = None
    session_us: int = 0
    tries: int = 0
    fixed: bool = False
    lies: bool = False
    proven: bool = False
    known: bool = False
    why: str = ""

    # -- what it shows ----------------------------------------------------------------------

    def observe(self, view: BoxView, now_us: int) -> list[int]:
        """Take in what the box shows, after its ``memory`` has; returns when that makes a decision due."""
        reading = view.reading
        if reading is None:
            return []
        if self.memory.silent:
            self._lost()
            return []
        self._car(reading)
        self.known = reading.phases is not None
        if not self.busy and reading.phases != self.told:
            self.told = None
        if reading.phases != 1:
            self.one_us = None
        elif self.one_us is None:
            self.one_us = now_us
        due = self._finish(reading, now_us)
        return due + self._count(reading, now_us)

    def _lost(self) -> None:
        """Nobody hears it. If that happens on its way, nobody knows where it will be."""
        self.since_us = None
        if self.busy:
            self.busy, self.told, self.one_us, self.goal = False, None, None, self.live

    def _car(self, reading: BoxReading) -> None:
        """What is known of its car; another one is none of the old one's business."""
        memory = self.memory
        if memory.since_us != self.session_us:
            self.session_us, self.car, self.since_us = memory.since_us, memory.box.phases, None
            self.fixed = self.lies = self.proven = False
            if self.told is None:
                self.busy, self.goal = False, self.live
        if reading.phases_ma is not None and sum(ma > PHASE_MA for ma in reading.phases_ma) > len(self.car):
            self.car = memory.box.phases
        elif self.live != 1 and memory.phases != memory.box.phases:
            self.car = memory.phases

    def _count(self, reading: BoxReading, now_us: int) -> list[int]:
        """Count it on one phase where that is sure, else on all three."""
        memory, due = self.memory, list[int]()
        one = False
        if self.live == 1 and _elsewhere(reading):
            self.fixed = self.lies = True
        if self.one_us is not None and self.told != 3 and not self.lies:
            sure_us = (self.told_us if self.told == 1 else self.one_us) + self.takes_us
            one = now_us >= sure_us
            due = [] if one else [sure_us]
        if one:
            self.live, memory.phases = 1, memory.box.phases[:1]
            self.proven = self.proven or (reading.phases_ma is not None and reading.phases_ma[0] > PHASE_MA)
        elif self.live == 1:
            self.live, memory.phases, memory.guess, memory.anchor_us = 3, memory.box.phases, (), now_us
        if not self.busy:
            self.goal = self.live
        return due

    def _finish(self, reading: BoxReading, now_us: int) -> list[int]:
        """Whether it is where it was told to go."""
        if not self.busy or self.told is None:
            return []
        done_us = self.told_us + self.takes_us
        if now_us < done_us:
            return [done_us]
        if reading.phases == self.told:
            self.busy, self.tries, self.proven = False, 0, False
            self.memory.stopped_us = None  # this was its pause
            return []
        if now_us < done_us + LATE_US:
            return [done_us + LATE_US]
        self.told = None
        self.one_us = None if self.one_us is None else now_us
        if self.tries >= TRIES:
            self.busy, self.fixed, self.goal = False, True, self.live
        return []

    # -- what is to be done -----------------------------------------------------------------

    @property
    def able(self) -> bool:
        """Whether it may be changed for its car, as things stand."""
        memory = self.memory
        here = memory.in_hand and memory.plugged and memory.box.enabled and not memory.idle
        return here and self.known and not self.fixed and not self.busy and len(self.car) > 1

    def begin(self, goal: int, why: str, now_us: int) -> None:
        """It gives way, and changes as soon as its car has stopped."""
        self.goal, self.why, self.busy, self.told = goal, why, True, None
        self.begun_us, self.since_us, self.tries = now_us, None, 0
        self.memory.hold_us = min(self.memory.hold_us, now_us)  # its turn is not cut short

    def order(self, now_us: int, due: list[int]) -> int | None:
        """On how many phases the box is to be told to charge, now that its car has stopped; None: nothing is to be told."""
        if not self.busy or self.told is not None or not self.memory.in_hand:
            return None
        if not self._stopped(now_us, due):
            if now_us >= self.begun_us + STOP_US:
                self.busy, self.fixed, self.goal = False, True, self.live
            return None
        self.told, self.told_us, self.changed_us, self.tries = self.goal, now_us, now_us, self.tries + 1
        due.append(now_us + self.takes_us)
        return self.goal

    def _stopped(self, now_us: int, due: list[int]) -> bool:
        """Whether its limit of 0 was read back and its car was seen to take nothing; unseen, it had time to stop."""
        memory = self.memory
        calm_us = max(memory.confirmed_us, memory.pilot_us) + (0 if memory.measured else PHYSICAL_US)
        due += calm_us, self.begun_us + STOP_US
        zero = memory.shows and not memory.confirmed_ma and not memory.top_ma
        return zero and not memory.charging and memory.peak_ma < DRAWS_MA and now_us >= calm_us


class Switching:
    """All boxes of a site whose phases may be switched."""

    def __init__(self, boxes: Sequence[Memory], sharing: Sharing) -> None:
        self._boxes, self._sharing, self._circuits = boxes, sharing, sharing.circuits
        self.all = [
            Switch(k, memory, memory.box.switch_us + MARGIN_US, memory.box.phases)
            for k, memory in enumerate(boxes)
            if memory.box.switch_us is not None
        ]
        self._of = {switch.box: switch for switch in self.all}

    def observe(self, views: Sequence[BoxView], now_us: int) -> list[int]:
        """Take in what the boxes show; returns when that makes a decision due."""
        due = [at for switch in self.all for at in switch.observe(views[switch.box], now_us)]
        return [at for at in due if at > now_us]

    def busy(self, box: int) -> bool:
        """Whether a box is on its way to another number of phases, and gets nothing meanwhile."""
        switch = self._of.get(box)
        return switch is not None and switch.busy

    def unproven(self, box: int) -> bool:
        """Whether a box is to begin with its minimum, since its meter has not yet shown that it charges on one phase alone."""
        switch = self._of.get(box)
        return switch is not None and switch.live == 1 and switch.memory.measured and not switch.proven

    def why(self, box: int) -> str:
        """What is to be said of a box that is on its way; "" of any other."""
        switch = self._of.get(box)
        if switch is None or not switch.busy:
            return ""
        return f"changes to {'one phase' if switch.goal == 1 else 'three phases'}: {switch.why}"

    def judge(
        self,
        asks: Sequence[Ask],
        given: Allocation,
        free: Sequence[int],
        grace_ma: Sequence[int],
        make: Callable[[int], Ask],
        now_us: int,
    ) -> list[int]:
        """Decide who is to change, given what was asked for and given out of ``free``; ``make``: what a box would ask for that
        does not ask now. Returns when a decision is due for it.

        Who is on its way, or is to be soon, counts as changed for those behind it.
        """

        def share(others: Sequence[Ask]) -> Allocation:
            return self._sharing.again(others, free, grace_ma, self._boxes, now_us)

        due: list[int] = []
        asks = list(asks)
        coming = [self._as(make(switch.box), switch, switch.goal) for switch in self.all if switch.busy]
        if coming:
            asks += coming
            given = share(asks)
        for switch in self.all:
            if not switch.able:
                switch.since_us = None
                continue
            asked = next((ask for ask in asks if ask.box == switch.box), None)
            trial = _Trial(asks, given, share, asked or make(switch.box), there=asked is not None)
            goal = 1 if switch.live != 1 else 3
            better = trial.better(goal, self._as(trial.ask, switch, goal), 1 if goal == 1 else len(switch.car))
            if better is None:
                switch.since_us = None
                continue
            asks = better
            due.append(self._settle(switch, trial, goal, now_us))
        return due

    def _as(self, ask: Ask, switch: Switch, goal: int) -> Ask:
        """What a box would ask for to start on so many phases."""
        phases = switch.memory.box.phases[:1] if goal == 1 else switch.car
        nodes = self._circuits.nodes(switch.memory.box.circuit, phases)
        return replace(ask, nodes=nodes, wide=len(phases), runs=False, held=False)

    def _settle(self, switch: Switch, trial: _Trial, goal: int, now_us: int) -> int:
        """Have it begin where it has been better for long enough; returns when it will be."""
        switch.since_us = now_us if switch.since_us is None else switch.since_us
        at_us = switch.since_us + (SHORT_US if goal == 1 else AMPLE_US)
        if switch.changed_us is not None:
            at_us = max(at_us, switch.changed_us + APART_US)
        if now_us < at_us:
            return at_us
        switch.begin(goal, self._because(switch, trial, goal, now_us), now_us)
        return now_us + 1

    def orders(self, n: int, now_us: int, due: list[int]) -> list[Command]:
        """What the boxes are to be told that have stopped for it."""
        return [
            Command(n, switch.box, 0, phases, switch.why)
            for switch in self.all
            if (phases := switch.order(now_us, due)) is not None
        ]

    def _because(self, switch: Switch, trial: _Trial, goal: int, now_us: int) -> str:
        memory = switch.memory
        needs_w = trial.ask.low_ma * len(switch.car) * memory.voltage_mv // 1_000_000
        waited = lasted(now_us - (switch.since_us or 0))
        if goal != 1:
            return f"the {kilowatts(needs_w)} that three need have been free for {waited}"
        node = trial.bound
        short = "it" if node is None else self._circuits.names[node]
        return f"{short} has left less than the {kilowatts(needs_w)} that three need for {waited}"


class _Trial:
    """What a change of one box would give, all else as it is. ``bound``: the node that keeps it from starting on three."""

    def __init__(self, asks: list[Ask], given: Allocation, share: Try, ask: Ask, *, there: bool) -> None:
        self._asks, self._given, self._share, self.ask = asks, given, share, ask
        self._there = there
        self.bound: int | None = None

    def better(self, goal: int, changed: Ask, phases: int) -> list[Ask] | None:
        """The asks with that of the box changed, where it is better so: to one phase if it cannot start on three and
        could on one, to three if it could and would get more. Nobody else may have to give way.
        """
        now_ma = dict(self._given.limits).get(self.ask.box, 0)
        if goal == 1 and (now_ma or self._could_start()):
            return None
        asks = self._with(changed)
        found = self._share(asks)
        then_ma = dict(found.limits).get(self.ask.box, 0)
        waiting = {*self._given.waiting, self.ask.box}
        kept = all(box in waiting for box in found.waiting)
        return asks if kept and then_ma and (goal == 1 or then_ma * phases > now_ma) else None

    def _could_start(self) -> bool:
        """Whether it only pauses, and could start as it is."""
        found = self._given if self._there else self._share(self._with(self.ask))
        self.bound = dict(found.bound_by).get(self.ask.box)
        return self.ask.box in dict(found.limits)

    def _with(self, changed: Ask) -> list[Ask]:
        asks = [changed if one.box == changed.box else one for one in self._asks]
        return asks if self._there else [*asks, changed]


def _elsewhere(reading: BoxReading) -> bool:
    """Whether current flows where a box that charges on one phase has none."""
    return reading.phases_ma is not None and max(reading.phases_ma[1:]) > PHASE_MA
