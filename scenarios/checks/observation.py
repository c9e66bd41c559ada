"""A site that only observes: nothing is written, so nothing that a manager promises can be proved."""

from __future__ import annotations

from collections.abc import Iterator

from chargebench.scenarios.checks.amounts import flows, model_ma, worst
from chargebench.scenarios.checks.finding import Found, Ground


def observation(ground: Ground) -> Iterator[Found]:
    """What may flow if nobody else manages the boxes."""
    node = worst(ground.site, [model_ma(box) for box in ground.site.boxes])
    if node is not None:
        sentence = f"nothing is written; where nobody else manages the boxes, {flows(node)}"
        yield Found("note", (*ground.loc, "load_management"), sentence, "on")
