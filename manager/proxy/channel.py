"""A gateway with its port or its connection, and with the timer that it needs: the thin shell of one line."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from chargebench.datasheets.errors import CannotOpen
from chargebench.manager.links.master import drop
from chargebench.manager.links.reasons import reason
from chargebench.manager.proxy.between import Between, Later
from chargebench.manager.proxy.config import Behind
from chargebench.manager.proxy.gateway import Action, Gateway, ToClient, ToLine
from chargebench.manager.proxy.ports import SerialPort, open_serial
from chargebench.manager.proxy.recorder import Tap, end_of
from chargebench.manager.site import SerialAddress

AGAIN_S: Final = 1.0
"""So often a port or a server that is not there is looked for; no unit hears of it."""

FINE_US: Final = 1_000
"""A selector sleeps in whole milliseconds. The last one before a deadline is spent looking at the clock."""


class Client(Protocol):
    """Who asks."""

    def answered(self, token: int, pdu: bytes) -> None: ...


class Channel:
    """What both kinds have in common. ``clients`` are those who are there, by number; ``tell`` takes sentences for a person;
    ``between`` changes what passes.
    """

    def __init__(
        self,
        behind: Behind,
        gateway: Gateway,
        clients: dict[int, Client],
        tell: Callable[[str], None],
        between: Between | None = None,
    ) -> None:
        self.behind, self.gateway = behind, gateway
        self.between = between
        self.tap: Tap | None = None
        self._clients, self._tell = clients, tell
        self._loop = asyncio.get_running_loop()
        self._time = self._loop.time
        self._timer: asyncio.Handle | None = None
        self._timer_us = self._seen_us = 0
        self._retry: asyncio.TimerHandle | None = None
        self._told = ""
        self._opened = 0
        self.ended = False

    def request(self, client: int, token: int, unit: int, pdu: bytes) -> None:
        self._do(self.gateway.request(client, token, unit, pdu, self._now_us()))

    def refused(self, client: int, unit: int) -> None:
        """A client has asked what it may not; it has its answer."""
        self.gateway.counts.refused += 1
        self.gateway.watch.asked(client, unit)
        self.gateway.watch.tried(client, unit, "refused")

    def gone(self, client: int) -> None:
        """A client has gone."""
        if not self.ended:
            self._do(self.gateway.gone(client, self._now_us()))

    def start(self) -> None:
        """Begin; ``CannotOpen`` for a port that is not there."""

    def close(self) -> None:
        """Let go of the port."""
        self.ended = True
        self._closes()
        for timer in (self._timer, self._retry):
            if timer is not None:
                timer.cancel()
        self._close_port()

    def _now_us(self) -> int:
        return round(self._time() * 1e6)

    def _do(self, actions: Iterable[Action]) -> None:
        for action in actions:
            if isinstance(action, ToLine):
                self._leave(action.data)
            elif isinstance(action, ToClient):
                client = self._clients.get(action.client)
                if client is not None:
                    client.answered(action.token, action.pdu)
            else:
                self._drop()
        self._set_timer()

    def _leave(self, data: bytes) -> None:
        if self.tap is not None:
            self.tap.sent(data)
        if self.between is None:
            self._write(data)
            return
        passed = self.between.leaves(data)
        if self.tap is not None:
            self.tap.meddled(self.between.done)
        if passed.out:
            self._write(passed.out)
        self._pass_back(passed.back)

    def _received(self, data: bytes) -> None:
        if self.between is None:
            self._hear(data)
        else:
            self._pass_back(self.between.comes(data))

    def _hear(self, data: bytes) -> None:
        if self.tap is not None:
            self.tap.heard(data)
        actions = self.gateway.received(data, self._now_us())
        if self.tap is not None and actions:
            self.tap.settled()
        self._do(actions)

    def _pass_back(self, parts: Iterable[Later]) -> None:
        if self.tap is not None and self.between is not None:
            self.tap.meddled(self.between.done)
        for after_us, data in parts:
            if after_us:
                self._loop.call_later(after_us / 1e6, self._pass_late, data, self._opened)
            else:
                self._hear(data)

    def _pass_late(self, data: bytes, opened: int) -> None:
        """Bytes that were kept back, unless what they came from has been opened anew."""
        if not self.ended and opened == self._opened:
            self._hear(data)

    def _closes(self) -> None:
        if self.tap is not None:
            self.tap.closed()

    def _opens(self) -> None:
        self._opened += 1
        self._do(self.gateway.opened(self._now_us()))

    def _write(self, data: bytes) -> None:
        raise NotImplementedError

    def _drop(self) -> None:
        """What is behind is out of step."""

    def _close_port(self) -> None:
        raise NotImplementedError

    def _say(self, text: str) -> None:
        """Once, until something else is to be said."""
        if text != self._told:
            self._told = text
            self._tell(f"{self.behind.name}: {text}")

    # -- the timer --------------------------------------------------------------------------

    def _set_timer(self) -> None:
        next_us = self.gateway.next_us
        if next_us is None or self.ended or (self._timer is not None and self._timer_us <= next_us):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._seen_us = 0
        self._timer_us = next_us - FINE_US
        self._timer = self._loop.call_at(self._timer_us / 1e6, self._look)

    def _look(self) -> None:
        self._timer = None
        now_us, next_us = self._now_us(), self.gateway.next_us
        if next_us is None:
            return
        if now_us >= next_us:
            self._do(self.gateway.advance(now_us))
        elif next_us - now_us > FINE_US:
            self._set_timer()
        elif now_us == self._seen_us:  # time does not go on while one looks
            self._timer_us = next_us
            self._timer = self._loop.call_at(next_us / 1e6, self._look)
        else:
            self._seen_us, self._timer_us = now_us, now_us
            self._timer = self._loop.call_soon(self._look)


class LineChannel(Channel):
    """A serial port: open from the start, and looked for again when it has gone."""

    _port: SerialPort | None = None

    def start(self) -> None:
        why = self._open()
        if why:
            raise CannotOpen(f"{self.behind.target} for {self.behind.name}", why)

    def _open(self) -> str:
        address = self.behind.address
        assert isinstance(address, SerialAddress), "a serial port without its parameters"
        port = open_serial(self.behind.target, address)
        if isinstance(port, str):
            return port
        self._port = SerialPort(port, self._received, self._lost)
        self._opens()
        return ""

    def _lost(self, why: str) -> None:
        self._port = None
        self._say(f"{self.behind.target} is gone: {why}; it is looked for every second")
        self._do(self.gateway.down(self._now_us()))
        self._retry = self._loop.call_later(AGAIN_S, self._reopen)

    def _reopen(self) -> None:
        if self._open():
            self._retry = self._loop.call_later(AGAIN_S, self._reopen)
        else:
            self._say(f"{self.behind.target} is back")

    def _write(self, data: bytes) -> None:
        if self._port is not None:
            self._port.write(data)

    def _close_port(self) -> None:
        if self._port is not None:
            self._port.close()


class _Connection(asyncio.Protocol):
    """One connection to what is behind."""

    def __init__(self, channel: NetChannel) -> None:
        self._channel = channel
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport), "a stream was asked for"
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._channel.came(self, data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 asyncio's signature
        self._channel.lost(self)


class NetChannel(Channel):
    """A TCP connection: made when somebody asks, kept, and made anew when it is asked again after its end."""

    _connection: _Connection | None = None
    _task: asyncio.Task[None] | None = None

    def _do(self, actions: Iterable[Action]) -> None:
        super()._do(actions)
        if self.gateway.wants and self._task is None and not self.ended:
            self._task = self._loop.create_task(self._connect(), name=f"connect {self.behind.name}")

    async def _connect(self) -> None:
        host, _, port = self.behind.target.rpartition(":")
        why = ""
        try:
            async with asyncio.timeout(self.behind.pace.connect_us / 1e6):
                _, connection = await self._loop.create_connection(lambda: _Connection(self), host, int(port))
        except TimeoutError:
            why = "no connection in time"
        except OSError as error:
            why = reason(error, tcp=True)
        self._task = None
        if why:
            self._say(f"{self.behind.target}: {why}")
            self._retry = self._loop.call_later(AGAIN_S, self._may_again)
            self._do(self.gateway.down(self._now_us()))
        else:
            self._connection = connection
            self._say(f"connected to {self.behind.target}")
            if self.tap is not None and connection.transport is not None:
                self.tap.opened(end_of(connection.transport, "sockname"), end_of(connection.transport, "peername"))
            self._opens()

    def _may_again(self) -> None:
        self._do(self.gateway.closed(self._now_us()))

    def came(self, connection: _Connection, data: bytes) -> None:
        """Bytes came over a connection."""
        if connection is self._connection:
            self._received(data)

    def lost(self, connection: _Connection) -> None:
        """A connection has ended."""
        if connection is self._connection and not self.ended:
            self._connection = None
            self._closes()
            self._do(self.gateway.closed(self._now_us()))

    def _write(self, data: bytes) -> None:
        if self._connection is not None and self._connection.transport is not None:
            self._connection.transport.write(data)

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None and connection.transport is not None:
            drop(connection.transport)
            self._closes()
            self._do(self.gateway.closed(self._now_us()))

    def _close_port(self) -> None:
        if self._task is not None:
            self._task.cancel()
        if self._connection is not None and self._connection.transport is not None:
            self._connection.transport.close()
