"""The site as its manager sees it at a cycle: what its screen shows and its JSON lines say. Values; nothing is decided by them.

All currents are mA; those of a box's meter are at its terminals, those of the connection on the phases of the house.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from chargebench.datasheets.words import amperes, lasted
from chargebench.manager.controller import FAR, Controller
from chargebench.manager.inputs import numbers
from chargebench.manager.readings import BoxView, MeterView, View
from chargebench.manager.site import Box, HouseMeter, Site
from chargebench.manager.units import Amps3
from chargebench.manager.why import reasons

WAITING, RISING = ("waits", "pauses", "changes"), "may have"
"""How the reason of a box begins whose turn comes by itself, and of one that will have more."""


@dataclass(frozen=True, slots=True)
class BoxStatus:
    """One box. What was never read is None. ``limit_ma``: what it lets its car take; ``booked_ma``: what it is counted with.

    ``age_us``: so long ago it was read. ``failsafe_us`` 0: it never falls back. ``target_ma``: what the last decision wants it to
    have. ``phases``: on how many it charges, where that may be switched and it says so.
    """

    name: str
    pilot: str | None = None
    silent: bool = False
    limit_ma: int | None = None
    offered_ma: int | None = None
    drawn_ma: Amps3 | None = None
    power_w: int | None = None
    energy_wh: int | None = None
    booked_ma: int | None = None
    failsafe_ma: int | None = None
    failsafe_us: int | None = None
    age_us: int | None = None
    why: str = ""
    target_ma: int | None = None
    phases: int | None = None


@dataclass(frozen=True, slots=True)
class MeterStatus:
    """One meter of the house."""

    name: str
    role: str
    silent: bool = False
    phases_ma: Amps3 | None = None
    power_w: int | None = None
    age_us: int | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """The whole. ``background``: what the house is taken to draw; ``booked``: what the boxes may; None: the policy does not say.

    ``next_us``: until something may change by itself; None where nothing will, or the policy does not say. ``limit_ma`` is that
    which holds now, as the inputs are. ``inputs``: each by its number, None where nobody knows whether it is on.
    """

    cycle: int
    limit_ma: int
    reserve_ma: int
    background: Amps3 | None
    booked: Amps3 | None
    boxes: tuple[BoxStatus, ...]
    meters: tuple[MeterStatus, ...]
    next_us: int | None = None
    inputs: tuple[tuple[int, bool | None], ...] = ()

    def same(self, other: Status | None) -> bool:
        """Whether another one says the same, but for its cycle and for how old everything is."""
        return other is not None and _still(self) == _still(other)

    def as_json(self) -> dict[str, object]:
        """The same for a program."""
        connection = {
            "limit_ma": self.limit_ma,
            "reserve_ma": self.reserve_ma,
            "background_ma": self.background,
            "booked_ma": self.booked,
        }
        whole = {"cycle": self.cycle, "next_us": self.next_us, "connection": connection}
        inputs = [{"number": number, "on": on} for number, on in self.inputs]
        return {**whole, "boxes": self.boxes_json(), "meters": [_plain(one) for one in self.meters], "inputs": inputs}

    def boxes_json(self) -> list[dict[str, object]]:
        """The boxes for a program."""
        return [_plain(one) for one in self.boxes]


def status_of(site: Site, controller: object, n: int, view: View, now_us: int) -> Status:
    """What a cycle saw, after its controller has decided; ``now_us`` since the first cycle."""
    fair = controller if isinstance(controller, Controller) and controller.decision.cycle >= 0 else None
    booked: list[int | None] = [None] * len(site.boxes)
    targets: Sequence[int | None] = booked
    if fair is not None:
        booked, targets = [memory.booked_ma() for memory in fair.boxes], fair.decision.targets
    why, orders, switched = reasons(controller, view), view.orders, site.connection.limit_input
    inputs = dict.fromkeys((*numbers(site), *(one.number for one in site.inputs)))
    return Status(
        cycle=n,
        limit_ma=site.connection.limit_ma if switched is None else switched.stands_ma(orders.inputs, orders.unknown),
        reserve_ma=site.connection.reserve_ma,
        background=None if fair is None else fair.decision.background,
        booked=None if fair is None else fair.decision.booked,
        boxes=tuple(
            replace(_box(box, seen, now_us), booked_ma=booked_ma, why=said, target_ma=target_ma)
            for box, seen, booked_ma, said, target_ma in zip(site.boxes, view.boxes, booked, why, targets, strict=True)
        ),
        meters=tuple(_meter(one, seen, now_us) for one, seen in zip(site.meters, view.meters, strict=True)),
        next_us=None if fair is None or fair.next_cycle >= FAR else max(0, fair.next_cycle - n) * fair.cycle_us,
        inputs=tuple((one, None if one in orders.unknown else one in orders.inputs) for one in sorted(inputs)),
    )


def said_of(box: BoxStatus, change: str) -> str:
    """How a box stands, in a sentence; ``change``: when something may change by itself, as a person reads it, "" for never."""
    if box.why.startswith(WAITING):
        return f"{box.name} {box.why}, next change {change}" if change else f"{box.name} {box.why}"
    if box.why.startswith(RISING):
        return f"{box.name} {box.why}"
    if box.limit_ma is None or box.silent:
        return f"{box.name}: {box.why or 'never reached'}"
    if not box.limit_ma and box.target_ma:
        return f"{box.name} is to have {amperes(box.target_ma)}: {box.why}"
    if box.limit_ma and box.target_ma == 0:
        return f"{box.name} is to be off: {box.why}"
    has = f"{box.name} may have {amperes(box.limit_ma)}" if box.limit_ma else f"{box.name} is off"
    return f"{has}: {box.why}" if box.why else has


def left_behind(status: Status) -> tuple[str, ...]:
    """What each box goes on doing when nobody manages it any more, a sentence each."""
    return tuple(_left(box) for box in status.boxes)


def _left(box: BoxStatus) -> str:
    if box.limit_ma is None:
        return f"{box.name} was never reached and does what it did before"
    keeps = f"{box.name} keeps {amperes(box.limit_ma)}" if box.limit_ma else f"{box.name} stays switched off"
    if box.failsafe_us is None or box.failsafe_ma is None:
        return f"{keeps}, and does not say whether it falls back"
    if not box.failsafe_us:
        return f"{keeps}: it never falls back"
    return f"{keeps} and falls back to {amperes(box.failsafe_ma)} after {lasted(box.failsafe_us)}"


def _box(box: Box, seen: BoxView, now_us: int) -> BoxStatus:
    silent, reading = seen.silent_since_us is not None, seen.reading
    if reading is None:
        return BoxStatus(box.name, silent=silent)
    return BoxStatus(
        name=box.name,
        pilot=reading.pilot.value,
        silent=silent,
        limit_ma=reading.limit_ma,
        offered_ma=reading.offered_ma,
        drawn_ma=reading.phases_ma,
        power_w=reading.power_w,
        energy_wh=reading.energy_wh,
        failsafe_ma=reading.failsafe_ma,
        failsafe_us=reading.failsafe_us,
        age_us=now_us - reading.at_us,
        phases=reading.phases,
    )


def _meter(meter: HouseMeter, seen: MeterView, now_us: int) -> MeterStatus:
    silent, reading = seen.silent_since_us is not None, seen.reading
    if reading is None:
        return MeterStatus(meter.name, meter.role, silent)
    return MeterStatus(meter.name, meter.role, silent, reading.phases_ma, reading.power_w, now_us - reading.at_us)


def _plain(one: BoxStatus | MeterStatus) -> dict[str, object]:
    """Its fields by name, none of which can change."""
    return {field.name: getattr(one, field.name) for field in fields(one)}


def _still(status: Status) -> Status:
    boxes = tuple(replace(one, age_us=None, target_ma=None) for one in status.boxes)
    meters = tuple(replace(one, age_us=None) for one in status.meters)
    return replace(status, cycle=0, boxes=boxes, meters=meters, next_us=None)
