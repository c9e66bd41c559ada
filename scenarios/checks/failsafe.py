"""Failsafe sum: with a dead master every box goes to its failsafe current, and the house may draw its most.

A box whose failsafe is not in the site, never comes (``after: 0 s``), or cannot be read back, is counted as its model's
maximum; so is one without a licence, since nothing is ever written to it. It is the one proof that survives a dead master.
"""

from __future__ import annotations

from collections.abc import Iterator

from chargebench.datasheets.load import load
from chargebench.manager.drivers.registry import tells_failsafe
from chargebench.manager.site import Box
from chargebench.scenarios.checks.amounts import at_most, flows, largest_equal_ma, managed, model_ma, worst
from chargebench.scenarios.checks.finding import Found, Ground


def failsafe_ma(box: Box) -> int:
    """What the box may draw for ever when nobody speaks to it."""
    known = box.failsafe_us and box.failsafe_ma is not None and tells_failsafe(load(box.device))
    return box.failsafe_ma if known and box.failsafe_ma is not None else model_ma(box)


def failsafe_sum(ground: Ground) -> Iterator[Found]:
    """Failsafe currents of all boxes, the internal one's too, and the house's most fit the limit on every phase."""
    site = ground.site
    free = managed(site)
    amounts = [failsafe_ma(box) if one else model_ma(box) for box, one in zip(site.boxes, free, strict=True)]
    node = worst(site, amounts)
    if node is None:
        return
    safe_ma = largest_equal_ma(site, amounts, free)
    k = _first_above(node.on, amounts, free, safe_ma)
    box = site.boxes[k]
    why = _why(box, licensed=free[k])
    right = at_most(safe_ma)
    if safe_ma:
        remedy = f"the largest equal failsafe current that is safe is {right}"
    elif worst(site, [0 if one else ma for one, ma in zip(free, amounts, strict=True)]) is None:
        remedy = "no failsafe current is safe but 0 A, which stops charging"
    else:
        right, remedy = "", "not even 0 A is enough"
    field = ("failsafe", "after") if box.failsafe_us == 0 else ("failsafe", "current")
    yield Found("danger", ground.box(k, *field), f"with a dead master {flows(node)}{why}; {remedy}", right)


def _first_above(there: tuple[int, ...], amounts: list[int], free: tuple[bool, ...], safe_ma: int) -> int:
    """The first box there that could give way; the first of all above where none could."""
    above = [k for k in there if amounts[k] > safe_ma]
    return next((k for k in above if free[k]), above[0] if above else 0)


def _why(box: Box, *, licensed: bool) -> str:
    if box.observed:
        return f"; {box.name} is only observed and is counted at its maximum"
    if not licensed:
        return f"; {box.name} has no licence and is counted at its maximum"
    if box.failsafe_us == 0:
        return f"; the failsafe of {box.name} never comes, so its maximum counts"
    if box.failsafe_ma is None:
        return f"; {box.name} says no failsafe, so its maximum counts"
    if not tells_failsafe(load(box.device)):
        return f"; the failsafe of {box.device} cannot be read back, so the maximum of {box.name} counts"
    return ""
