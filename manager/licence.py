"""Which boxes may be managed. Own boxes always; of the others the first three, and one more for each licence.

The order of the site decides, so it can be told beforehand which box a missing licence will hit, and a licence that comes
or goes changes nothing but the boxes behind it. Everything here is a function of the boxes and of the licences at a time.

A box without a licence is shown as such and never written. Nobody knows what it does, so it is counted at its maximum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from chargebench.datasheets.model import Datasheet
from chargebench.manager.readings import BoxView
from chargebench.manager.site import Box

MOST_SLAVES: Final = 25
"""Slave EVSEs of any maker; the internal one and meters do not count."""

FREE_THIRD_PARTY: Final = 3


def third_party(boxes: Iterable[Box], sheets: Callable[[str], Datasheet]) -> tuple[bool, ...]:
    """Which boxes are of another maker, as their datasheets say; ``LookupError`` for a device without one."""
    return tuple(not sheets(box.device).own for box in boxes)


def licensed(foreign: Sequence[bool], licences: int) -> tuple[bool, ...]:
    """Which boxes may be managed, in the order of the site, given which of them are of another maker."""
    left = FREE_THIRD_PARTY + licences
    allowed = []
    for one in foreign:
        allowed.append(not one or left > 0)
        left -= one
    return tuple(allowed)


def manageable(box: Box, seen: BoxView) -> bool:
    """Whether a box may be managed at a cycle: by its licence, which may have come or gone, and as its site says."""
    return (box.licensed if seen.licensed is None else seen.licensed) and not box.observed


def missing(foreign: Sequence[bool], licences: int) -> int:
    """How many licences more it would take to manage every box."""
    return max(0, sum(foreign) - FREE_THIRD_PARTY - licences)


def surplus_slaves(boxes: Sequence[Box]) -> tuple[int, ...]:
    """The places of the slaves beyond the 25th, which no licence admits."""
    slaves = [k for k, box in enumerate(boxes) if not box.internal]
    return tuple(slaves[MOST_SLAVES:])
