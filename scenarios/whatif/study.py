"""From a study file to a ``Study``: every variation built and checked, every error of the file at once."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path

from chargebench.datasheets.cars import CarSheet, car_names
from chargebench.datasheets.errors import BadFile, BadInput, suggest
from chargebench.datasheets.forms import fill
from chargebench.datasheets.yamlfile import Document, Loc, Place, Value, parse_yaml, read_text
from chargebench.manager.site import POLICIES
from chargebench.scenarios import shelf
from chargebench.scenarios.describe import Scenario, from_document, is_site, read_scenario
from chargebench.scenarios.errors import Errors
from chargebench.scenarios.fleet import known_car
from chargebench.scenarios.moments import Clock
from chargebench.scenarios.sessions import Session
from chargebench.scenarios.tiers import TIERS, Tier
from chargebench.scenarios.variants import with_variant
from chargebench.scenarios.whatif import files, question
from chargebench.scenarios.whatif.figures import FIGURES, SHOWN
from chargebench.scenarios.whatif.form import HouseLoad, Recording, StudyForm
from chargebench.scenarios.whatif.house import Load, Profile
from chargebench.scenarios.whatif.knobs import ALL, Setting, knob
from chargebench.scenarios.whatif.pattern import Coming, Pattern, fit, recorded
from chargebench.scenarios.whatif.plan import Demand, Plan, Raw, everywhere, park
from chargebench.scenarios.whatif.presets import CARS_PER_BOX, PRESETS
from chargebench.scenarios.whatif.question import Question

LONGEST_US = 1_100 * 86_400_000_000  # three years
MOST_VARIATIONS = 2_000
MOST_CELLS = 50_000  # each takes some kB of memory
_TRUTH = ("boxes", "meters", "fuse", "network")  # of a base, what holds in every variation


@dataclass(frozen=True, slots=True)
class Variation:
    """One combination of what varies. ``base`` is a scenario without cars and house, ``demand`` who comes to it."""

    number: int
    settings: tuple[Setting, ...]
    base: Scenario
    demand: Demand

    @property
    def label(self) -> str:
        """The combination in words."""
        return ", ".join(f"{one.knob} {one.amount.text}" for one in self.settings) or "as it is"

    def text(self, name: str) -> str:
        """What a knob is set to, as a person reads it."""
        return next(one.amount.text for one in self.settings if one.knob == name)


@dataclass(frozen=True, slots=True)
class Study:
    """All that a study needs. ``pattern`` draws who comes, or ``played`` is who came; ``models`` with their weights and years.

    ``digest`` is of every file that it was read from.
    """

    name: str
    title: str
    clock: Clock
    duration_us: int
    seeds: tuple[int, ...]
    tier: Tier
    knobs: tuple[str, ...]
    variations: tuple[Variation, ...]
    pattern: Pattern | None
    played: tuple[Coming, ...]
    managed_energy: bool
    models: tuple[tuple[CarSheet, int], ...]
    shown: tuple[str, ...]
    question: Question | None
    text: str
    digest: str


def read_study(path: Path) -> Study:
    """The study at ``path``; ``BadFile`` or ``BadInput`` with all that is wrong."""
    text = read_text(path)
    document = parse_yaml(text, str(path))
    return _Reader(document, path, text).read()


class _Reader:
    """Reads one study; what is wrong goes to ``_errors``."""

    def __init__(self, document: Document, path: Path, text: str) -> None:
        self._document, self._path, self._text = document, path, text
        self._errors = Errors(document)
        self._digest = sha256(text.encode())
        self._place = document.place()  # of all that is not written in the study
        self._places: Mapping[Loc, Place] = {}

    def read(self) -> Study:
        form = fill(StudyForm, self._document)
        if not 0 < form.for_ <= LONGEST_US:
            self._errors.add(("for",), "expected a time of more than nothing and at most 1100 d")
            self._errors.raise_any()
        pattern, played = self._visitors(form)
        models = self._models(form)
        plan = self._plan(form)
        choices = self._choices(form)
        asked = self._question(form)
        for k, name in enumerate(form.figures):
            if name not in FIGURES:
                self._errors.add(("figures", k), f"unknown figure {name!r}{suggest(name, FIGURES)}")
        if len(choices) * len(form.seeds) > MOST_CELLS:
            self._errors.add(
                ("seeds",), f"expected at most {MOST_CELLS} cells in all, got {len(choices) * len(form.seeds)}"
            )
        if plan is None or self._errors:
            self._errors.raise_any()
        assert plan is not None
        variations = self._variations(form, plan, choices)
        self._errors.raise_any()
        return Study(
            name=self._path.stem,
            title=form.study,
            clock=form.start,
            duration_us=form.for_,
            seeds=form.seeds,
            tier=form.tier or TIERS[-1],
            knobs=tuple(dict.fromkeys(one.knob for chosen in choices for one in chosen)),
            variations=variations,
            pattern=pattern,
            played=played,
            managed_energy=any(
                one is not None and one.energy == "delivered" for one in (form.world.sessions, form.world.fitted)
            ),
            models=models,
            shown=form.figures or SHOWN,
            question=asked,
            text=self._text,
            digest=self._digest.hexdigest(),
        )

    # -- who comes ------------------------------------------------------------------------

    def _visitors(self, form: StudyForm) -> tuple[Pattern | None, tuple[Coming, ...]]:
        world = form.world
        given = [name for name in ("sessions", "fitted", "preset") if getattr(world, name) is not None]
        if len(given) != 1:
            self._errors.add(("world",), "expected one of sessions, fitted and preset, which says who comes")
            return None, ()
        if world.sessions is not None:
            if world.cars_per_day is not None:
                self._errors.add(
                    ("world", "cars_per_day"),
                    "expected only with fitted or preset; recorded sessions are as many as there are",
                )
            sessions = self._sessions(world.sessions)
            played = recorded(sessions, form.start, form.for_, world.sessions.day) if sessions else ()
            if sessions and not played:
                self._errors.add(("world", "sessions"), "expected sessions that begin within the study, got none")
            return None, played
        if world.fitted is not None:
            if world.fitted.day is not None:
                self._errors.add(
                    ("world", "fitted", "day"), "expected only with sessions, which are played as they were"
                )
            sessions = self._sessions(world.fitted)
            return (fit(sessions) if sessions else None), ()
        return PRESETS[str(world.preset)], ()

    def _sessions(self, form: Recording) -> tuple[Session, ...]:
        where = self._path.parent / form.file
        try:
            found = files.read_sessions(where, f"{form.energy}_kwh")
        except (BadFile, BadInput) as error:
            self._errors.include(error)
            return ()
        self._digest.update(repr(found).encode())
        return found

    def _models(self, form: StudyForm) -> tuple[tuple[CarSheet, int], ...]:
        if not form.world.cars:
            return tuple((known_car(name), 1) for name in car_names())
        found = []
        for name, weight in form.world.cars.items():
            try:
                found.append((known_car(name), weight))
            except LookupError as error:
                self._errors.add(("world", "cars", name), str(error), key=True)
        return tuple(found)

    # -- where they come to ----------------------------------------------------------------

    def _plan(self, form: StudyForm) -> Plan | None:
        given = [name for name in ("base", "site", "park") if getattr(form, name) is not None]
        if len(given) != 1:
            self._errors.add((), "expected one of base, site and park, which says where cars come to")
            return None
        try:
            plan = self._site(form)
        except (BadFile, BadInput) as error:
            self._errors.include(error)
            return None
        plan.demand = self._demand(form, plan)
        return plan

    def _site(self, form: StudyForm) -> Plan:
        document = self._document
        if form.park is not None:
            self._place = document.place(("park",))
            return park(form.park)
        if isinstance(form.site, dict):
            value = document.value
            assert isinstance(value, dict)
            site = value["site"]
            assert isinstance(site, dict)
            self._place, self._places = document.place(("site",)), document.places
            return Plan(dict(site))
        field = "base" if form.base is not None else "site"
        self._place = document.place((field,))
        return self._from_file(str(form.base or form.site), field)

    def _from_file(self, said: str, field: str) -> Plan:
        """A site, or a scenario's site with its truth and the greatest load of its house."""
        beside = self._path.parent / said
        found = shelf.find(str(beside)) if beside.is_file() else self._shipped(said, field)
        text = read_text(found.path)
        document = parse_yaml(text, str(found.path))
        self._digest.update(text.encode())
        if is_site(document):
            assert isinstance(document.value, dict)
            return Plan(document.value)
        scenario = read_scenario(found.path, found.variant)
        if found.variant is not None:
            document = with_variant(document, found.variant)
        assert isinstance(document.value, dict)
        site, world = document.value["site"], document.value.get("world", {})
        if isinstance(site, str):
            text = read_text(found.path.parent / site)
            self._digest.update(text.encode())
            site = parse_yaml(text, site).value
        assert isinstance(site, dict)
        truth: Raw = {part: world[part] for part in _TRUTH if part in world} if isinstance(world, dict) else {}
        plan = Plan(site, truth)
        most_ma = max((max(step) for _, step in scenario.world.house.steps), default=0)
        voltage_mv = scenario.world.connection.voltage_mv
        plan.demand = Demand(load=Load(profile=Profile((3 * most_ma * voltage_mv // 1_000_000,) * 96, None)))
        return plan

    def _shipped(self, said: str, field: str) -> shelf.Found:
        try:
            return shelf.find(said)
        except LookupError as error:
            raise BadInput(self._document.where((field,)), field, str(error)) from error

    def _demand(self, form: StudyForm, plan: Plan) -> Demand:
        world = form.world
        count = world.cars_per_day
        if count is None and world.preset is not None:
            above, below = CARS_PER_BOX[world.preset]
            count = max(1, len(plan.boxes) * above // below)
        load = plan.demand.load if world.house is None else self._load(world.house)
        return Demand(count, world.cars_since or 0, load)

    def _load(self, form: HouseLoad) -> Load:
        profile = None
        if form.profile is not None:
            try:
                profile = files.read_profile(self._path.parent / form.profile)
                self._digest.update(repr(profile).encode())
            except (BadFile, BadInput) as error:
                self._errors.include(error)
        if (form.shape is None) != (form.peak is None) or (form.shape is not None and form.profile is not None):
            self._errors.add(("world", "house"), "expected a shape with its peak, or a profile")
        return Load(form.shape, form.peak or 0, profile, form.pv or 0, form.heat_pump or 0)

    # -- what varies -----------------------------------------------------------------------

    def _choices(self, form: StudyForm) -> list[tuple[Setting, ...]]:
        """Every combination."""
        if not form.vary:
            return [()]
        grid = form.vary[0].get("grid")
        if len(form.vary) == 1 and isinstance(grid, dict):
            axes = [self._axis(name, values) for name, values in grid.items()]
            count = 1
            for axis in axes:
                count *= len(axis)
            if count > MOST_VARIATIONS:
                self._errors.add(("vary",), f"expected at most {MOST_VARIATIONS} combinations, got {count}")
                return [()]
            return list(itertools.product(*axes))
        rows = [tuple(self._row(k, row)) for k, row in enumerate(form.vary)]
        names = [tuple(one.knob for one in row) for row in rows]
        for k, other in enumerate(names):
            if sorted(other) != sorted(names[0]):
                self._errors.add(("vary", k), f"expected the same names as in the first one: {', '.join(names[0])}")
        return rows

    def _axis(self, name: str, values: object) -> list[Setting]:
        loc: Loc = ("vary", name)
        if name == "policy" and values == ALL:
            values = list(POLICIES)
        if not isinstance(values, list) or not values:
            self._errors.add(loc, f"expected a list of values, such as {name}: [...]")
            return []
        found = [self._setting(name, value, (*loc, k)) for k, value in enumerate(values)]
        known = [one for one in found if one is not None]
        for k, one in enumerate(known):
            if one.amount.text in [other.amount.text for other in known[:k]]:
                self._errors.add(one.loc, f"expected each value once, got {one.amount.text} again")
        return known

    def _row(self, k: int, row: Mapping[str, object]) -> Iterator[Setting]:
        for name, value in row.items():
            if (found := self._setting(name, value, ("vary", k, name))) is not None:
                yield found

    def _setting(self, name: str, value: object, loc: Loc) -> Setting | None:
        try:
            return Setting(name, knob(name).read(value), loc)
        except LookupError as error:
            self._errors.add(loc[:2] if name in loc[:2] else loc, str(error), key=True)
        except ValueError as error:
            self._errors.add(loc, str(error))
        return None

    def _question(self, form: StudyForm) -> Question | None:
        if form.answer is None:
            return None
        grids = [row.get("grid") for row in form.vary]
        varied = [
            name
            for row, grid in zip(form.vary, grids, strict=True)
            for name in (grid if isinstance(grid, dict) else row)
        ]
        try:
            return question.read(form.answer, list(dict.fromkeys(varied)))
        except ValueError as error:
            self._errors.add(("answer",), str(error))
            return None

    # -- variations ------------------------------------------------------------------------

    def _variations(self, form: StudyForm, plan: Plan, choices: Sequence[tuple[Setting, ...]]) -> tuple[Variation, ...]:
        try:
            self._build(form, plan)
        except (BadFile, BadInput) as error:
            self._errors.include(error)
            return ()
        singles = dict.fromkeys((one.knob, one.amount.text) for row in choices for one in row)
        by_name = {(one.knob, one.amount.text): one for row in choices for one in row}
        for name in singles:
            self._try(form, plan, (by_name[name],))
        if self._errors:
            return ()
        built = [self._try(form, plan, row) for row in choices]
        return tuple(
            Variation(number, row, one[0], one[1].demand)
            for number, (row, one) in enumerate(zip(choices, built, strict=True))
            if one is not None
        )

    def _try(self, form: StudyForm, plan: Plan, row: tuple[Setting, ...]) -> tuple[Scenario, Plan] | None:
        changed = plan.copy()
        try:
            for one in row:
                knob(one.knob).turn(changed, one.amount)
            return self._build(form, changed), changed
        except (BadFile, BadInput) as error:
            found = error.args if isinstance(error, BadFile) else (error,)
            for one in found:
                self._blame(row, f"{one.args[1]}: {one.args[2]}")
        except ValueError as error:
            self._blame(row, str(error))
        return None

    def _blame(self, row: tuple[Setting, ...], problem: str) -> None:
        last = row[-1].loc if row else ("vary",)
        with_it = "" if len(row) < 2 else f" (with {', '.join(f'{one.knob} {one.amount.text}' for one in row[:-1])})"
        self._errors.add(last, f"{problem}{with_it}")

    def _build(self, form: StudyForm, plan: Plan) -> Scenario:
        value: dict[str | int, Value] = {
            "scenario": form.study,
            "start": f"{date.fromordinal(form.start.day).isoformat()} {form.start.show(0)}",
            "for": "1 min",
            "site": dict(plan.site),
            "world": dict(plan.truth),
            "expect": [],
        }
        places = everywhere(value, self._place)
        inline = {loc: place for loc, place in self._places.items() if loc[:1] == ("site",)}
        return from_document(Document(str(self._path), value, places | inline), self._path, self._path.stem)
