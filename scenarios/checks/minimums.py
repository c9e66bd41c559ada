"""Minimum currents that cannot all be served: how many boxes run at a time while the house draws its most."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chargebench.manager.site import Site
from chargebench.manager.units import up_to_step
from chargebench.scenarios.checks.amounts import Node, at_least, at_most, managed, model_ma, nodes, step_ma
from chargebench.scenarios.checks.finding import Found, Ground


def run_at_a_time(site: Site) -> int:
    """How many boxes can run at once at their minimum, the smallest footprint first."""
    allowed = managed(site)
    amounts = _unmanaged(site, allowed)
    least = _least(site, allowed)
    count = 0
    for k in sorted(
        (k for k, one in enumerate(allowed) if one), key=lambda k: (len(site.boxes[k].phases) * least[k], k)
    ):
        tried = list(amounts)
        tried[k] = least[k]
        if _fits(site, tried):
            amounts, count = tried, count + 1
    return count


def minimums(ground: Ground) -> Iterator[Found]:
    """Not every box can have its minimum at once."""
    site = ground.site
    allowed = managed(site)
    count = run_at_a_time(site)
    if count == sum(allowed):
        return
    needed = nodes(site, _least(site, allowed))
    taken = nodes(site, _unmanaged(site, allowed))
    left = [max(0, one.limit_ma - one.sum_ma - _reserve_ma(site, one)) for one in taken]
    node, left_ma = max(zip(needed, left, strict=True), key=lambda pair: pair[0].boxes_ma - pair[1])
    sentence = (
        f"the minimum currents of all boxes are {at_least(node.boxes_ma)} on {node.name}, and beside {_others(node, allowed)}"
        f" {at_most(left_ma)} are left: {count} of {sum(allowed)} run at a time while the house draws its most, the others"
        " wait for their turn"
    )
    here = ground.connection("max_total_power") if node.circuit is None else ground.circuit(node.circuit, "limit")
    yield Found("note", here, sentence)


def _least(site: Site, allowed: Sequence[bool]) -> list[int]:
    """The minimum of each box that may be managed, up to its step."""
    return [
        up_to_step(box.minimum_ma, step_ma(box)) if one else 0 for box, one in zip(site.boxes, allowed, strict=True)
    ]


def _unmanaged(site: Site, allowed: Sequence[bool]) -> list[int]:
    """What the boxes without a licence are counted at."""
    return [0 if one else model_ma(box) for box, one in zip(site.boxes, allowed, strict=True)]


def _reserve_ma(site: Site, node: Node) -> int:
    return site.connection.reserve_ma if node.shared else 0


def _others(node: Node, allowed: Sequence[bool]) -> str:
    names = ["house", "reserve"] if node.shared else []
    return " and ".join([*names, "boxes that are not managed"] if not all(allowed) else names or ["nothing else"])


def _fits(site: Site, amounts: list[int]) -> bool:
    return all(one.sum_ma + _reserve_ma(site, one) <= one.limit_ma for one in nodes(site, amounts))
