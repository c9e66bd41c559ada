"""What stands behind a gateway in the tests of it: units that answer, late, twice, wrongly or not at all, with a clock."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from heapq import heappop, heappush

from chargebench.emulator.adu import pack_rtu, unpack_rtu
from chargebench.manager.links.pace import LineTimes, Pace
from chargebench.manager.proxy.config import SERVED_PACE
from chargebench.manager.proxy.gateway import Action, Gateway, ToClient, ToLine
from chargebench.manager.proxy.wire import RtuWire

COM1 = LineTimes(9_600, 10)
PROMPT, DEAD = "prompt", "dead"
START_US = 1_000_000


def crc(body: bytes) -> bytes:
    return pack_rtu(body[0], body[1:])[-2:]


def read(address: int, count: int = 1, function: int = 3) -> bytes:
    return struct.pack(">BHH", function, address, count)


def write(address: int, value: int) -> bytes:
    return struct.pack(">BHH", 6, address, value)


@dataclass
class Units:
    """All units of a line. What a unit reads as is a count of what it was ever asked, so that no two answers are the same.

    ``habits`` are taken one for each frame that a unit is sent; what follows them is prompt.
    """

    habits: list[str] = field(default_factory=list)
    number: int = 0
    given: dict[bytes, bytes] = field(default_factory=dict)
    """Answer and the request for which it was made."""

    def answer(self, frame: bytes) -> list[tuple[int, bytes]]:
        """What comes back of a frame, each after how many us."""
        adu = unpack_rtu(frame)
        assert adu is not None, "a frame with a wrong CRC was sent"
        if adu.unit == 0:
            return []
        self.number += 1
        answer = self._pdu(adu.pdu)
        good = pack_rtu(adu.unit, answer)
        self.given[bytes((adu.unit,)) + answer] = bytes((adu.unit,)) + adu.pdu
        habit = self.habits.pop(0) if self.habits else PROMPT
        return self._habit(habit, frame, good)

    def _pdu(self, pdu: bytes) -> bytes:
        if pdu[0] in {3, 4}:
            count = int.from_bytes(pdu[3:5], "big")
            return bytes((pdu[0], 2 * count)) + (self.number % 65_536).to_bytes(2, "big") * count
        return pdu[:5] if pdu[0] in {5, 6, 15, 16} else bytes((pdu[0],)) + self.number.to_bytes(3, "big") + pdu[1:]

    def _habit(self, habit: str, frame: bytes, good: bytes) -> list[tuple[int, bytes]]:
        spoilt = good[:-1] + bytes((good[-1] ^ 0x55,))
        return {
            PROMPT: [(30_000, good)],
            DEAD: [],
            "late": [(1_100_000, good)],
            "just late": [(590_000, good)],
            "twice": [(30_000, good), (45_000, good)],
            "spoilt": [(30_000, spoilt)],
            "noise": [(25_000, b"\x00\xff\x13"), (30_000, good)],
            "stranger": [(30_000, pack_rtu(77, good[1:-2]))],
            "pieces": [(30_000, good[:3]), (36_000, good[3:])],
            "refuses": [(30_000, pack_rtu(frame[0], bytes((frame[1] | 0x80, 4))))],
        }[habit]


@dataclass
class Bench:
    """A gateway with its line and its clock, and everything that happened."""

    units: Units = field(default_factory=Units)
    pace: Pace = SERVED_PACE
    echo: bool = False

    def __post_init__(self) -> None:
        self.now_us = START_US
        self.gateway = Gateway(RtuWire(crc, COM1, paced=True), self.pace)
        self.sent: list[tuple[int, bytes]] = []
        self.answers: dict[int, list[bytes]] = {}
        self.asked: dict[int, tuple[int, int, bytes]] = {}
        self._coming: list[tuple[int, int, bytes]] = []
        self._number = 0
        self.act(self.gateway.opened(START_US))

    def ask(self, client: int, unit: int, pdu: bytes) -> int:
        """A client asks; the number of its request."""
        token = len(self.asked)
        self.asked[token] = (client, unit, pdu)
        self.act(self.gateway.request(client, token, unit, pdu, self.now_us))
        return token

    def act(self, actions: list[Action]) -> None:
        for action in actions:
            if isinstance(action, ToLine):
                self.sent.append((self.now_us, action.data))
                begun_us = COM1.frame_us(len(action.data))
                if self.echo:
                    self.arrive(begun_us, action.data)
                for after_us, data in self.units.answer(action.data):
                    self.arrive(begun_us + after_us, data)
            elif isinstance(action, ToClient):
                self.answers.setdefault(action.token, []).append(action.pdu)

    def arrive(self, after_us: int, data: bytes) -> None:
        self._number += 1
        heappush(self._coming, (self.now_us + after_us, self._number, data))

    def run(self, until_us: int | None = None) -> None:
        """Let time pass: to this instant, or until nothing is left to happen."""
        while True:
            due = [at for at in (self.gateway.next_us, self._coming[0][0] if self._coming else None) if at is not None]
            if not due or (until_us is not None and min(due) > until_us):
                break
            at_us = min(due)
            assert at_us >= self.now_us or self.gateway.next_us == at_us
            self.now_us = max(self.now_us, at_us)
            if self._coming and self._coming[0][0] <= self.now_us:
                self.act(self.gateway.received(heappop(self._coming)[2], self.now_us))
            else:
                self.act(self.gateway.advance(self.now_us))
        if until_us is not None:
            self.now_us = until_us

    def only(self, token: int) -> bytes:
        (answer,) = self.answers[token]
        return answer
