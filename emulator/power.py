"""A blackout: the grid fails before the house connection, so nothing in the house has power, the master's box included."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from chargebench.emulator.box import Box
from chargebench.emulator.connection import PHASES, Connection
from chargebench.emulator.house import House
from chargebench.emulator.meter import Meter
from chargebench.emulator.reach import Reaches
from chargebench.emulator.spec import WorldSpec


class Powered(Protocol):
    """What hangs on the grid."""

    connection: Connection
    house: House
    meters: dict[str, Meter]
    reaches: Reaches
    spec: WorldSpec

    @property
    def boxes(self) -> Mapping[str, Box]: ...


class Power:
    """Takes the power from everything there is, and gives it back; a phase whose fuse has opened stays dead."""

    def __init__(self, world: Powered) -> None:
        self._world = world
        self._failures = 0

    @property
    def on(self) -> bool:
        """The grid is there."""
        return not self._failures

    def fail(self, at_us: int) -> None:
        """The grid fails, once more if it has failed already."""
        self._failures += 1
        if self._failures == 1:
            self._world.house.lose(at_us, PHASES)
            for box in self._world.boxes.values():
                box.lose_phases(at_us, PHASES)
            self._meters(off=True)

    def come_back(self, at_us: int) -> None:
        """The grid is back, unless another failure goes on: boxes boot, the house takes what it does at this time."""
        self._failures -= 1
        if not self._failures:
            opened = self._world.connection.opened_us
            phases = tuple(phase for phase in PHASES if opened[phase] is None)
            self._world.house.gain(at_us, phases)
            for box in self._world.boxes.values():
                box.gain_phases(at_us, phases)
            self._meters(off=False)

    def _meters(self, *, off: bool) -> None:
        spec = self._world.spec
        modules, gateways = (one.name for one in spec.modules), (one.name for one in spec.gateways)
        for name in (*self._world.meters, *modules, *gateways):
            self._world.reaches.lose(name, "power", on=off)
