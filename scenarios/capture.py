"""A run as a capture: what every bus carried, at the run's own times, with the story and the commands as comments.

It listens to the trace. A connection is seen from its client's end, as a capture on that host would be; a burst on a line
stands at the instant at which it ended, which is when everybody has heard it. Within one instant what happened on different
buses is put in the order of their names, so that the file, too, follows from scenario, seed and version alone.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from chargebench.datasheets.words import amperes
from chargebench.emulator.spec import lines_of
from chargebench.emulator.wires.rs485 import Line
from chargebench.manager.links.master import crc_of, lrc_of
from chargebench.manager.proxy.capture import CLIENT, SERVER, Bus, Capture, Connection, Put, Side
from chargebench.manager.proxy.packets import End
from chargebench.manager.site import Address, SerialAddress
from chargebench.scenarios.describe import Scenario

EPOCH_DAY: Final = 719_163
"""The day of 1970-01-01, as ``date.toordinal`` counts: civil times are written as if they were UTC."""

SENDERS_MOST: Final = 16
DAY_US: Final = 86_400_000_000
_CLIENT = re.compile(r"tcp (?P<client>.+)>(?P<host>.+):(?P<port>\d+)#(?P<number>\d+)")
_SERVER = re.compile(r"tcp (?P<host>.+):(?P<port>\d+)>(?P<client>.+)#(?P<number>\d+)")
_LOST: Final = frozenset(("rst", "gone", "close"))


@dataclass(slots=True)
class _Seen:
    """A connection under way. ``broken``: its server's end is no more."""

    connection: Connection
    open: bool = False
    broken: bool = False


@dataclass(slots=True)
class _Talk:
    """What is being sent on a line: by whom, how many bytes, and whether at the same time.

    One may begin at the very instant at which another ends, and is heard of first; and one whose wire is cut is heard by nobody.
    """

    bus: Bus
    sent: deque[tuple[str, int]] = field(default_factory=lambda: deque(maxlen=SENDERS_MOST))
    collides: bool = False

    def begins(self, sender: str, size: int) -> None:
        if self.sent and self.sent[-1][0] == sender:
            size += self.sent.pop()[1]  # it goes on without a pause
        self.sent.append((sender, size))

    def ends(self, size: int) -> list[str]:
        """Who has sent the burst that ends, several where they have collided; nobody if that cannot be told."""
        if self.collides or all(one != size for _, one in self.sent):
            found = list(dict.fromkeys(sender for sender, _ in self.sent))
            self.sent.clear()
        else:
            while self.sent[0][1] != size:
                self.sent.popleft()
            found = [self.sent.popleft()[0]]
        return found


class RunCapture:
    """Give ``record`` to the run's loop as its sink, ``story`` to its story; ``begin`` before the first record that counts."""

    def __init__(self, scenario: Scenario, put: Put) -> None:
        self._scenario = scenario
        self._clock = scenario.clock
        self._start_us = (scenario.clock.day - EPOCH_DAY) * DAY_US + scenario.clock.us
        self._capture = Capture(put, crc_of, lrc_of, "master")
        self._talks: dict[str, _Talk] = {}
        self._slaves: frozenset[str] = frozenset()
        self._seen: dict[str, _Seen] = {}
        self._at_us = 0
        self._told: list[str] = []
        self._waiting: list[tuple[str, str, bytes]] = []
        self._ended = False

    def begin(self, lines: Mapping[str, Line], slaves: frozenset[str]) -> None:
        """The lines of the run, and the names of those who only answer there."""
        self._slaves = slaves
        spoken = _ascii_lines(self._scenario)
        for name, line in lines.items():
            set_to = line.setting
            mode: Literal["rtu", "ascii"] = "ascii" if name in spoken else "rtu"
            described = f"Modbus {mode.upper()} on RS-485 line {name}, {set_to.baud} baud {set_to.bits}{set_to.parity}{set_to.stops}"
            self._talks[name] = _Talk(self._capture.line(name, described, mode))

    def story(self, at_us: int, text: str) -> None:
        """A sentence of the story; some are told a little later than what they tell of."""
        if not self._ended:
            self._go_to(max(at_us, self._at_us))
            self._told.append(f"{self._clock.show(at_us)} {text}")

    def record(self, channel: str, at_us: int, kind: str, data: bytes) -> None:
        """A record of the trace."""
        if self._ended:
            return
        if at_us != self._at_us:
            self._go_to(at_us)
        if channel in self._talks or channel.startswith("tcp "):
            self._waiting.append((channel, kind, data))
        elif kind == "command" and channel.startswith("manager "):
            self._told.append(_command(self._clock.show(at_us), channel.removeprefix("manager "), data))

    def end(self) -> None:
        """The run has come to its end; what its being taken down does on the wires is no part of it."""
        self._flush()
        self._capture.rest(self._start_us + self._at_us)
        self._ended = True

    # -- one instant ------------------------------------------------------------------------

    def _go_to(self, at_us: int) -> None:
        if at_us != self._at_us:
            self._flush()
            self._at_us = at_us

    def _flush(self) -> None:
        now_us = self._start_us + self._at_us
        for text in self._told:
            self._capture.comment(now_us, text)
        self._told.clear()
        self._waiting.sort(key=lambda one: one[0])
        for channel, kind, data in self._waiting:
            talk = self._talks.get(channel)
            if talk is not None:
                self._line(talk, now_us, kind, data)
            else:
                self._tcp(channel, now_us, kind, data)
        self._waiting.clear()

    def _line(self, talk: _Talk, now_us: int, kind: str, data: bytes) -> None:
        if kind.startswith("tx "):
            talk.begins(kind.removeprefix("tx "), len(data))
        elif kind == "collision":
            talk.collides = True
        elif kind == "rx":
            senders = talk.ends(len(data))
            comments = [f"collision of {' and '.join(senders)}"] if talk.collides else []
            self._capture.frame(
                talk.bus, now_us, data, asked=not self._slaves.issuperset(senders[:1]), comments=comments
            )
            talk.collides = False

    # -- connections ------------------------------------------------------------------------

    def _tcp(self, channel: str, now_us: int, kind: str, data: bytes) -> None:
        ends = _CLIENT.fullmatch(channel)
        if ends is None:
            self._at_server(channel, kind)
            return
        if kind == "syn":
            self._forget_unanswered(ends)
            self._seen[channel] = self._new(ends)
        seen = self._seen.get(channel)
        if seen is not None:
            seen.open |= kind == "open"
            by, packets = _packets(seen, kind, data)
            self._capture.carried(seen.connection, now_us, by, packets)
            if kind in _LOST or kind == "refused":
                del self._seen[channel]

    def _new(self, ends: re.Match[str]) -> _Seen:
        capture, host, port = self._capture, ends["host"], int(ends["port"])
        client = End(capture.host(ends["client"]), capture.next_port())
        server = End(capture.host(host), port)
        return _Seen(capture.connection(capture.server(host, port), client, server, here=CLIENT))

    def _forget_unanswered(self, ends: re.Match[str]) -> None:
        """An earlier try that nobody has answered, and that ended without a word on the wire."""
        before = f"tcp {ends['client']}>{ends['host']}:{ends['port']}#{int(ends['number']) - 1}"
        if before in self._seen and not self._seen[before].open:
            del self._seen[before]

    def _at_server(self, channel: str, kind: str) -> None:
        """The other end of a connection has gone: if it breaks at this end, it was not this end that broke it."""
        ends = _SERVER.fullmatch(channel)
        if ends is None or kind not in _LOST:
            return
        seen = self._seen.get(f"tcp {ends['client']}>{ends['host']}:{ends['port']}#{ends['number']}")
        if seen is not None:
            seen.broken = True


def _packets(seen: _Seen, kind: str, data: bytes) -> tuple[Side, Iterator[bytes]]:
    """Who has sent what makes a record of a client's end visible."""
    stream = seen.connection.stream
    makes: dict[str, tuple[Side, Callable[[], Iterator[bytes]]]] = {
        "syn": (CLIENT, stream.asks),
        "open": (SERVER, stream.begins),
        "refused": (SERVER, lambda: stream.breaks(SERVER)),
        "tx": (CLIENT, lambda: stream.carries(CLIENT, data)),
        "rx": (SERVER, lambda: stream.carries(SERVER, data)),
        "end": (SERVER, lambda: stream.ends(SERVER)),
        "eof": (CLIENT, lambda: stream.ends(CLIENT)),
        "close": (CLIENT, lambda: stream.ends(CLIENT)),
    }
    breaker: Side = SERVER if seen.broken else CLIENT
    by, packets = makes.get(kind, (breaker, lambda: stream.breaks(breaker)))
    return by, packets()


def _command(shown: str, box: str, data: bytes) -> str:
    said = dict(json.loads(data))
    return f"{shown} the master sets {box} to {amperes(int(said['limit_ma']))} (cycle {said['cycle']})"


def _ascii_lines(scenario: Scenario) -> frozenset[str]:
    """The lines on which somebody speaks Modbus ASCII."""
    site = scenario.site
    typed: list[Address] = [box.address for box in site.boxes]
    typed += [box.meter.address for box in site.boxes if box.meter is not None]
    typed += [meter.address for meter in site.meters]
    return frozenset(
        [one.port for one in typed if isinstance(one, SerialAddress) and one.mode == "ascii"]
        + [name for name, at in lines_of(scenario.world).items() if at.mode == "ascii"]
    )
