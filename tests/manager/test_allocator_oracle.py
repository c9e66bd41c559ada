"""The allocation against HiGHS, which knows nothing of filling: linear programs, one after another, on random trees.

Given who is admitted, let ``x`` be the lexicographic max-min optimum of the continuous problem and ``q`` what is allocated.
For every box ``k`` with step ``s(k)``, and ``down(a, s)`` the highest multiple of ``s`` not above ``a``:

    down(x(k), s(k)) <= q(k) <= x(k) + the sum of (x(i) - down(x(i), s(i))) w(i) / w(k) over all others i on a node that binds k

where they weigh ``w`` times on that node, and ``q(k) = x(k)`` where x(k) is its highest. *Proof.* Progressive filling raises all together and freezes whoever is behind a
full node, so the frozen satisfy the condition of a bottleneck, which only the lexicographic optimum does; it is done in
fractions, so it yields ``x`` itself. Each is then rounded down, and steps are only ever added: the left side. What is added
never overfills the node that binds k, which ``x`` has filled: the sum of q there is at most that of x, and each other has at
least its x rounded down: the right side. The linear programs find ``x`` in another way: the greatest t that all who are not
settled can have at once; whoever has a dual price cannot have more in any optimum, and is settled at t; and so on.
"""

from __future__ import annotations

import numpy as np
from hypothesis import given
from scipy.optimize import linprog

from chargebench.manager.allocator import allocate
from chargebench.manager.units import down_to_step
from tests.manager.trees import left, trees
from tests.strategies import examples

TINY = 1e-5
PRICE = 1e-7


def lexicographic(asks, free):
    """The currents that are lexicographically max-min, by successive linear programs; floats, mA."""
    boxes = len(asks)
    low = np.array([ask.low_ma for ask in asks], float)
    high = np.array([ask.high_ma for ask in asks], float)
    weighs = np.array([[float(ask.nodes.count(node)) for ask in asks] + [0.0] for node in range(len(free))])
    open_ = list(range(boxes))
    while open_:
        rises = np.zeros((len(open_), boxes + 1))
        for row, k in enumerate(open_):
            rises[row, k], rises[row, boxes] = -1.0, 1.0
        found = linprog(
            np.array([0.0] * boxes + [-1.0]),
            A_ub=np.vstack([weighs, rises]),
            b_ub=np.array([max(0, ma) + TINY for ma in free] + [0.0] * len(open_)),
            bounds=[*zip(low, high, strict=True), (0, None)],
            method="highs",
        )
        assert found.success, found.message
        prices = -found.ineqlin.marginals[len(free) :]
        settled = [k for k, price in zip(open_, prices, strict=True) if price > PRICE]
        assert settled, "the prices of a stage add up to one"
        for k in settled:
            low[k] = high[k] = found.x[boxes]
        open_ = [k for k in open_ if k not in settled]
    return [round(ma) if abs(ma - round(ma)) < 10 * boxes * TINY else float(ma) for ma in low]


@given(trees(plain=True))
@examples(60)
def test_what_is_allocated_is_the_exact_optimum_down_to_the_step_and_what_rounding_left(tree):
    allocation = allocate(tree.asks, tree.free)
    admitted = [tree.asks[box] for box, _ in allocation.limits]
    nodes = sorted({node for ask in admitted for node in ask.nodes})
    if not nodes:
        return
    best = dict(zip([ask.box for ask in admitted], lexicographic(admitted, tree.free), strict=True))
    lost = {ask.box: best[ask.box] - down_to_step(int(best[ask.box]), ask.step_ma) for ask in admitted}
    for ask, (box, ma) in zip(admitted, allocation.limits, strict=True):
        assert ma >= down_to_step(int(best[box]), ask.step_ma), (ask, best)
        if best[box] >= ask.high_ma:
            assert ma == ask.high_ma
        else:
            node = first_bound(tree, admitted, best, ask)
            others = [other for other in admitted if other is not ask]
            left_over = sum(lost[other.box] * other.nodes.count(node) for other in others) / ask.nodes.count(node)
            assert ma <= best[box] + left_over + 1, (ask, best)


def first_bound(tree, admitted, best, ask):
    """A node that the optimum fills and on which nobody who could have less has more than this box: its bottleneck."""
    for node in ask.nodes:
        there = [other for other in admitted if node in other.nodes]
        full = sum(best[other.box] * other.nodes.count(node) for other in there) >= tree.free[node] - 1
        if full and all(best[other.box] <= max(best[ask.box], other.low_ma) + 0.1 for other in there):
            return node
    raise AssertionError(f"no bottleneck of {ask} in {best}")


@given(trees(plain=True))
@examples(60)
def test_the_admitted_set_is_maximal_and_all_of_it_is_feasible(tree):
    """The least that a set can be given is its minimums: nobody who waits could have its own beside those of the admitted."""
    allocation = allocate(tree.asks, tree.free)
    rest = list(tree.free)
    for box, _ in allocation.limits:
        for node in tree.asks[box].nodes:
            rest[node] -= tree.asks[box].low_ma
    assert all(rest[node] >= 0 for box, _ in allocation.limits for node in tree.asks[box].nodes)
    for box in allocation.waiting:
        assert any(
            rest[node] < tree.asks[box].low_ma * tree.asks[box].nodes.count(node) for node in tree.asks[box].nodes
        )
    after = left(tree.asks, tree.free, allocation)
    assert all(after[node] >= 0 for box, _ in allocation.limits for node in tree.asks[box].nodes)
