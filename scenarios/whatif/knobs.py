"""What may vary in a study: a closed list of names, what their values must look like, and what they change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, NamedTuple

from chargebench.datasheets import quantity
from chargebench.datasheets.errors import suggest
from chargebench.datasheets.quantity import Kind, got
from chargebench.datasheets.yamlfile import Loc, Value
from chargebench.manager.site import POLICIES
from chargebench.scenarios.whatif.form import MOST_BOXES
from chargebench.scenarios.whatif.plan import Plan

ALL = "all"
SITE = "site."


class Amount(NamedTuple):
    """A value of a knob: as it is shown, by what it is ordered, and as a file says it."""

    text: str
    order: int
    raw: Value


class Setting(NamedTuple):
    """One knob set to one value, and where the study says so."""

    knob: str
    amount: Amount
    loc: Loc


@dataclass(frozen=True, slots=True)
class Knob:
    """``read`` takes a value as written (``ValueError`` says what was expected), ``turn`` changes a plan to it.

    ``ordered``: whether more of it means something, so that a smallest one can be asked for.
    """

    read: Callable[[object], Amount]
    turn: Callable[[Plan, Amount], None]
    ordered: bool = True


def knob(name: str) -> Knob:
    """The knob of this name. ``LookupError`` says which there are."""
    if name in KNOBS:
        return KNOBS[name]
    if name.startswith(SITE) and all(name.split(".")):
        return Knob(_as_it_is, lambda plan, amount: _put(plan, name.split(".")[1:], amount.raw), ordered=False)
    raise LookupError(f"unknown {name!r}{suggest(name, KNOBS)}")


def _amount(kind: Kind, unit: str, least: int = 1) -> Callable[[object], Amount]:
    def read(value: object) -> Amount:
        found = quantity.parse(value, kind)
        if found < least:
            raise ValueError(f"expected at least {quantity.show(least, unit)}, got {got(value)}")
        text = quantity.show(found, unit)
        return Amount(text, found, text)

    return read


def _whole(low: int, high: int) -> Callable[[object], Amount]:
    def read(value: object) -> Amount:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(f"expected a whole number from {low} to {high}, got {got(value)}")
        return Amount(str(value), value, value)

    return read


def _one_of(*names: str) -> Callable[[object], Amount]:
    def read(value: object) -> Amount:
        if not isinstance(value, str) or value not in names:
            raise ValueError(f"expected {' or '.join(names)}, got {got(value)}")
        return Amount(value, names.index(value), value)

    return read


def _hours(value: object) -> Amount:
    if value == "none":
        return Amount("none", 0, None)
    begins, dash, ends = value.partition("-") if isinstance(value, str) else ("", "", "")
    try:
        span = [quantity.parse(one, "time") for one in (begins, ends)]
    except ValueError:
        span = []
    if not dash or len(span) != 2 or span[0] == span[1]:
        raise ValueError(f"expected none or hours of the day such as 17:00-19:00, got {got(value)}")
    return Amount(f"{begins}-{ends}", 1 + (span[1] - span[0]) % 86_400, {"from": begins, "to": ends})


def _as_it_is(value: object) -> Amount:
    if isinstance(value, dict | list) or value is None:
        raise ValueError(f"expected one value, got {got(value)}")
    assert isinstance(value, str | int | float)
    return Amount(str(value), 0, value)


def _put(plan: Plan, path: list[str], value: Value) -> None:
    here = plan.site
    for part in path[:-1]:
        below = here.setdefault(part, {})
        if not isinstance(below, dict):
            raise ValueError(f"expected a mapping at {part} of the site")  # noqa: TRY004  (of a file, not of a program)
        here = below
    here[path[-1]] = value


def _fuse(plan: Plan, amount: Amount) -> None:
    """Another rating, and the limit in proportion; a site without a fuse gets one, and a limit that is its rating."""
    connection = plan.connection()
    fuse = connection.get("fuse")
    if isinstance(fuse, dict):
        share = Fraction(quantity.parse(connection.get("max_total_power"), "power")) / quantity.parse(
            fuse.get("rating"), "current"
        )
    else:
        share = 3 * Fraction(quantity.parse(connection.get("voltage", "230 V"), "voltage"), 1_000_000)
    curve = fuse.get("curve", "gG") if isinstance(fuse, dict) else "gG"
    connection["fuse"] = {"rating": amount.raw, "curve": curve}
    connection["max_total_power"] = quantity.show(int(share * amount.order), "W")


def _maximum(plan: Plan, amount: Amount) -> None:
    for box in plan.boxes:
        box["maximum"] = amount.raw


def _site(*path: str) -> Callable[[Plan, Amount], None]:
    return lambda plan, amount: _put(plan, list(path), amount.raw)


def _dimming(plan: Plan, amount: Amount) -> None:
    if amount.raw is None:
        plan.site.pop("dimming", None)
    else:
        plan.site["dimming"] = amount.raw


KNOBS: Final[Mapping[str, Knob]] = {
    "connection.fuse": Knob(_amount("current", "mA", 6_000), _fuse),
    "connection.max_total_power": Knob(_amount("power", "W", 1_000), _site("connection", "max_total_power")),
    "connection.max_total_evse_power": Knob(_amount("power", "W", 1_000), _site("connection", "max_total_evse_power")),
    "boxes": Knob(_whole(1, MOST_BOXES), lambda plan, amount: plan.keep_boxes(amount.order)),
    "box.maximum": Knob(_amount("current", "mA", 6_000), _maximum),
    "meters": Knob(_one_of("off", "on"), lambda plan, amount: plan.meters(amount.raw == "on")),
    "house_meter": Knob(_one_of("off", "on"), lambda plan, amount: plan.house_meter(amount.raw == "on")),
    "phases": Knob(
        _one_of("alike", "rotated"), lambda plan, amount: plan.rotate(amount.raw == "rotated"), ordered=False
    ),
    "policy": Knob(_one_of(*POLICIES), _site("policy"), ordered=False),
    "licences": Knob(_whole(0, 99), _site("licences")),
    "dimming": Knob(_hours, _dimming),
    "cars_per_day": Knob(_whole(1, 1_000), lambda plan, amount: plan.set_demand(cars_per_day=amount.order)),
    "cars_since": Knob(_whole(1990, 2100), lambda plan, amount: plan.set_demand(cars_since=amount.order)),
    "pv": Knob(_amount("power", "W", 0), lambda plan, amount: plan.set_load(pv_w=amount.order)),
    "heat_pump": Knob(_amount("power", "W", 0), lambda plan, amount: plan.set_load(heat_pump_w=amount.order)),
}
"""``connection.fuse`` changes the limit in proportion; ``dimming`` is hours of each day; ``site.PATH`` any one value of the site."""
