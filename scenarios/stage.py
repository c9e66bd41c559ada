"""The stage of a run: the world on the loop's heap, its slaves on simulated wires, and whoever else reads them.

What the world says of a device's reach becomes what the wires do. A device without power leaves its connections half open:
the other side learns of it when what it sends arrives again, by a reset. An address at which several boxes are served is a
host of its own, and goes on when one of them is off.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from chargebench.datasheets.load import load
from chargebench.emulator.clock.env import Call
from chargebench.emulator.clock.loop import SimLoop
from chargebench.emulator.events import Event
from chargebench.emulator.late_answers import late_answers
from chargebench.emulator.plant import Member, Server
from chargebench.emulator.reach import Reach
from chargebench.emulator.readers import Reader
from chargebench.emulator.serve import LineNode, TcpService, serve_tcp
from chargebench.emulator.slave import Slave
from chargebench.emulator.spec import GatewaySpec, LineAt, ReaderSpec, TcpAt, lines_of
from chargebench.emulator.wires.rs485 import Line
from chargebench.emulator.wires.uart import Setting
from chargebench.emulator.world import World
from chargebench.manager.site import Address, SerialAddress, Site
from chargebench.scenarios.between import Between, between
from chargebench.scenarios.describe import Scenario
from chargebench.scenarios.gateways import reached_at
from chargebench.scenarios.witness import Witness

INTERNAL_LATENCY_US = 100  # inside the master's own box


class Stage:
    """Builds everything that a run needs but its manager; ``world`` is the truth, ``ports`` where the master's lines lead."""

    def __init__(
        self,
        loop: SimLoop,
        scenario: Scenario,
        tell: Callable[[Event], None],
        asked: Callable[[Event], None] = lambda _event: None,
    ) -> None:
        self._loop = loop
        self._tell = tell
        self._asked = asked
        self._services: list[TcpService] = []
        self._places: dict[str, tuple[Server, Member, Slave]] = {}
        self._off: set[str] = set()
        self._gateways: dict[str, tuple[GatewaySpec, Between]] = {}
        self._witnesses: dict[str, Witness] = {}
        self._readers: list[asyncio.Task[None]] = []
        self._call: Call | None = None
        self.world = World(scenario.world, loop.streams, tell, load)
        loop.net.defaults.latency_us = scenario.latency_us
        loop.net.defaults.jitter_us = scenario.jitter_us
        self._lay_lines(scenario)
        self.ports = {name: f"simbus://{name}" for name in loop.lines}
        for spec in scenario.world.gateways:
            witness = self._witnesses[spec.line.line] = Witness(spec, self._asked)
            loop.trace.tap(witness.prefix, witness.record)

    async def open(self) -> None:
        """Put every slave on its wire and set the world going."""
        for server in self.world.servers():
            slave = Slave(server.units, tamper=server.tamper)
            slave.on_write = partial(self._written, server)
            for member in server.members:
                self._places[member.name] = server, member, slave
            if isinstance(server.at, TcpAt):
                await self._serve_tcp(server, server.at, slave)
            else:
                self._join(server, server.at, slave)
        for spec in self.world.spec.gateways:
            self._gateways[spec.name] = spec, between(self._loop, spec)
            await self._gateways[spec.name][1].open()
        for name in (*self._places, *self._gateways):
            self._reached(name, self.world.reach(name))
        self.world.reaches.listeners.append(self._reached)
        self.world.wires.listeners.append(self._disturbed)
        self.world.on_change = self._arm
        self._arm()
        self._send_readers()

    def advance(self) -> None:
        """Bring the world to the present."""
        self.world.advance(self._loop.now_us)

    def close(self) -> None:
        """Take the slaves off their wires."""
        if self._call is not None:
            self._call.cancel()
        for reader in self._readers:
            reader.cancel()
        for service in self._services:
            service.close()
        for _, gateway in self._gateways.values():
            gateway.close()

    def _lay_lines(self, scenario: Scenario) -> None:
        """A line for each serial port, with the master's parameters where it has any there."""
        for address in _addresses(scenario.site):
            if isinstance(address, SerialAddress) and address.port not in self._loop.lines:
                Line(self._loop, address.port, address.baud, address.bits, address.parity, address.stops)
        for name, at in lines_of(scenario.world).items():
            if name not in self._loop.lines:
                Line(self._loop, name, at.baud, at.bits, at.parity, at.stops)

    async def _serve_tcp(self, server: Server, at: TcpAt, slave: Slave) -> None:
        if at.internal:
            link = self._loop.net.link(at.host, at.port)
            link.latency_us, link.jitter_us = INTERNAL_LATENCY_US, 0
        env, turnaround_us = self._loop.env, server.turnaround_us
        limits = server.bears.limits()
        service = await serve_tcp(slave, at.host, at.port, turnaround_us=turnaround_us, clock=env, limits=limits)
        self._services.append(service)

    def _join(self, server: Server, at: LineAt, slave: Slave) -> None:
        line = self._loop.lines[at.line]
        if at.line in self._witnesses:
            slave.on_answer = self._witnesses[at.line].answered
        setting = Setting(at.baud, at.bits, at.parity, at.stops)
        turnaround_us, speech = server.turnaround_us, server.speech
        LineNode(self._loop.env, line, slave, server.name, setting=setting, turnaround_us=turnaround_us, speech=speech)

    def _written(self, server: Server, at_us: int, unit: int, function: int) -> None:
        """A request to write has come, whether or not anybody minds: heard by those who judge, no part of the trace."""
        name = next((member.name for member in server.members if member.unit == unit), server.name)
        self._asked(Event(at_us, f"slave {name}", "write request", (("unit", unit), ("function", function))))

    def _send_readers(self) -> None:
        boxes = {box.name: box for box in self.world.spec.boxes}
        for spec in self.world.spec.readers:
            box = boxes[spec.box]
            at = reached_at(self.world.spec, box.at)
            assert at is not None, "a reader is let in only where the box can be reached over the network"
            reader = Reader(spec, at, box.unit, lambda: self.world.power.on)
            self._tell(Event(self._loop.now_us, f"reader {spec.name}", "reads", _reads(spec)))
            self._readers.append(self._loop.create_task(reader.run(), name=f"reader {spec.name}"))

    def _reached(self, name: str, now: Reach) -> None:
        if name in self._gateways:
            spec, gateway = self._gateways[name]
            self._review_address(name, spec.at, [now])
            gateway.power(on=now.powered)
            return
        server, member, slave = self._places[name]
        slave.reach(member.unit, hears=not now.mute, speaks=now.speaks)
        if isinstance(server.at, TcpAt):
            self._review_address(server.name, server.at, [self.world.reach(one.name) for one in server.members])

    def _disturbed(self) -> None:
        """Something has changed of what is wrong with the wires."""
        wires = self.world.wires
        for name, line in self._loop.lines.items():
            line.noise_ppm = wires.noise_ppm(name)
        for name, (_, gateway) in self._gateways.items():
            gateway.plug(on=not wires.unplugged(name))
        for server, _, slave in self._places.values():
            slave.tamper = late_answers({one.unit: wires.late_us(one.name) for one in server.members}, server.tamper)

    def _review_address(self, name: str, at: TcpAt, reaches: Sequence[Reach]) -> None:
        """The way to an address is that of everything behind it; without power nobody is there who could answer."""
        off = not any(one.powered for one in reaches)
        link = self._loop.net.link(at.host, at.port)
        link.hole_out = off or not all(one.way_there for one in reaches)
        link.hole_back = off or not all(one.way_back for one in reaches)
        if off and name not in self._off:
            self._loop.net.half_open(at.host, at.port)
        (self._off.add if off else self._off.discard)(name)

    def _arm(self) -> None:
        if self._call is not None:
            self._call.cancel()
        self._call = self._loop.env.at(self.world.next_us, self._step)

    def _step(self) -> None:
        self._call = None
        self.world.advance(self._loop.now_us)
        self._arm()


def _reads(spec: ReaderSpec) -> tuple[tuple[str, int | str], ...]:
    return (("box", spec.box), ("every_us", spec.every_us))


def _addresses(site: Site) -> list[Address]:
    found: list[Address] = []
    for box in site.boxes:
        found.append(box.address)
        if box.meter is not None:
            found.append(box.meter.address)
    found.extend(meter.address for meter in site.meters)
    found.extend(one.address for one in site.inputs)
    return found
