"""A box asked and written by the names of its datasheet, whichever function, block or unit a register needs."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from chargebench.datasheets.behaviour import Control, Letter, Writes
from chargebench.datasheets.codec import decode, encode
from chargebench.datasheets.model import Register, Table
from chargebench.scenarios.clauses.bench import Bench
from chargebench.scenarios.clauses.end import READS, End, Reply, read, write, write_one
from chargebench.scenarios.clauses.expect import spell
from chargebench.scenarios.clauses.model import Broken

Span = tuple[Table, int, int]
"""Table, first address, how many: what one read covers."""
Words = tuple[int, ...]

_ON = 0xFF00
_BITS: tuple[Table, ...] = ("coil", "discrete")


class Asker:
    """``end`` is where it is asked, ``bench`` what else there is. Pauses that its datasheet asks for are kept."""

    def __init__(self, end: End, bench: Bench) -> None:
        sheet = bench.sheet
        assert sheet.control is not None, f"{sheet.name} tells no control"
        assert sheet.states is not None, f"{sheet.name} tells no states"
        self.end, self.bench, self.sheet = end, bench, sheet
        self.control: Control = sheet.control
        self.states = sheet.states
        self.pause_us = dict(sheet.limits).get("pause_us", 0)
        self._free_us = self._limit_free_us = 0
        self._wrote(limits=True)  # for all that anybody knows, somebody else just has

    @property
    def now_us(self) -> int:
        return self.end.clock.now_us()

    async def spend(self, us: int) -> None:
        """Let time pass, and say nothing."""
        await self.end.clock.pause(us)

    async def wait(self, us: int) -> None:
        """Let time pass until something may be written."""
        await self.spend(us)

    async def look(self) -> None:
        """See what flows, after an exchange that took its time."""

    # -- reading -----------------------------------------------------------------------------------------------------

    async def ask(self, pdu: bytes, *, unit: int | None = None) -> Reply:
        """Ask, and ask again where there was no answer: the first request may only have woken it."""
        for _ in range(2):
            await self.spend(self.pause_us)
            reply = await self.end.ask(pdu, unit=unit)
            await self.look()
            if reply.pdu is not None:
                break
        return reply

    def span(self, name: str) -> Span:
        """What must be read to learn a register: all of it, or the block that holds it."""
        one = self.sheet.register(name)
        for at, count in self.sheet.reading.blocks:
            if at <= one.at < at + count:
                return one.table, at, count
        return one.table, one.at, one.count

    def whole(self, name: str) -> bytes:
        """The request that reads a register."""
        return read(*self.span(name))

    async def words(self, name: str) -> Words:
        """What a register holds, which it must tell."""
        one, span = self.sheet.register(name), self.span(name)
        reply = await self.ask(read(*span))
        found = words_in(span, reply.pdu)
        if found is None:
            raise Broken(spell(read(*span)), f"what {name} holds", str(reply))
        return found[one.at - span[1] :][: one.count]

    async def raw(self, name: str) -> int | str | None:
        """The raw number or the text in a register."""
        return decode(plain(self.sheet.register(name)), await self.words(name))

    async def value(self, name: str) -> int:
        """The number in a register, in house units."""
        value = decode(self.sheet.register(name), await self.words(name))
        if not isinstance(value, int):
            raise Broken(spell(self.whole(name)), f"a value in {name}", "none")
        return value

    async def letter(self) -> Letter | None:
        """The state that its registers mean."""
        return self.states.letter({name: await self.raw(name) for name in self.states.registers})

    def readable(self, name: str) -> bool:
        return bool(name) and self.sheet.register(name).readable

    def writable(self, name: str) -> bool:
        return bool(name) and bool(self.sheet.register(name).writes)

    # -- writing -----------------------------------------------------------------------------------------------------

    async def put(self, name: str, value: int) -> int:
        """Write a value in house units; the exception by which it is refused, 0 where it is taken."""
        return await self.send(name, encode(self.sheet.register(name), value))

    async def put_raw(self, writes: Writes) -> None:
        """Write raw numbers, which must be taken."""
        for name, raw in writes:
            if code := await self.send(name, encode(plain(self.sheet.register(name)), raw)):
                raise Broken(f"{raw} to {name}", "taken", f"exception {code:02x}")

    async def send(self, name: str, words: Words, *, unit: int = 0) -> int:
        """Write words to a register. Another ``unit`` hears words for all nodes, 0 but for its own, and never answers."""
        one = self.sheet.register(name)
        limits = name in self.control.limit.registers
        while (left_us := max(self._free_us, self._limit_free_us if limits else 0) - self.now_us) > 0:
            await self.wait(left_us)
        if unit:
            own = self.end.target.unit
            all_nodes = (0,) * (own - 1) + words + (0,) * (self.control.limit.nodes - own)
            await self.spend(self.pause_us)
            await self.end.ask(write(one.table, one.at, all_nodes), unit=unit)
            self._wrote(limits=limits)
            return 0
        pdu = written(one, words)
        reply = await self.ask(pdu)
        self._wrote(limits=limits)
        if reply.pdu is not None and len(reply.pdu) == 2 and reply.pdu[0] == pdu[0] | 0x80:
            return reply.pdu[1]
        if reply.pdu is None or reply.pdu != pdu[: len(reply.pdu)] or len(reply.pdu) != min(5, len(pdu)):
            raise Broken(spell(pdu), "its own head again", str(reply))
        return 0

    def _wrote(self, *, limits: bool) -> None:
        """Keep the times that it wants between writes, and between limits."""
        timing = self.sheet.timing
        self._free_us = self.now_us + (timing.apart_us or 0)
        if limits:
            self._limit_free_us = self.now_us + (timing.limit_apart_us or 0)


def plain(register: Register) -> Register:
    """The register by its raw numbers."""
    return replace(register, scale=Fraction(1), absent=None, exponent="")


def words_in(span: Span, answer: bytes | None) -> Words | None:
    """The words in the answer to a read of this span; None where it is no such answer."""
    table, _, count = span
    octets = (count + 7) // 8 if table in _BITS else 2 * count
    if answer is None or answer[:2] != bytes((READS[table], octets)) or len(answer) != 2 + octets:
        return None
    if table in _BITS:
        held = int.from_bytes(answer[2:], "little")
        return tuple(held >> place & 1 for place in range(count))
    return tuple(int.from_bytes(answer[at : at + 2], "big") for at in range(2, 2 + octets, 2))


def written(register: Register, words: Words) -> bytes:
    """The request that writes a whole register, by the first function that it takes and that fits."""
    if register.table == "coil":
        if 5 in register.writes:
            return write_one(5, register.at, _ON * words[0])
        return write("coil", register.at, words)
    if register.count == 1 and 6 in register.writes:
        return write_one(6, register.at, words[0])
    return write("holding", register.at, words)
