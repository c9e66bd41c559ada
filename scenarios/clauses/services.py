"""Clauses A37 to A51: identification, diagnostics, values of several words, a busy device. AP is the Application Protocol."""

from __future__ import annotations

import asyncio

from chargebench.scenarios.clauses.end import READS, End, read, write
from chargebench.scenarios.clauses.expect import ANSWER, ECHO, SILENCE, Expect, data, exactly, refused, spell
from chargebench.scenarios.clauses.model import Broken, Clause, NotApplicable, Wide

DIAGNOSTICS, REPORT, IDENTIFY = 0x08, 0x11, 0x2B
TEARING_ROUNDS = 300
BUSY_ROUNDS = 200
_RESERVED_OBJECT = 0x7F
_HEAD = 7  # bytes before the first object of an identification


def identification(code: int, first: int = 0) -> bytes:
    return bytes((IDENTIFY, 0x0E, code, first))


def diagnostic(sub: int, field: int = 0) -> bytes:
    return bytes((DIAGNOSTICS,)) + sub.to_bytes(2, "big") + field.to_bytes(2, "big")


def objects(answer: bytes) -> dict[int, bytes] | None:
    """The objects of an identification answer by id; None where the answer does not add up."""
    if len(answer) < _HEAD or answer[:2] != bytes((IDENTIFY, 0x0E)):
        return None
    found, rest = {}, answer[_HEAD:]
    while len(rest) >= 2 and len(rest) >= 2 + rest[1]:
        found[rest[0]] = rest[2 : 2 + rest[1]]
        rest = rest[2 + rest[1] :]
    return found if not rest and len(found) == answer[6] else None


_OBJECTS = Expect("objects that add up", lambda _, answer: answer is not None and objects(answer) is not None)


async def _identifies(end: End) -> None:
    for code in (1, 2, 3):
        pdu = identification(code)
        answer = await end.expect(pdu, _OBJECTS)
        found = objects(answer)
        if found is not None and not {0, 1, 2} <= set(found):
            raise Broken(spell(pdu), "objects 0, 1 and 2", f"objects {sorted(found)}")


async def _unknown_object(end: End) -> None:
    await end.expect(identification(4, _RESERVED_OBJECT), refused(2))


async def _unknown_code(end: End) -> None:
    await end.expect(identification(5), refused(3))


async def _unknown_mei(end: End) -> None:
    await end.expect(bytes((IDENTIFY, 0x55, 1, 0)), refused(1))


async def _stream_ends(end: End) -> None:
    seen: list[int] = []
    levels: list[int] = []
    first, pdu = 0, identification(3)
    for _ in range(256):
        pdu = identification(3, first)
        answer = await end.expect(pdu, _OBJECTS)
        if IDENTIFY not in end.target.functions:
            return
        seen += objects(answer) or {}
        levels.append(answer[3])
        if not answer[4]:
            break
        first = answer[5]
    if seen != sorted(set(seen)) or len(set(levels)) != 1 or levels[0] & 0x7F not in (1, 2, 3):
        raise Broken(
            spell(pdu), "each object once, in order, at one conformity level", f"objects {seen}, levels {levels}"
        )


def _lacks_diagnostics(end: End) -> bool:
    """Over TCP there are none, so exception 01 is as good as an answer."""
    return end.transport == "tcp" or DIAGNOSTICS not in end.target.functions


async def _echo(end: End) -> None:
    for field in (0, 0xA537, 0xFFFF):
        also = (refused(1),) if _lacks_diagnostics(end) else ()
        await end.expect(diagnostic(0, field), ECHO, *also)


async def _unknown_sub(end: End) -> None:
    await end.expect(diagnostic(0x7777), refused(1, 3))


async def _clears(end: End) -> None:
    if _lacks_diagnostics(end):
        await end.expect(diagnostic(0x0A), refused(1), ECHO)
        return
    for _ in range(3):
        await end.expect(end.ordinary(), ANSWER)
    await end.expect(diagnostic(0x0A), ECHO)
    first = await counter(end, 0x0B)
    for _ in range(3):
        await end.expect(end.ordinary(), ANSWER)
    second = await counter(end, 0x0B)
    if first > 2 or second - first != 4:
        raise Broken(
            f"{spell(diagnostic(0x0A))}, later 4 messages", "at most 2, then 4 more", f"{first}, then {second}"
        )


async def counter(end: End, sub: int) -> int:
    """One of the counters of function 8."""
    pdu = diagnostic(sub)
    form = Expect("a counter", lambda _, answer: answer is not None and answer[:3] == pdu[:3] and len(answer) == 5)
    return int.from_bytes((await end.expect(pdu, form))[3:5], "big")


async def _listens_only(end: End) -> None:
    if _lacks_diagnostics(end):
        await end.expect(diagnostic(4), refused(1), SILENCE)
        return
    if (reply := await end.ask(diagnostic(4))).pdu is not None:
        if reply.pdu == b"\x88\x01":
            raise NotApplicable("the device has no listen-only mode")
        raise Broken(spell(diagnostic(4)), "silence or exception 01", str(reply))
    try:
        await end.expect(end.ordinary(), SILENCE)
    finally:
        restarted = await end.ask(diagnostic(1))
    if restarted.pdu is not None:
        raise Broken(spell(diagnostic(1)), "silence from a device that only listened", str(restarted))
    await end.expect_alive("a restart")


async def _reports(end: End) -> None:
    indicator = 2 + end.target.server_id_octets

    def holds(_: bytes, answer: bytes | None) -> bool:
        if answer is None or len(answer) <= indicator or answer[0] != REPORT:
            return False
        return answer[1] == len(answer) - 2 and answer[indicator] in (0, 0xFF)

    also = (refused(1),) if end.transport == "tcp" else ()
    await end.expect(bytes((REPORT,)), Expect("a byte count that is right and a run indicator 00 or FF", holds), *also)


async def _rare_functions(end: End) -> None:
    for pdu in (
        b"\x18\x00\x00",
        b"\x14\x07\x06\x00\x01\x00\x00\x00\x01",
        b"\x15\x09\x06\x00\x01\x00\x00\x00\x01\x00\x00",
        b"\x07",
    ):
        await end.expect(pdu, ANSWER)


async def _no_tearing(end: End) -> None:
    wide = end.target.wide
    if wide is None or wide.rows is None:
        raise NotApplicable("no value of several words that can be written is described")
    if end.target.clients < 2:
        raise NotApplicable("the device takes one connection at a time")
    writer = End(end.target, tcp=end.tcp)
    async with end.restoring(wide.table, wide.address, wide.words):
        await writer.ask(write(wide.table, wide.address, wide.rows[0]))
        try:
            for turn in range(TEARING_ROUNDS):
                await _tear(end, writer, wide, turn)
        finally:
            await writer.start_afresh()


async def _tear(end: End, writer: End, wide: Wide, turn: int) -> None:
    assert wide.rows is not None
    pdu = write(wide.table, wide.address, wide.rows[turn % 2])
    _, got = await asyncio.gather(writer.ask(pdu), end.words(wide.table, wide.address, wide.words))
    if got not in wide.rows:
        raise Broken(f"{spell(pdu)} while reading", "one value or the other", f"values {got}")


async def _halves(end: End) -> None:
    wide = end.target.wide
    if wide is None or wide.halves == "not said":
        raise NotApplicable("what half a value gives is not described")
    for place in range(wide.words):
        expected = data(2) if wide.halves == "data" else refused(2)
        await end.expect(read(wide.table, wide.address + place, 1), expected)


async def _word_order(end: End) -> None:
    if not end.target.known:
        raise NotApplicable("no value that the device must show is described")
    for known in end.target.known:
        body = b"".join(word.to_bytes(2, "big") for word in known.words)
        answer = bytes((READS[known.table], len(body))) + body
        await end.expect(read(known.table, known.address, len(known.words)), exactly(answer))


async def _busy(end: End) -> None:
    if end.target.busy is None:
        raise NotApplicable("nothing that makes the device busy is described")
    await end.expect(end.target.busy, ANSWER)
    for _ in range(BUSY_ROUNDS):
        answer = await end.expect(end.ordinary(), refused(6), ANSWER)
        if not answer[0] & 0x80:
            return
        await end.clock.pause(end.target.gap_us)
    raise Broken(spell(end.ordinary()), "an answer after a while", f"exception 06, {BUSY_ROUNDS} times")


CLAUSES = (
    Clause("A37", "Identification gives objects 0 to 2 at least.", "AP 6.21", _identifies, severity="should"),
    Clause("A38", "An unknown identification object is exception 02.", "AP 6.21", _unknown_object, severity="should"),
    Clause("A39", "An unknown identification read code is exception 03.", "AP 6.21", _unknown_code, severity="should"),
    Clause("A40", "An unknown MEI type is exception 01.", "AP 6.19", _unknown_mei, severity="should"),
    Clause(
        "A41",
        "An identification in several answers comes to its end, each object once, at one conformity level.",
        "AP 6.21",
        _stream_ends,
        severity="should",
    ),
    Clause("A42", "Diagnostics return the query; over TCP exception 01 will do.", "AP 6.8", _echo, severity="should"),
    Clause("A43", "An unknown diagnostic is exception 01 or 03.", "AP 6.8", _unknown_sub, severity="should"),
    Clause("A44", "Counters are cleared, and count each message again.", "AP 6.8", _clears, severity="should"),
    Clause(
        "A45",
        "A device that only listens is silent until it is restarted, itself without an answer.",
        "AP 6.8",
        _listens_only,
        severity="should",
    ),
    Clause(
        "A46",
        "A report of the server id has the right length and a run indicator.",
        "AP 6.13",
        _reports,
        severity="should",
    ),
    Clause(
        "A47",
        "Fifo, files and exception status are answered, if only with an exception.",
        "AP 6.7, 6.14, 6.15, 6.18",
        _rare_functions,
        severity="should",
    ),
    Clause(
        "A48",
        "A value of several words that is read while it is written is the old or the new one.",
        "the maker's manual",
        _no_tearing,
        severity="should",
        over=("tcp",),
    ),
    Clause(
        "A49",
        "Half a value of several words gives what the manual says: data or exception 02.",
        "the maker's manual",
        _halves,
        severity="should",
    ),
    Clause("A50", "Words are big-endian and in the documented order.", "AP 4.2", _word_order),
    Clause(
        "A51",
        "A busy device says so with exception 06, is never silent, and is ready again after a while.",
        "AP 7",
        _busy,
        severity="should",
    ),
)
