"""Clients of the proxy on TCP: each has a stream, a bounded number of open requests, and an end.

A connection too many takes the place of the one that is worth least: of those without an open request one that has never
asked anything, else the one that has not asked for the longest time. Half a request, or none for long, ends a connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from chargebench.manager.proxy import mbap
from chargebench.manager.proxy.access import Access
from chargebench.manager.proxy.answers import refusal
from chargebench.manager.proxy.channel import Channel, Client
from chargebench.manager.proxy.config import Before, Config, Crowd
from chargebench.manager.proxy.recorder import ClientTap, Recorder, end_of

OPEN_MOST: Final = 16
"""Requests of one client that may be open; what comes on top waits unread."""

SWEEP_S: Final = 1.0


class Clients:
    """Everybody who is connected to a proxy."""

    def __init__(self, crowd: Crowd, by_number: dict[int, Client]) -> None:
        self.crowd = crowd
        self.recorder: Recorder | None = None
        self.here: dict[int, ClientProtocol] = {}
        self.closed = False
        self._by_number = by_number
        self._number = 0
        self._loop = asyncio.get_running_loop()
        self._sweeper: asyncio.TimerHandle | None = None
        self._empty: asyncio.Future[None] | None = None

    def now_us(self) -> int:
        return round(self._loop.time() * 1e6)

    def enter(self, client: ClientProtocol) -> int:
        """A number for a new client; 0 if there is no room for it."""
        if self.closed or (len(self.here) >= self.crowd.most and not self._make_room()):
            return 0
        self._number += 1
        self.here[self._number] = client
        self._by_number[self._number] = client
        if self._sweeper is None:
            self._sweeper = self._loop.call_later(SWEEP_S, self._sweep)
        return self._number

    def leave(self, number: int) -> None:
        self.here.pop(number, None)
        self._by_number.pop(number, None)
        if not self.here and self._empty is not None and not self._empty.done():
            self._empty.set_result(None)

    def names(self) -> dict[int, str]:
        """Where those are who are here, by their numbers."""
        return {number: client.at for number, client in self.here.items()}

    def _make_room(self) -> bool:
        idle = [client for client in self.here.values() if not client.open]
        if not idle:
            return False
        least = min(idle, key=lambda client: (client.asked, client.heard_us))
        least.end_now()
        return True

    def _sweep(self) -> None:
        self._sweeper = None
        now_us = self.now_us()
        for client in list(self.here.values()):
            client.look(now_us)
        if self.here:
            self._sweeper = self._loop.call_later(SWEEP_S, self._sweep)

    async def drain(self, most_s: float) -> None:
        """Take no more requests, and answer those that are open, as far as there is time."""
        self.closed = True
        for client in list(self.here.values()):
            client.end()
        if self.here:
            self._empty = self._loop.create_future()
            await asyncio.wait((self._empty,), timeout=most_s)

    def close(self) -> None:
        self.closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        for client in list(self.here.values()):
            client.end_now()


class ClientProtocol(asyncio.Protocol):
    """One client. ``open``: how many of its requests are under way; ``asked``: whether it has ever asked anything."""

    def __init__(self, clients: Clients, place: Before, channel: Channel, config: Config) -> None:
        self._clients, self._channel = clients, channel
        self._only, self._units, self._access = place.unit, config.units, config.access
        self._guarded = config.access != Access()
        self._splitter = mbap.Splitter()
        self._transport: asyncio.Transport | None = None
        self._tap: ClientTap | None = None
        self._number = 0
        self._host = self.at = ""
        self.open = 0
        self.asked = False
        self.heard_us = 0
        self._half_us: int | None = None
        self._taking = self._ending = self._stuffed = self._deaf = False

    # -- called by the loop -----------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport), "a stream was listened for"
        self._transport = transport
        self.heard_us = self._clients.now_us()
        if self._clients.recorder is not None:
            self._tap = self._clients.recorder.client(end_of(transport, "sockname"), end_of(transport, "peername"))
        host, port = (transport.get_extra_info("peername") or ("", 0))[:2]
        self._host, self.at = str(host), _at(str(host), port)
        if self._access.admits(self._host):
            self._number = self._clients.enter(self)
        if not self._number:
            self.end_now()

    def data_received(self, data: bytes) -> None:
        if self._tap is not None:
            self._tap.asked(data)
        if self._number and not self._ending:
            self._splitter.feed(data)
            self._take()

    def eof_received(self) -> bool:
        if self._tap is not None:
            self._tap.ended()
        self.end()
        return True  # what is open is still answered

    def pause_writing(self) -> None:
        self._stuffed = True
        self._gate()

    def resume_writing(self) -> None:
        self._stuffed = False
        self._take()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 asyncio's signature
        self._transport = None
        if self._tap is not None:
            self._tap.closed()
        if self._number:
            self._clients.leave(self._number)
            self._channel.gone(self._number)

    # -- requests and answers ---------------------------------------------------------------

    def _take(self) -> None:
        """Ask what has come, as far as so much may be open."""
        if self._taking:
            return
        self._taking = True
        while self.open < OPEN_MOST and not self._stuffed and self._transport is not None:
            asked = self._splitter.take()
            if asked is None:
                break
            self._ask(asked)
        self._taking = False
        if self._splitter.broken:
            self._ending = True
        self._note_half()
        self._gate()
        if self._ending and not self.open and not self._stuffed:
            self.end_now()

    def _ask(self, asked: mbap.Asked) -> None:
        self.open += 1
        self.asked = True
        self.heard_us = self._clients.now_us()
        token = asked.transaction << 8 | asked.unit
        unit = self._units.get(asked.unit, asked.unit) if self._only is None else self._only
        code = self._access.refuses(self._host, unit, asked.pdu) if self._guarded else 0
        if code:
            self._channel.refused(self._number, unit)
            self.answered(token, refusal(asked.pdu, code))
        else:
            self._channel.request(self._number, token, unit, asked.pdu)

    def answered(self, token: int, pdu: bytes) -> None:
        """A request is over."""
        self.open -= 1
        if self._transport is None:
            return
        if pdu:
            adu = mbap.answer(token >> 8, token & 0xFF, pdu)
            if self._tap is not None:
                self._tap.answered(adu)
            self._transport.write(adu)
        if self._deaf or self._ending or self._splitter.held:
            self._take()

    def _note_half(self) -> None:
        """Since when half a request waits for its rest."""
        if not self._splitter.held or self.open >= OPEN_MOST or self._stuffed:
            self._half_us = None
        elif self._half_us is None:
            self._half_us = self._clients.now_us()

    def _gate(self) -> None:
        """Read no more while enough is open, or while the client does not take its answers."""
        deaf = self.open >= OPEN_MOST or self._stuffed or self._ending
        if self._transport is None or deaf == self._deaf or self._transport.is_closing():
            return
        self._deaf = deaf
        if deaf:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    # -- its end ----------------------------------------------------------------------------

    def look(self, now_us: int) -> None:
        """End it if it has said nothing, or half of something, for too long."""
        crowd = self._clients.crowd
        stalled = self._half_us is not None and now_us >= self._half_us + crowd.stall_us
        if stalled or now_us >= self.heard_us + crowd.idle_us:
            self.end_now()

    def end(self) -> None:
        """Answer what has been asked, then close."""
        self._ending = True
        self._take()

    def end_now(self) -> None:
        """Close; what is open is not answered any more."""
        if self._transport is not None:
            number, self._number = self._number, 0
            if number:
                self._clients.leave(number)
                self._channel.gone(number)
            if self._stuffed:
                self._transport.abort()
            else:
                self._transport.close()


async def listen(
    place: Before, channel: Channel, clients: Clients, config: Config
) -> tuple[asyncio.AbstractServer, str]:
    """Listen there for clients of a line; the server, and where it really is. ``OSError`` if that cannot be had."""
    make: Callable[[], ClientProtocol] = lambda: ClientProtocol(clients, place, channel, config)  # noqa: E731
    server = await asyncio.get_running_loop().create_server(make, place.host, place.port)
    host, port = server.sockets[0].getsockname()[:2]
    return server, _at(host, port)


def _at(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
