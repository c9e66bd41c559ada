"""Recorded sessions as visits to the boxes of a site, each with a car that the seed of the run draws.

A car takes the first box, in the order of the site, that is free for its whole stay. Which model comes to which session
depends on the seed and on the session's name alone, so a session more or less changes no other car.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from pathlib import PurePath
from typing import NamedTuple

from chargebench.datasheets.cars import CarSheet, car, car_names
from chargebench.datasheets.errors import BadInput, UnknownName
from chargebench.emulator.spec import CarSpec, WorldSpec
from chargebench.emulator.streams import Streams
from chargebench.scenarios.errors import Errors
from chargebench.scenarios.form import Sessions as SessionsForm
from chargebench.scenarios.moments import DAY_US, Clock
from chargebench.scenarios.sessions import Session, local, offset_of

US = timedelta(microseconds=1)
HOUR_US = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Visit:
    """One session at its box; ``wanted_wh`` is what its file says, whatever car comes."""

    name: str
    box: str
    plugs_us: int
    leaves_us: int
    wanted_wh: int


class Drawn(NamedTuple):
    """A car that came of the draw, and what it is."""

    car: CarSpec
    model: str


class Stay(NamedTuple):
    """How long a box is taken; None: to the end."""

    from_us: int
    to_us: int | None


@dataclass(frozen=True, slots=True)
class Fleet:
    """All visits of a file of sessions, and the models of which each car is one; a model named twice comes twice as often."""

    file: str
    visits: tuple[Visit, ...]
    models: tuple[CarSheet, ...]
    voltage_mv: int

    def drawn(self, seed: int) -> tuple[Drawn, ...]:
        """The cars of a run with this seed, in the order of the visits."""
        streams = Streams(seed)
        return tuple(
            self._car(visit, self.models[streams.stream("fleet", visit.name).below(len(self.models))])
            for visit in self.visits
        )

    def _car(self, visit: Visit, model: CarSheet) -> Drawn:
        """A car wants no more than its battery holds, and no more than its charger can take in while it stays."""
        stay_us = visit.leaves_us - visit.plugs_us
        wanted_wh = min(visit.wanted_wh, model.battery_wh, model.ac_max_w * stay_us // HOUR_US)
        spec = CarSpec(
            name=visit.name,
            box=visit.box,
            plugs_us=visit.plugs_us,
            leaves_us=visit.leaves_us,
            phases=model.phases,
            max_ma=rated_ma(model.ac_max_w, model.phases, self.voltage_mv),
            wanted_wh=wanted_wh,
        )
        return Drawn(spec, model.name)


@dataclass(frozen=True, slots=True)
class Recorded:
    """The sessions of the file at ``where``, and what a scenario says of how they are played."""

    form: SessionsForm
    where: str
    sessions: tuple[Session, ...]

    def fleet(self, world: WorldSpec, clock: Clock, end_us: int, problems: Errors) -> Fleet | None:
        """The fleet in a world whose own cars have their boxes already; what is wrong goes to ``problems``."""
        day = clock.day if self.form.day is None else self.form.day
        boxes = [box.name for box in world.boxes]
        visits, turned_away = seat(self.sessions, boxes, world.cars, clock, day, end_us)
        if not visits and not turned_away:
            whole = f"from {clock.show(0)} to {clock.show(end_us)}"
            problem = f"expected sessions that begin within the run, {whole} of {date.fromordinal(day)}, got none"
            problems.add(("world", "sessions"), problem)
        for none_left in turned_away:
            problem = f"expected a box that is free for this stay, and all {len(boxes)} are taken"
            problems.include(BadInput(f"{self.where}:{none_left.session.line}:1", "", problem))
        for visit in visits:
            if visit.name in [car.name for car in world.cars]:
                problems.add(
                    ("world", "sessions"), f"expected a name of its own, and there is another car {visit.name}"
                )
        models = [self._model(k, name, problems) for k, name in enumerate(self.form.cars or ())]
        if self.form.cars is None:
            models = [known_car(name) for name in car_names()]
        known = tuple(model for model in models if model is not None)
        return Fleet(PurePath(self.form.file).name, visits, known, world.connection.voltage_mv) if known else None

    def _model(self, k: int, name: str, problems: Errors) -> CarSheet | None:
        try:
            return known_car(name)
        except LookupError as error:
            problems.add(("world", "sessions", "cars", k), str(error))
            return None


class NoBoxLeft(NamedTuple):
    """A session whose car finds every box taken."""

    session: Session
    at_us: int


def known_car(name: str) -> CarSheet:
    """The car of this name; ``LookupError`` says where all of them are listed, for they are too many for a sentence."""
    try:
        return car(name)
    except UnknownName as error:
        raise LookupError(f"{error} (chargebench cars list shows all)") from error


def rated_ma(power_w: int, phases: int, voltage_mv: int) -> int:
    """The current of an on-board charger by its power: chargers are built for whole amperes, brochures round the kW."""
    exact = Fraction(power_w * 1000, phases * voltage_mv)
    return int(exact + Fraction(1, 2)) * 1000


def seat(
    sessions: Sequence[Session], boxes: Sequence[str], listed: Sequence[CarSpec], clock: Clock, day: int, end_us: int
) -> tuple[tuple[Visit, ...], tuple[NoBoxLeft, ...]]:
    """The visits of the sessions that arrive within the run, in the order of arrival, and the cars that find no box.

    ``listed`` are cars that have their boxes already. ``day``, an ordinal, is the recorded day that is played on the day of
    the run's start.
    """
    offset = offset_of(sessions)
    coming = []
    for session in sessions:
        arrival, departure = local(session, offset)
        from_us = _since_start(arrival, clock, day)
        if 0 <= from_us <= end_us:
            coming.append((from_us, session.line, _since_start(departure, clock, day), session))
    held = {box: [Stay(car.plugs_us, car.leaves_us) for car in listed if car.box == box] for box in boxes}
    visits, turned_away = [], []
    for from_us, _, to_us, session in sorted(coming, key=lambda one: one[:2]):
        box = next((box for box in boxes if not any(_meet(stay, from_us, to_us) for stay in held[box])), None)
        if box is None:
            turned_away.append(NoBoxLeft(session, from_us))
            continue
        held[box].append(Stay(from_us, to_us))
        visits.append(Visit(f"car-{session.name}", box, from_us, to_us, session.energy_wh))
    return tuple(visits), tuple(turned_away)


def _since_start(moment: datetime, clock: Clock, day: int) -> int:
    since_midnight_us = (moment - moment.replace(hour=0, minute=0, second=0, microsecond=0)) // US
    return (moment.toordinal() - day) * DAY_US + since_midnight_us - clock.us


def _meet(stay: Stay, from_us: int, to_us: int) -> bool:
    return stay.from_us <= to_us and (stay.to_us is None or from_us <= stay.to_us)
