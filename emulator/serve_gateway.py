"""A gateway on its wires: the thin shell between its engine, its clients on TCP and its place on a simulated line."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from chargebench.emulator.adu import MbapSplitter
from chargebench.emulator.gateway import Action, Answer, Forward, Gateway, HangUp
from chargebench.emulator.gateway_profiles import Profile
from chargebench.emulator.wires.ground import Heap, Ticket
from chargebench.emulator.wires.rs485 import Line
from chargebench.emulator.wires.uart import Setting


class GatewayNode:
    """A gateway that listens at ``host:port`` and has a place, ``name``, on a line. ``open`` begins it."""

    hears = None

    def __init__(
        self, heap: Heap, line: Line, name: str, profile: Profile, setting: Setting, memory_us: int | None = None
    ) -> None:
        self.name = name
        self._heap, self._line, self._setting = heap, line, setting
        self._profile = profile
        self._engine = Gateway(profile, setting.baud, setting.character_bits, memory_us)
        self._clients: dict[int, _Client] = {}
        self._numbers = 0
        self._wake: Ticket | None = None
        self._server: asyncio.AbstractServer | None = None
        self._runs = self._plugged = False

    async def open(self, host: str, port: int) -> None:
        """Listen there, and join the line."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Client(self), host, port)
        self._runs = True
        self.plug(on=True)

    def close(self) -> None:
        """Off the line, and no longer there for anybody."""
        self.restart()
        if self._server is not None:
            self._server.close()

    def restart(self) -> None:
        """Everything is forgotten: who was connected, what was asked, what was read."""
        for client in list(self._clients.values()):
            client.hang_up()
        self._clients.clear()
        self._engine.forget()
        self._do(())

    def power(self, *, on: bool) -> None:
        """It runs, or it does not, and then knows nothing any more."""
        if on == self._runs:
            return
        if not on:
            self.restart()
        self._runs = on
        self._seat()

    def plug(self, *, on: bool) -> None:
        """Its adapter is there, or it is not."""
        if on != self._plugged:
            self._plugged = on
            self._seat()

    def _seat(self) -> None:
        self._line.detach(self)
        if self._runs and self._plugged:
            self._line.attach(self, setting=self._setting)

    # -- called by its clients --------------------------------------------------------------

    def welcome(self, client: _Client) -> int:
        """A number for a new client, 0 where there is no room."""
        if not self._runs or len(self._clients) >= self._profile.clients_most:
            return 0
        self._numbers += 1
        self._clients[self._numbers] = client
        return self._numbers

    def asked(self, client: _Client, splitter: MbapSplitter) -> None:
        """A client has asked what is in the splitter."""
        while (adu := splitter.take()) is not None:
            if adu.pdu:
                self._do(self._engine.request(client.number, adu, self._heap.now_us))
        if splitter.broken:
            client.hang_up()

    def farewell(self, client: _Client) -> None:
        """A client's connection has ended."""
        if self._clients.get(client.number) is client:
            del self._clients[client.number]
            self._engine.gone(client.number)
            self._do(())

    @property
    def idle_us(self) -> int | None:
        """After how long a client that says nothing is closed."""
        return self._profile.idle_us

    # -- called by the line -----------------------------------------------------------------

    def line_busy(self, now_us: int) -> None:
        """It keeps no account of silences."""

    def received(self, now_us: int, data: bytes) -> None:
        self._do(self._engine.received(data, now_us))

    def _advance(self) -> None:
        self._wake = None
        self._do(self._engine.advance(self._heap.now_us))

    def _do(self, actions: Iterable[Action]) -> None:
        for action in actions:
            if isinstance(action, Forward):
                if self._plugged and self._runs:
                    self._line.send(self, action.data)
            elif (client := self._clients.get(action.client)) is None:
                continue
            elif isinstance(action, Answer):
                client.send(action.data)
            else:
                assert isinstance(action, HangUp)
                client.hang_up()
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None
        next_us = self._engine.next_us
        if next_us is not None:
            self._wake = self._heap.at(max(next_us, self._heap.now_us), self._advance)


class _Client(asyncio.Protocol):
    """One connection to a gateway."""

    def __init__(self, gateway: GatewayNode) -> None:
        self.number = 0
        self._gateway = gateway
        self._splitter = MbapSplitter()
        self._transport: asyncio.Transport | None = None
        self._idle: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport), "a stream was listened for"
        self._transport = transport
        self.number = self._gateway.welcome(self)
        if self.number:
            self._heard()
        else:
            self.hang_up()

    def data_received(self, data: bytes) -> None:
        self._heard()
        self._splitter.feed(data)
        self._gateway.asked(self, self._splitter)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 asyncio's signature
        self._transport = None
        if self._idle is not None:
            self._idle.cancel()
        self._gateway.farewell(self)

    def send(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def hang_up(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _heard(self) -> None:
        idle_us = self._gateway.idle_us
        if idle_us is not None:
            if self._idle is not None:
                self._idle.cancel()
            self._idle = asyncio.get_running_loop().call_later(idle_us / 1e6, self.hang_up)
