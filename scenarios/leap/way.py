"""A link that takes requests to a slave and answers back as values, each at the instant at which its bytes would arrive.

It is the link of the tier ``register`` as far as nothing goes wrong: one request at a time, in the order of ranks, the same
latency with the same chance, the same turnaround. Rounds that are left out have drawn what they would have drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush

from chargebench.emulator.slave import Slave
from chargebench.emulator.streams import Stream, Streams
from chargebench.emulator.world import World
from chargebench.manager.drivers.base import Read, Write
from chargebench.manager.notes import Teller
from chargebench.manager.outcomes import Answer, Outcome, Rank, Refusal, Request
from chargebench.scenarios.leap.clockwork import Clockwork
from chargebench.scenarios.register.image_link import Turn
from chargebench.scenarios.register.images import Image, Images


@dataclass(frozen=True, slots=True)
class Road:
    """The network between the master and a slave, us."""

    latency_us: int
    jitter_us: int
    turnaround_us: int

    @property
    def longest_us(self) -> int:
        """The most that one exchange takes."""
        return 2 * (self.latency_us + self.jitter_us) + self.turnaround_us


class LeapLink:
    """One TCP address and the units behind it. ``epoch``: how often it has connected."""

    def __init__(self, name: str, slave: Slave, road: Road, clockwork: Clockwork, world: World, teller: Teller) -> None:
        self.name, self.road = name, road
        self.epoch = 0
        self.requests = 0
        self._slave, self._clockwork, self._world, self._teller = slave, clockwork, world, teller
        self._images = Images()
        self._queue: list[tuple[Rank, int, int, Request, Turn]] = []
        self._number = 0
        self._busy = self._due = self._connects = False
        self._gap_us = self._free_us = self._heard_us = 0
        self._out_us = self._back_us = self._slave_free_us = 0
        self._syn, self._out, self._back = _streams(world.streams, name)

    # -- what polls see of it ------------------------------------------------------------

    def ask(self, unit: int, request: Request, rank: Rank) -> Turn:
        """Queue a request."""
        self._number += 1
        turn = Turn()
        heappush(self._queue, (rank, self._number, unit, request, turn))
        if not self._busy and not self._due:
            self._due = True  # not now: something more urgent may be asked at this very instant
            self._clockwork.soon(self._go_on)
        return turn

    def cast(self, unit: int, to: int, write: Write, rank: Rank) -> Turn:
        """There is no broadcast on a network."""
        raise AssertionError(f"{self.name}: a broadcast by {unit} to {to}, {write} with {rank}")

    async def read(self, unit: int, request: Read) -> Outcome:
        """Read at once where nobody else is asking over this connection; else as ``ask``."""
        turn = self.ask(unit, request, Rank.READ)
        if not self._busy and len(self._queue) == 1:
            self._go_on()
        return await turn

    async def knock(self) -> bool:
        """It was open all the time."""
        return False

    def heard_us(self, unit: int) -> int | None:
        """The last instant at which a request may have reached the slave."""
        return self._heard_us if unit in self._slave.units else None

    def keep_gap(self, gap_us: int) -> None:
        """A device at this address needs so long between an answer and the next request."""
        self._gap_us = max(self._gap_us, gap_us)

    def leave_out(self, requests: int) -> None:
        """So many requests were asked and answered that nobody has to see."""
        if self.road.jitter_us:
            self._out.drawn += requests
            self._back.drawn += requests

    # -- one after the other --------------------------------------------------------------

    def _go_on(self) -> None:
        self._due = False
        if self._busy or not self._queue or self._connects:
            return
        if not self.epoch:
            self._connect()
            return
        _, _, unit, request, turn = heappop(self._queue)
        self._busy = True
        now_us = self._clockwork.now_us
        if self._free_us > now_us:
            self._clockwork.at(self._free_us, self._send, unit, request, turn)
        else:
            self._send(unit, request, turn)

    def _connect(self) -> None:
        self._connects = True
        back_us, there_us = self._delay_us(self._syn), self._delay_us(self._syn)
        self._clockwork.at(self._clockwork.now_us + there_us + back_us, self._connected)

    def _connected(self) -> None:
        self._connects = False
        self.epoch += 1
        self._teller.tell("link up", self.name, connections=self.epoch)
        self._go_on()

    def _delay_us(self, stream: Stream) -> int:
        jitter_us = self.road.jitter_us
        return self.road.latency_us + (stream.between(0, jitter_us) if jitter_us else 0)

    def _send(self, unit: int, request: Request, turn: Turn) -> None:
        self.requests += 1
        self._out_us = max(self._clockwork.now_us + self._delay_us(self._out), self._out_us)
        self._clockwork.at(self._out_us, self._there, unit, self._images.of(request), turn)

    def _there(self, unit: int, image: Image, turn: Turn) -> None:
        """A request has arrived; the slave is asked as of this time, be it past for the world."""
        now_us, world = self._clockwork.now_us, self._world
        world_us = world.now_us
        if now_us < world_us:
            world.now_us = now_us
            pdu = self._slave.answer(unit, image.pdu, now_us)
            world.now_us = world_us
        else:
            pdu = self._slave.answer(unit, image.pdu, now_us)
        assert pdu is not None, f"{self.name}: unit {unit} does not answer"
        self._slave_free_us = max(self._slave_free_us, now_us) + self.road.turnaround_us
        leaves_us = self._slave_free_us
        self._back_us = max(leaves_us + self._delay_us(self._back), self._back_us)
        self._clockwork.at(self._back_us, self._came, image, pdu, turn)

    def _came(self, image: Image, pdu: bytes, turn: Turn) -> None:
        now_us = self._clockwork.now_us
        outcome = image.outcome(pdu, now_us)
        assert isinstance(outcome, Answer | Refusal), f"{self.name}: no answer to {image.request}: {pdu.hex(' ')}"
        self._heard_us = now_us
        self._free_us = now_us + self._gap_us if self._gap_us else 0
        self._busy = False
        if self._queue:
            self._go_on()
        turn.over(outcome)


def _streams(streams: Streams, address: str) -> tuple[Stream, Stream, Stream]:
    """What the network draws for the first connection of the master to this address."""
    name = f"master>{address}#1"
    return streams.stream("tcp", name), streams.stream("tcp", name, "out"), streams.stream("tcp", name, "back")
