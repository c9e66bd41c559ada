"""What a study file must look like."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, PlainValidator

from chargebench.datasheets.forms import Current, Duration, Form, Power
from chargebench.datasheets.quantity import got
from chargebench.datasheets.sentences import Due
from chargebench.scenarios.form import Curve
from chargebench.scenarios.moments import ClockField, DayField
from chargebench.scenarios.tiers import Tier

MOST_SEEDS = 1_000
MOST_BOXES = 26  # the internal one and 25 slaves
_RANGE = re.compile(r"(\d{1,9})-(\d{1,9})", re.ASCII)
_SEEDS_DUE = "seeds such as 1-20, or a list such as [1, 2, 7]"
Preset = Literal["workplace", "apartment house", "depot"]
Shape = Literal["household", "office"]


def _seeds(value: object) -> tuple[int, ...]:
    found: tuple[int, ...] = ()
    if isinstance(value, str) and (span := _RANGE.fullmatch(value)) and int(span[1]) <= int(span[2]):
        if int(span[2]) - int(span[1]) >= MOST_SEEDS:
            raise ValueError(f"expected at most {MOST_SEEDS} seeds, got {got(value)}")
        found = tuple(range(int(span[1]), int(span[2]) + 1))
    elif isinstance(value, list) and all(isinstance(one, int) and not isinstance(one, bool) for one in value):
        found = tuple(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        found = (value,)
    if not found or len(found) > MOST_SEEDS or len(dict.fromkeys(found)) < len(found) or min(found) < 0:
        raise ValueError(f"expected {_SEEDS_DUE}, each once, got {got(value)}")
    return found


def _vary(value: object) -> tuple[dict[str, object], ...]:
    """A grid (name: values) as it is, in a tuple of one; a list of mappings as a tuple of them."""
    if isinstance(value, dict) and all(isinstance(name, str) for name in value):
        return ({"grid": value},)
    if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        return tuple(value)
    raise ValueError(f"expected what varies and its values, such as {{boxes: [10, 25]}}, or a list, got {got(value)}")


Seeds = Annotated[tuple[int, ...], PlainValidator(_seeds), Due(_SEEDS_DUE)]
Vary = Annotated[tuple[dict[str, object], ...], PlainValidator(_vary)]


class ParkFuse(Form):
    """The fuse of a park."""

    rating: Current
    curve: Curve = "gG"


class ParkConnection(Form):
    """The connection of a park. Without ``max_total_power`` as much may flow as the fuse is rated for."""

    fuse: ParkFuse
    max_total_power: Power | None = None
    house_max: Current = 0


class Park(Form):
    """A site in one line: so many boxes of one kind, the first one the master's own, their phases rotated."""

    boxes: Annotated[int, Field(ge=1, le=MOST_BOXES)]
    connection: ParkConnection
    maximum: Current = 16_000
    meters: Literal["on", "off"] = "on"
    house_meter: Literal["on", "off"] = "on"


class Recording(Form):
    """Recorded sessions. ``day`` of the file (its first one, if left out) is played on the first day of the study."""

    file: Annotated[str, Due("a file of sessions, such as jpl-2019.csv")]
    day: DayField | None = None
    energy: Literal["requested", "delivered"] = "requested"


class HouseLoad(Form):
    """The house: a standard shape with its peak, or a file, with a heat pump on top and a roof off it."""

    shape: Shape | None = None
    peak: Power | None = None
    profile: Annotated[str, Due("a file of loads, such as house.csv")] | None = None
    pv: Power | None = None
    heat_pump: Power | None = None


class StudyWorld(Form):
    """Who comes and what else is there: one of ``sessions``, ``fitted`` and ``preset`` says when cars come and what they want.

    ``cars``: models with their weights; all that are known, if left out.
    """

    sessions: Recording | None = None
    fitted: Recording | None = None
    preset: Preset | None = None
    cars_per_day: Annotated[int, Field(ge=1, le=1_000)] | None = None
    cars: dict[str, Annotated[int, Field(ge=1, le=1_000)]] = Field(default_factory=dict)
    cars_since: Annotated[int, Field(ge=1990, le=2100)] | None = None
    house: HouseLoad | None = None


class StudyForm(Form):
    """A whole study. ``site`` is a bare site (a file or inline), ``base`` a scenario, ``park`` a site by its size."""

    study: str = Field(min_length=1, max_length=200)
    base: str | None = None
    site: str | dict[str, object] | None = None
    park: Park | None = None
    start: ClockField
    for_: Duration = Field(alias="for")
    seeds: Seeds = (1,)
    tier: Tier | None = None
    world: StudyWorld
    vary: Vary = ()
    figures: tuple[str, ...] = ()
    answer: str | None = None
