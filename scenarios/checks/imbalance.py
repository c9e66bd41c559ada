"""Imbalance: between the phases of a connection at most 20 A may lie (4.6 kVA, VDE-AR-N 4100), single-phase boxes alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from chargebench.manager.site import Box
from chargebench.scenarios.checks.amounts import PHASES, at_least
from chargebench.scenarios.checks.finding import Found, Ground

IMBALANCE_MA: Final = 20_000


def imbalance(ground: Ground) -> Iterator[Found]:
    """The boxes that do not use all three phases, at their most while the others rest, phase by phase."""
    if ground.site.imbalance_ma is not None and ground.site.imbalance_ma <= IMBALANCE_MA:
        return  # the manager sees to it
    boxes = [(k, box) for k, box in enumerate(ground.site.boxes) if len(_alone(box)) < len(PHASES)]
    for phase, name in enumerate(PHASES):
        there = [(k, box) for k, box in boxes if phase in _alone(box)]
        total_ma = sum(box.maximum_ma for _, box in there)
        if total_ma <= IMBALANCE_MA:
            continue
        k, last = there[-1]
        sentence = (
            f"boxes that do not use all phases can load {name} by {at_least(total_ma)} more than another phase"
            f" ({', '.join(box.name for _, box in there)}), and {at_least(IMBALANCE_MA)} are allowed; share them among the phases"
        )
        spare_ma = IMBALANCE_MA - (total_ma - last.maximum_ma)
        right = at_least(spare_ma) if spare_ma >= last.minimum_ma else ""
        yield Found("note", ground.box(k, "maximum" if right else "phases"), sentence, right)


def _alone(box: Box) -> tuple[int, ...]:
    """The phases that a box may load while the others carry nothing: its first, where it may be switched to that."""
    return box.phases if box.switch_us is None else box.phases[:1]
