"""Policy ``none`` manages nothing: what may flow then, and what would have to carry it."""

from __future__ import annotations

from collections.abc import Iterator

from chargebench.scenarios.checks.amounts import flows, worst
from chargebench.scenarios.checks.finding import Found, Ground


def unmanaged(ground: Ground) -> Iterator[Found]:
    """Every box has its maximum, and there is not enough for all."""
    if ground.site.policy != "none":
        return
    node = worst(ground.site, [box.maximum_ma for box in ground.site.boxes])
    if node is not None:
        yield Found(
            "danger", (*ground.loc, "policy"), f"policy none gives every box its maximum, so {flows(node)}", "fair"
        )
