"""Clauses R01 to R20: Modbus on a serial line, most of them of RTU, some of both modes. SL is Modbus over Serial Line V1.02, AP the Application Protocol."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from chargebench.emulator.adu import RTU_MAX, pack_rtu, t15_us, t35_us
from chargebench.scenarios.clauses.end import SILENT, End, write_one
from chargebench.scenarios.clauses.expect import ANSWER, SILENCE, refused, spell
from chargebench.scenarios.clauses.model import LINES, Area, Broken, Clause, NotApplicable, Transport, beyond_reach
from chargebench.scenarios.clauses.services import DIAGNOSTICS, counter, diagnostic
from chargebench.scenarios.clauses.wires import Burst

BROADCAST = 0
RESERVED = (248, 251, 255)
GARBAGE = b"\x55\xaa\x00\xff\x13"


def frame(end: End, *, unit: int | None = None) -> bytes:
    """An ordinary read as it goes onto the line."""
    return end.pack(end.target.unit if unit is None else unit, end.ordinary())


def spoilt(data: bytes) -> bytes:
    """The frame with a CRC that is wrong in one bit."""
    return data[:-1] + bytes((data[-1] ^ 1,))


def _exact(end: End) -> None:
    if not end.line.exact:
        raise NotApplicable("pauses on this port are not exact to the character")


async def silent(end: End, *bursts: bytes, gap_us: int = 0) -> None:
    """What is sent is not answered, and an ordinary request after it is."""
    await end.line.pause(end.target.gap_us)
    heard = await end.hear(await end.line.send(*bursts, gap_us=gap_us))
    if heard is not None:
        raise Broken(" | ".join(map(spell, bursts)), SILENT, spell(heard.data))
    await end.expect_alive(" | ".join(map(spell, bursts)))


async def answered(end: End, *bursts: bytes, gap_us: int = 0) -> Burst:
    heard = await end.hear(await end.line.send(*bursts, gap_us=gap_us))
    adu = None if heard is None else end.unpack(heard.data)
    if heard is None or adu is None or adu.unit != end.target.unit:
        got = SILENT if heard is None else spell(heard.data)
        raise Broken(" | ".join(map(spell, bursts)), f"a frame of unit {end.target.unit}", got)
    return heard


def _silence_to(make: Callable[[End], bytes]) -> Callable[[End], Awaitable[None]]:
    async def body(end: End) -> None:
        await silent(end, make(end))

    return body


async def _after_silence(end: End) -> None:
    """A device that counts its own characters instead of 11 bits is right as well."""
    await end.line.pause(end.target.gap_us)
    sent_us = await end.line.send(frame(end))
    heard = await end.hear(sent_us)
    if heard is None:
        raise Broken(spell(frame(end)), "an answer", SILENT)
    least_us = t35_us(end.line.baud, end.line.character_bits)
    if end.line.exact and heard.begin_us - sent_us < least_us:
        raise Broken(
            spell(frame(end)), f"an answer after {least_us} us of silence", f"after {heard.begin_us - sent_us} us"
        )


def _writable(end: End) -> tuple[Area, int]:
    """A register that can be written and a function that does it."""
    function = 6 if 6 in end.target.functions else 16
    area = end.target.area("holding", function)
    if area.writable is None or function not in end.target.functions:
        raise NotApplicable("no register that may be written is described")
    return area, area.writable


def _other(area: Area, before: int) -> int:
    return next(row[0] for row in area.rows if row[0] != before)


def _write(end: End, address: int, value: int) -> bytes:
    if 6 in end.target.functions:
        return write_one(6, address, value)
    return b"\x10" + address.to_bytes(2, "big") + b"\x00\x01\x02" + value.to_bytes(2, "big")


async def _broadcast_write(end: End) -> None:
    area, address = _writable(end)
    async with end.restoring("holding", address, 1) as (before,):
        value = _other(area, before)
        pdu = _write(end, address, value)
        await end.expect(pdu, SILENCE, unit=BROADCAST)
        (after,) = await end.words("holding", address, 1)
        if after != value:
            raise Broken(spell(end.pack(BROADCAST, pdu)), f"value {value}", f"value {after}")


async def _reserved_units(end: End) -> None:
    for unit in RESERVED:
        await silent(end, frame(end, unit=unit))


async def _pause_inside(end: End) -> None:
    _exact(end)
    data = frame(end)
    baud = end.line.baud
    await silent(end, data[:4], data[4:], gap_us=(t15_us(baud) + t35_us(baud)) // 2)


async def _silence_inside(end: End) -> None:
    data = frame(end)
    gap_us = t35_us(end.line.baud) + (1 if end.line.exact else 2 * end.target.gap_us)
    await silent(end, data[:4], data[4:], gap_us=gap_us)


async def _too_long(end: End) -> None:
    body = end.ordinary() + bytes(RTU_MAX - 2 - len(end.ordinary()))
    await silent(end, pack_rtu(end.target.unit, body))


async def _wrong_parity(end: End) -> None:
    await end.line.pause(end.target.gap_us)
    heard = await end.hear(await end.line.send(frame(end), wrong_parity=True))
    if heard is not None:
        raise Broken(f"{spell(frame(end))} with wrong parity", SILENT, spell(heard.data))
    await end.expect_alive("a frame with wrong parity")


async def _next_at_once(end: End) -> None:
    """The next request may follow an answer by no more than the silence between frames."""
    await end.line.pause(end.target.gap_us)
    first = await answered(end, frame(end))
    sent_us = await end.line.send(frame(end), at_us=first.end_us + t35_us(end.line.baud))
    if await end.hear(sent_us) is None:
        raise Broken(f"{spell(frame(end))}, 3.5 characters after an answer", "an answer", SILENT)


async def _garbage_before(end: End) -> None:
    await end.line.pause(end.target.gap_us)
    gap_us = t35_us(end.line.baud) + (0 if end.line.exact else end.target.gap_us)
    await answered(end, GARBAGE, frame(end), gap_us=gap_us)


async def _others_talk(end: End) -> None:
    """Another unit's request, its answer, and an answer that holds a whole frame for this unit: nothing is to be done."""
    area, address = _writable(end)
    async with end.restoring("holding", address, 1) as (before,):
        pdu = _write(end, address, _other(area, before))
        stranger = end.target.stranger
        hidden = end.pack(end.target.unit, pdu)
        body = bytes((3, len(hidden) + len(hidden) % 2)) + hidden + bytes(len(hidden) % 2)
        for data in (end.pack(stranger, pdu), end.pack(stranger, pdu), end.pack(stranger, body)):
            await silent(end, data)
        (after,) = await end.words("holding", address, 1)
        if after != before:
            raise Broken("frames of another unit", f"value {before} unchanged", f"value {after}")


async def _counters(end: End) -> None:
    if DIAGNOSTICS not in end.target.functions:
        await end.expect(diagnostic(0x0B), refused(1))
        return
    before = [await counter(end, sub) for sub in _COUNTED]
    for data in (spoilt(frame(end)), frame(end)[:3], frame(end, unit=end.target.stranger)):
        await end.line.pause(end.target.gap_us)
        await end.line.send(data)
    await end.expect(bytes((0x41,)), ANSWER)
    await end.expect(end.ordinary(), SILENCE, unit=BROADCAST)
    after = [await counter(end, sub) for sub in _COUNTED]
    grown = [(new - old) & 0xFFFF for old, new in zip(before, after, strict=True)]
    # The questions count: each counter is asked again once the four others have been.
    expected = [len(_COUNTED) + 3, 2, 1, len(_COUNTED) + 2, 1]
    if grown != expected:
        raise Broken(
            "a wrong CRC, 3 bytes, another unit, an exception, a broadcast", f"counters grown by {expected}", f"{grown}"
        )


_COUNTED = (0x0B, 0x0C, 0x0D, 0x0E, 0x0F)


async def _contiguous(end: End) -> None:
    _exact(end)
    await end.line.pause(end.target.gap_us)
    await answered(end, frame(end))
    more = await end.line.hear(end.line.now_us() + end.target.gap_us)
    if more is not None:
        raise Broken(spell(frame(end)), "one burst", f"another one, {spell(more.data)}")


def _offers(wanted: Callable[[list[str]], bool], text: str) -> Callable[[End], Awaitable[None]]:
    async def body(end: End) -> None:
        if not end.target.lines:
            raise NotApplicable("the serial settings that the device offers are not described")
        if not any(wanted(line.lower().split(",")) for line in end.target.lines):
            raise Broken("the maker's data", text, "; ".join(end.target.lines))

    return body


def _clause(
    id_: str,
    text: str,
    reference: str,
    body: Callable[[End], Awaitable[None]],
    *,
    must: bool = True,
    over: tuple[Transport, ...] = ("rtu",),
) -> Clause:
    return Clause(id_, text, reference, body, severity="must" if must else "should", over=over)


CLAUSES = (
    _clause("R01", "An answer comes after 3.5 characters of silence at the earliest.", "SL 2.5.1.1", _after_silence),
    _clause(
        "R02", "A frame with a wrong CRC is not answered.", "SL 2.5.1.2", _silence_to(lambda end: spoilt(frame(end)))
    ),
    _clause(
        "R03",
        "A frame for another unit is not answered.",
        "SL 2.4.2",
        _silence_to(lambda end: frame(end, unit=end.target.stranger)),
        over=LINES,
    ),
    _clause("R04", "A broadcast write is carried out and not answered.", "SL 2.1, 2.2", _broadcast_write, over=LINES),
    _clause(
        "R05",
        "A broadcast read is not answered.",
        "SL 2.2",
        _silence_to(lambda end: frame(end, unit=BROADCAST)),
        over=LINES,
    ),
    _clause("R06", "Reserved unit ids are not answered.", "SL 2.2", _reserved_units, must=False, over=LINES),
    _clause(
        "R07",
        "A frame with a pause of more than 1.5 characters inside is discarded.",
        "SL 2.5.1.1",
        _pause_inside,
        must=False,
    ),
    _clause("R08", "A frame with 3.5 characters of silence inside is two wrong frames.", "SL 2.5.1.1", _silence_inside),
    _clause("R09", "A frame of 257 bytes is not answered, and the next one is.", "SL 2.5.1", _too_long),
    _clause("R10", "A frame of three bytes is not answered.", "SL 2.5.1", _silence_to(lambda end: frame(end)[:3])),
    _clause("R11", "A frame with wrong parity is discarded.", "SL 2.6", _wrong_parity),
    _clause("R12", "A request 3.5 characters after an answer is answered.", "SL 2.5.1.1", _next_at_once),
    _clause("R13", "A request 3.5 characters after garbage is answered.", "SL 2.5.1.1", _garbage_before),
    _clause(
        "R14",
        "A request directly behind garbage is not answered, and the next one is.",
        "SL 2.5.1.1",
        _silence_to(lambda end: GARBAGE + frame(end)),
    ),
    _clause("R15", "What other units are told or answer is not carried out.", "SL 2.4.2", _others_talk, over=LINES),
    _clause("R16", "Counters tell good, wrong, refused and unanswered messages.", "AP 6.8", _counters, must=False),
    _clause("R17", "An answer comes without a pause inside.", "SL 2.5.1.1", _contiguous),
    _clause(
        "R18",
        "The driver is released within 3.5 characters of the last byte.",
        "SL 3",
        beyond_reach("seen with an oscilloscope only"),
    ),
    _clause(
        "R19",
        "19200 baud with even parity is offered.",
        "SL 2.5.1, 3.2",
        _offers(lambda line: line == ["19200", "8", "e", "1"], "19200,8,e,1"),
        must=False,
    ),
    _clause(
        "R20",
        "Two stop bits are offered where there is no parity.",
        "SL 2.5.1",
        _offers(lambda line: line[2:] == ["n", "2"], "a setting such as 9600,8,n,2"),
        must=False,
    ),
)
