"""Hand-made slaves for the tests of links and shell: a few registers, and whatever misbehaviour a test wants."""

import asyncio
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from chargebench.emulator.adu import pack_rtu, unpack_rtu
from chargebench.emulator.clock import SimLoop
from chargebench.emulator.wires.rs485 import Line
from chargebench.manager.links.link import Link
from chargebench.manager.links.master import now_us, quiet
from chargebench.manager.notes import Note, Teller
from chargebench.manager.outcomes import Rank
from chargebench.manager.site import SerialAddress, TcpAddress

BOX = TcpAddress("192.168.2.151", 4701)
COM1 = SerialAddress("COM1", 9600, 8, "N", 1)


@dataclass
class Bank:
    """Holding and input registers of one unit, all readable, all writable; counts what it is asked."""

    words: dict[int, int] = field(default_factory=dict)
    asked: list[tuple[int, int, bytes]] = field(default_factory=list)

    def answer(self, pdu: bytes, at_us: int = 0) -> bytes:
        function, address, count = struct.unpack(">BHH", pdu[:5])
        self.asked.append((at_us, function, pdu))
        if function in {1, 2}:
            bits = sum((self.words.get(address + k, 0) & 1) << k for k in range(count))
            return bytes((function, -(-count // 8))) + bits.to_bytes(-(-count // 8), "little")
        if function in {3, 4}:
            return struct.pack(
                f">BB{count}H", function, 2 * count, *(self.words.get(address + k, 0) for k in range(count))
            )
        if function == 6:
            self.words[address] = count
            return pdu
        values = struct.unpack(f">{count}H", pdu[6:])
        self.words.update({address + k: value for k, value in enumerate(values)})
        return pdu[:5]


Habit = Callable[[bytes, bytes], list[tuple[int, bytes]]]
"""Given a request's PDU and the right answer's ADU: what is sent after how many us."""


def prompt(_pdu: bytes, adu: bytes) -> list[tuple[int, bytes]]:
    return [(20_000, adu)]


def dead(_pdu: bytes, _adu: bytes) -> list[tuple[int, bytes]]:
    return []


@dataclass
class TcpSlave(asyncio.Protocol):
    """Serves its units on every connection; ``habit`` may be changed at any time."""

    units: dict[int, Bank]
    habit: Habit = prompt
    transports: list[asyncio.Transport] = field(default_factory=list)
    opened: list[int] = field(default_factory=list)
    closed: list[Exception | None] = field(default_factory=list)

    def connection_made(self, transport):
        self.transports.append(transport)
        self.opened.append(now_us())

    def connection_lost(self, exc):
        self.closed.append(exc)

    def data_received(self, data):
        loop = asyncio.get_running_loop()
        while data:
            transaction, _, length, unit = struct.unpack(">HHHB", data[:7])
            pdu, data = data[7 : 6 + length], data[6 + length :]
            if unit not in self.units:
                continue
            answer = self.units[unit].answer(pdu, now_us())
            adu = struct.pack(">HHHB", transaction, 0, len(answer) + 1, unit) + answer
            for after_us, out in self.habit(pdu, adu):
                loop.call_later(after_us / 1e6, self.transports[-1].write, out)

    async def serve(self, address=BOX):
        return await asyncio.get_running_loop().create_server(lambda: self, address.host, address.port)


@dataclass
class LineSlave:
    """One unit on a line. A habit's delay counts from the end of the request."""

    loop: SimLoop
    line: Line
    unit: int
    bank: Bank = field(default_factory=Bank)
    habit: Habit = prompt

    def __post_init__(self):
        self.name = f"slave {self.unit}"
        self.hears = (self.unit,)
        self.line.attach(self)

    def line_busy(self, now_us):
        pass

    def received(self, now_us, data):
        request = unpack_rtu(data)
        if request is None or request.unit != self.unit:
            return
        adu = pack_rtu(self.unit, self.bank.answer(request.pdu, now_us))
        for after_us, out in self.habit(request.pdu, adu):
            self.line.send(self, out, at=now_us + after_us)


def link_to(address, target, notes: list[Note] | None = None, pace=None):
    quiet()
    teller = Teller((notes if notes is not None else []).append, now_us)
    return Link(address, target, teller, pace)


async def ask(link, unit, request, rank=Rank.READ):
    return await link.ask(unit, request, rank)


def running(link, story):
    """Run ``story`` beside the task of a link; the link is cancelled and closed at the end."""

    async def main():
        task = asyncio.get_running_loop().create_task(link.run(), name=f"link {link.name}")
        try:
            return await story
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    return main()


def kinds(notes):
    return [note.kind for note in notes]
