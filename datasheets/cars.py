"""The cars that a scenario may call by name, from ``car/cars.csv``."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from chargebench.datasheets.errors import AmbiguousName, UnknownName
from chargebench.datasheets.quantity import parse

_TABLE = Path(__file__).parent / "car" / "cars.csv"


@dataclass(frozen=True, slots=True)
class CarSheet:
    """What AC charging needs to know of a car: 1 to 3 phases, greatest power over all of them, usable battery."""

    name: str
    phases: int
    ac_max_w: int
    battery_wh: int


def car(name: str) -> CarSheet:
    """The car called ``name``.

    ``AmbiguousName`` where the name is only the beginning of the names of several, ``UnknownName`` where it is of none.
    """
    known = _cars()
    if name in known:
        return known[name]
    choices = tuple(one for one in known if name and one.startswith(f"{name}-"))
    if len(choices) > 1:
        raise AmbiguousName("cars", name, choices)
    raise UnknownName("car", name, choices or tuple(known))


def car_names() -> list[str]:
    """Names of all cars, sorted."""
    return sorted(_cars())


@cache
def car_years() -> dict[str, int]:
    """In which year each car came to the market; 0 where that is not known."""
    rows = _rows()
    return {name: int(row["release_year"] or 0) for name, row in zip(_names(rows), rows, strict=True)}


def _rows() -> list[dict[str, str]]:
    with _TABLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def _cars() -> dict[str, CarSheet]:
    rows = _rows()
    return {
        name: CarSheet(
            name=name,
            phases=int(row["ac_phases"]),
            ac_max_w=parse(f"{row['ac_max_kw']} kW", "power"),
            battery_wh=parse(f"{row['usable_battery_kwh']} kWh", "energy"),
        )
        for name, row in zip(_names(rows), rows, strict=True)
    }


def _names(rows: list[dict[str, str]]) -> list[str]:
    """One name a row: brand-model-variant, and the year, then the power, where several rows would share it."""
    names = [_slug(f"{row['brand']} {row['model']} {row['variant']}") for row in rows]
    for more in ("release_year", "ac_max_kw"):
        shared = Counter(names)
        names = [
            name if shared[name] == 1 else _slug(f"{name} {row[more]}") for name, row in zip(names, rows, strict=True)
        ]
    return names


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
