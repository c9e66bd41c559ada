"""An RS-485 line: one pair of wires that every node hears and only one may drive.

A burst (characters back to back from one node) is one event of the heap, at its end. It is delivered to the nodes that it
addresses and to those that hear everything; others are not called, so that 25 nodes cost no more than one. They lose
nothing by it: when a burst follows another by less than t3.5, and so belongs to the same frame for whoever listens strictly,
every node is given it, together with what it was spared before. What is garbled is given to everyone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from chargebench.emulator.streams import Stream
from chargebench.emulator.wires import simbus
from chargebench.emulator.wires.ground import Ground
from chargebench.emulator.wires.uart import Setting, heard

MILLION = 1_000_000
BROADCAST = 0


class LineLoop(Ground, Protocol):
    """A loop with lines."""

    @property
    def lines(self) -> dict[str, Line]:
        """The lines by name."""


class Node(Protocol):
    """Something with a driver and a receiver on a line."""

    @property
    def name(self) -> str:
        """Unique on its line."""

    @property
    def hears(self) -> tuple[int, ...] | None:
        """The unit ids whose frames it is given, besides broadcasts; None: every byte."""

    def line_busy(self, now_us: int) -> None:
        """A start bit, less than t3.5 after a burst that this node was given: the frame goes on."""

    def received(self, now_us: int, data: bytes) -> None:
        """A burst has ended now."""


@dataclass(slots=True)
class LineStats:
    """What a line has carried. Time counts once, however many talk at a time."""

    busy_us: int = 0
    bursts: int = 0
    bytes: int = 0
    collisions: int = 0
    t35_violations: int = 0


@dataclass(slots=True, eq=False)
class _Seat:
    """A node's place on the line."""

    node: Node
    setting: Setting
    echo: bool
    since_us: int
    cut: bool = False
    burst: _Burst | None = None


class _Burst:
    """What a node sends without a pause."""

    def __init__(self, seat: _Seat, start_us: int, data: bytes, end_us: int) -> None:
        self.seat = seat
        self.start_us = start_us
        self.data = data
        self.end_us = end_us


class _Busy:
    """A time in which the line is driven without pause, by one node or, colliding, by more."""

    def __init__(self, first: _Burst, *, doubt: bool) -> None:
        self.doubt = doubt
        self.bursts = [first]
        self.running = 1
        self.data = b""
        self.given: tuple[_Seat, ...] = ()


class Line:
    """The line ``name``, in ``loop.lines`` from now on; its settings are those of every node that states none.

    ``noise_ppm``: bit errors per million bits. Channel of the trace: the line's name; kinds ``tx NODE`` (with its bytes, at
    their start), ``rx`` (what was on the line, at its end), ``collision``, ``t35``.
    """

    def __init__(
        self, loop: LineLoop, name: str, baud: int = 9_600, bits: int = 8, parity: str = "N", stops: int = 1
    ) -> None:
        if name in loop.lines:
            raise ValueError(f"there is a line {name} already")
        self.name = name
        self.setting = Setting(baud, bits, parity, stops)
        self._t35_us = self.setting.t35_us
        self.noise_ppm = 0
        self.stats = LineStats()
        self.last_end_us: int | None = None
        self._loop = loop
        self._channel = loop.trace.channel(name)
        self._chance: Stream = loop.streams.stream("line", name)
        self._seats: dict[str, _Seat] = {}
        self._audiences: dict[int, tuple[_Seat, ...]] = {}
        self._busy: _Busy | None = None
        self._delivering = False
        self._frame: list[_Busy] = []  # what was on the line since its last t3.5 of silence
        self.pulled: dict[str, None] = {}
        self.on_pull: dict[str, Callable[[], None]] = {}
        loop.lines[name] = self
        simbus.install()

    @property
    def t15_us(self) -> int:
        return self.setting.t15_us

    @property
    def t35_us(self) -> int:
        return self._t35_us

    @property
    def busy(self) -> bool:
        """Somebody is sending."""
        return self._busy is not None

    # ------------------------------------------------------------------ nodes

    def attach(self, node: Node, *, setting: Setting | None = None, echo: bool = False) -> None:
        """Join the line; with ``echo`` a node is given its own bursts too."""
        if node.name in self._seats:
            raise ValueError(f"there is a node {node.name} on {self.name} already")
        self._seats[node.name] = _Seat(node, self._same(setting), echo, self._loop.env.now_us)
        self._audiences.clear()

    def detach(self, node: Node) -> None:
        """Leave the line, where it is on it; what it is sending still ends."""
        seat = self._seats.get(node.name)
        if seat is not None and seat.node is node:
            del self._seats[node.name]
            self._audiences.clear()

    def change(self, node: Node, setting: Setting | None = None) -> None:
        """A node has got another setting (None: the line's), or has changed what it hears."""
        self._seats[node.name].setting = self._same(setting)
        self._audiences.clear()

    def _same(self, setting: Setting | None) -> Setting:
        """The line's own where it is equal to it, so that most comparisons are of one with itself."""
        return self.setting if setting is None or setting == self.setting else setting

    def pull(self, name: str) -> None:
        """Pull out the adapter of a port: who has it open gets an error, and until it is put back nobody can open it."""
        self.pulled[name] = None
        if name in self.on_pull:
            self.on_pull[name]()

    def put_back(self, name: str) -> None:
        """Put the adapter of a port back."""
        self.pulled.pop(name, None)

    def cut(self, name: str) -> None:
        """Open the wire to a node: it hears nothing and is not heard."""
        self._seats[name].cut = True
        self._audiences.clear()

    def mend(self, name: str) -> None:
        """Close the wire again."""
        seat = self._seats[name]
        seat.cut, seat.since_us = False, self._loop.env.now_us
        self._audiences.clear()

    # ------------------------------------------------------------------ sending

    def send(self, node: Node, data: bytes, at: int | None = None) -> int:
        """Send from now on, or from ``at`` (us); what is sent while the node's own burst runs continues it without a gap.

        Returns when the last stop bit will have ended. Nothing waits for a free line: that is for the node to see to.
        """
        seat, now_us = self._seats[node.name], self._loop.env.now_us
        begin_us = now_us if at is None else max(at, now_us)
        if begin_us == now_us and not self._delivering:
            return self._begin(seat, data)
        self._loop.env.at(begin_us, self._begin, seat, bytes(data))
        return begin_us + seat.setting.time_us(len(data))

    def _begin(self, seat: _Seat, data: bytes) -> int:
        now_us = self._loop.env.now_us
        if not data or self._seats.get(seat.node.name) is not seat:
            return now_us
        self._channel.record(now_us, f"tx {seat.node.name}", data)
        burst = seat.burst
        if burst is not None:
            burst.data += data
            burst.end_us = burst.start_us + seat.setting.time_us(len(burst.data))
            return burst.end_us
        burst = seat.burst = _Burst(seat, now_us, bytes(data), now_us + seat.setting.time_us(len(data)))
        busy = None if seat.cut else self._drive(burst)
        self._loop.env.at(burst.end_us, self._end, burst, busy)
        return burst.end_us

    def _drive(self, burst: _Burst) -> _Busy:
        now_us = burst.start_us
        self._end_due(now_us)
        busy = self._busy
        if busy is None:
            doubt = self.last_end_us is not None and now_us - self.last_end_us < self.t35_us
            if doubt:
                self.stats.t35_violations += 1
                self._channel.record(now_us, "t35")
            busy = self._busy = _Busy(burst, doubt=doubt)
            if doubt:
                self._frame_goes_on(burst.seat)
            else:
                self._frame.clear()
            return busy
        self.stats.collisions += 1
        self._channel.record(now_us, "collision")
        busy.bursts.append(burst)
        busy.running += 1
        return busy

    def _frame_goes_on(self, sender: _Seat) -> None:
        before = self._frame[-1]
        silent = [burst.seat for burst in before.bursts if not burst.seat.echo]
        for seat in before.given:
            if seat is not sender and seat not in silent:
                seat.node.line_busy(self._loop.env.now_us)

    def _end_due(self, now_us: int) -> None:
        """End what ends at this very instant: where one stops as the other starts, nothing collides."""
        busy = self._busy
        if busy is not None and all(burst.end_us <= now_us for burst in busy.bursts):
            for burst in busy.bursts:
                self._end(burst, busy)

    def _end(self, burst: _Burst, busy: _Busy | None) -> None:
        now_us = self._loop.env.now_us
        if burst.seat.burst is not burst:
            return
        if now_us < burst.end_us:  # more was appended meanwhile
            self._loop.env.at(burst.end_us, self._end, burst, busy)
            return
        burst.seat.burst = None
        if busy is None:
            if burst.seat.echo:
                burst.seat.node.received(now_us, bytes(burst.data))
            return
        busy.running -= 1
        if not busy.running:
            self._busy = None
            self._deliver(busy)

    # ------------------------------------------------------------------ hearing

    def _deliver(self, busy: _Busy) -> None:
        now_us, first = self._loop.env.now_us, busy.bursts[0]
        garbled = self._put_together(busy)
        self.last_end_us = now_us
        self.stats.busy_us += now_us - first.start_us
        for burst in busy.bursts:
            self.stats.bursts += 1
            self.stats.bytes += len(burst.data)
        self._channel.record(now_us, "rx", busy.data)
        strange = garbled or busy.doubt or first.seat.setting is not self.setting
        busy.given = self._audience(BROADCAST if strange else busy.data[0])
        self._frame.append(busy)
        self._delivering = True  # what a node sends now begins when all have heard
        for seat in busy.given:
            data = self._for(seat, busy, now_us)
            if data:
                seat.node.received(now_us, data)
        self._delivering = False
        if strange:
            self._frame = [busy]  # nobody has been spared anything any more

    def _for(self, seat: _Seat, busy: _Busy, now_us: int) -> bytes:
        """What ``seat`` is given at the end of ``busy``: with what it was spared, without what it sent itself."""
        if len(self._frame) == 1:  # as it nearly always is: nothing came before, within 3.5 characters
            return self._read(seat, busy, now_us)
        spared = [
            each
            for each in self._frame
            if each is not busy and seat not in each.given and each.bursts[0].start_us >= seat.since_us
        ]
        return b"".join(self._read(seat, each, now_us) for each in (*spared, busy))

    def _read(self, seat: _Seat, busy: _Busy, now_us: int) -> bytes:
        first = busy.bursts[0].seat
        sent = first.setting
        if len(busy.bursts) == 1:
            return b"" if seat is first and not seat.echo else heard(busy.data, sent, seat.setting)
        own = [burst.end_us for burst in busy.bursts if burst.seat is seat]
        if not own or seat.echo:
            return heard(busy.data, sent, seat.setting)
        rest = sent.characters_in(now_us - max(own))  # it sent in a collision and hears what came after its own end
        return heard(busy.data[len(busy.data) - rest :], sent, seat.setting)

    def _audience(self, unit: int) -> tuple[_Seat, ...]:
        """Who is given a burst that begins with ``unit``, in the order in which they joined."""
        audience = self._audiences.get(unit)
        if audience is None:
            audience = self._audiences[unit] = tuple(
                seat
                for seat in self._seats.values()
                if not seat.cut
                and (
                    unit == BROADCAST
                    or seat.echo
                    or seat.node.hears is None
                    or unit in seat.node.hears
                    or seat.setting is not self.setting
                )
            )
        return audience

    def _put_together(self, busy: _Busy) -> bool:
        """Set what was on the line; tells whether it was garbled."""
        first = busy.bursts[0]
        garbled = len(busy.bursts) > 1
        if not garbled and not self.noise_ppm:
            busy.data = first.data
            return False
        data = bytearray(first.data)
        if garbled:
            # Up to the second start bit it can be read; from there to the end the receivers make something of the mixture.
            setting, start_us = first.seat.setting, first.start_us
            clear = setting.characters_in(busy.bursts[1].start_us - start_us)
            whole = max(setting.characters_in(self._loop.env.now_us - start_us), clear + 1)
            data = data[:clear] + bytes(self._chance.below(256) for _ in range(whole - clear))
        else:
            garbled = self._add_noise(data, first.seat.setting)
        busy.data = bytes(data)
        return garbled

    def _add_noise(self, data: bytearray, setting: Setting) -> bool:
        """Flip one bit of each character that noise hits; tells whether it hit any."""
        hit = False
        for index in range(len(data)):
            if self._chance.below(MILLION) < min(self.noise_ppm * setting.bits, MILLION):
                data[index] ^= 1 << self._chance.below(setting.bits)
                hit = True
        return hit
