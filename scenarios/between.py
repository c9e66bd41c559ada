"""What stands between the network and a line of a run: a gateway of another make, or our own proxy, which is the real one."""

from __future__ import annotations

import asyncio
from contextvars import copy_context
from typing import Protocol

from chargebench.datasheets.errors import CannotOpen
from chargebench.emulator.clock.loop import SimLoop
from chargebench.emulator.gateway_profiles import PROFILES
from chargebench.emulator.serve_gateway import GatewayNode
from chargebench.emulator.spec import GatewaySpec
from chargebench.emulator.wires.net import HOST
from chargebench.emulator.wires.uart import Setting
from chargebench.manager.proxy.config import SERVED_PACE, Before, Behind, Config
from chargebench.manager.proxy.shell import Proxy
from chargebench.manager.site import SerialAddress
from chargebench.scenarios.form import OWN_PROXY

AGAIN_S = 1.0
"""So often whoever watches over our proxy starts it again where its port was not there."""


class Between(Protocol):
    """A gateway of a run."""

    async def open(self) -> None:
        """Begin."""

    def power(self, *, on: bool) -> None:
        """It has power, or has none; what it knew is gone then."""

    def plug(self, *, on: bool) -> None:
        """The adapter of its line is there, or is not."""

    def close(self) -> None:
        """The run is over."""


def between(loop: SimLoop, spec: GatewaySpec) -> Between:
    """The gateway that a world has there; its line must have been laid."""
    return OwnProxy(loop, spec) if spec.profile == OWN_PROXY else Foreign(loop, spec)


class Foreign:
    """One that the emulator plays."""

    def __init__(self, loop: SimLoop, spec: GatewaySpec) -> None:
        line, at = loop.lines[spec.line.line], spec.line
        setting = Setting(at.baud, at.bits, at.parity, at.stops)
        self._spec = spec
        self._node = GatewayNode(loop.env, line, spec.name, PROFILES[spec.profile], setting, spec.memory_us)

    async def open(self) -> None:
        await self._node.open(self._spec.at.host, self._spec.at.port)

    def power(self, *, on: bool) -> None:
        self._node.power(on=on)

    def plug(self, *, on: bool) -> None:
        self._node.plug(on=on)

    def close(self) -> None:
        self._node.close()


class OwnProxy:
    """Our own, as it runs on a machine, on a host of its own."""

    def __init__(self, loop: SimLoop, spec: GatewaySpec) -> None:
        at, line = spec.at, spec.line
        parity = next(one for one in ("N", "E", "O") if one == line.parity)
        address = SerialAddress(line.line, line.baud, line.bits, parity, line.stops, line.mode)
        behind = Behind(spec.name, "serial", f"simbus://{line.line}/{spec.name}", address, SERVED_PACE)
        self._config = Config((behind,), (Before(at.host, at.port, spec.name),))
        self._loop, self._name = loop, spec.name
        self._line = loop.lines[line.line]
        self._context = copy_context()
        self._context.run(HOST.set, at.host)
        self._proxy: Proxy | None = None
        self._runs = False

    @property
    def proxy(self) -> Proxy | None:
        """The process, while there is one."""
        return self._proxy

    async def open(self) -> None:
        self._runs = True
        await self._loop.create_task(self._start(), name=f"proxy {self._name}", context=self._context)

    async def _start(self) -> None:
        """Start the process; once more, where it ends at once because its port is not there."""
        while self._runs and self._proxy is None:
            proxy = Proxy(self._config, _quiet)
            try:
                await proxy.open()
            except CannotOpen:
                await asyncio.sleep(AGAIN_S)
            else:
                self._proxy = proxy

    def power(self, *, on: bool) -> None:
        if on == self._runs:
            return
        self._runs = on
        if on:
            self._loop.create_task(self._start(), name=f"proxy {self._name}", context=self._context)
        elif self._proxy is not None:
            self._proxy.close()
            self._proxy = None

    def plug(self, *, on: bool) -> None:
        if on:
            self._line.put_back(self._name)
        else:
            self._line.pull(self._name)

    def close(self) -> None:
        self.power(on=False)


def _quiet(_text: str) -> None:
    """What it would tell a person, nobody reads here: the story tells what was done to it."""
