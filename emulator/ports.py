"""A world's slaves on ports of this machine: TCP addresses on the loopback, serial lines on serial ports or ptys.

The wires keep the loop's time (turnarounds, silences, half messages); the devices behind them live in the world's, which
may run faster or slower. Everybody on a line shares the one port that stands for it.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from chargebench.datasheets.errors import CannotOpen, Complaint, UnknownName
from chargebench.emulator.ascii import AsciiEnd
from chargebench.emulator.clients import Limits
from chargebench.emulator.events import Event
from chargebench.emulator.framing import RtuEnd
from chargebench.emulator.functions import WRITES
from chargebench.emulator.late_answers import late_answers
from chargebench.emulator.plant import Server
from chargebench.emulator.pump import Pump
from chargebench.emulator.reach import Reach
from chargebench.emulator.serve import (
    LOOPBACK,
    SERIAL_SILENCE_US,
    SerialPort,
    TcpService,
    serve_tcp,
    tolerant_end,
)
from chargebench.emulator.slave import Slave
from chargebench.emulator.spec import LineAt, TcpAt
from chargebench.emulator.wires.multidrop import Drop, Multidrop
from chargebench.emulator.wires.pty import PTY
from chargebench.emulator.wires.uart import Setting


@dataclass(frozen=True, slots=True)
class Listen:
    """Where a TCP address of the world is to be. ``port`` 0: any that is free; so it is, too, where the port cannot be had and
    ``exact`` is not asked for.
    """

    host: str = LOOPBACK
    port: int = 0
    exact: bool = True


@dataclass(slots=True)
class Traffic:
    """What masters have asked of one device: requests, those that write, and when the last came, in us of the world."""

    requests: int = 0
    writes: int = 0
    last_us: int | None = None


@dataclass(frozen=True, slots=True)
class Tty:
    """The serial port that stands for a line: a device such as ``/dev/ttyUSB0``, ``PTY`` for a new pty, or a URL of pyserial.

    ``setting`` None: as most slaves on the line are set. ``silence_us`` ends a frame; an adapter that hands over bytes late
    needs more than its own latency.
    """

    url: str
    setting: Setting | None = None
    silence_us: int = SERIAL_SILENCE_US


class Ports:
    """The open ports of a world. ``aliases``: where each TCP address of the world really is, ``host:port`` to ``host:port``,
    and each line that is a pty; with the other ends of the other lines added, a manager reaches the whole world by them.
    ``traffic``: what was asked of each device, by name. ``on_write`` hears of each request to write, answered or not.
    """

    def __init__(self, pump: Pump) -> None:
        self.aliases: dict[str, str] = {}
        self.on_write: Callable[[Event], None] | None = None
        self._pump = pump
        self.traffic = {member.name: Traffic() for server in pump.world.servers() for member in server.members}
        self._slaves = {server.name: _WorldSlave(server, self._asked, pump) for server in pump.world.servers()}
        self._services: list[TcpService] = []
        self._lines: dict[str, SerialPort] = {}
        self._units = {
            member.name: (self._slaves[server.name], member.unit)
            for server in pump.world.servers()
            for member in server.members
        }
        for name in self._units:
            self._reached(name, pump.world.reach(name))
        pump.world.reaches.listeners.append(self._reached)
        pump.world.wires.listeners.append(self._disturbed)
        self._disturbed()

    @property
    def lost(self) -> dict[str, str]:
        """The lines whose serial port has gone away, and why."""
        return {name: port.lost for name, port in self._lines.items() if port.lost}

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines that are served."""
        return tuple(self._lines)

    def busy_us(self, line: str) -> int:
        """How long this line has been busy so far."""
        port = self._lines[line]
        return port.setting.time_us(port.carried)

    async def serve_tcp(self, server: Server, listen: Listen) -> None:
        """Serve one of the world's servers at a TCP address; ``CannotOpen`` where that cannot be had."""
        try:
            slave, turnaround_us = self._slaves[server.name], server.turnaround_us
            limits = self._limits(server)
            service = await serve_tcp(slave, listen.host, listen.port, turnaround_us=turnaround_us, limits=limits)
        except OSError as error:
            if listen.exact:
                raise _cannot_listen(listen, server, error) from error
            await self.serve_tcp(server, Listen(listen.host))
            return
        self._services.append(service)
        self.aliases[_address(server)] = "{}:{}".format(*service.address)

    def _limits(self, server: Server) -> Limits:
        """What a server bears of clients, who come in the time of the loop, while its box lives in the world's."""
        pump, limits = self._pump, server.bears.limits()
        return replace(
            limits,
            crash=lambda _at_us: limits.crash(pump.advance()),
            lockout_us=lambda: round(limits.lockout_us() / pump.speed),
        )

    def serve_line(self, name: str, servers: Sequence[Server], tty: Tty) -> None:
        """Serve all of a line's servers on one serial port; ``CannotOpen`` where that cannot be had."""
        settings = [_setting(server) for server in servers]
        setting = tty.setting or Counter(settings).most_common(1)[0][0]
        drops = [
            Drop(self._end(server, own, tty.silence_us), own) for server, own in zip(servers, settings, strict=True)
        ]
        shared = Multidrop(drops, setting, self._pump.world.streams.stream("port", name))
        try:
            port = self._lines[name] = SerialPort(shared, tty.url, setting)
        except OSError as error:  # pyserial's own exception is one
            raise CannotOpen(f"{tty.url} for {name}", _reason(error)) from error
        if tty.url == PTY:
            self.aliases[name] = port.path

    def _end(self, server: Server, setting: Setting, silence_us: int) -> RtuEnd | AsciiEnd:
        return tolerant_end(self._slaves[server.name], setting, server.turnaround_us, silence_us, server.speech)

    def close(self) -> None:
        """Stop listening, drop every client, give back the serial ports."""
        if self._reached in self._pump.world.reaches.listeners:
            self._pump.world.reaches.listeners.remove(self._reached)
            self._pump.world.wires.listeners.remove(self._disturbed)
        for service in self._services:
            service.close()
        for port in self._lines.values():
            port.close()

    async def wait_closed(self) -> None:
        for service in self._services:
            await service.wait_closed()

    def _asked(self, at_us: int, name: str, unit: int, function: int) -> None:
        """A request for a device has come, whether it hears it or not."""
        traffic = self.traffic[name]
        traffic.requests += 1
        traffic.last_us = at_us
        if function in WRITES:
            traffic.writes += 1
            if self.on_write is not None:
                self.on_write(Event(at_us, f"slave {name}", "write request", (("unit", unit), ("function", function))))

    def _reached(self, name: str, now: Reach) -> None:
        """A real network cannot be cut here: what it would not carry, the slave does not hear or say."""
        slave, unit = self._units[name]
        slave.reach(unit, hears=not now.mute and now.way_there, speaks=now.speaks and now.way_back)

    def _disturbed(self) -> None:
        """Answers come late by the world's time, or no longer; of all that can be wrong with wires, only that can be done here."""
        wires, speed = self._pump.world.wires, self._pump.speed
        for server in self._pump.world.servers():
            late_us = {one.unit: round(wires.late_us(one.name) / speed) for one in server.members}
            self._slaves[server.name].tamper = late_answers(late_us, server.tamper)


async def open_ports(
    pump: Pump,
    *,
    ttys: Mapping[str, Tty] | None = None,
    tcp: Mapping[str, Listen] | None = None,
) -> Ports:
    """Serve everything of the pump's world that answers on wires, on the running loop, until the ports are closed.

    ``ttys``: the serial port for each of the world's lines, by name; every line needs one. ``tcp``: where to listen for an
    address of the world, ``192.168.2.151:4701``; a free port of the loopback, by which only this machine gets through, where
    it is left out. ``Complaint`` for a line without a port and for a name that the world does not know, ``CannotOpen`` for a
    port that cannot be had; then none is left open.
    """
    ttys, tcp = ttys or {}, tcp or {}
    servers = pump.world.servers()
    lines: dict[str, list[Server]] = {}
    for server in servers:
        if isinstance(server.at, LineAt):
            lines.setdefault(server.at.line, []).append(server)
    here = [server for server in servers if isinstance(server.at, TcpAt)]
    _refuse_unknown("line", ttys, tuple(lines))
    _refuse_unknown("address", tcp, tuple(_address(server) for server in here))
    for name in lines:
        if name not in ttys:
            raise Complaint(f"line {name} needs a serial port of this machine, such as /dev/ttyUSB0")
    ports = Ports(pump)
    try:
        for server in here:
            await ports.serve_tcp(server, tcp.get(_address(server), Listen()))
        for name, members in lines.items():
            ports.serve_line(name, members, ttys[name])
    except BaseException:
        ports.close()
        raise
    return ports


class _WorldSlave(Slave):
    """A slave whose devices live in the world's time, whatever its wire's."""

    def __init__(self, server: Server, asked: Callable[[int, str, int, int], None], pump: Pump) -> None:
        super().__init__(server.units, tamper=server.tamper)
        self._pump, self._asked = pump, asked
        self._names = {member.unit: member.name for member in server.members}

    def answer(self, unit: int, pdu: bytes, now_us: int, *, serial: bool = False) -> bytes | None:  # noqa: ARG002
        present_us = self._pump.advance()
        if pdu and unit in self._names:
            self._asked(present_us, self._names[unit], unit, pdu[0])
        return super().answer(unit, pdu, present_us, serial=serial)


def _address(server: Server) -> str:
    assert isinstance(server.at, TcpAt)
    return f"{server.at.host}:{server.at.port}"


def _reason(error: OSError) -> str:
    """The system's words for it, which the libraries wrap in their own."""
    return os.strerror(error.errno).lower() if error.errno and error.errno > 0 else str(error)


def _cannot_listen(listen: Listen, server: Server, error: OSError) -> CannotOpen:
    why = _reason(error)
    if isinstance(error, PermissionError):
        why += "; ports below 1024 are for root"
    return CannotOpen(f"{listen.host}:{listen.port} for {server.name}", why)


def _setting(server: Server) -> Setting:
    assert isinstance(server.at, LineAt)
    return Setting(server.at.baud, server.at.bits, server.at.parity, server.at.stops)


def _refuse_unknown(what: str, names: Iterable[str], known: tuple[str, ...]) -> None:
    for name in names:
        if name not in known:
            raise UnknownName(what, name, known)
