"""The most energy that a night can give: a linear program that knows the future and no minimum current. A bound, not a plan.

Between two arrivals or departures the average current is all that counts, so one number for each car and such a stretch is
enough. What a policy of whole amperes and minimum currents, which does not know who comes, can reach lies below it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import lil_matrix

from tests.bench.nights import LIMIT_MA, MA_US_PER_WH, Visit

HOUR_US = 3_600_000_000


def bound_wh(visits: Sequence[Visit], limit_ma: int = LIMIT_MA) -> float:
    """The energy of all cars together, Wh."""
    edges = sorted({at for visit in visits for at in (visit.plugs_us, visit.leaves_us)})
    spans = [(one, two) for one, two in pairwise(edges)]
    there = [
        (k, t) for k, visit in enumerate(visits) for t, (one, two) in enumerate(spans)
        if visit.plugs_us <= one and two <= visit.leaves_us
    ]  # fmt: skip
    hours = [(two - one) / HOUR_US for one, two in spans]
    rows = lil_matrix((3 * len(spans) + len(visits), len(there)))
    most = np.empty(3 * len(spans) + len(visits))
    most[: 3 * len(spans)] = limit_ma / 1000
    gain = np.empty(len(there))
    for column, (k, t) in enumerate(there):
        visit = visits[k]
        for phase in visit.phases:
            rows[3 * t + phase, column] = 1
        rows[3 * len(spans) + k, column] = hours[t]
        gain[column] = -hours[t] * len(visit.phases)
    for k, visit in enumerate(visits):
        most[3 * len(spans) + k] = visit.wants_ma_us / 1000 / HOUR_US
    bounds = [(0, visits[k].max_ma / 1000) for k, _ in there]
    found = linprog(gain, A_ub=rows.tocsr(), b_ub=most, bounds=bounds, method="highs")
    assert found.status == 0, found.message
    return float(-found.fun * 1000 * HOUR_US / MA_US_PER_WH)
