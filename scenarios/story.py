"""What happened in a run, in sentences with civil times: for people, so what only fidgets is left out.

The story listens to the world's events, to the connection's segments and to what the manager notes. Changes of limits
that belong to one decision become one sentence; a change of less than an ampere is not told until it adds up to one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chargebench.datasheets.quantity import show
from chargebench.datasheets.words import amperes, kilowatt_hours, lasted
from chargebench.emulator.events import Event, Segment
from chargebench.emulator.spec import BoxSpec
from chargebench.manager.notes import Note
from chargebench.scenarios.describe import Scenario
from chargebench.scenarios.laws.pieces import at, pieces
from chargebench.scenarios.sentences import CAUSES, sentence
from chargebench.scenarios.skips import Skips

TOLD_MA = 1_000  # limits that moved less since they were last told are not told
TOGETHER_US = 2_000_000  # changes of limits so close belong together
CLEAR_MA = 500  # the connection counts as over its limit, for the story, from so much on
NAMED_MOST = 5  # boxes to which the same is done
MOST = 10_000  # sentences; a story beyond that is nobody's reading


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence of the story, at its instant."""

    at_us: int
    text: str
    cause: bool = False


class Story:
    """Collects sentences while a run goes; ``lines`` gives them in the order of time. ``heard`` is given each as it is told."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._lines: list[Line] = []
        self.heard: Callable[[int, str], None] | None = None
        self._house = dict(scenario.house)
        self._house_ma: tuple[int, ...] | None = None
        self._limits = {box.name: _boot_ma(box) for box in scenario.world.boxes}
        self._told = dict(self._limits)
        self._moved: dict[str, int] = {}
        self._moved_us = 0
        self._verdicts: dict[tuple[int, str], list[str]] = {}
        self._over_us: int | None = None
        self._over_ma = 0
        self._wanted = {car.name: car.wanted_wh for car in scenario.world.cars}
        self._models = _models(scenario)
        self._skips = Skips(self.say)
        self._at_box: dict[str, str] = {}
        self._box_of = {car.name: car.box for car in scenario.world.cars}
        self._tellers: dict[tuple[str, str], Callable[[str, Event], None]] = {
            ("box", "limit"): self._limit,
            ("box", "contactor"): self._contactor,
            ("box", "failsafe"): self._failsafe,
            ("box", "boot"): self._boot,
            ("box", "standby"): self._standby,
            ("car", "plugged"): self._plugged,
            ("car", "full"): self._full,
            ("car", "unplugged"): self._unplugged,
            ("connection", "house"): self._house_step,
            ("connection", "roof"): self._roof_step,
            ("connection", "verdict"): self._verdict,
            ("connection", "tripped"): self._tripped,
            ("fault", "begins"): self._fault_begins,
            ("fault", "ends"): self._fault_ends,
            ("master", "starts"): self._master_starts,
            ("master", "licences"): self._licences,
            ("master", "clock"): self._clock,
            ("master", "dimmed"): self._dimmed,
            ("master", "surplus"): self._surplus,
            ("master", "inputs"): self._inputs,
            ("master", "trip"): self._trip,
            ("reader", "reads"): self._reader,
        }

    def say(self, at_us: int, text: str, *, cause: bool = False) -> None:
        """Add a sentence. ``cause``: it may explain a violation that follows."""
        if self.heard is not None:
            self.heard(at_us, text)
        if len(self._lines) < MOST:
            self._lines.append(Line(at_us, text, cause))

    def event(self, event: Event) -> None:
        """Hear what the world tells."""
        if self._moved and event.at_us - self._moved_us > TOGETHER_US:
            self._tell_limits()
        kind, _, name = event.channel.partition(" ")
        teller = self._tellers.get((kind, event.kind))
        if teller is not None:
            teller(name, event)

    def segment(self, segment: Segment) -> None:
        """Hear the connection's currents."""
        limit_ma = self._scenario.world.connection.limit_ma
        for piece in pieces(segment, (limit_ma + CLEAR_MA) * 1_000_000):
            if piece.above:
                worst = max(*at(segment, piece.from_us), *at(segment, piece.to_us)) // 1_000_000
                if self._over_us is None:
                    self._over_us, self._over_ma = piece.from_us, worst
                self._over_ma = max(self._over_ma, worst)
            elif self._over_us is not None:
                self._inside(piece.from_us)

    def note(self, note: Note) -> None:
        """Hear what the manager tells."""
        text = sentence(note)
        if text is not None:
            self.say(note.at_us, text, cause=note.kind in CAUSES)
        self._skips.note(note)

    def finish(self) -> None:
        """The run has ended."""
        self._tell_limits()
        self._skips.finish()
        if self._over_us is not None:
            self.say(self._over_us, f"the connection goes over its limit and stays so: up to {amperes(self._over_ma)}")

    def lines(self) -> list[Line]:
        """The sentences in the order of time; within one instant as they were heard, but what a fuse does comes first."""
        fuses = [
            Line(at_us, f"the fuse of {' and '.join(phases)} {now} trip", cause=True)
            for (at_us, now), phases in self._verdicts.items()
        ]
        return sorted([*fuses, *self._lines], key=lambda line: line.at_us)

    def text(self) -> str:
        """The whole story, one line a sentence."""
        clock = self._scenario.clock
        return "".join(f"{clock.show(line.at_us)}  {line.text}\n" for line in self.lines())

    def why(self, before_us: int, most: int = 3) -> str:
        """The causes before a violation: the last sentences that may explain it, with their times."""
        clock = self._scenario.clock
        causes = [line for line in self.lines() if line.cause and line.at_us <= before_us][-most:]
        return "; ".join(f"{clock.show(line.at_us)} {line.text}" for line in causes)

    # -- boxes ---------------------------------------------------------------------------

    def _limit(self, name: str, event: Event) -> None:
        now_ma = int(event.get("limit_ma")) if event.get("enable") else 0
        if now_ma == self._limits[name]:
            return
        self._limits[name] = now_ma
        self._moved[name] = now_ma
        self._moved_us = event.at_us

    def _tell_limits(self) -> None:
        """One sentence for all cuts that came together, one for all raises."""
        moved, self._moved = self._moved, {}
        cuts: list[tuple[str, int, int]] = []
        raises: list[tuple[str, int, int]] = []
        for name, was_ma in self._told.items():
            now_ma = moved.get(name, was_ma)
            if abs(now_ma - was_ma) < TOLD_MA and (now_ma == 0) == (was_ma == 0):
                continue
            (cuts if now_ma < was_ma else raises).append((name, was_ma, now_ma))
        self._told.update({name: now_ma for name, _, now_ma in (*cuts, *raises)})
        for changes, verb, more in ((cuts, "cut", "stopped"), (raises, "raised", "may charge")):
            if changes:
                self.say(self._moved_us, _changes(changes, verb, more), cause=True)

    def _contactor(self, name: str, event: Event) -> None:
        if event.get("closed"):
            self.say(event.at_us, f"{name} closes its contactor{self._for_car(name)}")
        else:
            drawn_ma = int(event.get("drawn_ma"))
            load = f" under {amperes(drawn_ma)}" if drawn_ma >= TOLD_MA else ""
            self.say(event.at_us, f"{name} opens its contactor{load}{self._for_car(name)}")

    def _failsafe(self, name: str, event: Event) -> None:
        limit_ma = int(event.get("limit_ma"))
        what = f"falls back to {amperes(limit_ma)}" if limit_ma else "stops charging"
        text = (
            f"{name} has heard nothing for too long and {what}" if event.get("on") else f"{name} hears its master again"
        )
        self.say(event.at_us, text, cause=True)

    def _boot(self, name: str, event: Event) -> None:
        self.say(event.at_us, f"{name} restarts (for the {_ordinal(int(event.get('count')))} time)", cause=True)

    def _standby(self, name: str, event: Event) -> None:
        self.say(event.at_us, f"{name} falls asleep" if event.get("on") else f"{name} wakes", cause=True)

    def _for_car(self, box: str) -> str:
        return f" for {self._at_box[box]}" if box in self._at_box else ""

    # -- cars ----------------------------------------------------------------------------

    def _plugged(self, name: str, event: Event) -> None:
        self._at_box[str(event.get("box"))] = name
        what = f" ({self._models[name]})" if name in self._models else ""
        text = f"{name}{what} plugs in at {event.get('box')} and wants {kilowatt_hours(self._wanted[name])}"
        self.say(event.at_us, text, cause=True)

    def _full(self, name: str, event: Event) -> None:
        self.say(event.at_us, f"{name} is full with {kilowatt_hours(int(event.get('energy_wh')))}")

    def _unplugged(self, name: str, event: Event) -> None:
        self._at_box.pop(self._box_of[name], None)
        got, wanted = int(event.get("energy_wh")), self._wanted[name]
        self.say(event.at_us, f"{name} leaves with {kilowatt_hours(got)} of {kilowatt_hours(wanted)}")

    # -- connection ----------------------------------------------------------------------

    def _house_step(self, _: str, event: Event) -> None:
        now = tuple(int(event.get(f"l{phase}_ma")) for phase in (1, 2, 3))
        was, self._house_ma = self._house_ma, now
        said = self._house.get(event.at_us, f"{amperes(max(now))} per phase")
        verb = "takes" if was is None else "rises to" if sum(now) > sum(was) else "falls to"
        self.say(event.at_us, f"the house {verb} {said}", cause=True)

    def _roof_step(self, _: str, event: Event) -> None:
        most_ma = max(int(event.get(f"l{phase}_ma")) for phase in (1, 2, 3))
        self.say(event.at_us, f"the roof makes {amperes(most_ma)} per phase", cause=True)

    def _inside(self, at_us: int) -> None:
        assert self._over_us is not None
        limit_ma = self._scenario.world.connection.limit_ma
        self.say(
            self._over_us,
            f"the connection goes over its limit of {amperes(limit_ma)}, for {lasted(at_us - self._over_us)}, "
            f"up to {amperes(self._over_ma)}",
            cause=True,
        )
        self._over_us, self._over_ma = None, 0

    def _verdict(self, _: str, event: Event) -> None:
        self._verdicts.setdefault((event.at_us, str(event.get("now"))), []).append(str(event.get("phase")))

    def _tripped(self, _: str, event: Event) -> None:
        spec = self._scenario.world.connection
        fuse = f"{amperes(spec.rating_ma or 0)} {spec.curve}"
        self.say(event.at_us, f"the {fuse} opens: {event.get('phases')} dead", cause=True)

    # -- faults --------------------------------------------------------------------------

    def _fault_begins(self, _: str, event: Event) -> None:
        self.say(event.at_us, f"fault: {event.get('fault')} on {event.get('on')}", cause=True)

    def _fault_ends(self, _: str, event: Event) -> None:
        self.say(event.at_us, f"fault over: {event.get('fault')} on {event.get('on')}", cause=True)

    def _master_starts(self, _: str, event: Event) -> None:
        self.say(event.at_us, "the master starts", cause=True)

    def _licences(self, _: str, event: Event) -> None:
        count = event.get("count")
        self.say(event.at_us, f"the master has {count} licence{'' if count == 1 else 's'} now", cause=True)

    def _clock(self, _: str, event: Event) -> None:
        self.say(event.at_us, f"the master's clock is set from {event.get('was')} to {event.get('now')}", cause=True)

    def _dimmed(self, _: str, event: Event) -> None:
        what = "has the boxes dimmed" if event.get("on") else "no longer has the boxes dimmed"
        self.say(event.at_us, f"the grid operator {what}", cause=True)

    def _surplus(self, _: str, event: Event) -> None:
        power = show(int(event.get("power_w")), "W")
        self.say(event.at_us, f"the roof has {power} to spare for the boxes", cause=True)

    def _inputs(self, _: str, event: Event) -> None:
        on = str(event.get("on")).split()
        said = f"inputs {', '.join(on[:-1])} and {on[-1]} are" if len(on) > 1 else f"input {on[0]} is" if on else ""
        self.say(event.at_us, f"{said} on at the master" if on else "no input is on at the master", cause=True)

    def _trip(self, _: str, event: Event) -> None:
        wants = kilowatt_hours(int(event.get("wants_wh")))
        self.say(event.at_us, f"the car at {event.get('box')} is to have {wants} by {event.get('leaves')}", cause=True)

    def _reader(self, name: str, event: Event) -> None:
        every = show(int(event.get("every_us")), "us")
        self.say(event.at_us, f"{name} reads {event.get('box')} every {every}, beside the master", cause=True)


def _models(scenario: Scenario) -> dict[str, str]:
    """What the cars are that the seed drew; a car that stands in the file is called as its writer likes."""
    drawn = () if scenario.fleet is None else scenario.fleet.drawn(scenario.seed)
    return {one.car.name: one.model for one in drawn}


def _changes(changes: list[tuple[str, int, int]], verb: str, more: str) -> str:
    """What was done to which boxes; those to which the same was done are told together."""
    alike: dict[str, list[str]] = {}
    for name, was_ma, now_ma in changes:
        if now_ma == 0:
            what = f"{more} (from {amperes(was_ma)})"
        elif was_ma == 0:
            what = f"{more} with {amperes(now_ma)}"
        else:
            what = f"{verb} from {amperes(was_ma)} to {amperes(now_ma)}"
        alike.setdefault(what, []).append(name)
    texts = [f"{_and(names)}{_be(what, names)} {what}" for what, names in alike.items()]
    return (", " if len(alike) == len(changes) else "; ").join(texts)


def _be(what: str, names: list[str]) -> str:
    return "" if what.startswith("may ") else " is" if len(names) == 1 else " are"


def _and(names: list[str]) -> str:
    """``a``, ``a and b``; many as ``a, b and 24 more``."""
    if len(names) > NAMED_MOST:
        return f"{names[0]}, {names[1]} and {len(names) - 2} more"
    *rest, last = names
    return f"{', '.join(rest)} and {last}" if rest else last


def _boot_ma(box: BoxSpec) -> int:
    return min(box.boot_limit_ma, box.max_ma) if box.boot_enable else 0


def _ordinal(count: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(count, f"{count}th")
