"""Clauses A17 to A36: writing, and PDUs of a wrong length. AP is the Application Protocol V1.1b3."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from chargebench.datasheets.model import Table
from chargebench.scenarios.clauses.end import End, write, write_one
from chargebench.scenarios.clauses.expect import ECHO, SILENCE, WRITTEN, Expect, data, refused, spell
from chargebench.scenarios.clauses.model import Broken, Clause, NotApplicable

Row = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Scratch:
    """A place of the device that a check may write to: two rows of values fit there; it is put back afterwards."""

    table: Table
    address: int
    rows: tuple[Row, Row]


WriteBody = Callable[[End, Scratch], Awaitable[None]]


@asynccontextmanager
async def _scratch(end: End, table: Table, function: int) -> AsyncIterator[Scratch]:
    area = end.target.area(table, function)
    if area.writable is None:
        raise NotApplicable(f"nothing that may be written is described in the {table} table")
    async with end.restoring(table, area.writable, len(area.rows[0])):
        yield Scratch(table, area.writable, area.rows)


def _writes(table: Table, function: int, do: WriteBody) -> Callable[[End], Awaitable[None]]:
    """A check that writes. A device without the function must refuse it with exception 01, which is then the check."""

    async def body(end: End) -> None:
        if function not in end.target.functions:
            await end.expect(_PLAIN[function])
            return
        async with _scratch(end, table, function) as scratch:
            await do(end, scratch)

    return body


_PLAIN = {
    5: write_one(5, 0, 0xFF00),
    6: write_one(6, 0, 1),
    15: write("coil", 0, (1,)),
    16: write("holding", 0, (1,)),
    22: bytes((22, 0, 0, 0xFF, 0xFF, 0, 0)),
    23: bytes((23, 0, 0, 0, 1, 0, 0, 0, 1, 2, 0, 1)),
}


async def _insist(end: End, scratch: Scratch, row: Row, after: bytes) -> None:
    """What is there now must be this."""
    got = await end.words(scratch.table, scratch.address, len(row))
    if got != row:
        raise Broken(spell(after), f"values {row}", f"values {got}")


async def _one_register(end: End, scratch: Scratch) -> None:
    for row in scratch.rows:
        await end.expect(write_one(6, scratch.address, row[0]), ECHO)


async def _one_register_stays(end: End, scratch: Scratch) -> None:
    for row in scratch.rows:
        pdu = write_one(6, scratch.address, row[0])
        await end.expect(pdu, ECHO)
        await _insist(end, scratch, row[:1], pdu)


async def _no_such_register(end: End) -> None:
    area = end.target.area("holding", 6)
    if area.last < 0xFFFF:
        await end.expect(write_one(6, area.last + 1, 1), refused(2))
    if area.read_only is not None:
        (value,) = await end.words("holding", area.read_only, 1)
        await end.expect(write_one(6, area.read_only, value), refused(2))


async def _value_refused(end: End, scratch: Scratch) -> None:
    area = end.target.holding
    if area is None or area.refused is None:
        raise NotApplicable("no value that the device refuses is described")
    pdu = write_one(6, scratch.address, area.refused)
    (before,) = await end.words("holding", scratch.address, 1)
    await end.expect(pdu, refused(3))
    await _insist(end, scratch, (before,), pdu)


async def _several(end: End, scratch: Scratch) -> None:
    for row in scratch.rows:
        for count in sorted({1, len(row)}):
            pdu = write(scratch.table, scratch.address, row[:count])
            await end.expect(pdu, WRITTEN)
            await _insist(end, scratch, row[:count], pdu)


async def _too_many(end: End, scratch: Scratch) -> None:
    """124 registers do not fit a PDU with all their bytes: once as many as do, once beyond what any frame may hold."""
    head = bytes((16,)) + scratch.address.to_bytes(2, "big") + b"\x00\x7c\xf8"
    await end.expect(head + bytes(247), refused(3))
    reply = await end.ask(head + bytes(248))
    if reply.pdu is not None and not reply.pdu[0] & 0x80:
        raise Broken(spell(head + bytes(248)), "exception 03, silence or the connection closed", str(reply))


def _lengths(tail: Callable[[Row], bytes]) -> WriteBody:
    """A write of several registers whose quantity, byte count and payload do not agree; nothing may be written."""

    async def do(end: End, scratch: Scratch) -> None:
        before = await end.words(scratch.table, scratch.address, 1)
        other = next(row for row in scratch.rows if row[:1] != before)
        pdu = bytes((16,)) + scratch.address.to_bytes(2, "big") + tail(other)
        await end.expect(pdu, refused(3))
        await _insist(end, scratch, before, pdu)

    return do


async def _straddling(end: End) -> None:
    await _over_the_end(end, look=False)


async def _straddling_writes_nothing(end: End) -> None:
    await _over_the_end(end, look=True)


async def _over_the_end(end: End, *, look: bool) -> None:
    area = end.target.area("holding", 16)
    if 16 in end.target.functions and (area.writable is None or area.last == 0xFFFF):
        raise NotApplicable("no end of the holding registers that may be written is described")
    if 16 not in end.target.functions:
        await end.expect(_PLAIN[16])
        return
    async with end.restoring("holding", area.last, 1) as (before,):
        pdu = write("holding", area.last, (before ^ 1, 0))
        if not look:
            await end.expect(pdu, refused(2))
            return
        await end.ask(pdu)
        (after,) = await end.words("holding", area.last, 1)
        if after != before:
            raise Broken(spell(pdu), f"value {before} unchanged", f"value {after}")


async def _one_coil(end: End, scratch: Scratch) -> None:
    for value, on in ((0xFF00, 1), (0, 0)):
        pdu = write_one(5, scratch.address, value)
        await end.expect(pdu, ECHO)
        await _insist(end, scratch, (on,), pdu)


async def _neither_on_nor_off(end: End, scratch: Scratch) -> None:
    for value in (0x1234, 0x0001, 0xFFFF):
        await end.expect(write_one(5, scratch.address, value), refused(3))


async def _many_coils(end: End, scratch: Scratch) -> None:
    for row in scratch.rows:
        pdu = write("coil", scratch.address, row[:1968])
        await end.expect(pdu, WRITTEN)
        await _insist(end, scratch, row[:1968], pdu)
    await end.expect(write("coil", scratch.address, (0,) * 1969), refused(3))


async def _masks(end: End, scratch: Scratch) -> None:
    """Only the bits in which the two values differ are let through by the AND mask; the OR mask sets the others' place."""
    (start, *_), (goal, *_) = scratch.rows
    await end.expect(write_one(6, scratch.address, start), ECHO)
    keep = 0xFFFF ^ start ^ goal
    pdu = b"".join((bytes((22,)), *(field.to_bytes(2, "big") for field in (scratch.address, keep, goal))))
    await end.expect(pdu, ECHO)
    await _insist(end, scratch, (goal,), pdu)


async def _exchange(end: End, scratch: Scratch) -> None:
    address = scratch.address.to_bytes(2, "big")
    for row in scratch.rows:
        value = row[0].to_bytes(2, "big")
        pdu = bytes((23,)) + address + b"\x00\x01" + address + b"\x00\x01\x02" + value
        await end.expect(pdu, _new(value))


def _new(value: bytes) -> Expect:
    return Expect("the value just written", lambda _, answer: answer == b"\x17\x02" + value)


async def _exchange_too_many(end: End, scratch: Scratch) -> None:
    address, value = scratch.address.to_bytes(2, "big"), scratch.rows[0][0].to_bytes(2, "big")
    head = bytes((23,)) + address
    await end.expect(head + b"\x00\x01" + address + b"\x00\x7a\xf4" + bytes(243), refused(3))
    await end.expect(head + b"\x00\x7e" + address + b"\x00\x01\x02" + value, refused(3))


async def _short(end: End) -> None:
    pdu = end.ordinary()
    await end.expect(pdu[:3], refused(3), SILENCE)
    await end.expect_alive(f"{spell(pdu[:3])}, cut short")


async def _trailing(end: End) -> None:
    pdu = end.ordinary()
    octets = 2 if pdu[0] in (3, 4) else 1
    await end.expect(pdu + b"\x00\x00", refused(3), data(octets))
    await end.expect_alive(f"{spell(pdu)} 00 00")


CLAUSES = (
    Clause("A17", "Writing one register is answered with the request.", "AP 6.6", _writes("holding", 6, _one_register)),
    Clause("A18", "What was written is read back.", "AP 6.6", _writes("holding", 6, _one_register_stays)),
    Clause(
        "A19",
        "Writing behind the last register, or to one that cannot be written, is refused with exception 02.",
        "AP 6.6",
        _no_such_register,
    ),
    Clause(
        "A20",
        "A value out of range is refused with exception 03, not clipped in silence.",
        "AP 7",
        _writes("holding", 6, _value_refused),
        severity="should",
    ),
    Clause(
        "A21",
        "Writing several registers is answered with address and quantity, and they are all written.",
        "AP 6.12",
        _writes("holding", 16, _several),
    ),
    Clause("A22", "Writing 124 registers is refused with exception 03.", "AP 6.12", _writes("holding", 16, _too_many)),
    Clause(
        "A23",
        "Writing no register is refused with exception 03.",
        "AP 6.12",
        _writes("holding", 16, _lengths(lambda _: b"\x00\x00\x00")),
    ),
    Clause(
        "A24",
        "An odd byte count is refused with exception 03.",
        "AP 6.12",
        _writes("holding", 16, _lengths(lambda row: b"\x00\x01\x03" + row[0].to_bytes(2, "big") + b"\x00")),
    ),
    Clause(
        "A25",
        "A byte count above the bytes that follow is refused with exception 03.",
        "AP 6.12",
        _writes("holding", 16, _lengths(lambda row: b"\x00\x02\x04" + row[0].to_bytes(2, "big"))),
    ),
    Clause(
        "A26",
        "More bytes than the byte count says are refused with exception 03.",
        "AP 6.12",
        _writes("holding", 16, _lengths(lambda row: b"\x00\x01\x02" + row[0].to_bytes(2, "big") + b"\x00\x00")),
    ),
    Clause("A27", "A write over the end of the registers is refused with exception 02.", "AP 6.12", _straddling),
    Clause(
        "A28",
        "A refused write has written nothing.",
        "AP 6.12",
        _straddling_writes_nothing,
        severity="should",
    ),
    Clause("A29", "Writing one coil on and off is answered with the request.", "AP 6.5", _writes("coil", 5, _one_coil)),
    Clause(
        "A30",
        "A coil value that is neither FF00 nor 0000 is refused with exception 03.",
        "AP 6.5",
        _writes("coil", 5, _neither_on_nor_off),
    ),
    Clause(
        "A31",
        "Up to 1968 coils are written at once, 1969 are refused with exception 03.",
        "AP 6.11",
        _writes("coil", 15, _many_coils),
    ),
    Clause(
        "A32",
        "A mask write keeps the bits of its AND mask and takes the others from its OR mask.",
        "AP 6.16",
        _writes("holding", 22, _masks),
        severity="should",
    ),
    Clause(
        "A33",
        "A combined write and read writes first: it answers the values just written.",
        "AP 6.17",
        _writes("holding", 23, _exchange),
    ),
    Clause(
        "A34",
        "A combined write and read of 122 or 126 registers is refused with exception 03.",
        "AP 6.17",
        _writes("holding", 23, _exchange_too_many),
    ),
    Clause(
        "A35",
        "A request that is cut short is refused with exception 03 or not answered, and the device goes on.",
        "AP 7",
        _short,
        severity="should",
    ),
    Clause(
        "A36",
        "Bytes behind the end of a request are refused with exception 03 or ignored, and the device goes on.",
        "AP 7",
        _trailing,
        severity="should",
    ),
)
