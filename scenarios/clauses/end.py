"""One slave's end as a check sees it: PDUs asked and answered over whichever wire there is, and the wire itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from chargebench.datasheets.model import Table
from chargebench.emulator.adu import Adu, MbapSplitter, pack_mbap, pack_rtu, unpack_rtu
from chargebench.emulator.ascii import COLON, GREATER, LF, pack_ascii, unpack_ascii
from chargebench.emulator.spec import Mode
from chargebench.scenarios.clauses.bench import Bench
from chargebench.scenarios.clauses.expect import NO_SUCH_FUNCTION, Expect, spell
from chargebench.scenarios.clauses.model import Broken, NotApplicable, Target, Transport
from chargebench.scenarios.clauses.wires import Burst, Clock, Connection, LineWire, TcpWire

SILENT = "silence"
READS: dict[Table, int] = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
_ORDINARY: dict[Table, int] = {"holding": 3, "input": 4, "coil": 1, "discrete": 2}


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to one request: its PDU, or None and how it failed to come; ``us`` after the request."""

    pdu: bytes | None
    how: str
    us: int = 0

    def __str__(self) -> str:
        return self.how if self.pdu is None else spell(self.pdu)


class End:
    """A device under check, at the end of exactly one wire. ``bench``: what there is around it, if it is a box.

    ``mode`` is that of the line. In ASCII mode answers are understood that begin with ``>``, as some do.
    """

    bench: Bench | None = None
    mode: Mode = "rtu"

    def __init__(
        self, target: Target, *, tcp: TcpWire | None = None, line: LineWire | None = None, bench: Bench | None = None
    ) -> None:
        assert (tcp is None) != (line is None), "a slave is checked over one wire"
        self.target, self.bench = target, bench
        self._tcp, self._line = tcp, line
        self._connection: Connection | None = None
        self._splitter = MbapSplitter()
        self._transaction = 0

    @property
    def transport(self) -> Transport:
        return self.mode if self._tcp is None else "tcp"

    @property
    def tcp(self) -> TcpWire:
        assert self._tcp is not None, "a check of TCP on a line"
        return self._tcp

    @property
    def line(self) -> LineWire:
        assert self._line is not None, "a check of a line over TCP"
        return self._line

    @property
    def clock(self) -> Clock:
        return self.line if self._tcp is None else self._tcp

    async def start_afresh(self) -> None:
        """No connection open, nothing on its way."""
        if self._connection is not None:
            await self._connection.close()
            self._connection = None
        if self._line is not None:
            while await self._line.hear(self._line.now_us() + self.target.gap_us) is not None:
                pass

    async def ask(self, pdu: bytes, *, unit: int | None = None) -> Reply:
        """Send one request and wait for its answer, on one connection while it lasts."""
        unit = self.target.unit if unit is None else unit
        begin_us = self.clock.now_us()
        reply = await (self._ask_line(pdu, unit) if self._tcp is None else self._ask_tcp(pdu, unit))
        return Reply(reply.pdu, reply.how, self.clock.now_us() - begin_us)

    async def expect(self, pdu: bytes, *expected: Expect, unit: int | None = None) -> bytes:
        """Ask and insist on one of the expected answers; a function that the device lacks must be exception 01."""
        if 0 < pdu[0] < 0x80 and pdu[0] not in self.target.functions:
            expected = (NO_SUCH_FUNCTION,)
        reply = await self.ask(pdu, unit=unit)
        understood = reply.pdu is not None or reply.how == SILENT
        if not understood or not any(one.holds(pdu, reply.pdu) for one in expected):
            raise Broken(spell(pdu), " or ".join(one.text for one in expected), str(reply))
        return reply.pdu or b""

    async def expect_alive(self, after: str) -> None:
        """An ordinary read is answered; ``after`` names what went before."""
        pdu = self.ordinary()
        reply = await self.ask(pdu)
        if reply.pdu is None:
            raise Broken(f"{after}, then {spell(pdu)}", "an answer", str(reply))

    def ordinary(self, count: int = 1) -> bytes:
        """A read that the device is sure to answer; ``NotApplicable`` where no table is described."""
        for table, function in _ORDINARY.items():
            area = getattr(self.target, table)
            if function in self.target.functions and area is not None and area.run >= count:
                return read(table, area.first, count)
        raise NotApplicable(f"no table is described from which {count} can be read")

    async def words(self, table: Table, address: int, count: int) -> tuple[int, ...]:
        """Values read from the device, which must give them."""
        pdu = read(table, address, count)
        reply = await self.ask(pdu)
        octets = 2 * count if table in ("holding", "input") else (count + 7) // 8
        if reply.pdu is None or reply.pdu[:2] != bytes((pdu[0], octets)) or len(reply.pdu) != 2 + octets:
            raise Broken(spell(pdu), f"{octets} data bytes", str(reply))
        if table in ("holding", "input"):
            return tuple(int.from_bytes(reply.pdu[at : at + 2], "big") for at in range(2, 2 + octets, 2))
        bits = int.from_bytes(reply.pdu[2:], "little")
        return tuple(bits >> place & 1 for place in range(count))

    @asynccontextmanager
    async def restoring(self, table: Table, address: int, count: int) -> AsyncIterator[tuple[int, ...]]:
        """Give the values that are there, and write them back at the end, whatever happened meanwhile."""
        if READS[table] not in self.target.functions:
            raise NotApplicable("what cannot be read cannot be put back")
        before = await self.words(table, address, count)
        try:
            yield before
        finally:
            await self.start_afresh()  # the one that was used may be out of step by now
            for pdu in self._writes(table, address, before):
                await self.ask(pdu)

    def _writes(self, table: Table, address: int, values: tuple[int, ...]) -> list[bytes]:
        several, one, on = (16, 6, 1) if table == "holding" else (15, 5, 0xFF00)
        if several in self.target.functions:
            return [write(table, address, values)]
        return [bytes((one,)) + _fields(at, value * on) for at, value in enumerate(values, address)]

    async def _ask_tcp(self, pdu: bytes, unit: int) -> Reply:
        if self._connection is None or self._connection.ended:
            try:
                self._connection = await self.tcp.connect()
            except OSError:
                return Reply(None, "connection refused")
            self._splitter = MbapSplitter()
        connection = self._connection
        self._transaction = self._transaction % 0xFFFF + 1
        until_us = self.tcp.now_us() + self.target.timeout_us
        await connection.send(pack_mbap(Adu(unit, pdu, self._transaction)))
        while (left_us := until_us - self.tcp.now_us()) > 0 and not connection.ended:
            self._splitter.feed(await connection.read(left_us))
            while (adu := self._splitter.take()) is not None:
                if adu.transaction == self._transaction:
                    good = adu.unit == unit
                    return Reply(adu.pdu, "") if good else Reply(None, f"an answer of unit {adu.unit}")
            if self._splitter.broken:
                return Reply(None, f"no Modbus message: {self._splitter.broken}")
        return Reply(None, f"connection {connection.ended}" if connection.ended else SILENT)

    async def _ask_line(self, pdu: bytes, unit: int) -> Reply:
        await self.line.pause(self.target.gap_us)
        while await self.line.hear(self.line.now_us()) is not None:
            pass  # an answer that came too late for its own question
        end_us = await self.line.send(self.pack(unit, pdu))
        burst = await self.hear(end_us)
        if burst is None:
            return Reply(None, SILENT)
        adu = self.unpack(burst.data)
        if adu is None or adu.unit != unit:
            return Reply(None, f"no frame of unit {unit}: {spell(burst.data)}")
        return Reply(adu.pdu, "")

    async def hear(self, sent_us: int) -> Burst | None:
        """The answer to what was sent until then: the next burst, in ASCII mode up to the end of a frame."""
        until_us = sent_us + self.target.timeout_us
        burst = await self.line.hear(until_us)
        while self.mode == "ascii" and burst is not None and not burst.data.endswith(LF):
            more = await self.line.hear(until_us)
            if more is None:
                break
            burst = Burst(burst.begin_us, more.end_us, burst.data + more.data)
        return burst

    def pack(self, unit: int, pdu: bytes) -> bytes:
        """The frame of a line."""
        return pack_ascii(unit, pdu) if self.mode == "ascii" else pack_rtu(unit, pdu)

    def unpack(self, frame: bytes) -> Adu | None:
        """What a frame of a line says; None where it is none."""
        if self.mode == "rtu":
            return unpack_rtu(frame)
        return unpack_ascii(COLON + frame[1:] if frame.startswith(GREATER) else frame)


def _fields(*values: int) -> bytes:
    return b"".join(value.to_bytes(2, "big") for value in values)


def read(table: Table, address: int, count: int) -> bytes:
    """The PDU that reads so many values; whether they exist is another matter."""
    return bytes((READS[table],)) + _fields(address & 0xFFFF, count)


def write_one(function: int, address: int, value: int) -> bytes:
    return bytes((function,)) + _fields(address, value)


def write(table: Table, address: int, values: tuple[int, ...]) -> bytes:
    """The PDU that writes several registers (16) or coils (15)."""
    if table == "holding":
        return bytes((16,)) + _fields(address, len(values)) + bytes((2 * len(values),)) + _fields(*values)
    octets = (len(values) + 7) // 8
    bits = sum(value << place for place, value in enumerate(values))
    return bytes((15,)) + _fields(address, len(values)) + bytes((octets,)) + bits.to_bytes(octets, "little")
