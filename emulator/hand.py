"""What people do in a world while it goes on: plug a car in, unplug it, break something, switch loads on in the house.

Everything happens at the world's present. A visit that was planned for a box where somebody else's car stood meanwhile
begins when that has gone, unless its own time is over by then.
"""

from __future__ import annotations

from dataclasses import replace

from chargebench.emulator.box import Box
from chargebench.emulator.flow import Triple
from chargebench.emulator.spec import CarSpec, FaultSpec
from chargebench.emulator.world import World


class Hand:
    """Reaches into ``world``. ``LookupError`` for a name that is not there, ``ValueError`` for what cannot be now."""

    def __init__(self, world: World) -> None:
        self._world = world

    def plug(self, spec: CarSpec) -> None:
        """Plug a car in now; it stays until somebody unplugs it."""
        box = self._box(spec.box)
        if box.car is not None:
            raise ValueError(f"expected a box that is free, and {box.car.spec.name} is plugged in at {spec.box}")
        now_us = self._world.now_us
        car = self._world.add_car(replace(spec, plugs_us=now_us, leaves_us=None))
        box.visits.appendleft(car)
        self._world.act(box.step)

    def unplug(self, name: str) -> str:
        """Unplug the car at this box now; tells which that was."""
        box, now_us = self._box(name), self._world.now_us
        car = box.car
        if car is None:
            raise ValueError(f"expected a box with a car, and {name} has none")
        while box.visits and (leaves_us := box.visits[0].spec.leaves_us) is not None and leaves_us <= now_us:
            box.visits.popleft()
        car.spec = replace(car.spec, leaves_us=now_us)
        self._world.act(box.step)
        return car.spec.name

    def fault(self, spec: FaultSpec) -> None:
        """Let this fault begin now."""
        self._world.act(lambda now_us: self._world.add_fault(replace(spec, at_us=now_us)))
        self._world.advance(self._world.now_us)

    def house(self, load: Triple) -> None:
        """Let the house draw so much on each phase, in mA, until its next planned step."""
        self._world.act(lambda now_us: self._world.house.draw(now_us, load))

    def _box(self, name: str) -> Box:
        boxes = self._world.boxes
        if name not in boxes:
            raise LookupError(f"there is no box {name}; there are {', '.join(boxes)}")
        return boxes[name]
