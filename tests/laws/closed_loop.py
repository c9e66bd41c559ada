"""The real controller and the real drivers against the real world, over register images: no wires, no latencies drawn.

A cycle sees what was read one second before its instant; its commands arrive a fifth of a second after it.
"""

from dataclasses import replace
from typing import Any

from chargebench.datasheets.load import load
from chargebench.emulator.device import Refused
from chargebench.emulator.events import Event, Segment
from chargebench.emulator.streams import Streams
from chargebench.emulator.world import World
from chargebench.manager.controller import CYCLE_US, Controller
from chargebench.manager.drivers.registry import box_driver, meter_driver
from chargebench.manager.readings import BoxView, MeterReading, MeterView, View
from chargebench.manager.site import TcpAddress

LAG_US = 1_000_000
LATENCY_US = 200_000
MOST_LAG_US = CYCLE_US - LATENCY_US


def _key(at):
    if isinstance(at, TcpAddress):
        return at.host, at.port
    return (at.port,)


def _spec_key(at):
    return (at.host, at.port) if hasattr(at, "host") else (at.line,)


class Loop:
    """One site, one world, one controller; ``watch(n, view, commands)`` is called at every cycle."""

    def __init__(self, site, spec, controller=None, watch=None):
        self.events: list[Event] = []
        self.world = World(spec, Streams(0), self.events.append, load)
        self.site = site
        self.drivers = [box_driver(box.device, load) for box in site.boxes]
        self.controller: Any = controller or Controller(site, [driver.step_ma for driver in self.drivers])
        self.watch = watch or (lambda *_: None)
        self.commands = []
        self.segments: list[Segment] = []
        self.world.watch.append(self.segments.append)
        self.at = {
            (_spec_key(server.at), unit): device
            for server in self.world.servers()
            for unit, device in server.units.items()
        }
        self.greeted = {}

    def device(self, address, unit):
        return self.at[_key(address), unit]

    def ask(self, address, unit, reads):
        device = self.device(address, unit)
        device.advance(self.world.now_us)
        answers = {}
        for read in reads:
            try:
                answers[read] = tuple(device.read(read.table, read.address, read.count))
            except Refused:
                continue
        return answers

    def box_view(self, k):
        box, driver = self.site.boxes[k], self.drivers[k]
        if k not in self.greeted:
            self.greeted[k] = self.ask(box.address, box.unit, driver.greet())
        greeted = self.greeted[k]
        reading = driver.understand(self.world.now_us, greeted, self.ask(box.address, box.unit, driver.reads(greeted)))
        if box.meter is not None:
            meter = meter_driver(box.meter.device, load)
            own = meter.understand(self.world.now_us, self.ask(box.meter.address, box.meter.unit, meter.reads()))
            reading = replace(reading, phases_ma=own.phases_ma, power_w=own.power_w, energy_wh=own.energy_wh)
        return BoxView(reading, None, self.world.now_us)

    def meter_view(self, meter):
        driver = meter_driver(meter.device, load)
        own = driver.understand(self.world.now_us, self.ask(meter.address, meter.unit, driver.reads()))
        if own.phases_ma is None:
            return MeterView(own)
        house = [0, 0, 0]
        for ma, phase in zip(own.phases_ma, meter.phases, strict=False):
            house[phase] = ma
        return MeterView(MeterReading(own.at_us, (house[0], house[1], house[2]), own.power_w, own.energy_wh))

    def view(self):
        return View(
            tuple(self.box_view(k) for k in range(len(self.site.boxes))),
            tuple(self.meter_view(meter) for meter in self.site.meters),
        )

    def look(self, n):
        """What cycle ``n`` sees."""
        self.world.advance(n * CYCLE_US - LAG_US)
        return self.view()

    def writes(self, command):
        """What a command writes."""
        return self.drivers[command.box].writes(command.limit_ma)

    def run(self, cycles):
        for n in range(1, cycles):
            view = self.look(n)
            commands = self.controller.cycle(n, view)
            self.watch(n, view, commands)
            self.commands += commands
            self.world.advance(n * CYCLE_US + LATENCY_US)
            for command in commands:
                box = self.site.boxes[command.box]
                device = self.device(box.address, box.unit)
                device.advance(self.world.now_us)
                for write in self.writes(command):
                    device.write("holding", write.address, write.values)
        self.world.finish(cycles * CYCLE_US)
        return self


class SkewedLoop(Loop):
    """Boxes and meters are read one after another, as on a line: each so long before the cycle as ``lags_us`` tell in turn.

    A lag is at most ``MOST_LAG_US``.
    """

    def __init__(self, site, spec, lags_us):
        super().__init__(site, spec)
        self.lags_us = lags_us

    def look(self, n):
        boxes = [(self.box_view, k) for k in range(len(self.site.boxes))]
        meters = [(self.meter_view, meter) for meter in self.site.meters]
        jobs = [*boxes, *meters]
        lags = [self.lags_us[(n * len(jobs) + k) % len(self.lags_us)] for k in range(len(jobs))]
        found: list[Any] = [None] * len(jobs)
        for k in sorted(range(len(jobs)), key=lambda k: -lags[k]):
            read, whom = jobs[k]
            self.world.advance(max(self.world.now_us, n * CYCLE_US - lags[k]))
            found[k] = read(whom)
        return View(tuple(found[: len(boxes)]), tuple(found[len(boxes) :]))
