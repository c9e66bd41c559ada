"""Clauses A01 to A16: reading, and requests that are none. AP is the Application Protocol V1.1b3."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from chargebench.datasheets.model import Table
from chargebench.scenarios.clauses.end import READS, End, read
from chargebench.scenarios.clauses.expect import SILENCE, Expect, data, exactly, refused, spell
from chargebench.scenarios.clauses.model import Area, Broken, Clause, NotApplicable

Body = Callable[[End], Awaitable[None]]
Spots = Callable[[Area], Sequence[tuple[int, int]]]
HIGHEST = 0xFFFF


def _reads(table: Table, spots: Spots, *expected: Expect) -> Body:
    """Reads (address, quantity) pairs of a table and insists on the same kind of answer to each."""

    async def body(end: End) -> None:
        for address, count in spots(end.target.area(table, READS[table])):
            await end.expect(read(table, address, count), *expected)

    return body


def _either(*bodies: Body) -> Body:
    """Each of several checks; not applicable only where all are."""

    async def body(end: End) -> None:
        reasons = []
        for one in bodies:
            try:
                await one(end)
            except NotApplicable as none:
                reasons.append(str(none))
        if len(reasons) == len(bodies):
            raise NotApplicable("; ".join(reasons))

    return body


def _longest(area: Area) -> Sequence[tuple[int, int]]:
    if area.run < 125:
        raise NotApplicable("no 125 registers that can be read as a whole are described")
    return ((area.first, 125),)


def _behind(area: Area) -> Sequence[tuple[int, int]]:
    if area.last == HIGHEST:
        raise NotApplicable("the table fills all addresses")
    return ((area.last + 1, 1),)


def _straddling(area: Area) -> Sequence[tuple[int, int]]:
    return ((area.last, 2),) if area.last < HIGHEST else ()


def _wrapping(area: Area) -> Sequence[tuple[int, int]]:
    single = () if area.last == HIGHEST else ((HIGHEST, 1),)
    return (*single, (HIGHEST, 2))


async def _unused_bits(end: End) -> None:
    area = end.target.area("coil", 1)
    if 1 in end.target.functions and area.run < 9:
        raise NotApplicable("no nine coils that can be read as a whole are described")
    pdu = read("coil", area.first, 9)
    answer = await end.expect(pdu, data(2))
    if answer[0] == 1 and answer[3] & 0xFE:
        raise Broken(spell(pdu), "unused bits that are 0", spell(answer))


async def _unknown_functions(end: End) -> None:
    for function in (0x09, 0x41, 0x63, 0x7F):
        if function not in end.target.functions:
            await end.expect(bytes((function, 0, 0, 0, 1)), refused(1))


async def _function_zero(end: End) -> None:
    await end.expect(bytes((0, 0, 0, 0, 1)), SILENCE, exactly(b"\x80\x01"))


async def _answers_as_requests(end: End) -> None:
    for function in (0x80, 0x83, 0xFF):
        await end.expect(bytes((function, 2)), SILENCE, exactly(bytes((function, 1))))
    await end.expect_alive("function codes from 80 up")


CLAUSES = (
    Clause(
        "A01",
        "One holding register is answered with two data bytes.",
        "AP 6.3",
        _reads("holding", lambda a: ((a.first, 1),), data(2)),
    ),
    Clause(
        "A02",
        "125 holding registers, the most there may be, are answered with 250 data bytes.",
        "AP 6.3",
        _reads("holding", _longest, data(250)),
    ),
    Clause(
        "A03",
        "The last holding register can be read by itself.",
        "AP 6.3",
        _reads("holding", lambda a: ((a.last, 1),), data(2)),
    ),
    Clause(
        "A04",
        "Reading no holding register is refused with exception 03.",
        "AP 6.3",
        _reads("holding", lambda a: ((a.first, 0),), refused(3)),
    ),
    Clause(
        "A05",
        "Reading 126 holding registers is refused with exception 03.",
        "AP 6.3",
        _reads("holding", lambda a: ((a.first, 126),), refused(3)),
    ),
    Clause(
        "A06",
        "Reading far too many holding registers is refused with exception 03.",
        "AP 6.3",
        _reads("holding", lambda a: ((a.first, 2000), (a.first, 0xFFFF)), refused(3)),
    ),
    Clause(
        "A07",
        "An address behind the last holding register is refused with exception 02.",
        "AP 6.3, 7",
        _reads("holding", _behind, refused(2)),
    ),
    Clause(
        "A08",
        "A read that begins inside and ends behind the holding registers is refused with exception 02.",
        "AP 6.3",
        _reads("holding", _straddling, refused(2)),
    ),
    Clause(
        "A09",
        "Addresses end at 65535: a read does not go on at 0.",
        "AP 6.3",
        _reads("holding", _wrapping, refused(2)),
    ),
    Clause(
        "A10",
        "Where quantity and address are both wrong, the quantity is told: exception 03.",
        "AP 6.3, flow chart",
        _reads("holding", lambda a: ((a.last, 0), (HIGHEST, 126)), refused(3)),
    ),
    Clause(
        "A11",
        "Reading none or 126 input registers is refused with exception 03.",
        "AP 6.4",
        _reads("input", lambda a: ((a.first, 0), (a.first, 126)), refused(3)),
    ),
    Clause(
        "A12",
        "Reading no or 2001 coils or discrete inputs is refused with exception 03.",
        "AP 6.1, 6.2",
        _either(
            _reads("coil", lambda a: ((a.first, 0), (a.first, 2001)), refused(3)),
            _reads("discrete", lambda a: ((a.first, 0), (a.first, 2001)), refused(3)),
        ),
    ),
    Clause("A13", "Nine coils come in two bytes, the unused bits are 0.", "AP 6.1", _unused_bits),
    Clause("A14", "An unknown function is refused with its own code and exception 01.", "AP 7", _unknown_functions),
    Clause(
        "A15", "Function code 0 is not answered, or with exception 01.", "AP 4.1", _function_zero, severity="should"
    ),
    Clause(
        "A16",
        "Function codes from 128 up are no requests: silence or exception 01, and the device goes on.",
        "AP 4.1",
        _answers_as_requests,
        severity="should",
    ),
)
