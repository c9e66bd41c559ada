"""The figures of a cell: whole numbers with their unit in the name, and what each of them means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Literal, NamedTuple

from chargebench.datasheets import quantity
from chargebench.datasheets.quantity import decimal, got

Unit = Literal["Wh", "W", "mA", "s", "permille", ""]
_KINDS: Final = {"Wh": "energy", "W": "power", "mA": "current"}


class Figure(NamedTuple):
    """What a figure counts in, and what it means."""

    unit: Unit
    about: str


FIGURES: Final[Mapping[str, Figure]] = {
    "cars": Figure("", "cars that found a box"),
    "blocked": Figure("", "cars that found every box taken, and left"),
    "wanted_wh": Figure(
        "Wh", "what cars wanted: what was asked for, but no more than battery, charger, box and stay allow"
    ),
    "served_wh": Figure("Wh", "what they got"),
    "missing_wh": Figure("Wh", "what was missing when they left"),
    "served_share": Figure("permille", "served of wanted, all cars together"),
    "served_share_mean": Figure("permille", "served of wanted, the mean of all drivers"),
    "served_share_p5": Figure("permille", "served of wanted for the driver of whom 5 % got less"),
    "fully_served_share": Figure("permille", "cars that got at least 99 % of what they wanted"),
    "bad_mornings_per_year": Figure("", "departures with less than 80 % of what was wanted, in a year"),
    "waiting_mean_s": Figure("s", "from plugging in to the first current, the mean"),
    "waiting_p95_s": Figure("s", "from plugging in to the first current; 5 % waited longer"),
    "peak_w": Figure("W", "greatest power at the connection"),
    "peak_quarter_w": Figure("W", "greatest mean power of a quarter hour at the connection"),
    "peak_ma": Figure("mA", "greatest current on any phase"),
    "near_limit_s": Figure("s", "time with a phase at 95 % of the limit or more"),
    "exceeded_s": Figure("s", "time with a phase above the limit"),
    "limit_margin_ma": Figure("mA", "limit less the greatest current"),
    "fuse_margin_ma": Figure("mA", "the current from which on the fuse may trip at all, less the greatest current"),
    "fuse_may_trip": Figure("", "phases on which the fuse may have tripped"),
    "simultaneity": Figure("permille", "greatest power of all boxes together, of their rated powers"),
    "neutral_peak_ma": Figure(
        "mA", "greatest current of the neutral conductor, all currents taken as in phase with their voltage"
    ),
    "imbalance_peak_ma": Figure("mA", "greatest difference between two phases"),
    "contactor_starts": Figure("", "switching on of all contactors"),
    "contactor_life_years": Figure("", "until the busiest contactor has switched 100,000 times, at most 999"),
    "dimmed_s": Figure("s", "time in which the site is dimmed (§14a EnWG)"),
    "licences_needed": Figure("", "licences for the boxes of other makers"),
    "commands": Figure("", "limits that the manager set"),
}
SHOWN: Final = (
    "served_share",
    "served_share_p5",
    "fully_served_share",
    "missing_wh",
    "blocked",
    "peak_quarter_w",
    "peak_ma",
)
"""What a table shows where the study does not say."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What has become of a cell: variation ``number`` with ``seed``.

    ``numbers`` by name; None where there is nothing to count. ``duration_us``: for each phase how long it was at how many whole
    amperes. ``missing_wh`` by day of departure, ``commands_hash`` as of a run. ``failed`` says why there is nothing, else "".
    """

    number: int
    seed: int
    numbers: Mapping[str, int | None]
    duration_us: tuple[Mapping[int, int], ...] = ()
    missing_by_day_wh: tuple[int, ...] = ()
    commands_hash: str = ""
    failed: str = ""


def show(name: str, value: int | None) -> str:
    """A figure as a person reads it: shares in percent, energies and powers in kWh and kW."""
    if value is None:
        return "–"
    unit = FIGURES[name].unit if name in FIGURES else "Wh" if "_wh" in name else ""
    if unit == "permille":
        return f"{decimal(Fraction(value, 10))} %"
    if unit in {"Wh", "W"}:
        return f"{value / 1000:,.1f} k{unit}"
    if unit == "mA":
        return f"{value / 1000:.1f} A"
    if unit == "s":
        return f"{value / 3600:.1f} h" if value >= 7200 else f"{value / 60:.0f} min" if value >= 120 else f"{value} s"
    return f"{value:,}"


def read(name: str, text: str) -> int:
    """A bound of a figure as a person writes it: 0.95 for a share, else a quantity or a number; ``ValueError`` says what was due."""
    unit = FIGURES[name].unit
    if unit == "s":
        return quantity.parse(text, "duration") // 1_000_000
    if unit in _KINDS:
        return quantity.parse(text, _KINDS[unit])  # type: ignore[arg-type]  # the three kinds above
    try:
        number = Fraction(text.strip())
    except (ValueError, ZeroDivisionError):
        number = Fraction(-1)
    whole = number * 1000 if unit == "permille" else number
    if whole.denominator != 1 or whole < 0 or (unit == "permille" and whole > 1000):
        due = "a share from 0 to 1 in steps of 0.001, such as 0.95" if unit == "permille" else "a whole number"
        raise ValueError(f"expected {due}, got {got(text)}")
    return int(whole)
