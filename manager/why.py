"""Why a box may take what it may, in half a sentence: the constraint that bound it at the last decision. Sans-IO."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from chargebench.datasheets.words import amperes
from chargebench.manager.controller import Controller
from chargebench.manager.licence import manageable
from chargebench.manager.memory import Memory
from chargebench.manager.policies.original import Original
from chargebench.manager.policies.unmanaged import Unmanaged
from chargebench.manager.readings import BoxView, Pilot, View

FULL_MA: Final = 1_000
"""A phase on which less is left is full: boxes go by steps of an ampere at most."""


def reasons(controller: object, view: View) -> tuple[str, ...]:
    """A reason for each box of the site, given what the controller saw last; nothing where none is known."""
    if isinstance(controller, Controller):
        return _of_fair(controller)
    if isinstance(controller, Original):
        return tuple(_of_original(controller, k, seen) for k, seen in enumerate(view.boxes))
    if isinstance(controller, Unmanaged):
        return ("not managed, may take its maximum",) * len(view.boxes)
    return ("",) * len(view.boxes)


# -- policy fair ------------------------------------------------------------------------------


def _of_fair(controller: Controller) -> tuple[str, ...]:
    if controller.decision.cycle < 0:
        return ("",) * len(controller.boxes)
    left = _left(controller)
    return tuple(_out_of_hand(memory) or _shared(controller, k, left) for k, memory in enumerate(controller.boxes))


def _left(controller: Controller) -> list[int]:
    """What the last decision left free on each node."""
    decision, circuits, orders = controller.decision, controller.circuits, controller.sharing.orders
    left = [*decision.free, *circuits.limits_at(orders.inputs, orders.unknown)[3:]]
    for memory, target in zip(controller.boxes, decision.targets, strict=True):
        for place in circuits.places(memory.box.circuit):
            for phase in range(3):
                takes = (target if phase in memory.phases else 0) if memory.in_hand else memory.booked()[phase]
                left[place + phase] -= takes if memory.in_hand or place else 0
    return left


def _out_of_hand(memory: Memory) -> str:
    """What is to be said of a box that no command can be expected to reach; nothing of any other."""
    counted = f"counted at {amperes(memory.booked_ma())}"
    cases: Sequence[tuple[bool, str]] = (
        (not memory.managed, f"not managed, {counted}"),
        (not memory.reached and memory.known, f"not reached since the start, {counted}"),
        (not memory.reached, f"never reached, {counted}"),
        (memory.silent and memory.fell_back, f"silent, at its failsafe current, {counted}"),
        (memory.silent, f"silent, {counted}"),
        (memory.stubborn, f"told {amperes(memory.sent_ma or 0)}, shows {amperes(memory.confirmed_ma)}"),
    )
    return next((said for holds, said in cases if holds), "")


def _shared(controller: Controller, k: int, left: list[int]) -> str:
    memory, target = controller.boxes[k], controller.decision.targets[k]
    waits = k in controller.decision.waiting
    cases: Sequence[tuple[bool, str]] = (
        (not memory.plugged, "no car"),
        (not memory.box.enabled, "not to charge, as its site says"),
        (controller.switching.busy(k), controller.switching.why(k)),
        (waits, f"waits: {_full(controller, k, left, memory.box.minimum_ma)}"),
        (not target, "pauses before its next turn"),
        (_waits_for_cuts(memory, target), f"may have {amperes(target)} once others have come down"),
        (memory.idle or (memory.pilot is Pilot.B and bool(memory.confirmed_ma)), "its car does not charge"),
        (target >= memory.box.maximum_ma, "its maximum"),
        (memory.cap_ma is not None and target >= memory.cap_ma, "its car takes no more"),
        (target >= memory.most_ma, "the box can no more"),
    )
    return next((said for holds, said in cases if holds), _full(controller, k, left, FULL_MA))


def _waits_for_cuts(memory: Memory, target: int) -> bool:
    return memory.confirmed_ma + FULL_MA <= target != memory.sent_ma


def _full(controller: Controller, k: int, left: list[int], needs_ma: int) -> str:
    """Which nodes bind a box: those of what the allocation says that bound it, on which less is left than it needs for more."""
    circuits, memory = controller.circuits, controller.boxes[k]
    bound_by = dict(controller.decision.bound_by).get(k, 0)
    if bound_by >= circuits.first_ordered:
        return f"{circuits.names[bound_by]} is used up"
    nodes = circuits.nodes(memory.box.circuit, memory.phases)
    bound = [node for node in nodes if left[node] < needs_ma] or [min(nodes, key=lambda node: left[node])]
    place = bound_by - bound_by % 3
    alike = [circuits.names[node] for node in bound if place <= node < place + 3]
    names = alike or [circuits.names[node] for node in bound]
    *others, last = names
    return f"{', '.join(others)} and {last} are full" if others else f"{last} is full"


# -- policy original --------------------------------------------------------------------------


def _of_original(controller: Original, k: int, seen: BoxView) -> str:
    box, decision = controller.site.boxes[k], controller.decision
    if decision.cycle < 0:
        return ""
    cases: Sequence[tuple[Callable[[], bool], str]] = (
        (lambda: not manageable(box, seen), "not managed, counted at its maximum"),
        (lambda: seen.reading is None, "never reached, counted with nothing"),
        (lambda: seen.silent_since_us is not None, "silent"),
        (lambda: seen.reading is not None and seen.reading.pilot is Pilot.A, "no car"),
        (lambda: k in decision.paused, "pauses: there is not enough for all"),
        (lambda: decision.shares[k] >= box.maximum_ma, "its maximum"),
        (lambda: decision.shares[k] > 0, "its share of what is free"),
    )
    return next((said for holds, said in cases if holds()), "")
