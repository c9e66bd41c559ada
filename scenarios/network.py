"""The network of a world: which devices hang on which access point, and who else reads boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from chargebench.datasheets.errors import suggest
from chargebench.datasheets.load import load, names
from chargebench.datasheets.model import Datasheet, Register
from chargebench.emulator.faults.access_point_lost import off_the_network
from chargebench.emulator.spec import AccessPoint, BoxSpec, ReaderSpec, WorldSpec
from chargebench.scenarios.errors import Errors
from chargebench.scenarios.form import ReaderForm, World
from chargebench.scenarios.gateways import reached_at

LEAST_EVERY_US = 100_000


def with_network(world: WorldSpec, form: World, problems: Errors) -> WorldSpec:
    """``world`` with the access points and readers of ``form``; what cannot be goes to ``problems``."""
    return replace(world, access_points=_access_points(world, form, problems), readers=_readers(world, form, problems))


def _access_points(world: WorldSpec, form: World, problems: Errors) -> tuple[AccessPoint, ...]:
    devices = [*(box.name for box in world.boxes), *(meter.name for meter in world.meters)]
    devices += [gateway.name for gateway in world.gateways]
    for point, behind in form.access_points.items():
        if point in devices:
            loc = ("world", "access_points", point)
            problems.add(loc, f"expected a name of its own, and there is a box or a meter {point}", key=True)
        for k, name in enumerate(behind):
            if name not in devices:
                problem = f"unknown box or meter {name!r}{suggest(name, devices)}"
            elif name in behind[:k]:
                problem = f"expected each name once, and {name} stands there twice"
            elif why := off_the_network(world, name):
                problem = f"expected a box or a meter on the network, and {why}"
            else:
                continue
            problems.add(("world", "access_points", point, k), problem)
    return tuple(AccessPoint(point, behind) for point, behind in form.access_points.items())


def _readers(world: WorldSpec, form: World, problems: Errors) -> tuple[ReaderSpec, ...]:
    boxes = {box.name: box for box in world.boxes}
    found: list[ReaderSpec] = []
    for k, one in enumerate(form.readers):
        loc = ("world", "readers", k)
        if one.name in [other.name for other in found]:
            problems.add((*loc, "name"), f"expected a name of its own, and there is another reader {one.name}")
        if one.every < LEAST_EVERY_US:
            problems.add((*loc, "every"), "expected at least 0.1 s")
        box = boxes.get(one.reads)
        if box is None:
            problems.add((*loc, "reads"), f"unknown box {one.reads!r}{suggest(one.reads, boxes)}")
            continue
        if reached_at(world, box.at) is None:
            problems.add(
                (*loc, "reads"), f"expected a box on the network, and {box.name} is on a line, which has one master"
            )
            continue
        if (spec := _block(one, box, loc, problems)) is not None:
            found.append(spec)
    return tuple(found)


def _block(form: ReaderForm, box: BoxSpec, loc: Sequence[str | int], problems: Errors) -> ReaderSpec | None:
    """What it reads of the box: from a register on, so many words."""
    if box.device not in names():
        return None  # an error of its own
    sheet = load(box.device)
    readable = {one.name: one for one in sheet.registers if one.readable}
    first = next(iter(readable.values())) if form.register_ is None else readable.get(form.register_)
    if first is None:
        hint = suggest(str(form.register_), readable)
        problems.add((*loc, "register"), f"unknown register {form.register_!r} of {sheet.name}{hint}")
        return None
    words = first.count if form.words is None else form.words
    if words > _room(sheet, first):
        problems.add((*loc, "words"), f"expected at most {_room(sheet, first)} words from {first.name} on, got {words}")
        return None
    return ReaderSpec(form.name, box.name, form.every, first.table, first.at, words)


def _room(sheet: Datasheet, first: Register) -> int:
    """How many words can be read from this register on."""
    end = max(one.at + one.count for one in sheet.registers if one.table == first.table)
    return min(sheet.max_read, end - first.at)
