"""Blackout sum: after a blackout every box is back at its boot values while the master still boots.

A box without ``boot:`` comes back as its maker ships it: at its model's maximum, enabled.
"""

from __future__ import annotations

from collections.abc import Iterator

from chargebench.manager.site import Box
from chargebench.scenarios.checks.amounts import at_most, flows, largest_equal_ma, model_ma, worst
from chargebench.scenarios.checks.finding import Found, Ground


def boot_ma(box: Box) -> int:
    """What the box may draw after a restart until the master has spoken to it."""
    if box.boot_enable is False:
        return 0
    return model_ma(box) if box.boot_ma is None else box.boot_ma


def blackout_sum(ground: Ground) -> Iterator[Found]:
    """Boot limits of all boxes that start enabled, and the house's most, fit the limit on every phase."""
    site = ground.site
    amounts = [boot_ma(box) for box in site.boxes]
    node = worst(site, amounts)
    if node is None:
        return
    safe_ma = largest_equal_ma(site, amounts, [True] * len(amounts))
    k = next((k for k in node.on if amounts[k] > safe_ma), 0)
    box = site.boxes[k]
    why = f"; {box.name} says no boot limit, so its maximum counts" if box.boot_ma is None else ""
    if safe_ma:
        right, remedy = at_most(safe_ma), f"the largest equal boot limit that is safe is {at_most(safe_ma)}"
    elif worst(site, [0] * len(amounts)) is None:
        right = "{enable: off}"
        remedy = f"no boot limit is safe, so charging must not be enabled at boot (boot: {right})"
    else:
        right, remedy = "", "not even boot: {enable: off} is enough"
    loc = ground.box(k, "boot", "limit") if ground.says(ground.box(k, "boot", "limit")) else ground.box(k, "boot")
    yield Found("danger", loc, f"after a blackout, until the master is up, {flows(node)}{why}; {remedy}", right)
