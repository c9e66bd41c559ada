"""A whole proxy on simulated wires before units that fail at random, asked by clients that come and go: whose answer is whose?

``nox -s million`` asks a million times; the tests ask some hundred times. What a unit reads as depends on itself and on the
address alone, and no two requests that could meet have the same one, so an answer that is another's is seen.
"""

from __future__ import annotations

import asyncio
import struct
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from chargebench.emulator.adu import pack_rtu
from chargebench.emulator.clock import SimLoop
from chargebench.emulator.streams import Stream, Streams
from chargebench.emulator.wires.rs485 import Line
from chargebench.manager.links.pace import LineTimes
from chargebench.manager.proxy.between import Between
from chargebench.manager.proxy.config import SERVED_PACE, Before, Behind, Config
from chargebench.manager.proxy.gateway import LATE_US
from chargebench.manager.proxy.shell import Proxy
from chargebench.manager.site import SerialAddress
from tests.manager.slaves import LineSlave, prompt

ADDRESS = SerialAddress("COM1", 19_200, 8, "N", 1)
TIMES = LineTimes.of(ADDRESS)
UNITS, CLIENTS = (1, 2, 3, 4, 5), 6
LEAVES, FAILS = 300, 20
"""One answer of so many is a client's last; one request of so many meets with a fault."""

FUNCTIONS = (3, 3, 3, 4, 6, 16, 0x41)


class Numbers:
    """Registers that are a function of unit and address."""

    def __init__(self, unit: int) -> None:
        self.unit = unit

    def answer(self, pdu: bytes, at_us: int = 0) -> bytes:  # noqa: ARG002 as a bank of registers
        return right(self.unit, pdu)


def right(unit: int, pdu: bytes) -> bytes:
    """The only right answer."""
    function, address, count = struct.unpack(">BHH", pdu[:5])
    if function in {3, 4}:
        words = (((unit + 8 * function) * 40_503 + (address + k) * 31_337) & 0xFFFF for k in range(count))
        return struct.pack(f">BB{count}H", function, 2 * count, *words)
    return pdu if function == 0x41 else pdu[:5]


def faulty(chance: Stream) -> Callable[[bytes, bytes], list[tuple[int, bytes]]]:
    """One request of twenty: no answer, a late one, two, a broken one, noise before it, one in pieces, a refusal, a stranger.

    Late is as late as the proxy believes that an answer may come, and a second one follows the first at once: what comes
    beyond that nobody can tell from the answer to the next request, since a frame on a line does not say what it answers.
    """

    def habit(pdu: bytes, adu: bytes) -> list[tuple[int, bytes]]:
        if chance.below(FAILS):
            return [(5_000, adu)]
        broken = bytearray(adu)
        broken[chance.below(len(adu))] ^= 1 << chance.below(8)
        return (
            [],
            [(chance.between(400_000, SERVED_PACE.answer_us + LATE_US), adu)],
            [(5_000, adu), (5_000 + TIMES.frame_us(len(adu)) + 1_000, adu)],
            [(5_000, bytes(broken))],
            [(4_000, b"\0\0"), (9_000, adu)],
            [(5_000, adu[:4]), (25_000, adu[4:])],
            [(5_000, pack_rtu(adu[0], bytes((pdu[0] | 0x80, 4))))],
            [(5_000, pack_rtu(99, adu[1:-2]))],
        )[chance.below(8)]

    return habit


@dataclass
class Crowd:
    """So many requests, by clients that have up to three open each, and what became of them."""

    left: int
    chance: Stream
    units: tuple[int, ...]

    def __post_init__(self) -> None:
        self.said: Counter[str] = Counter()
        self.number = 0

    async def client(self, most: int) -> None:
        while self.left:
            reader, writer = await asyncio.open_connection("127.0.0.1", 4701)
            open_: dict[int, tuple[int, bytes]] = {}
            while self.left or open_:
                while self.left and len(open_) < most:
                    self.ask(open_, writer)
                transaction, protocol, length, unit = struct.unpack(">HHHB", await reader.readexactly(7))
                assert protocol == 0
                self.judge(open_.pop(transaction), unit, await reader.readexactly(length - 1))
                if not self.chance.below(LEAVES):
                    self.said["left behind"] += len(open_)
                    break
            writer.close()

    def ask(self, open_: dict[int, tuple[int, bytes]], writer: asyncio.StreamWriter) -> None:
        self.left -= 1
        self.number += 1
        unit, function = self.units[self.chance.below(len(self.units))], FUNCTIONS[self.chance.below(len(FUNCTIONS))]
        pdu = struct.pack(">BHH", function, self.number * 7 & 0xFFFF, 1 + self.chance.below(3))
        if function == 16:
            pdu = struct.pack(">BHHBH", 16, self.number * 7 & 0xFFFF, 1, 2, 7)
        open_[self.number & 0xFFFF] = (unit, pdu)
        writer.write(struct.pack(">HHHB", self.number & 0xFFFF, 0, len(pdu) + 1, unit) + pdu)

    def judge(self, asked: tuple[int, bytes], unit: int, answer: bytes) -> None:
        if asked[0] != unit or answer[0] & 0x7F != asked[1][0]:
            self.said["mixed"] += 1
        elif answer[0] & 0x80:
            self.said[f"exception {answer[1]}"] += 1
        else:
            self.said["answered" if answer == right(*asked) else "mixed"] += 1


Standing = Callable[[Behind], Between]


def asked(
    requests: int, seed: int, units: tuple[int, ...] = UNITS, between: Standing | None = None
) -> tuple[Counter[str], dict[str, int]]:
    """What became of so many requests, and what the line carried. Where something stands between, units do not fail."""
    streams, loop = Streams(seed), SimLoop()
    line = Line(loop, "COM1", ADDRESS.baud)
    for unit in units:
        habit = prompt if between else faulty(streams.stream("unit", str(unit)))
        LineSlave(loop, line, unit, Numbers(unit), habit)  # type: ignore[arg-type]
    crowd, carried = Crowd(requests, streams.stream("clients"), units), dict[str, int]()

    async def main() -> None:
        behind = Behind("COM1", "serial", "simbus://COM1", ADDRESS, SERVED_PACE)
        proxy = Proxy(Config((behind,), (Before("127.0.0.1", 4701, "COM1"),)), lambda _text: None, between)
        await proxy.open()
        await asyncio.gather(*(crowd.client(1 + k % 3) for k in range(CLIENTS)))
        (look,) = proxy.look()
        carried.update(sent=look.sent, late=look.late, spoilt=look.line.garbled, silent=look.line.silent)
        proxy.close()

    loop.run(main())
    return crowd.said, carried


def main() -> None:
    given = [int(value) for value in sys.argv[1:]]
    requests, seed = given + [1_000_000, 1][len(given) :]
    said, carried = asked(requests, seed)
    print(f"{requests:,} requests, seed {seed}: {dict(sorted(said.items()))}; on the line {carried}")  # noqa: T201
    sys.exit(said["mixed"] > 0 or said.total() != requests)


if __name__ == "__main__":
    main()
