"""How long the allocator takes where it has most to do: boxes of three kinds on a tree of four circuits, all of which bind.

The house feeds two circuits, and one of these feeds two more; every box wants more than there is, most of them run, and two of
25 find no room. More boxes than 25 hang on a connection that is larger in proportion.
"""

from __future__ import annotations

import statistics
import time

from chargebench.manager.allocator import Ask, allocate
from chargebench.manager.circuits import Circuits
from chargebench.manager.site import Circuit, Connection, Site

BOXES = 25
TIMES = 20_000
CIRCUITS = (
    Circuit("front", (40_000, 63_000, 63_000)),
    Circuit("rear", (100_000, 95_000, 100_000)),
    Circuit("row", (32_000, 35_000, 32_000), "rear"),
    Circuit("wall", (50_000, 50_007, 50_000), "rear"),
)
WIRINGS = ((0, 1, 2), (0, 1, 2), (0,), (1,), (0, 1, 2), (2,))
HIGHS_MA = (32_000, 16_000, 11_500, 32_000, 8_700, 32_000, 20_000)


def case(boxes: int) -> tuple[list[Ask], list[int], list[int]]:
    """Asks, what is free on each node, and the grace of each."""
    circuits = tuple(Circuit(one.name, _larger(one.limit_ma, boxes), one.fed_by) for one in CIRCUITS)
    tree = Circuits(Site(Connection(0, 230_000 * boxes // BOXES), (), circuits=circuits))
    asks = []
    for k in range(boxes):
        nodes = tree.nodes(circuits[k % 4].name, WIRINGS[k % 6])
        runs = k % 3 > 0
        rank = 1, runs, k % 3 > 1, False, k * 137 % 900, 0 if runs else 1
        asks.append(Ask(k, nodes, 6_000, HIGHS_MA[k % 7], 100, *rank, 1_000))
    grace = [300] * 3 + [0] * (len(tree.limits_ma) - 3)
    return asks, list(tree.limits_ma), grace


def _larger(limit_ma: tuple[int, int, int], boxes: int) -> tuple[int, int, int]:
    l1, l2, l3 = (ma * boxes // BOXES for ma in limit_ma)
    return l1, l2, l3


def once_us(boxes: int) -> float:
    """The median of many allocations."""
    asks, free, grace = case(boxes)
    taken = []
    for _ in range(max(20, TIMES // boxes)):
        began = time.perf_counter_ns()
        allocate(asks, free, grace)
        taken.append(time.perf_counter_ns() - began)
    return statistics.median(taken) / 1000
