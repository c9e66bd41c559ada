"""What a kind of fault is, on what it can be, and what it may do to the world."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from chargebench.emulator.box import Box
from chargebench.emulator.car import Car
from chargebench.emulator.devices.registers import SheetDevice
from chargebench.emulator.disturbance import Disturbances
from chargebench.emulator.house import House
from chargebench.emulator.meter import Meter
from chargebench.emulator.power import Power
from chargebench.emulator.reach import Loss
from chargebench.emulator.spec import FaultSpec, WorldSpec, lines_of

MASTER = "master"
CONNECTION = "connection"
Target = Literal["box", "meter", "input module", "car", "access point", "gateway", "line", "connection", "master"]


class Stage(Protocol):
    """The world as a fault sees it."""

    @property
    def spec(self) -> WorldSpec: ...

    @property
    def boxes(self) -> Mapping[str, Box]: ...

    @property
    def meters(self) -> Mapping[str, Meter]: ...

    @property
    def cars(self) -> Mapping[str, Car]: ...

    @property
    def devices(self) -> Mapping[str, SheetDevice]: ...

    @property
    def house(self) -> House: ...

    @property
    def power(self) -> Power: ...

    @property
    def wires(self) -> Disturbances: ...

    def lose(self, name: str, what: Loss, *, on: bool) -> None:
        """Take something from a box, meter or gateway while ``on``; several may ask for it at once."""

    def hold_master(self, at_us: int, *, on: bool) -> None:
        """The master does not run while ``on``; several may ask for it at once."""


Act = Callable[[Stage, FaultSpec, int], None]


def loses(what: Loss) -> tuple[Act, Act]:
    """The beginning and the end of a fault that takes ``what`` from everything that it is on."""

    def begin(stage: Stage, fault: FaultSpec, _at_us: int) -> None:
        for name in fault.names:
            stage.lose(name, what, on=True)

    def end(stage: Stage, fault: FaultSpec, _at_us: int) -> None:
        for name in fault.names:
            stage.lose(name, what, on=False)

    return begin, end


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter: what it is called in a scenario, the kind of quantity ("duration", "current" …), and what it means.

    One of the kind "word" is one of ``words``.
    """

    name: str
    quantity: str
    doc: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What follows a fault's end: so long after it as the parameter ``param`` says, else ``standard_us``."""

    param: str
    standard_us: int
    then: Act

    def after_us(self, fault: FaultSpec) -> int:
        """How long after the end."""
        return int(dict(fault.params).get(self.param, self.standard_us))


def _anywhere(_world: WorldSpec, _name: str) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One kind. ``begin`` and ``end`` get the stage, the fault and the time; one that is over at once has no ``end``.

    ``unfit`` says of a target why this fault cannot be on it, or nothing.
    """

    name: str
    on: tuple[Target, ...]
    doc: str
    begin: Act
    end: Act | None = None
    params: tuple[Param, ...] = ()
    aftermath: Aftermath | None = None
    unfit: Callable[[WorldSpec, str], str] = _anywhere

    def kinds(self, world: WorldSpec) -> list[Target]:
        """On which kinds of things it can be, without those that ``world`` has none of, as most have not."""
        seldom: dict[Target, bool] = {"input module": bool(world.modules), "gateway": bool(world.gateways)}
        return [target for target in self.on if target == self.on[0] or seldom.get(target, True)]

    def targets(self, world: WorldSpec) -> list[str]:
        """On what in ``world`` it can be, by name."""
        names: dict[Target, list[str]] = {
            "box": [box.name for box in world.boxes],
            "meter": [meter.name for meter in world.meters],
            "input module": [module.name for module in world.modules],
            "car": [car.name for car in world.cars],
            "access point": [point.name for point in world.access_points],
            "gateway": [gateway.name for gateway in world.gateways],
            "line": list(lines_of(world)),
            "connection": [CONNECTION],
            "master": [MASTER],
        }
        return [name for target in self.on for name in names[target]]
