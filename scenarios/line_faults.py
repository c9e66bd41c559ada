"""Faults on a line that is really there: what a proxy's units and wires are made to do wrong, drawn by a seed.

Which request of a line is hit, and how, depends on seed, line and the number of the request alone, not on when it comes.
A fault is a line of text: its kind, then where it acts (``lines``, ``units``, ``functions``, ``requests``), of how many
(``share``), and what it does (``by``, ``code``). The first fault that hits a request is the only one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Final

from chargebench.datasheets.errors import BadFile, BadInput, CannotOpen, UnknownName, suggest
from chargebench.datasheets.quantity import parse
from chargebench.emulator.adu import Adu, one_adu, pack_mbap, pack_rtu
from chargebench.emulator.ascii import pack_ascii
from chargebench.emulator.streams import Streams
from chargebench.manager.links.pace import LineTimes
from chargebench.manager.links.tcp_inlet import HEADER
from chargebench.manager.proxy.access import Ranges, ranges
from chargebench.manager.proxy.answers import expected
from chargebench.manager.proxy.between import Later, Passed
from chargebench.manager.proxy.config import Behind, Config

KINDS: Final = {
    "silence": "the unit does not hear the request",
    "lost": "the unit acts, and its answer does not come back",
    "delay": "the answer comes later, by 100 ms or so long as BY says",
    "late": "the answer comes when it is waited for no longer",
    "garble": "one to three bits of the answer are flipped",
    "zeros": "one to five zero bytes stand before the answer",
    "split": "the answer comes in two pieces, 30 ms or BY apart",
    "twice": "the answer comes again, at once or after BY",
    "echo": "the request comes back before the answer; on lines",
    "exception": "the unit is not asked, and refuses with CODE, 4 if that is left out",
}
IDS: Final = {
    "F01": "late",
    "F02": "late",
    "F04": "echo",
    "F05": "zeros",
    "F06": "garble",
    "F11": "exception code=224",
    "F12": "exception code=4",
    "F18": "split",
}
"""The same, as a list of faults seen in the field numbers them."""

BY_US: Final = {"delay": 100_000, "split": 30_000, "twice": 1_000}
LATE_US: Final = (100_000, 800_000)
"""So long after its deadline a late answer comes, if nothing is said."""

TURNAROUND_US: Final = 5_000
REQUESTS_MOST: Final = 10**12
WORD: Final = 1 << 64
FILE_MOST: Final = 100_000
EXAMPLE: Final = "a fault such as 'garble share=1% units=1-3', or a file of them"
_SHARE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?)%", re.ASCII)


@dataclass(frozen=True, slots=True)
class Fault:
    """One line of what a person wrote; None: any, or as usual."""

    kind: str
    share: Fraction = Fraction(1)
    lines: tuple[str, ...] | None = None
    units: Ranges | None = None
    functions: Ranges | None = None
    requests: Ranges | None = None
    by_us: int | None = None
    code: int = 4

    def may_hit(self, number: int, unit: int, function: int) -> bool:
        """Whether it is on such a request, chance apart."""
        return _within(self.requests, number) and _within(self.units, unit) and _within(self.functions, function)


def _within(ranges: Ranges | None, number: int) -> bool:
    return ranges is None or any(low <= number <= high for low, high in ranges)


# -- what people write ----------------------------------------------------------------------------


def read_faults(texts: Sequence[str]) -> tuple[Fault, ...]:
    """Each text is a fault, or a file with one on each line; ``Complaint`` for what cannot be understood."""
    found: list[Fault] = []
    for text in texts:
        first = text.split()[0] if text.strip() else ""
        if first in KINDS or first in IDS:
            found.append(_said("--faults", text))
        elif Path(text).is_file():
            found += _of_file(Path(text))
        else:
            raise BadInput("--faults", "", f"expected {EXAMPLE}, got {text!r}{suggest(first, KINDS)}")
    return tuple(found)


def _of_file(path: Path) -> list[Fault]:
    try:
        lines = path.read_bytes()[:FILE_MOST].decode().splitlines()
    except OSError as error:
        raise CannotOpen(str(path), error.strerror or str(error)) from error
    except UnicodeDecodeError:
        raise BadInput(str(path), "", f"expected text with {EXAMPLE.split(',')[0]} on each line") from None
    errors: list[BadInput] = []
    found: list[Fault] = []
    for number, line in enumerate(lines, 1):
        said = line.partition("#")[0].strip()
        if said:
            try:
                found.append(_said(f"{path}:{number}", said))
            except BadInput as error:
                errors.append(error)
    if errors:
        raise BadFile(*errors)
    return found


def _said(where: str, text: str) -> Fault:
    try:
        return parse_fault(text)
    except ValueError as error:
        raise BadInput(where, "", str(error)) from None


def parse_fault(text: str) -> Fault:
    """``late share=2% lines=COM1 units=1-3 functions=3,4 requests=100-200 by=800ms``; ``ValueError`` says what was expected."""
    name, *words = text.split()
    kind, *usual = IDS.get(name, name).split()
    if kind not in KINDS:
        raise ValueError(f"expected {', '.join(KINDS)}, got {name!r}{suggest(name, KINDS)}")
    fault = Fault(kind)
    for word in (*usual, *words):
        what, equals, value = word.partition("=")
        reader = READERS.get(what)
        if reader is None or not equals:
            raise ValueError(f"expected {', '.join(f'{one}=' for one in READERS)}, got {word!r}")
        fault = reader(fault, value)
    return fault


def _share(fault: Fault, text: str) -> Fault:
    match = _SHARE.fullmatch(text)
    if match is None or Fraction(match[1]) > 100:
        raise ValueError(f"expected a share from 0% to 100%, such as 2.5%, got {text!r}")
    return replace(fault, share=Fraction(match[1]) / 100)


def _code(fault: Fault, text: str) -> Fault:
    ((first, last),) = ranges("a code", text, 255)[:1]
    if first != last or not first:
        raise ValueError(f"expected the code of an exception from 1 to 255, got {text!r}")
    return replace(fault, code=first)


def _by(fault: Fault, text: str) -> Fault:
    by_us = parse(text, "duration")
    if not by_us:
        raise ValueError("expected a time above 0 s")
    return replace(fault, by_us=by_us)


READERS: Final[dict[str, Callable[[Fault, str], Fault]]] = {
    "share": _share,
    "lines": lambda fault, text: replace(fault, lines=tuple(text.split(","))),
    "units": lambda fault, text: replace(fault, units=ranges("units", text, 255)),
    "functions": lambda fault, text: replace(fault, functions=ranges("functions", text, 127)),
    "requests": lambda fault, text: replace(fault, requests=ranges("requests", text, REQUESTS_MOST)),
    "by": _by,
    "code": _code,
}


# -- what they do ---------------------------------------------------------------------------------


@dataclass(slots=True)
class _Hit:
    """What becomes of the answer to the request that was sent last; ``seen`` bytes of it have come."""

    fault: Fault
    by_us: int
    zeros: int
    cut: int
    size: int
    flips: dict[int, int] = field(default_factory=dict)
    held: bytearray = field(default_factory=bytearray)
    seen: int = 0


class Faulty:
    """Stands before one line. ``done`` counts which faults it has made."""

    def __init__(self, behind: Behind, faults: Sequence[Fault], seed: int) -> None:
        self.done: Counter[str] = Counter()
        self._behind = behind
        self._line = None if behind.address is None else LineTimes.of(behind.address)
        streams = Streams(seed)
        self._faults = [
            (fault, streams.stream("proxy", behind.name, str(number)))
            for number, fault in enumerate(faults)
            if fault.lines is None or behind.name in fault.lines
        ]
        self._number = 0
        self._hit: _Hit | None = None

    def leaves(self, adu: bytes) -> Passed:
        """A request is to go out."""
        self._number += 1
        self._hit = None
        asked = self._unpacked(adu)
        fault, chance = self._drawn(asked)
        if fault is None:
            return Passed(adu)
        self.done[fault.kind] += 1
        if fault.kind == "silence":
            return Passed(b"")
        if fault.kind == "exception":
            return Passed(b"", (Later(self._soon_us(adu), self._packed(asked, fault.code)),))
        self._hit = self._prepared(fault, chance, asked)
        return Passed(adu, (Later(self._time_us(len(adu)), adu),) if fault.kind == "echo" else ())

    def comes(self, data: bytes) -> tuple[Later, ...]:
        """Bytes have come from the line."""
        hit = self._hit
        if hit is None or not data:
            return (Later(0, data),)
        at, hit.seen = hit.seen, hit.seen + len(data)
        kind = hit.fault.kind
        if kind == "lost":
            return ()
        if kind == "garble":
            data = bytes(byte ^ hit.flips.get(at + k, 0) for k, byte in enumerate(data))
        elif kind == "zeros" and not at:
            data = bytes(hit.zeros) + data
        elif kind == "twice":
            hit.held += data
            again = self._whole(hit.held, hit.size)
            return (Later(0, data), Later(hit.by_us, bytes(hit.held))) if again else (Later(0, data),)
        elif kind == "split":
            cut = max(0, hit.cut - at)
            return tuple(Later(us, part) for us, part in ((0, data[:cut]), (hit.by_us, data[cut:])) if part)
        return (Later(hit.by_us if kind in {"delay", "late"} else 0, data),)

    def _drawn(self, asked: Adu) -> tuple[Fault | None, int]:
        """The fault that hits this request, and the chance by which it does what it does."""
        for fault, stream in self._faults:
            everybody = not asked.unit and self._behind.kind != "tcp" and fault.kind != "silence"
            echoes = fault.kind == "echo" and self._behind.kind == "tcp"
            if everybody or echoes or not fault.may_hit(self._number, asked.unit, asked.pdu[0]):
                continue
            if stream.at(2 * self._number) < fault.share * WORD:
                return fault, stream.at(2 * self._number + 1)
        return None, 0

    def _prepared(self, fault: Fault, chance: int, asked: Adu) -> _Hit:
        """Everything about the answer is drawn at once, so that it does not matter in which pieces it comes."""
        least, size, most = self._sizes(expected(asked.pdu).size)
        flips: dict[int, int] = {}
        for k in range(1 + chance % most):
            part = chance >> (8 + 16 * k)
            at = (part & 0xFF) % (size if k else least)
            flips[at] = flips.get(at, 0) | 1 << (part >> 8) % 8
        by_us = fault.by_us or BY_US.get(fault.kind, 0)
        if fault.kind == "late" and not fault.by_us:
            low_us, high_us = LATE_US
            by_us = self._behind.pace.answer_us + low_us + chance % (high_us - low_us)
        return _Hit(fault, by_us, 1 + chance % 5, 1 + chance % (least - 1), expected(asked.pdu).size, flips)

    def _sizes(self, answer: int) -> tuple[int, int, int]:
        """The bytes that every answer has, those of this one, and how many bits may flip without passing for another answer.

        Nothing but its header tells of a frame over TCP that it is wrong, and an LRC misses what two flips can do.
        """
        if self._behind.kind == "tcp":
            return HEADER + 1, HEADER + 1, 3
        if self._line is not None and self._line.mode == "ascii":
            return 11, max(11, 7 + 2 * answer), 1
        return 5, max(5, 3 + answer), 3

    def _time_us(self, size: int) -> int:
        """How long so many bytes take on the line, at least."""
        return 1_000 if self._line is None else self._line.frame_us(size)

    def _soon_us(self, adu: bytes) -> int:
        return self._time_us(len(adu)) + TURNAROUND_US + self._time_us(5)

    # -- frames -------------------------------------------------------------------------------

    def _whole(self, data: bytearray, size: int) -> bool:
        """Whether that is a whole answer, the PDU of which has ``size`` bytes unless it is an exception."""
        if self._behind.kind == "tcp":
            return len(data) >= HEADER and len(data) == HEADER - 1 + int.from_bytes(data[4:6], "big")
        if self._line is not None and self._line.mode == "ascii":
            return data.endswith(b"\r\n")
        return len(data) > 1 and len(data) == 3 + (2 if data[1] & 0x80 else size)

    def _unpacked(self, adu: bytes) -> Adu:
        """The request in a frame of the proxy's own."""
        if self._behind.kind == "tcp":
            asked = one_adu(adu)
            assert asked is not None, "a request of the proxy's own"
            return asked
        if self._line is not None and self._line.mode == "ascii":
            body = bytes.fromhex(adu[1:-2].decode("ascii"))
            return Adu(body[0], body[1:-1])
        return Adu(adu[0], adu[1:-2])

    def _packed(self, asked: Adu, code: int) -> bytes:
        """The exception response to a request."""
        pdu = bytes((asked.pdu[0] | 0x80, code))
        if self._behind.kind == "tcp":
            return pack_mbap(Adu(asked.unit, pdu, asked.transaction))
        ascii_ = self._line is not None and self._line.mode == "ascii"
        return (pack_ascii if ascii_ else pack_rtu)(asked.unit, pdu)


def before(texts: Sequence[str], seed: int) -> Callable[[Config], Callable[[Behind], Faulty]]:
    """What makes the faults that a person has asked for, before the lines of a proxy."""
    faults = read_faults(texts)

    def of(config: Config) -> Callable[[Behind], Faulty]:
        names = tuple(line.name for line in config.lines)
        for fault in faults:
            for name in fault.lines or ():
                if name not in names:
                    raise UnknownName("line", name, names)
        return lambda behind: Faulty(behind, faults, seed)

    return of
