"""What is wired to the inputs of a master that it reads by itself: contacts that ``changes:`` closes and opens."""

from __future__ import annotations

from dataclasses import replace

from chargebench.emulator.spec import At, BoxSpec, ContactSpec, ModuleSpec, PointSpec, WorldSpec
from chargebench.manager.site import Input, Site
from chargebench.scenarios.desk import Desk
from chargebench.scenarios.gateways import place


def with_contacts(world: WorldSpec, site: Site, desk: Desk) -> WorldSpec:
    """``world`` with the contacts of the inputs that the site reads: at the boxes where they are, the others on modules.

    A module is called after the first input on it, ``input-3``.
    """
    boxes = tuple(_wired(box, [one for one in site.inputs if one.box == box.name], desk) for box in world.boxes)
    return replace(world, boxes=boxes, modules=_modules(site, desk))


def contact(one: Input, desk: Desk) -> ContactSpec:
    """The contact of an input. Where its bit says the opposite, it is closed while the input is off."""
    closed, turns = False, []
    states = [
        (0, False),
        *((change.at_us, one.number in change.inputs) for change in desk.changes if change.inputs is not None),
    ]
    for at_us, on in sorted(states, key=lambda state: state[0]):
        if (on != one.inverted) != closed:
            closed = not closed
            turns.append(at_us)
    return ContactSpec(tuple(turns))


def _wired(box: BoxSpec, inputs: list[Input], desk: Desk) -> BoxSpec:
    """A box with the contacts that are wired to it; several inputs may read one and the same."""
    if not inputs:
        return box
    first, other = box.contacts
    for one in inputs:
        if one.bit == 0:
            first = contact(one, desk)
        else:
            other = contact(one, desk)
    return replace(box, contacts=(first, other))


def _modules(site: Site, desk: Desk) -> tuple[ModuleSpec, ...]:
    found: dict[tuple[At, int], list[Input]] = {}
    for one in site.inputs:
        if not one.box:
            found.setdefault((place(one.address), one.unit), []).append(one)
    return tuple(
        ModuleSpec(f"input-{inputs[0].number}", at, unit, tuple(_point(one, desk) for one in inputs))
        for (at, unit), inputs in found.items()
    )


def _point(one: Input, desk: Desk) -> PointSpec:
    return PointSpec(one.table, one.register, one.bit, contact(one, desk))
