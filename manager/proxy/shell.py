"""A whole proxy on the loop that runs: its lines, its listeners and its clients."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from typing import Final

from chargebench.datasheets.errors import CannotOpen
from chargebench.manager.links.master import crc_of, lrc_of
from chargebench.manager.links.pace import LineTimes
from chargebench.manager.proxy.between import Between
from chargebench.manager.proxy.channel import Channel, Client, LineChannel, NetChannel
from chargebench.manager.proxy.config import Before, Behind, Config
from chargebench.manager.proxy.gateway import Carried, Gateway
from chargebench.manager.proxy.recorder import Recorder
from chargebench.manager.proxy.server import Clients, listen
from chargebench.manager.proxy.table import Look, look
from chargebench.manager.proxy.wire import AsciiWire, RtuWire, TcpWire, Wire

UNPACED: Final = ("socket://", "rfc2217://", "loop://")


class Proxy:
    """Serves from ``open`` to ``close``. ``tell`` takes sentences for a person: ports that went away, and that are back.
    ``between`` gives what is to stand before a line, if anything; ``recorder`` is told what passes.
    """

    def __init__(
        self,
        config: Config,
        tell: Callable[[str], None],
        between: Callable[[Behind], Between | None] | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        by_number: dict[int, Client] = {}
        self._config = config
        self._channels = {
            one.name: _channel(one, by_number, tell, between(one) if between else None) for one in config.lines
        }
        self._clients = Clients(config.crowd, by_number)
        if recorder is not None:
            self._clients.recorder = recorder
            for channel in self._channels.values():
                channel.tap = recorder.behind(channel.behind)
        self._servers: list[asyncio.AbstractServer] = []

    async def open(self) -> list[str]:
        """Open every port and listen; where, in the order of the listeners. ``CannotOpen`` where something is not to be had."""
        try:
            for channel in self._channels.values():
                channel.start()
            return [await self._listen(place) for place in self._config.listeners]
        except BaseException:
            self.close()
            raise

    async def _listen(self, place: Before) -> str:
        try:
            server, at = await listen(place, self._channels[place.line], self._clients, self._config)
        except OSError as error:
            why = os.strerror(error.errno).lower() if error.errno and error.errno > 0 else str(error)
            if isinstance(error, PermissionError):
                why += "; ports below 1024 are for root"
            raise CannotOpen(f"{place.host}:{place.port}", why) from error
        self._servers.append(server)
        return at

    async def drain(self, most_s: float) -> None:
        """Take nothing more, and answer what has been asked as far as there is time."""
        for server in self._servers:
            server.close()
        await self._clients.drain(most_s)

    def close(self) -> None:
        for server in self._servers:
            server.close()
        self._clients.close()
        for channel in self._channels.values():
            channel.close()

    def look(self) -> list[Look]:
        """How each line stands."""
        names = self._clients.names()
        return [look(name, one.behind.target, one.gateway, names) for name, one in self._channels.items()]

    @property
    def carried(self) -> dict[str, tuple[Carried, int]]:
        """What each line has carried, and how many answers came too late."""
        return {name: (one.gateway.counts, one.gateway.late) for name, one in self._channels.items()}

    @property
    def meddled(self) -> dict[str, Mapping[str, int]]:
        """What stands before each line has done to it, by name."""
        return {name: one.between.done for name, one in self._channels.items() if one.between is not None}


def _channel(
    behind: Behind, clients: dict[int, Client], tell: Callable[[str], None], between: Between | None
) -> Channel:
    make = LineChannel if behind.kind == "serial" else NetChannel
    return make(behind, Gateway(wire_of(behind), behind.pace), clients, tell, between)


def wire_of(behind: Behind) -> Wire:
    """How requests are framed there, and how long a gap is kept between them."""
    wire = _wire(behind)
    if behind.gap_us is not None:
        wire.gap_us = behind.gap_us
    wire.echoes = behind.echo
    return wire


def _wire(behind: Behind) -> Wire:
    if behind.kind == "tcp":
        return TcpWire()
    line = None if behind.address is None else LineTimes.of(behind.address)
    connects = behind.kind == "rtu-tcp"
    if line is not None and line.mode == "ascii":
        return AsciiWire(lrc_of, line, connects=connects, paced=_paced(behind))
    return RtuWire(crc_of, line, connects=connects, paced=_paced(behind))


def _paced(behind: Behind) -> bool:
    """Whether bytes take the time of their line: not on a pseudo terminal, and not over a network."""
    networks = any(behind.target.startswith(scheme) for scheme in UNPACED)
    return behind.kind == "serial" and not networks and not os.path.realpath(behind.target).startswith("/dev/pts/")
