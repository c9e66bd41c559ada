"""``python -m tests.bench.policies [NIGHTS]``: random nights of 13 boxes on 25 A under every policy, against a bound.

It writes ``docs/policies.md`` and its picture, and prints the table. Nights are the same for all policies and in every process.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import Pool, cpu_count
from pathlib import Path

from chargebench.manager.site import POLICIES, Policy
from tests.bench.bound import bound_wh
from tests.bench.nights import BOXES, LIMIT_MA, MINUTE_US, Yard, night

NIGHTS = 200
DOCS = Path(__file__).parents[2] / "docs"
PAGE, PICTURE = DOCS / "policies.md", DOCS / "policies.svg"
TABLE = "| policy | of the bound | of what was wanted | worst driver | starts a night | above 25 A |"
RULE = "| --- | ---: | ---: | ---: | ---: | ---: |"


@dataclass(frozen=True, slots=True)
class Row:
    """One night under one policy: shares from 0 to 1, starts of all contactors, and minutes above the limit."""

    policy: Policy
    of_bound: float
    of_wanted: float
    worst: float
    starts: int
    over_min: float


def once(job: tuple[int, Policy]) -> Row:
    """One night under one policy."""
    seed, policy = job
    visits = night(seed)
    found = Yard(visits, policy).run()
    got_wh = sum(found.energies_wh)
    return Row(
        policy,
        got_wh / bound_wh(visits),
        got_wh / sum(visit.alone_wh() for visit in visits),
        min(wh / visit.alone_wh() for wh, visit in zip(found.energies_wh, visits, strict=True)),
        sum(found.starts),
        found.over_us / MINUTE_US,
    )


def measure(nights: int, processes: int) -> list[Row]:
    """All nights under all policies."""
    jobs = [(seed, policy) for seed in range(nights) for policy in POLICIES]
    with Pool(processes) as pool:
        return pool.map(once, jobs, chunksize=len(POLICIES))


def table(rows: Sequence[Row]) -> list[str]:
    """The table, best first; who breaks the limit stands last."""
    lines = [(_breaks(rows, policy), -_mean(rows, policy, "of_bound"), _line(rows, policy)) for policy in POLICIES]
    return [TABLE, RULE, *(line for _, _, line in sorted(lines))]


def _line(rows: Sequence[Row], policy: Policy) -> str:
    bound, wanted, worst, starts, over = (
        _mean(rows, policy, what) for what in ("of_bound", "of_wanted", "worst", "starts", "over_min")
    )
    above = "never" if not _breaks(rows, policy) else f"{over:.1f} min"
    return f"| `{policy}` | {bound:.3f} | {100 * wanted:.0f} % | {100 * worst:.0f} % | {starts:.0f} | {above} |"


def _mean(rows: Sequence[Row], policy: Policy, what: str) -> float:
    return float(statistics.mean(getattr(row, what) for row in rows if row.policy == policy))


def _breaks(rows: Sequence[Row], policy: Policy) -> bool:
    return any(row.over_min > 0 for row in rows if row.policy == policy)


def page(rows: Sequence[Row], nights: int) -> str:
    """The page that explains the table."""
    return f"""\
# Policies compared

A site says with `policy:` by whose rules it is shared, and `chargebench run SCENARIO --policy NAME` shares it by others.

| policy | who gets what |
| --- | --- |
| `fair` | ours: turns of half an hour where not all fit, cars of three phases first among those who waited alike, then equal currents as high as every phase lets them be |
| `original` | what the pages of the original tell of its rules, with the weaknesses that those have |
| `first-come` | who was plugged in first all it can take, the next what is left |
| `equal-split` | turns as with `fair`, but the current of a phase is divided by the boxes on it, and what one leaves is nobody's |
| `rotation` | the full current by turns of half an hour, who has waited longest next |
| `none` | everybody the maximum of its box: no load management, and `check` says so |

`original` and `none` are controllers of their own. The others differ in nothing but who is to have how much: what may flow is
booked, cuts come before raises, and boxes fall back as with `fair`. Orders hold for them, too: a dimming order, a surplus, a
limit of imbalance, and trips as far as priorities go.

## A night of {BOXES} boxes on {LIMIT_MA // 1000} A

{nights} random nights: {BOXES} boxes of 11 kW with turned phases, each with a meter, so that the manager learns which phases a car
uses; models drawn from the list of cars, which come between 16:00 and 23:00, leave between 05:30 and 09:00, and want a fifth to
four fifths of their battery, in most nights more than 25 A can carry. No house. Cars follow 6 s after a command.

The bound is a linear program that knows the whole night in advance and no minimum current, so nothing that decides at the time
can reach it. *Of what was wanted* leaves out what a car could not have taken during its stay even if it were alone. *Worst driver* is the
mean, over all nights, of the share that the least served car of the night got. *Starts* are those of all contactors.

![Share of the bound and of the worst driver's wish, by policy](policies.svg)

{chr(10).join(table(rows))}

Who reaches more of the bound takes it from somebody. Were current water, with no minimum, no turn and no delay, cars with equal
currents would get 0.918 of the bound in the first twenty of these nights, and their worst driver 49 %; were a car of three phases given
1.7 times the current of one of one phase, 0.938 and 44 %; three times, 0.948 and 38 % (`python -m tests.bench.fluid`). For
energy it is best to starve the cars that fill one phase and leave two empty, and `fair` only lets them start later among those
who have waited about as long.

What `none` gets above the bound flows above the limit: a fuse would have ended it. Made by `nox -s policies`.
"""


def main() -> None:
    from docs.pictures.policies import draw  # noqa: PLC0415  (it draws what is measured here)

    nights = int(sys.argv[1]) if len(sys.argv) > 1 else NIGHTS
    rows = measure(nights, cpu_count())
    PAGE.write_text(page(rows, nights), encoding="utf-8")
    PICTURE.write_text(draw(rows), encoding="utf-8")
    print("\n".join(table(rows)))


if __name__ == "__main__":
    main()
