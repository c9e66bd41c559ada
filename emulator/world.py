"""The world that a load manager meets: boxes with their cars, meters, house, connection and faults, moved together.

Nobody is asked in turn: a heap holds when each actor acts next, and one event touches its actor, the connection, and
nothing else. At one instant the order is: connection (a fuse opens by what has flowed until then), faults, house, boxes in
the order of the file, roof. Meters are no actors; they look up what they sampled. So the state is a function of the events, not
of how often or in which steps somebody advances.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from chargebench.emulator.agenda import Agenda
from chargebench.emulator.box import Box
from chargebench.emulator.car import Car
from chargebench.emulator.circuits import Circuits, Sum
from chargebench.emulator.connection import PHASES, Connection
from chargebench.emulator.devices.registers import Hooks, SheetDevice
from chargebench.emulator.disturbance import Disturbances
from chargebench.emulator.events import Event, Segment
from chargebench.emulator.faults.plan import FaultPlan
from chargebench.emulator.figures import Figures, contactor_starts, fuse_figures, limit_figures, loaded_openings
from chargebench.emulator.house import House, fed_in
from chargebench.emulator.kinds import Sheets, kind_of
from chargebench.emulator.meter import Meter, Source
from chargebench.emulator.moods import box_of
from chargebench.emulator.plant import Around, Member, Server, build_plant
from chargebench.emulator.power import Power
from chargebench.emulator.reach import Loss, Reach, Reaches
from chargebench.emulator.spec import ALL_BOXES, ROOF, BoxSpec, CarSpec, FaultSpec, WorldSpec
from chargebench.emulator.streams import Streams

CONNECTION, FAULTS, HOUSE, FIRST_BOX = range(4)


class _Actor(Protocol):
    @property
    def next_us(self) -> int: ...

    def step(self, at_us: int) -> None: ...


class World:
    """Everything there is, at ``now_us``. ``tell`` gets every event, ``watch`` every closed segment of the connection.

    ``reaches`` tells of every device what gets through to it and from it: bind slaves and wires there. ``on_change`` is
    called when an access from outside made ``next_us`` earlier. ``sheets``: datasheets by name. Nothing has happened before the first ``advance``.
    """

    def __init__(self, spec: WorldSpec, streams: Streams, tell: Callable[[Event], None], sheets: Sheets) -> None:
        _check_names(spec)
        self.spec, self.streams = spec, streams
        self.now_us = 0
        self.watch: list[Callable[[Segment], None]] = []
        self.on_change: Callable[[], None] | None = None
        self._tell = tell
        self.connection = Connection(spec.connection, tell, self.watch, self._tripped)
        self.roof = House(spec.roof, tell, fed_in(self.connection.add), "roof")
        self.house = House(spec.house, tell, self.connection.add, beside=self.roof)
        self.circuits = Circuits(spec.circuits)
        self._all_boxes = Sum() if any(one.measures == ALL_BOXES for one in spec.meters) else None
        self.cars = {car.name: Car(car, spec.connection.voltage_mv, tell) for car in spec.cars}
        self.boxes = {box.name: self._box(box, sheets) for box in spec.boxes}
        self._numbers = {name: FIRST_BOX + k for k, name in enumerate(self.boxes)}
        self._plant = build_plant(spec, self.boxes, Around(sheets, self.source, self, self._hooks, streams))
        self.meters: dict[str, Meter] = self._plant.meters
        self.devices: dict[str, SheetDevice] = self._plant.devices
        members = [member for server in self._plant.servers for member in server.members]
        members += [Member(one.name, 0, one.owner or one.name) for one in spec.gateways]
        self.wires = Disturbances()
        self.reaches = Reaches(members, self._is_dark)
        self.power = Power(self)
        self._masters_off = 0
        self._faults = FaultPlan(spec.faults, self, tell)
        self._actors: list[_Actor] = [self.connection, self._faults, self.house, *self.boxes.values(), self.roof]
        self._agenda = Agenda(len(self._actors))
        self._arm_all()

    @property
    def next_us(self) -> int:
        """When the world next changes by itself."""
        return self._agenda.next_us

    def due(self, at_us: int) -> list[int]:
        """The numbers of the actors that act by ``at_us``: connection, faults, house, then the boxes in their order."""
        return self._agenda.due(at_us)

    def advance(self, to_us: int) -> int:
        """Let everything happen that is due until ``to_us``, inclusive; returns ``next_us``."""
        assert to_us >= self.now_us, f"the world is at {self.now_us} us and does not go back to {to_us} us"
        next_us = self._agenda.next_us
        if next_us > to_us:
            self.now_us = to_us
            return next_us
        while (due := self._agenda.take(to_us)) is not None:
            self.now_us, number = due
            actor = self._actors[number]
            actor.step(self.now_us)
            if number >= HOUSE:
                self._arm(number)
                self._arm(CONNECTION)
            else:
                self._arm_all()
        self.now_us = to_us
        return self.next_us

    def act(self, do: Callable[[int], None]) -> None:
        """Let somebody do something to it now: ``do`` gets the time, and whoever that concerns acts anew."""
        before_us = self._agenda.next_us
        do(self.now_us)
        self._arm_all()
        if self.on_change is not None and self._agenda.next_us < before_us:
            self.on_change()

    def add_car(self, spec: CarSpec) -> Car:
        """One more car, which is nowhere yet; ``ValueError`` where it cannot be."""
        if spec.name in self.cars:
            raise ValueError(f"there is a car {spec.name} already")
        car = self.cars[spec.name] = Car(spec, self.spec.connection.voltage_mv, self._tell)
        return car

    def add_fault(self, spec: FaultSpec) -> None:
        """One more fault; ``LookupError`` or ``ValueError`` where it cannot be."""
        self._faults.add(spec)

    def finish(self, at_us: int) -> None:
        """The run ends at ``at_us``: close what is open. ``figures`` are then complete."""
        self.advance(at_us)
        self.connection.close(at_us)
        self.circuits.close(at_us)

    def figures(self) -> Figures:
        """What has come of it so far; open segments are counted by ``finish``."""
        return {
            "limit": limit_figures(self.connection),
            "fuse": fuse_figures(self.connection),
            "cars": {
                name: {"energy_wh": car.energy_wh(self.now_us), "wanted_wh": car.spec.wanted_wh}
                for name, car in self.cars.items()
            },
            "contactor_starts": contactor_starts(self.boxes.values()),
            "loaded_openings": loaded_openings(self.boxes.values()),
            "flash_writes": {name: device.flash_writes for name, device in self.devices.items()},
            "early_writes": {name: device.early_writes for name, device in self.devices.items()},
        }

    def servers(self) -> tuple[Server, ...]:
        """What answers on wires, in the order of the file: boxes, then meters."""
        return self._plant.servers

    def reach(self, name: str) -> Reach:
        """What gets through now to this device, and from it."""
        return self.reaches.of(name)

    def lose(self, name: str, what: Loss, *, on: bool) -> None:
        """A fault takes something from a device, or gives it back; several may hold it."""
        self.reaches.lose(name, what, on=on)

    def hold_master(self, at_us: int, *, on: bool) -> None:
        """A fault keeps the master from running, or lets go of it; several may hold it. Who runs it hears of it."""
        before = self._masters_off
        self._masters_off += 1 if on else -1
        if (before == 0) != (self._masters_off == 0):
            self._tell(Event(at_us, "master", "stops" if on else "starts"))

    def _power_changed(self) -> None:
        self.reaches.review()

    def _is_dark(self, owner: str) -> bool:
        return owner in self.boxes and self.boxes[owner].dark

    # -- building ----------------------------------------------------------------------------------------------------

    def _box(self, spec: BoxSpec, sheets: Sheets) -> Box:
        cars = [car for car in self.cars.values() if car.spec.box == spec.name]
        manner = kind_of(spec, sheets).manner
        feed = self.circuits.behind(spec.name, self.connection.add)
        feed = feed if self._all_boxes is None else self._all_boxes.behind(feed)
        return box_of(spec, cars, self._tell, feed, self._power_changed, manner)

    def source(self, measures: str) -> Source:
        """What flows at the place that a meter measures."""
        voltage_mv, dead = self.spec.connection.voltage_mv, self.connection.open_at
        if measures == "connection":
            return Source(self.connection.flow, voltage_mv, PHASES, dead)
        if measures == "house":
            return Source(self.house.flow, voltage_mv, PHASES, dead)
        if measures == ROOF:
            return Source(self.roof.flow, voltage_mv, PHASES, dead)
        if measures == ALL_BOXES and self._all_boxes is not None:
            return Source(self._all_boxes.flow, voltage_mv, PHASES, dead)
        if measures in self.boxes:
            box = self.boxes[measures]
            return Source(box.flow, voltage_mv, box.spec.wiring, dead)
        raise LookupError(f"a meter measures connection, house or a box ({', '.join(self.boxes)}), not {measures}")

    def _hooks(self, name: str) -> Hooks:
        """Whom an access to this box or meter concerns."""
        box = self.boxes.get(name)
        channel = f"meter {name}" if box is None else box.channel

        def wrote(at_us: int, register: str, value: int) -> None:
            self._tell(Event(at_us, channel, "write", (("register", register), ("value", value))))

        if box is None:
            return Hooks(_nothing, wrote, _nothing)
        number = self._numbers[name]

        def heard(at_us: int) -> None:
            before_us = self._agenda.next_us
            if box.heard(at_us):
                self._accessed(number, before_us)
            # else its watchdog only acts later: it is looked at when it would have acted, which changes nothing

        def written(at_us: int) -> None:
            before_us = self._agenda.next_us
            box.written(at_us)
            self._accessed(number, before_us)

        def hears(at_us: int) -> bool:
            before_us = self._agenda.next_us
            result = box.hears(at_us)
            self._accessed(number, before_us)
            return result

        return Hooks(heard, wrote, written, hears)

    def _accessed(self, number: int, before_us: int) -> None:
        """A box was accessed from outside, and may act at another time now."""
        self._arm(number)
        self._arm(CONNECTION)
        if self.on_change is not None and self._agenda.next_us < before_us:
            self.on_change()

    # -- moving ------------------------------------------------------------------------------------------------------

    def _tripped(self, at_us: int, phases: tuple[int, ...]) -> None:
        """The fuse has opened these phases: everything that hangs on them feels it."""
        self.house.lose(at_us, phases)
        for box in self.boxes.values():
            box.lose_phases(at_us, phases)

    def _arm(self, number: int) -> None:
        self._agenda.arm(number, self._actors[number].next_us)

    def _arm_all(self) -> None:
        for number in range(len(self._actors)):
            self._arm(number)


def _nothing(_at_us: int) -> None:
    """A meter does not mind who asks."""


def _check_names(spec: WorldSpec) -> None:
    """Refuse two things of one name, and cars at boxes that are not there."""
    names = [*(one.name for one in spec.boxes), *(one.name for one in spec.meters), *(one.name for one in spec.modules)]
    names += [one.name for one in spec.gateways]
    cars = [one.name for one in spec.cars]
    for kind, all_names in (("box or meter", names), ("car", cars)):
        if twice := [name for name in all_names if all_names.count(name) > 1]:
            raise ValueError(f"there are two of the {kind} {twice[0]}")
    boxes = [one.name for one in spec.boxes]
    for car in spec.cars:
        if car.box not in boxes:
            raise LookupError(f"car {car.name} is plugged in at {car.box}; there are {', '.join(boxes) or 'no boxes'}")
