"""Sums of currents on the phases, at their worst, and the largest equal current of all boxes that still fits.

A node is a phase of the connection, where the house flows too, or a phase of the supply that only the boxes have, or of a
circuit, on which only the boxes flow that it feeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from chargebench.datasheets.load import load
from chargebench.manager.circuits import Circuits
from chargebench.manager.licence import licensed, third_party
from chargebench.manager.site import Box, Site
from chargebench.manager.units import down_to_step, up_to_step

PHASES: Final = ("L1", "L2", "L3")
MODELS_MA: Final = (16_000, 32_000, 63_000)
TENTH_MA: Final = 100


class Node(NamedTuple):
    """What flows on one phase at the worst: the boxes' part, the house's, and what may flow. ``shared``: with the house.

    ``on``: the places of the boxes that flow there; ``circuit``: its place among the site's circuits, None for what all boxes share.
    """

    phase: int
    name: str
    boxes_ma: int
    house_ma: int
    limit_ma: int
    shared: bool = True
    on: tuple[int, ...] = ()
    circuit: int | None = None

    @property
    def sum_ma(self) -> int:
        return self.boxes_ma + self.house_ma


def nodes(site: Site, amounts: Sequence[int]) -> list[Node]:
    """Every node, where each box draws its amount on each of its phases and the house its greatest load."""
    connection, tree = site.connection, Circuits(site)
    everybody = tuple(range(len(site.boxes)))
    found = []
    for phase in range(3):
        on, boxes_ma = _on(site, amounts, phase, everybody)
        limit_ma, house_ma = connection.limit_ma, connection.house_max_ma
        found.append(Node(phase, PHASES[phase], boxes_ma, house_ma, limit_ma, on=on))
    for phase in range(3) if connection.evse_ma is not None else ():
        on, boxes_ma = _on(site, amounts, phase, everybody)
        assert connection.evse_ma is not None
        name = f"{PHASES[phase]} of the boxes' supply"
        found.append(Node(phase, name, boxes_ma, 0, connection.evse_ma, shared=False, on=on))
    for place, circuit in enumerate(site.circuits):
        below = tuple(k for k, box in enumerate(site.boxes) if tree.feeds(circuit.name, box.circuit))
        for phase in range(3):
            on, boxes_ma = _on(site, amounts, phase, below)
            name = f"{PHASES[phase]} of {circuit.name}"
            found.append(Node(phase, name, boxes_ma, 0, circuit.limit_ma[phase], shared=False, on=on, circuit=place))
    return found


def _on(site: Site, amounts: Sequence[int], phase: int, below: Sequence[int]) -> tuple[tuple[int, ...], int]:
    """Those of ``below`` that use the phase, and what they draw there together."""
    on = tuple(k for k in below if phase in site.boxes[k].phases)
    return on, sum(amounts[k] for k in on)


def worst(site: Site, amounts: Sequence[int]) -> Node | None:
    """The node on which most is too much; None where everything fits."""
    over = [node for node in nodes(site, amounts) if node.sum_ma > node.limit_ma]
    return max(over, key=lambda node: (node.sum_ma - node.limit_ma, -node.phase), default=None)


def largest_equal_ma(site: Site, amounts: Sequence[int], free: Sequence[bool]) -> int:
    """The largest current that all ``free`` boxes may have at once while the others keep their amounts, 0 for none.

    It is a step of every box, not below the minimum of any, and not above the maximum of any.
    """
    chosen = [box for box, one in zip(site.boxes, free, strict=True) if one]
    kept = nodes(site, [0 if one else amount for amount, one in zip(amounts, free, strict=True)])
    rooms = [(node.limit_ma - node.sum_ma) // users for node in kept if (users := sum(free[k] for k in node.on))]
    if not rooms:
        return 0
    step = max(step_ma(box) for box in chosen)
    most = down_to_step(max(0, min(*rooms, *(box.maximum_ma for box in chosen))), step)
    least = max(up_to_step(box.minimum_ma, step) for box in chosen)
    return most if most >= least else 0


def step_ma(box: Box) -> int:
    """The step in which the box takes currents."""
    return dict(load(box.device).limits).get("step_ma", TENTH_MA)


def model_ma(box: Box) -> int:
    """What the box itself can carry: the smallest model that carries its maximum, as far as its datasheet goes."""
    model = next((ma for ma in MODELS_MA if ma >= box.maximum_ma), box.maximum_ma)
    return max(box.maximum_ma, min(model, dict(load(box.device).limits).get("maximum_ma", model)))


def managed(site: Site) -> tuple[bool, ...]:
    """Which boxes are managed: those that have the licence that they need, and are not only observed."""
    allowed = licensed(third_party(site.boxes, load), site.licences)
    return tuple(one and not box.observed for one, box in zip(allowed, site.boxes, strict=True))


def house_is_measured(site: Site) -> bool:
    """Whether some meter tells the manager what the house draws."""
    return any(meter.tells_house for meter in site.meters)


def at_least(ma: int) -> str:
    """A current that is counted as drawn, up to a tenth of an ampere: ``49.3 A``."""
    return f"{up_to_step(ma, TENTH_MA) / 1000:g} A"


def at_most(ma: int) -> str:
    """A current that is allowed, down to a tenth of an ampere."""
    return f"{down_to_step(ma, TENTH_MA) / 1000:g} A"


def flows(node: Node) -> str:
    """A node in words, for a sentence about too much."""
    house = f", the house {at_least(node.house_ma)}" if node.shared else ""
    parts = f"boxes {at_least(node.boxes_ma)}{house}"
    return f"up to {at_least(node.sum_ma)} can flow on {node.name} ({parts}), and the limit is {at_most(node.limit_ma)}"
