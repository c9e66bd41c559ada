"""The laws of phase switching, as a watch over a closed loop; each raises AssertionError where it is broken.

Boxes may restart and be silent meanwhile. Laws are judged by what flows in the world, not by what the manager reads.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from chargebench.datasheets.load import load
from chargebench.emulator.flow import NA_PER_MA
from chargebench.manager.controller import CYCLE_US
from chargebench.manager.drivers.phases import PhaseSwitch
from chargebench.manager.orders import NO_ORDERS
from tests.laws.closed_loop import Loop

CYCLES = 700
APART_US = 600_000_000
RESTS_US = 120_000_000
METER_MA = 100
"""What a box measures is rounded down to this."""

SWITCH = PhaseSwitch(load("power-brain"))


@dataclass(frozen=True)
class Loss:
    """A box is not heard for ``lasts`` cycles, and restarts as that begins if it ``restarts``."""

    box: int
    cycle: int
    lasts: int
    restarts: bool


class SwitchingLoop(Loop):
    """A loop whose views hold orders, whose boxes switch phases, and get lost. ``orders``: from each cycle on."""

    def __init__(self, site, spec, orders, losses=()):
        super().__init__(site, spec)
        self.orders, self.losses = orders, losses
        self.seen = {}

    def look(self, n):
        self.world.advance(n * CYCLE_US - 1_000_000)
        for loss in self.losses:
            if loss.cycle == n and loss.restarts:
                self.world.act(self.world.boxes[self.site.boxes[loss.box].name].restart)
        held = self.orders[max(at for at in self.orders if at <= n)]
        return replace(super().look(n), orders=held)

    def lost(self, k, n):
        return next((one for one in self.losses if one.box == k and one.cycle <= n < one.cycle + one.lasts), None)

    def box_view(self, k):
        loss = self.lost(k, -(-self.world.now_us // CYCLE_US))
        if loss is not None and k in self.seen:
            return replace(self.seen[k], silent_since_us=loss.cycle * CYCLE_US)
        view = super().box_view(k)
        box = self.site.boxes[k]
        if box.switch_us is not None:
            phases = SWITCH.shown(self.ask(box.address, box.unit, SWITCH.reads))
            view = replace(view, reading=replace(view.reading, phases=phases))
        self.seen[k] = view
        return view

    def writes(self, command):
        if self.lost(command.box, command.cycle) is not None:
            return ()
        return super().writes(command) if command.phases is None else SWITCH.writes(command.phases)


def flows_ma(loop, k):
    """What flows into a box on each phase of the house."""
    spec = next(one for one in loop.world.boxes.values() if one.spec.name == loop.site.boxes[k].name)
    found = [0, 0, 0]
    for phase, na in zip(spec.spec.wiring, spec.flow.level(loop.world.now_us), strict=False):
        found[phase] += na // NA_PER_MA
    return found


class Watch:
    """What is held of each command and at each cycle. ``changes``: how many boxes were told to change."""

    def __init__(self, loop):
        self.loop = loop
        self.told = {}
        self.changes = 0
        loop.watch = self

    def __call__(self, n, view, commands):
        now_us = n * CYCLE_US
        for command in commands:
            if command.phases is not None:
                self.change(now_us, command, view.boxes[command.box])
            elif command.limit_ma:
                self.rests(now_us, command)
        for k, memory in enumerate(self.loop.controller.boxes):
            for flows, booked in zip(flows_ma(self.loop, k), memory.booked(), strict=True):
                assert flows < booked + METER_MA, (
                    f"cycle {n}: {flows} mA flow into box {k}, {memory.booked()} mA are counted"
                )

    def change(self, now_us, command, seen):
        """Nothing flows, nothing may, and the last change lies far enough back."""
        assert seen.reading.limit_ma == command.limit_ma == 0, command
        assert flows_ma(self.loop, command.box) == [0, 0, 0], command
        last_us, last = self.told.get(command.box, (None, None))
        assert last == command.phases or last_us is None or now_us >= last_us + APART_US, command
        self.told[command.box] = now_us, command.phases
        self.changes += 1

    def rests(self, now_us, command):
        """A box that was told to change is told no limit before it had its time, unless it was lost meanwhile."""
        at_us, _ = self.told.get(command.box, (None, None))
        lost = any(one.box == command.box and one.cycle * CYCLE_US >= (at_us or 0) for one in self.loop.losses)
        assert at_us is None or lost or now_us >= at_us + RESTS_US, command


def whoever_switches_keeps_to_the_laws(site, spec, orders=None, losses=(), cycles=CYCLES):
    """Run it under watch; returns how many changes there were."""
    loop = SwitchingLoop(site, spec, orders or {0: NO_ORDERS}, losses)
    watch = Watch(loop)
    loop.run(cycles)
    return watch.changes
