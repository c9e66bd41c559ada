"""Figures of one variation over all seeds: means with their 95 % intervals, and what one variation gains over another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final, NamedTuple

from chargebench.scenarios.whatif.figures import FIGURES, Figures
from chargebench.scenarios.whatif.study import Study, Variation

# Two-sided 95 % of Student's t, by degrees of freedom: from 1 to 30, then from these on.
_T: Final = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
_T_BEYOND: Final = ((120, 1.980), (60, 2.000), (40, 2.021), (30, 2.042))
DERIVED: Final[Mapping[str, str]] = {
    "lost_for_meters_wh": "served with a meter at every box, less served so",
    "lost_for_house_meter_wh": "served with a meter that tells what the house draws, less served so",
    "lost_by_dimming_wh": "served without dimming, less served so",
    "gained_wh_per_a": "served, less served at the next smaller connection, for each ampere more on each phase",
}

_LOST: Final[Mapping[str, tuple[str, str]]] = {
    "lost_for_meters_wh": ("meters", "on"),
    "lost_for_house_meter_wh": ("house_meter", "on"),
    "lost_by_dimming_wh": ("dimming", "none"),
}


class Interval(NamedTuple):
    """A mean, and by how much the true one may be off it at 95 %; None where one seed tells nothing of that."""

    mean: float
    half: float | None

    @property
    def low(self) -> float:
        """The lower end."""
        return self.mean - (self.half or 0.0)

    @property
    def high(self) -> float:
        """The upper end."""
        return self.mean + (self.half or 0.0)


@dataclass(frozen=True, slots=True)
class Row:
    """One variation: ``means`` by figure, of ``seeds`` that ran. ``infeasible`` says what check found, else ""."""

    variation: Variation
    seeds: int
    means: Mapping[str, Interval]
    infeasible: str = ""


def interval(values: Sequence[int]) -> Interval:
    """The mean of at least one value, and its interval by Student's t."""
    count = len(values)
    mean = sum(values) / count
    if count < 2:
        return Interval(mean, None)
    spread = sum((one - mean) ** 2 for one in values) / (count - 1)
    return Interval(mean, _student(count - 1) * sqrt(spread / count))


def rows(study: Study, found: Iterable[Figures], infeasible: Mapping[int, str]) -> tuple[Row, ...]:
    """A row for each variation, in their order; whatever failed is left out of its means."""
    by_number: dict[int, dict[int, Mapping[str, int | None]]] = {}
    for one in sorted(found, key=lambda one: (one.number, one.seed)):
        if not one.failed:
            by_number.setdefault(one.number, {})[one.seed] = one.numbers
    made = []
    for variation in study.variations:
        cells = by_number.get(variation.number, {})
        counted = {name: _mean([one.get(name) for one in cells.values()]) for name in FIGURES}
        means = {name: mean for name, mean in counted.items() if mean is not None}
        means |= _derived(study, variation, by_number)
        made.append(Row(variation, len(cells), means, infeasible.get(variation.number, "")))
    return tuple(made)


def _mean(values: Sequence[int | None]) -> Interval | None:
    known = [one for one in values if one is not None]
    return interval(known) if known else None


def _derived(
    study: Study, variation: Variation, cells: Mapping[int, Mapping[int, Mapping[str, int | None]]]
) -> dict[str, Interval]:
    """What a variation lost or gained against its neighbour, seed by seed, so that chance falls out of the difference."""
    found = {}
    for name, (knob, better) in _LOST.items():
        if knob in study.knobs and variation.text(knob) != better:
            other = neighbour(study, variation, knob, better)
            gain = [] if other is None else _gains(cells.get(variation.number, {}), cells.get(other.number, {}))
            if gain:
                found[name] = interval(gain)
    smaller = _smaller(study, variation)
    if smaller is not None:
        more_ma = variation.base.world.connection.limit_ma - smaller.base.world.connection.limit_ma
        gain = _gains(cells.get(smaller.number, {}), cells.get(variation.number, {}))
        if gain and more_ma > 0:
            found["gained_wh_per_a"] = interval([one * 1000 // more_ma for one in gain])
    return found


def neighbour(study: Study, variation: Variation, knob: str, text: str) -> Variation | None:
    """The variation that differs in this one knob alone."""
    wanted = {one.knob: text if one.knob == knob else one.amount.text for one in variation.settings}
    same = (one for one in study.variations if {s.knob: s.amount.text for s in one.settings} == wanted)
    return next(same, None)


def _smaller(study: Study, variation: Variation) -> Variation | None:
    """The variation with the next smaller connection, all else equal."""
    for name in ("connection.fuse", "connection.max_total_power"):
        if name in study.knobs:
            own = next(one.amount.order for one in variation.settings if one.knob == name)
            others = {
                one.amount.order: one.amount.text
                for other in study.variations
                for one in other.settings
                if one.knob == name and one.amount.order < own
            }
            return neighbour(study, variation, name, others[max(others)]) if others else None
    return None


def _gains(worse: Mapping[int, Mapping[str, int | None]], better: Mapping[int, Mapping[str, int | None]]) -> list[int]:
    return [
        (better[seed].get("served_wh") or 0) - (cells.get("served_wh") or 0)
        for seed, cells in worse.items()
        if seed in better
    ]


def _student(freedom: int) -> float:
    if freedom <= len(_T):
        return _T[freedom - 1]
    return next(value for least, value in _T_BEYOND if freedom >= least)
