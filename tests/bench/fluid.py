"""``python -m tests.bench.fluid [NIGHTS]``: the nights of ``policies`` shared as if current were water, against the bound.

No minimum current, no step, no turn and no delay: all cars that still want something share at every minute, as equally as the
phases let them. With an ``exponent`` a car weighs by its number of phases to that power. So it shows what equal currents cost,
whoever shares them, and what a tilt towards wide cars would bring and take.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence

from tests.bench.bound import bound_wh
from tests.bench.nights import LIMIT_MA, MA_US_PER_WH, MINUTE_US, NIGHT_US, Visit, night

NIGHTS = 20
EXPONENTS = (0.0, 0.5, 1.0)
TINY_MA = 1e-6


def shares(cars: Sequence[Visit], exponent: float) -> list[float]:
    """The weighted max-min currents of these cars on one connection, mA."""
    given, free = [0.0] * len(cars), [float(LIMIT_MA)] * 3
    weights = [len(car.phases) ** exponent for car in cars]
    rising = list(range(len(cars)))
    while rising:
        loads = [sum(weights[k] for k in rising if phase in cars[k].phases) for phase in range(3)]
        rise = min((cars[k].max_ma - given[k]) / weights[k] for k in rising)
        rise = min([rise, *(free[phase] / load for phase, load in enumerate(loads) if load)])
        for k in rising:
            given[k] += rise * weights[k]
        free = [ma - rise * load for ma, load in zip(free, loads, strict=True)]
        rising = [
            k
            for k in rising
            if given[k] < cars[k].max_ma - TINY_MA and min(free[phase] for phase in cars[k].phases) > TINY_MA
        ]
    return given


def once(seed: int, exponent: float) -> tuple[float, float]:
    """Of one night the share of the bound, and the share of the least served car of what it could have got alone."""
    visits = night(seed)
    charges = [0.0] * len(visits)
    for now_us in range(0, NIGHT_US, MINUTE_US):
        there = [
            k
            for k, visit in enumerate(visits)
            if visit.plugs_us <= now_us and now_us + MINUTE_US <= visit.leaves_us and charges[k] < visit.wants_ma_us
        ]
        for k, ma in zip(there, shares([visits[k] for k in there], exponent), strict=True):
            charges[k] = min(visits[k].wants_ma_us, charges[k] + ma * MINUTE_US)
    wh = [charge * len(visit.phases) / MA_US_PER_WH for charge, visit in zip(charges, visits, strict=True)]
    worst = min(got / visit.alone_wh() for got, visit in zip(wh, visits, strict=True))
    return sum(wh) / bound_wh(visits), worst


def main() -> None:
    nights = int(sys.argv[1]) if len(sys.argv) > 1 else NIGHTS
    print("| weight of three phases | of the bound | worst driver |\n| ---: | ---: | ---: |")
    for exponent in EXPONENTS:
        found = [once(seed, exponent) for seed in range(nights)]
        of_bound, worst = (statistics.mean(column) for column in zip(*found, strict=True))
        print(f"| {3**exponent:.1f} | {of_bound:.3f} | {100 * worst:.0f} % |")


if __name__ == "__main__":
    main()
