"""Random trees of circuits with boxes on them, as the allocator sees them: asks, and what is free on each node."""

from dataclasses import dataclass, replace

from hypothesis import strategies as st

from chargebench.manager.allocator import Ask
from chargebench.manager.circuits import Circuits
from chargebench.manager.site import Circuit, Connection, Site

WIRINGS = ((0, 1, 2), (0, 1, 2), (0,), (1,), (2,), (0, 1), (0, 2))


@dataclass(frozen=True)
class Tree:
    """``circuits`` says of what each node is a phase; ``on`` names the circuit of each box.

    A last node may stand for a power: each box weighs on it once for each of its phases.
    """

    circuits: Circuits
    on: tuple[str, ...]
    asks: tuple[Ask, ...]
    free: tuple[int, ...]


def amounts(*near_ma):
    """Currents a little above some that are usual, and seldom a whole number of steps."""
    return st.builds(int.__add__, st.sampled_from(near_ma), st.integers(0, 999))


limits = st.tuples(*[amounts(32_000, 50_000, 20_000, 63_000, 40_000, 12_000, 5_000)] * 3)


@st.composite
def trees(draw, most_boxes=13, steps=(100, 100, 1_000), priorities=(1,), plain=False):
    """``plain``: nobody runs yet, and all start alike."""
    feeds = [draw(st.integers(-1, k - 1)) for k in range(draw(st.sampled_from([3, 4, 2, 1, 0])))]
    sub = tuple(Circuit(f"c{k}", draw(limits), "" if above < 0 else f"c{above}") for k, above in enumerate(feeds))
    whole = draw(amounts(100_000, 62_000, 49_000, 160_000, 30_000, 5_000))
    own = draw(st.one_of(st.none(), amounts(60_000, 100_000, 30_000)))
    circuits = Circuits(Site(Connection(0, whole, evse_ma=own), (), circuits=sub))
    background = draw(st.tuples(*[amounts(0, 2_000, 9_000)] * 3))
    free = [ma - (background[node] if node < 3 else 0) for node, ma in enumerate(circuits.limits_ma)]
    names = ["", *(circuit.name for circuit in sub)]
    ordered = draw(st.one_of(st.none(), st.none(), amounts(60_000, 200_000)))
    if ordered is not None:
        free.append(ordered)
    asks, on = [], []
    for box in range(draw(st.sampled_from([most_boxes, *range(1, most_boxes)]))):
        step = draw(st.sampled_from(steps))
        low = draw(st.sampled_from([6_000, 6_000, 8_000, 9_000]))
        high = max(low, draw(st.sampled_from([16_000, 32_000, 10_000, low])), draw(st.integers(6, 32)) * 1_000)
        on.append(draw(st.sampled_from(names)))
        phases = draw(st.sampled_from(WIRINGS))
        nodes = circuits.nodes(on[-1], phases)
        if ordered is not None:
            nodes += (len(circuits.limits_ma),) * len(phases)
        ask = Ask(box, nodes, low, high, step, draw(st.sampled_from(priorities)), energy_wh=draw(st.integers(0, 3)))
        if not plain and draw(st.booleans()):
            ask = replace(ask, runs=True, held=draw(st.booleans()))
        asks.append(ask)
    return Tree(circuits, tuple(on), tuple(asks), tuple(free))


def left(asks, free, allocation):
    """What is left on each node."""
    given = dict(allocation.limits)
    rest = list(free)
    for ask in asks:
        for node in ask.nodes:
            rest[node] -= given.get(ask.box, 0)
    return rest
