"""The original's rules, as its own pages tell them: a second controller, with the weaknesses that those rules have.

Every 3 s all is read, shared out and written. What is available on a phase is limit - reserve - the cut of an overdraft -
house - boxes that are silent; the boxes' own supply bounds their sum. It is shared equally among those that really
charge, each with its minimum at least; where that does not fit, some are paused by turns (``original_turns``).

What a box is taken to draw depends on what is known of it. Without a meter it is its whole limit on all its phases. With
one, it is what the meter shows: who draws less than its limit is counted with its draw and no more, the others get the
rest, **and its own limit stays where it is**. When it wakes, that current has been given away twice. A meter that knows
only a total is taken to load all phases of its box alike. Raises and cuts leave in one cycle, and nobody waits until a cut
has been obeyed. A silent box counts with its last draw; after 180 s with 6 A, whatever its own watchdog is set to and
whether or not it has heard. One that never answered counts with nothing.

Where the pages are silent:

- A plugged box whose car does not charge keeps its minimum, and is counted with it. An empty box gets nothing.
- A silent box that has no failsafe current counts with its maximum after 180 s; one that had no car, with nothing.
- Who draws within 1 A of its limit uses it whole; who draws less than 1 A on a phase does not use that phase.
- An overdraft is seen only where a meter tells of the house, and holds for 300 s after the last one; boxes without a meter
  are counted in it with their limit.
- Generation is what makes a metered house negative. A box without a meter makes it look smaller than it is, as documented.
- Without any meter, the house counts with its planning figure: the page has the reserve alone for it.
- Limits go down to 0.1 A and are written where a box does not show them. To write what it shows already would feed its
  watchdog, which the reads do anyway.
- A silent box is not written to, and keeps its turn. A box that shows another limit than it was given gets it again.
- A meter of the house that knows only a total is shared out over three phases. For a lost one see ``original_house``.
- A turn lasts at least as long as a pause. Who waits the longest is next, who was served the longest gives way.
- A box without a licence is counted at its maximum and never written: nothing is documented, and that much is safe.
- Left out, since a site file says nothing of them: imbalance between phases, surplus of the sun, charging rules, the switching
  of phases, and the option that books the last known power of a box in error for good.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chargebench.manager.circuits import Circuits
from chargebench.manager.licence import manageable
from chargebench.manager.policies.original_house import Background, House, Overdraft
from chargebench.manager.policies.original_turns import AWAY, PAUSE_US, Shares, Turn, Wish, share
from chargebench.manager.readings import BoxReading, BoxView, Command, MeterView, Pilot, View
from chargebench.manager.site import Box, Site
from chargebench.manager.units import NOTHING, Amps3, add, down_to_step, minus, on_phases, up_to_step

CYCLE_US = 3_000_000
FAILSAFE_US = 180_000_000
FAILSAFE_MA = 6_000
STEP_MA = 100
USES_MA = 1_000
FAR = 1 << 62


@dataclass(frozen=True, slots=True)
class Decision:
    """What the last decision saw and gave. Amps3: mA per phase of the house; ``shares``: mA per box, before the step."""

    cycle: int = -1
    house: Amps3 = NOTHING
    silent: Amps3 = NOTHING
    overdraft: Amps3 = NOTHING
    free: Amps3 = NOTHING
    shares: tuple[int, ...] = ()
    paused: tuple[int, ...] = ()


class Original:
    """One site. ``cycle(n, view)`` is to be called at cycle n (``n * cycle_us`` after the first), n only rising."""

    cycle_us = CYCLE_US

    def __init__(self, site: Site) -> None:
        self.site = site
        self.next_cycle = 0
        self.decision = Decision()
        self._circuits = Circuits(site)
        self._house = House(site)
        self._overdraft = Overdraft()
        self._turns: tuple[Turn, ...] = (AWAY,) * len(site.boxes)
        self._decided: tuple[object, ...] = ()

    def quiet(self, n: int, view: View) -> bool:
        """Whether cycle ``n`` would return nothing and change nothing: all is as it was decided on, and nothing is due."""
        return n < self.next_cycle and _matter(view) == self._decided

    def cycle(self, n: int, view: View) -> list[Command]:
        """The commands of cycle ``n``, in the order of the boxes: raises and cuts at once."""
        return [] if self.quiet(n, view) else self._decide(n, view)

    def _decide(self, n: int, view: View) -> list[Command]:
        now_us = n * CYCLE_US
        due: list[int] = []
        before = self._turns, self._overdraft
        seen = self._look(view, now_us, due)
        self._turns = tuple(AWAY if _gone(box) else turn for box, turn in zip(view.boxes, self._turns, strict=True))
        wishes = [
            self._wish(k, box.reading, minimum=seen.house.blind)
            for k, box in enumerate(view.boxes)
            if box.reading is not None and box.silent_since_us is None and _plugged(box.reading)
            if manageable(self.site.boxes[k], box) and self.site.boxes[k].enabled
        ]
        shares = share(wishes, self._turns, seen.free, now_us)
        self._turns = shares.turns
        commands = self._commands(n, view, self._targets(wishes, shares)) if self.site.management else []
        due += [*(turn.since_us + PAUSE_US for turn in self._turns if turn != AWAY), *self._overdraft.until_us]
        later = [at for at in due if at > now_us]
        self.next_cycle = -(-min(later) // CYCLE_US) if later else FAR
        if commands or (self._turns, self._overdraft) != before:
            self.next_cycle = n + 1
        self._decided = _matter(view)
        self.decision = self._decision(n, seen, shares)
        return commands

    # -- what is available ----------------------------------------------------------------

    def _look(self, view: View, now_us: int, due: list[int]) -> _Seen:
        boxes = silent = NOTHING
        free = list(self._circuits.limits_at(view.orders.inputs, view.orders.unknown))
        most = (free[0], free[1], free[2])
        for box, seen in zip(self.site.boxes, view.boxes, strict=True):
            draws = self._counted(box, seen, now_us, due)
            boxes = add(boxes, draws)
            lost = draws if seen.silent_since_us is not None else NOTHING
            lost = lost if manageable(box, seen) else _alike(box, box.maximum_ma)
            silent = add(silent, lost)
            for place in self._circuits.places(box.circuit):
                for phase, ma in enumerate(lost):
                    free[place + phase] -= ma
        house = self._house.look(view.meters, boxes, now_us, due)
        over = minus(add(house.amps, boxes), most) if house.measured else NOTHING
        self._overdraft = self._overdraft.after(over, now_us)
        for phase, ma in enumerate(add(self._overdraft.cut, house.amps)):
            free[phase] -= ma
        return _Seen(house, silent, tuple(free))

    def _counted(self, box: Box, seen: BoxView, now_us: int, due: list[int]) -> Amps3:
        """What a box is taken to draw: as it reads, and for 180 s of silence as it read last."""
        if seen.reading is None:
            return NOTHING
        if seen.silent_since_us is not None:
            due.append(seen.silent_since_us + FAILSAFE_US)
            if now_us >= seen.silent_since_us + FAILSAFE_US:
                return _fallen_back(box, seen.reading)
        return self._draw(box, seen.reading)

    def _draw(self, box: Box, reading: BoxReading) -> Amps3:
        if reading.phases_ma is not None:
            return on_phases(reading.phases_ma, box.phases)
        if reading.power_w is not None:
            each = reading.power_w * 1_000_000 // (self.site.connection.voltage_mv * len(box.phases))
        else:
            each = reading.limit_ma if _charging(reading) else 0
        return _alike(box, each)

    # -- who gets what --------------------------------------------------------------------

    def _wish(self, k: int, reading: BoxReading, *, minimum: bool) -> Wish:
        """What a plugged box may be given; ``minimum``: no more than its minimum, since nobody knows the house."""
        box, low = self.site.boxes[k], up_to_step(self.site.boxes[k].minimum_ma, STEP_MA)
        if minimum or not _charging(reading):
            return Wish(k, self._nodes(box, box.phases), low, low, box.priority)
        draw = self._draw(box, reading)
        used = box.phases
        if reading.phases_ma is not None:
            used = tuple(phase for phase in box.phases if draw[phase] >= USES_MA) or box.phases
        if reading.limit_ma >= low and max(draw) < reading.limit_ma - USES_MA:
            needs = min(low, max(draw))
            return Wish(k, self._nodes(box, used), needs, max(draw), box.priority, keeps_ma=reading.limit_ma)
        return Wish(k, self._nodes(box, used), low, box.maximum_ma, box.priority)

    def _nodes(self, box: Box, phases: tuple[int, ...]) -> tuple[int, ...]:
        return self._circuits.nodes(box.circuit, phases)

    def _targets(self, wishes: Sequence[Wish], shares: Shares) -> list[int]:
        """The limit of each box: its share, down to the step; where it uses less than it may, the limit that it has."""
        targets = [0] * len(self.site.boxes)
        given = dict(shares.given)
        for wish in wishes:
            if wish.box in given:
                satisfied = given[wish.box] == wish.high_ma
                share_ma = down_to_step(given[wish.box], STEP_MA)
                targets[wish.box] = wish.keeps_ma if wish.keeps_ma is not None and satisfied else share_ma
        return targets

    def _commands(self, n: int, view: View, targets: Sequence[int]) -> list[Command]:
        """A write for each box in reach that does not show its limit."""
        return [
            Command(n, k, target)
            for k, (box, target) in enumerate(zip(view.boxes, targets, strict=True))
            if box.reading is not None and box.silent_since_us is None and box.reading.limit_ma != target
            if manageable(self.site.boxes[k], box)
        ]

    def _decision(self, n: int, seen: _Seen, shares: Shares) -> Decision:
        given = dict(shares.given)
        l1, l2, l3 = seen.free[:3]
        return Decision(
            cycle=n,
            house=seen.house.amps,
            silent=seen.silent,
            overdraft=self._overdraft.cut,
            free=(l1, l2, l3),
            shares=tuple(given.get(k, 0) for k in range(len(self.site.boxes))),
            paused=tuple(k for k, turn in enumerate(self._turns) if turn.state == "paused"),
        )


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a cycle makes of its view. ``free``: mA on each node, in the order of ``Circuits``."""

    house: Background
    silent: Amps3
    free: tuple[int, ...]


def _charging(reading: BoxReading) -> bool:
    return reading.pilot in (Pilot.C, Pilot.D)


def _plugged(reading: BoxReading) -> bool:
    return _charging(reading) or reading.pilot is Pilot.B


def _gone(seen: BoxView) -> bool:
    """It has no car, or was never reached. A silent one keeps its turn."""
    return seen.reading is None or (seen.silent_since_us is None and not _plugged(seen.reading))


def _alike(box: Box, ma: int) -> Amps3:
    return on_phases((ma,) * len(box.phases), box.phases)


def _fallen_back(box: Box, last: BoxReading) -> Amps3:
    """The failsafe current that a silent box is meant to have been set to, if it has one and a car."""
    if not _plugged(last):
        return NOTHING
    return _alike(box, box.maximum_ma if last.failsafe_ma is None else FAILSAFE_MA)


def _matter(view: View) -> tuple[object, ...]:
    """All of a view that a decision looks at."""
    orders = view.orders.inputs, view.orders.unknown
    return (*(_of_box(box) for box in view.boxes), *(_of_meter(meter) for meter in view.meters), *orders)


def _of_box(seen: BoxView) -> tuple[object, ...]:
    one = seen.reading
    if one is None:
        return seen.silent_since_us, seen.licensed
    matter = one.pilot, one.limit_ma, one.phases_ma, one.power_w, one.failsafe_ma is None
    return seen.silent_since_us, seen.licensed, *matter


def _of_meter(seen: MeterView) -> tuple[object, ...]:
    one = seen.reading
    return (seen.silent_since_us,) if one is None else (seen.silent_since_us, one.phases_ma, one.power_w)
