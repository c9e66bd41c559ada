"""A cell, or one day of it, as a scenario file that ``chargebench run`` plays at any tier.

It says everything: the site, the truth, the house step by step and each car with its box. A day is one from noon to noon, the
night in which a car that leaves in the morning has charged, and it begins with whatever is plugged in then; such a car wants
all that it came for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from chargebench.datasheets.quantity import show
from chargebench.datasheets.yamlfile import Value
from chargebench.emulator.spec import HouseSpec
from chargebench.scenarios.fleet import Drawn
from chargebench.scenarios.moments import DAY_US, Clock
from chargebench.scenarios.whatif.engine import Cell, Played, play
from chargebench.scenarios.whatif.study import Study

HALF_US = DAY_US // 2
_WORDS = re.compile(r"[A-Za-z][A-Za-z0-9_-]*(?: [A-Za-z0-9_-]+)*", re.ASCII)
_QUANTITY = re.compile(r"[0-9]+(?:\.[0-9]+)? [A-Za-z]+|[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:.]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a cell, since its start."""

    from_us: int
    to_us: int


def night(study: Study, day: int) -> Span:
    """The night that ends on this day of the study (0: its first), from noon to noon as far as the study goes."""
    noon_us = day * DAY_US + HALF_US - study.clock.us
    return Span(max(0, noon_us - DAY_US), min(study.duration_us, max(noon_us, 1)))


def scenario_text(study: Study, cell: Cell, span: Span | None = None) -> str:
    """The file of a cell, or of a part of it."""
    played = play(study, cell)
    part = span or Span(0, study.duration_us)
    return "\n".join(_lines(study, cell, played, part)) + "\n"


def _lines(study: Study, cell: Cell, played: Played, span: Span) -> Iterator[str]:
    variation, scenario = study.variations[cell.number], played.scenario
    clock = Clock(study.clock.day + (study.clock.us + span.from_us) // DAY_US, (study.clock.us + span.from_us) % DAY_US)
    document = scenario.source.document.value  # as it was put together
    assert isinstance(document, dict)
    site, world = document["site"], document["world"]
    assert isinstance(site, dict)
    assert isinstance(world, dict)
    yield f"# Seed {cell.seed} of a study: {variation.label}."
    yield f"scenario: {_flow(study.title)}"
    yield f"seed: {cell.seed}"
    yield f"start: {moment_text(clock, 0)}"
    yield f"for: {show(span.to_us - span.from_us, 'us')}"
    yield "site:"
    for name, part in site.items():
        if isinstance(part, list) and part and isinstance(part[0], dict):
            yield f"  {name}:"
            yield from (f"    - {_flow(one)}" for one in part)
        else:
            yield f"  {name}: {_flow(part)}"
    yield "world:"
    for name, part in world.items():
        yield f"  {name}: {_flow(part)}"
    yield from _house(scenario.world.house, clock, span)
    cars = [one for one in played.drawn if _within(one, span)]
    if cars:
        yield "  cars:"
        yield from (_car(one, clock, span) for one in cars)
    yield "expect:"
    yield "  - always: {fuse: cannot trip}"
    yield "  - never: {limit_exceeded: above 1 A, longer_than: 30 s}"


def _within(one: Drawn, span: Span) -> bool:
    leaves_us = one.car.leaves_us
    return one.car.plugs_us < span.to_us and (leaves_us is None or leaves_us > span.from_us)


def _car(one: Drawn, clock: Clock, span: Span) -> str:
    car = one.car
    fields: dict[str | int, Value] = {
        "car": one.model,
        "as": car.name,
        "at": moment_text(clock, max(0, car.plugs_us - span.from_us)),
        "plugs": car.box,
        "wants": show(car.wanted_wh, "Wh"),
    }
    if car.leaves_us is not None:
        fields["leaves"] = moment_text(clock, car.leaves_us - span.from_us)
    return f"    - {_flow(fields)}"


def _house(house: HouseSpec, clock: Clock, span: Span) -> Iterator[str]:
    before = [step for step in house.steps if step[0] <= span.from_us][-1:]
    inside = [step for step in house.steps if span.from_us < step[0] < span.to_us]
    steps = [*((0, load) for _, load in before), *((at_us - span.from_us, load) for at_us, load in inside)]
    if any(load[0] for _, load in steps):
        loads: list[Value] = [[moment_text(clock, at_us), show(load[0], "mA")] for at_us, load in steps]
        yield f"  house: {{load: {_flow(loads)}}}"


def moment_text(clock: Clock, at_us: int) -> str:
    """A day and a time, with what is below a second where there is such."""
    days, rest = divmod(clock.us + at_us, DAY_US)
    seconds, us = divmod(rest, 1_000_000)
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}" + (f".{us:06}" if us else "")
    return f"{date.fromordinal(clock.day + days).isoformat()} {text}"


def _flow(value: Value) -> str:
    """A value on one line of YAML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_flow(str(name))}: {_flow(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(one) for one in value) + "]"
    if not isinstance(value, str):
        return json.dumps(value)
    plain = _QUANTITY.fullmatch(value) or (_WORDS.fullmatch(value) and value.lower() not in {"true", "false", "null"})
    return value if plain else json.dumps(value, ensure_ascii=False)
