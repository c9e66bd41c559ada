"""A cell of a study: one variation with one seed, from who comes to its figures. All that runs is asked for here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple

from pydantic import PrivateAttr

from chargebench.datasheets.cars import CarSheet, car_years
from chargebench.datasheets.load import load
from chargebench.emulator.curves import curve
from chargebench.emulator.spec import CarSpec, WorldSpec
from chargebench.manager.licence import missing, third_party
from chargebench.manager.policies.registry import controller_for
from chargebench.scenarios.at_tier import refuse
from chargebench.scenarios.check import check_scenario
from chargebench.scenarios.describe import Scenario
from chargebench.scenarios.expectations import Expectation
from chargebench.scenarios.fleet import Drawn, Fleet, Visit
from chargebench.scenarios.laws.judge import Finally
from chargebench.scenarios.laws.law import Ears, Law, Scene, Tell
from chargebench.scenarios.leap.run import leap
from chargebench.scenarios.moments import DAY_US
from chargebench.scenarios.progress import Tick
from chargebench.scenarios.result import Result
from chargebench.scenarios.run import run
from chargebench.scenarios.tiers import Tier
from chargebench.scenarios.whatif.figures import Figures
from chargebench.scenarios.whatif.gauge import Gauge
from chargebench.scenarios.whatif.pattern import Coming
from chargebench.scenarios.whatif.study import Study, Variation

YEAR_US = 365 * DAY_US + DAY_US // 4
CONTACTOR_LIFE = 100_000  # operations, as contactors of this size are built for
SECOND_US = 1_000_000
HOUR_US = 3_600 * SECOND_US
_BAD, _FULL = 800, 990  # permille
_LONGEST_LIFE = 999


class Cell(NamedTuple):
    """What is run: a variation by its number, with a seed."""

    number: int
    seed: int


@dataclass(frozen=True, slots=True)
class Played:
    """A cell ready to be run: its scenario, the cars in it with their models, and how many found every box taken."""

    scenario: Scenario
    drawn: tuple[Drawn, ...]
    blocked: int


class Listening(Law):
    """Lets somebody listen to a run where laws do."""

    name: ClassVar[str] = "figures"
    _ears: Ears = PrivateAttr()

    def build(self, scene: Scene, tell: Tell) -> Ears:  # noqa: ARG002  (what a law may know beforehand)
        tell(0, True, "it only listens")
        return self._ears

    @classmethod
    def of(cls, ears: Ears) -> Expectation:
        """An expectation that is always kept."""
        law = cls()
        law._ears = ears
        return Expectation(cls.name, law, Finally(), 0, ())


def play(study: Study, cell: Cell) -> Played:
    """The world of a cell. Who comes, and in which car, is the same in every variation of one demand."""
    variation = study.variations[cell.number]
    base, demand = variation.base, variation.demand
    coming = study.played
    if study.pattern is not None:
        coming = study.pattern.draw(cell.seed, study.clock, study.duration_us, demand.cars_per_day)
    visits, blocked = seat(coming, [box.name for box in base.world.boxes])
    models = _models(study, demand.cars_since)
    voltage_mv = base.world.connection.voltage_mv
    drawn = Fleet(study.name, visits, models, voltage_mv).drawn(cell.seed)
    world = replace(base.world, cars=tuple(one.car for one in drawn))
    if demand.load is not None:
        world = replace(world, house=demand.load.steps(cell.seed, study.clock, study.duration_us, voltage_mv))
    scenario = replace(base, seed=cell.seed, duration_us=study.duration_us, world=world, house=())
    return Played(scenario, drawn, blocked)


def seat(coming: Sequence[Coming], boxes: Sequence[str]) -> tuple[tuple[Visit, ...], int]:
    """Each car, in the order in which they come, at the first box that is free; and how many found none."""
    taken_us = dict.fromkeys(boxes, -1)
    visits, blocked = [], 0
    for one in coming:
        box = next((name for name, until_us in taken_us.items() if until_us < one.comes_us), None)
        if box is None:
            blocked += 1
            continue
        taken_us[box] = one.goes_us
        visits.append(Visit(f"car-{one.name}", box, one.comes_us, one.goes_us, one.wanted_wh))
    return tuple(visits), blocked


def infeasible(study: Study, variation: Variation) -> str:
    """The first danger that ``check`` finds in a variation, or nothing: nobody should build what it is in."""
    scenario = play(study, Cell(variation.number, study.seeds[0])).scenario
    dangers = [one for one in check_scenario(scenario) if one.severity in {"danger", "error"}]
    return f"{dangers[0].field}: {dangers[0].sentence}" if dangers else ""


def run_cell(study: Study, cell: Cell, tick: Tick | None = None) -> Figures:
    """The figures of a cell."""
    played = play(study, cell)
    scenario = played.scenario
    connection = scenario.world.connection
    gauge = Gauge(connection.limit_ma, connection.voltage_mv, scenario.clock.us)
    scenario = replace(scenario, expectations=(Listening.of(gauge.ears),))
    result = _run(scenario, study.tier, tick)
    gauge.finish(scenario.duration_us)
    shares = _shares(scenario.world, result, scenario.duration_us)
    return Figures(
        number=cell.number,
        seed=cell.seed,
        numbers=_energies(shares, scenario.duration_us)
        | {"cars": len(played.drawn), "blocked": played.blocked}
        | _currents(gauge, result, scenario.world)
        | _waits(list(gauge.waited_us.values()))
        | _wear(result, scenario)
        | {"commands": len(result.commands)},
        duration_us=tuple(dict(sorted(one.items())) for one in gauge.duration_us),
        missing_by_day_wh=_by_day(shares, scenario),
        commands_hash=result.commands_hash,
    )


def _run(scenario: Scenario, tier: Tier, tick: Tick | None) -> Result:
    """Run it; in leaps without story and record, which no figure needs."""
    if tier != "leap":
        return run(scenario, tick=tick, tier=tier)
    refuse(scenario, tier)
    return leap(scenario, controller_for(scenario.site.policy), tick=tick, brief=True)


def safely(study: Study, cell: Cell) -> Figures:
    """The figures of a cell; where it fails, why. The others go on."""
    try:
        return run_cell(study, cell)
    except Exception as error:  # noqa: BLE001  (whatever it is, it is told with its seed)
        return Figures(cell.number, cell.seed, {}, failed=f"{type(error).__name__}: {error}")


class Share(NamedTuple):
    """What a car wanted and could have taken in by its departure or the end, and what it got."""

    car: CarSpec
    wanted_wh: int
    got_wh: int

    @property
    def permille(self) -> int:
        """Got of wanted."""
        return 1000 if not self.wanted_wh else min(1000, self.got_wh * 1000 // self.wanted_wh)


def _models(study: Study, since: int) -> tuple[CarSheet, ...]:
    """Every model as often as it weighs; those of a year that is not known are left out where it matters."""
    years = car_years() if since else {}
    known = [(model, weight) for model, weight in study.models if years.get(model.name, since) >= since]
    return tuple(model for model, weight in known or study.models for _ in range(weight))


def _shares(world: WorldSpec, result: Result, end_us: int) -> list[Share]:
    most_ma = {box.name: min(box.max_ma, box.cable_ma) for box in world.boxes}
    found = []
    for car in world.cars:
        stay_us = min(end_us, end_us if car.leaves_us is None else car.leaves_us) - car.plugs_us
        each_uw = min(car.max_ma, most_ma[car.box]) * car.phases * world.connection.voltage_mv
        could_wh = each_uw * stay_us // (1_000_000 * HOUR_US)
        found.append(Share(car, min(car.wanted_wh, could_wh), result.figures["cars"][car.name]["energy_wh"]))
    return found


def _energies(shares: Sequence[Share], duration_us: int) -> dict[str, int | None]:
    wanted, served = sum(one.wanted_wh for one in shares), sum(min(one.got_wh, one.wanted_wh) for one in shares)
    permille = sorted(one.permille for one in shares)
    bad = sum(one < _BAD for one in permille)
    return {
        "wanted_wh": wanted,
        "served_wh": served,
        "missing_wh": wanted - served,
        "served_share": served * 1000 // wanted if wanted else None,
        "served_share_mean": sum(permille) // len(permille) if permille else None,
        "served_share_p5": _quantile(permille, 5),
        "fully_served_share": sum(one >= _FULL for one in permille) * 1000 // len(permille) if permille else None,
        "bad_mornings_per_year": bad * YEAR_US // duration_us,
    }


def _currents(gauge: Gauge, result: Result, world: WorldSpec) -> dict[str, int | None]:
    connection = world.connection
    peak_ma = max(round(fuse["peak_a"] * 1000) for fuse in result.figures["fuse"].values())
    never_ma = None if connection.rating_ma is None else curve(connection.curve, connection.rating_ma).never_ma
    rated_ma = sum(min(box.max_ma, box.cable_ma) * len(box.wiring) for box in world.boxes)
    return {
        "peak_w": gauge.peak_w,
        "peak_quarter_w": gauge.peak_quarter_w,
        "peak_ma": peak_ma,
        "near_limit_s": gauge.near_us // SECOND_US,
        "exceeded_s": round(result.figures["limit"]["exceeded_s"]),
        "limit_margin_ma": connection.limit_ma - peak_ma,
        "fuse_margin_ma": None if never_ma is None else never_ma - peak_ma,
        "fuse_may_trip": sum(one["verdict"] in {"may", "must"} for one in result.figures["fuse"].values()),
        "simultaneity": gauge.peak_boxes_w * 1_000_000_000 // (rated_ma * connection.voltage_mv),
        "neutral_peak_ma": gauge.neutral_na // 1_000_000,
        "imbalance_peak_ma": gauge.imbalance_na // 1_000_000,
    }


def _waits(waited_us: Sequence[int]) -> dict[str, int | None]:
    waited_s = sorted(one // SECOND_US for one in waited_us)
    mean = sum(waited_s) // len(waited_s) if waited_s else None
    return {"waiting_mean_s": mean, "waiting_p95_s": _quantile(waited_s, 95)}


def _wear(result: Result, scenario: Scenario) -> dict[str, int | None]:
    starts: Mapping[str, int] = result.figures["contactor_starts"]
    most = max(starts.values(), default=0)
    life = CONTACTOR_LIFE * scenario.duration_us // (most * YEAR_US) if most else _LONGEST_LIFE
    site = scenario.site
    return {
        "contactor_starts": sum(starts.values()),
        "contactor_life_years": min(_LONGEST_LIFE, life),
        "dimmed_s": _dimmed_s(scenario),
        "licences_needed": missing(third_party(site.boxes, load), 0),
    }


def _dimmed_s(scenario: Scenario) -> int:
    """For how long the hours of the site dim within the run."""
    hours = scenario.site.dimming
    if hours is None or hours.from_us == hours.to_us:
        return 0
    from_us, to_us = hours.from_us, hours.to_us
    to_us += DAY_US if to_us < from_us else 0
    begins_us, ends_us = scenario.clock.us, scenario.clock.us + scenario.duration_us
    days = range(-1, ends_us // DAY_US + 1)
    spans = [(max(begins_us, day * DAY_US + from_us), min(ends_us, day * DAY_US + to_us)) for day in days]
    return sum(max(0, until - since) for since, until in spans) // SECOND_US


def _by_day(shares: Sequence[Share], scenario: Scenario) -> tuple[int, ...]:
    """What was missing at departures, by civil day of the run."""
    end_us = scenario.duration_us
    found = [0] * ((scenario.clock.us + end_us - 1) // DAY_US + 1)
    for one in shares:
        leaves_us = end_us if one.car.leaves_us is None else min(one.car.leaves_us, end_us)
        found[(scenario.clock.us + leaves_us - 1) // DAY_US] += max(0, one.wanted_wh - one.got_wh)
    return tuple(found)


def _quantile(ordered: Sequence[int], percent: int) -> int | None:
    """The value of whom ``percent`` are smaller."""
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else None
