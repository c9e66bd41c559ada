"""Clauses B33 to B35: requests that no master would send. Each is wrong in its form, so no box can have been told anything.

Where values stand in them, they are a limit as high as the register goes: a box that reads a form too kindly shows it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from chargebench.datasheets.behaviour import Code
from chargebench.datasheets.codec import encode, value_range
from chargebench.emulator.streams import Streams
from chargebench.scenarios.clauses.asking import words_in
from chargebench.scenarios.clauses.end import READS
from chargebench.scenarios.clauses.expect import spell
from chargebench.scenarios.clauses.falling import charging, late_us
from chargebench.scenarios.clauses.model import Broken
from chargebench.scenarios.clauses.subject import Subject, behaviour

SEED = 40_017
DRAWN = 120
LIMIT_MA = 10_000
PDU_MAX = 253
_WORDS_MAX, _BITS_MAX = 125, 2000
_STRANGE = (25, 31, 36, 44, 50, 55, 63, 73, 80, 88, 99, 115)  # function codes that nobody is known to use


@dataclass(frozen=True, slots=True)
class Place:
    """Where the limit of a box stands, and words for a limit of all that the register can tell."""

    address: int
    words: tuple[int, ...]

    @property
    def head(self) -> bytes:
        return self.address.to_bytes(2, "big")

    @property
    def data(self) -> bytes:
        return b"".join(word.to_bytes(2, "big") for word in self.words)


def place_of(box: Subject) -> Place:
    register = box.sheet.register(box.control.limit.registers[0])
    _, high = value_range(register)
    most_ma = box.fits(2 * box.bench.max_ma if high is None else min(high, 2 * box.bench.max_ma))
    return Place(register.at, encode(register, most_ma))


def malformed(box: Subject) -> tuple[bytes, ...]:
    """The fixed table: every function of the box in every form that is wrong, and codes that mean nothing."""
    place = place_of(box)
    found: list[bytes] = []
    for table, function in READS.items():
        if function in box.sheet.reads:
            found += _reads(function, _BITS_MAX if table in {"coil", "discrete"} else _WORDS_MAX)
    for function in box.sheet.writes:
        found += _ones(function, place) if function in {5, 6} else _severals(function, place)
    found += [bytes((code,)) + place.head + place.data for code in _STRANGE]
    found += [bytes((code, *place.head)) for code in (0x00, 0x80, 0x83, 0x86, 0x90, 0xFF)]
    return tuple(found)


def _reads(function: int, most: int) -> Iterator[bytes]:
    code = bytes((function,))
    yield from (code, code + b"\x00", code + b"\x00\x00", code + b"\x00\x00\x00")
    yield from (code + b"\x00\x00" + count.to_bytes(2, "big") for count in (0, most + 1, 0x7FFF, 0xFFFF))
    yield code + b"\xff\xff\x00\x02"
    yield code + b"\x00\x00\x00\x01" + bytes(PDU_MAX - 5)


def _ones(function: int, place: Place) -> Iterator[bytes]:
    """One value that is cut short; of a coil also one that is neither on nor off."""
    code = bytes((function,))
    yield from (code, code + place.head[:1], code + place.head, code + place.head + place.data[:1])
    if function == 5:
        yield from (code + place.head + value for value in (b"\x12\x34", b"\x00\x01", b"\xff\xff"))


def _severals(function: int, place: Place) -> Iterator[bytes]:
    """Quantity, byte count and bytes that do not agree."""
    code, count = bytes((function,)), len(place.words) if function == 16 else 8
    octets = 2 * count if function == 16 else 1
    data = place.data if function == 16 else b"\x01"
    head = code + place.head
    yield from (code, head, head + count.to_bytes(2, "big"), head + count.to_bytes(2, "big") + bytes((octets,)))
    yield head + b"\x00\x00\x00"
    yield head + b"\x00\x00" + bytes((octets,)) + data
    yield head + count.to_bytes(2, "big") + bytes((octets + 1,)) + data + b"\x00"
    yield head + count.to_bytes(2, "big") + bytes((octets,)) + data[:-1]
    yield head + count.to_bytes(2, "big") + bytes((octets,)) + data + b"\x00\x00"
    yield head + (count + 1).to_bytes(2, "big") + bytes((octets,)) + data
    yield head + b"\xff\xff" + bytes((octets,)) + data
    yield head + count.to_bytes(2, "big") + bytes((0xFF,)) + data


def drawn_forms(box: Subject, seed: int = SEED) -> Iterator[bytes]:
    """The seeded ones: a row of the table, cut or lengthened anywhere so that it stays wrong, or with other fields."""
    stream = Streams(seed).stream(f"malformed {box.sheet.name}")
    table = malformed(box)
    for _ in range(DRAWN):
        pdu = bytearray(table[stream.below(len(table))])
        for _ in range(stream.below(4)):
            pdu[stream.below(len(pdu))] = stream.below(256)
        if stream.below(3) == 0:
            pdu = pdu[: 1 + stream.below(len(pdu))]
        elif stream.below(3) == 0:
            pdu += bytes(stream.below(256) for _ in range(stream.below(PDU_MAX + 1 - len(pdu))))
        if is_malformed(bytes(pdu)):
            yield bytes(pdu)


def is_malformed(pdu: bytes) -> bool:
    """Whether no box may act on it: wrong in its form, or of a code without a meaning."""
    code, fields = pdu[0], [int.from_bytes(pdu[at : at + 2], "big") for at in range(1, len(pdu) - 1, 2)]
    if code in {1, 2, 3, 4}:
        most = _BITS_MAX if code < 3 else _WORDS_MAX
        return len(pdu) != 5 or not 1 <= fields[1] <= most or fields[0] + fields[1] > 0x10000
    if code in {5, 6}:
        return len(pdu) < 5 or (code == 5 and fields[1] not in {0, 0xFF00})
    if code in {15, 16}:
        if len(pdu) < 7:
            return True
        octets = 2 * fields[1] if code == 16 else (fields[1] + 7) // 8
        return pdu[5] != octets or len(pdu) != 6 + octets or not fields[1]
    return code in _STRANGE or code == 0 or code > 0x7F


async def _as_it_is(box: Subject) -> dict[str, Code | None]:
    """Its state, its limit and what is set of its watchdog, as it tells."""
    limit, dog = box.control.limit, box.dog
    names = (*box.states.registers, *limit.registers, limit.shown, dog.timeout.register, dog.failsafe.register)
    return {name: await box.raw(name) for name in names if box.readable(name)}


async def _bears(box: Subject, pdus: Iterator[bytes] | tuple[bytes, ...]) -> None:
    await box.charge(LIMIT_MA)
    before = await _as_it_is(box)
    await box.watch()
    for pdu in pdus:
        await box.keep()
        await _nonsense(box, pdu)
        after = await _as_it_is(box)
        if after != before:
            raise Broken(spell(pdu), str(before), str(after))
    await box.settle(box.cut_us)
    await box.insist(box.told_ma, "malformed requests")


async def _nonsense(box: Subject, pdu: bytes) -> None:
    """Send it: an exception, silence, or for a read data is borne; afterwards a proper read is answered."""
    await box.spend(box.pause_us)
    reply = await box.end.ask(pdu)
    if reply.pdu is not None and reply.pdu[0] & 0x7F != pdu[0] & 0x7F:
        raise Broken(spell(pdu), "an exception, or silence", str(reply))
    name = box.states.registers[0]
    proper = box.whole(name)
    again = await box.ask(proper)
    if words_in(box.span(name), again.pdu) is None:
        raise Broken(f"{spell(pdu)}, then {spell(proper)}", f"what {name} holds", str(again))


async def _the_table(box: Subject) -> None:
    await _bears(box, malformed(box))


async def _drawn(box: Subject) -> None:
    await _bears(box, drawn_forms(box))


async def _feeds_nothing(box: Subject) -> None:
    """A watchdog that lives on any request may count these, too: then they end before its time, and silence follows."""
    fall = await charging(box)
    any_request, table = box.dog.kind == "request", malformed(box)
    until_us = fall.fed_us + (fall.after_us // 3 if any_request else fall.after_us + late_us(box, fall.to_ma))
    sent = 0
    while box.now_us < until_us:
        await box.end.ask(table[sent % len(table)])
        sent += 1
        await box.spend(max(box.pause_us, fall.after_us // len(table)))
    if any_request:
        await box.spend(fall.after_us + late_us(box, fall.to_ma))
    await box.insist(fall.to_ma, f"{sent} malformed requests, and nothing else")


CLAUSES = (
    behaviour(
        "B33",
        "Malformed requests change neither its limit nor its state, and a proper read is answered behind each of them.",
        "Application Protocol V1.1b3, 7; stephane/libmodbus#867",
        _the_table,
        unverified=True,
    ),
    behaviour(
        "B34",
        "So it is with malformed requests drawn by a seed.",
        "Application Protocol V1.1b3, 7; evcc-io/evcc#13335",
        _drawn,
        unverified=True,
    ),
    behaviour(
        "B35",
        "Malformed requests leave its watchdog as it is: it still falls back in time, to its current.",
        "evcc-io/evcc#2227; the watchdog of its datasheet",
        _feeds_nothing,
    ),
)
