"""The stage of a run: the world on the loop's heap, and its slaves on simulated wires."""

from __future__ import annotations

from collections.abc import Callable

from chargebench.datasheets.load import load
from chargebench.emulator.clock.env import Call
from chargebench.emulator.clock.loop import SimLoop
from chargebench.emulator.events import Event
from chargebench.emulator.plant import Server
from chargebench.emulator.serve import LineNode, TcpService, serve_tcp
from chargebench.emulator.slave import Slave
from chargebench.emulator.spec import LineAt, TcpAt
from chargebench.emulator.wires.rs485 import Line
from chargebench.emulator.wires.uart import Setting
from chargebench.emulator.world import World
from chargebench.manager.site import Address, SerialAddress, Site
from chargebench.scenarios.describe import Scenario

INTERNAL_LATENCY_US = 100  # inside the master's own box


class Stage:
    """Builds everything that a run needs but its manager; ``world`` is the truth, ``ports`` where the master's lines lead."""

    def __init__(self, loop: SimLoop, scenario: Scenario, tell: Callable[[Event], None]) -> None:
        self._loop = loop
        self._services: list[TcpService] = []
        self._slaves: dict[str, Slave] = {}
        self._call: Call | None = None
        self.world = World(scenario.world, loop.streams, tell, load)
        loop.net.defaults.latency_us = scenario.latency_us
        loop.net.defaults.jitter_us = scenario.jitter_us
        self._lay_lines(scenario)
        self.ports = {name: f"simbus://{name}" for name in loop.lines}

    async def open(self) -> None:
        """Put every slave on its wire and set the world going."""
        for server in self.world.servers():
            slave = Slave(server.units)
            slave.mute = self.world.is_mute(server.name)
            self._slaves[server.name] = slave
            if isinstance(server.at, TcpAt):
                await self._serve_tcp(server, server.at, slave)
            else:
                self._join(server, server.at, slave)
        self.world.on_mute.append(self._mute)
        self.world.on_change = self._arm
        self._arm()

    def advance(self) -> None:
        """Bring the world to the present."""
        self.world.advance(self._loop.now_us)

    def close(self) -> None:
        """Take the slaves off their wires."""
        if self._call is not None:
            self._call.cancel()
        for service in self._services:
            service.close()

    def _lay_lines(self, scenario: Scenario) -> None:
        """A line for each serial port, with the master's parameters where it has any there."""
        for address in _addresses(scenario.site):
            if isinstance(address, SerialAddress) and address.port not in self._loop.lines:
                Line(self._loop, address.port, address.baud, address.bits, address.parity, address.stops)
        for at in (*(box.at for box in scenario.world.boxes), *(meter.at for meter in scenario.world.meters)):
            if isinstance(at, LineAt) and at.line not in self._loop.lines:
                Line(self._loop, at.line, at.baud, at.bits, at.parity, at.stops)

    async def _serve_tcp(self, server: Server, at: TcpAt, slave: Slave) -> None:
        if at.host == "localhost":
            link = self._loop.net.link(at.host, at.port)
            link.latency_us, link.jitter_us = INTERNAL_LATENCY_US, 0
        self._services.append(await serve_tcp(slave, at.host, at.port, turnaround_us=server.turnaround_us))

    def _join(self, server: Server, at: LineAt, slave: Slave) -> None:
        line = self._loop.lines[at.line]
        setting = Setting(at.baud, at.bits, at.parity, at.stops)
        LineNode(self._loop.env, line, slave, server.name, setting=setting, turnaround_us=server.turnaround_us)

    def _mute(self, server: str, mute: bool) -> None:
        self._slaves[server].mute = mute

    def _arm(self) -> None:
        if self._call is not None:
            self._call.cancel()
        self._call = self._loop.env.at(self.world.next_us, self._step)

    def _step(self) -> None:
        self._call = None
        self.world.advance(self._loop.now_us)
        self._arm()


def _addresses(site: Site) -> list[Address]:
    found: list[Address] = []
    for box in site.boxes:
        found.append(box.address)
        if box.meter is not None:
            found.append(box.meter.address)
    found.extend(meter.address for meter in site.meters)
    return found
