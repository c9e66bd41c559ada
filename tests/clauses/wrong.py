"""Slaves that are wrong in one thing each. A row names the clause that must notice; the rest of the slave is our own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from chargebench.emulator.ascii import AsciiEnd
from chargebench.emulator.device import Refused
from chargebench.emulator.framing import RtuEnd, TcpEnd
from chargebench.emulator.slave import Slave
from chargebench.scenarios.clauses.model import Target
from tests.clauses import wrong_ends as ends
from tests.clauses.ends import (
    GATEWAY,
    LAST,
    READ_ONLY,
    RICH,
    WIDE_AT,
    WRITABLE,
    Box,
    Dead,
    Setup,
    in_ascii,
    on_line,
    over_tcp,
)

Spoil = Callable[[bytes, bytes | None, Box], bytes | None]
"""Request, right answer, device: the wrong answer."""


class WrongSlave(Slave):
    """Answers rightly first, then otherwise."""

    def __init__(self, spoil: Spoil, box: Box | None = None, **options):
        self.box = box or Box()
        super().__init__({1: self.box}, **options)
        self.spoil = spoil

    def answer(self, unit, pdu, now_us, *, serial=False):
        right = super().answer(unit, pdu, now_us, serial=serial)
        addressed = unit == 1 or (unit in (0, 255) and not serial)
        return self.spoil(pdu, right, self.box) if addressed and not self.mute else right


def words(pdu: bytes) -> tuple[int, ...]:
    return tuple(int.from_bytes(pdu[at : at + 2], "big") for at in range(1, len(pdu) - 1, 2))


def when(holds: Callable[[bytes], bool], wrong: Callable[[bytes], bytes | None] | bytes | None) -> Spoil:
    """The wrong answer to requests for which ``holds``."""

    def spoil(pdu: bytes, right: bytes | None, _box: Box) -> bytes | None:
        if not holds(pdu):
            return right
        return wrong(pdu) if callable(wrong) else wrong

    return spoil


def asked(function: int, *fields: int | None) -> Callable[[bytes], bool]:
    """Requests with this function and these 16-bit fields; None is any."""

    def holds(pdu: bytes) -> bool:
        got = words(pdu)
        return (
            pdu[0] == function
            and len(got) >= len(fields)
            and all(a in (None, b) for a, b in zip(fields, got, strict=False))
        )

    return holds


def refuse(code: int) -> Callable[[bytes], bytes]:
    return lambda pdu: bytes((pdu[0] | 0x80, code))


def zeros(octets: int) -> Callable[[bytes], bytes]:
    return lambda pdu: bytes((pdu[0], octets & 0xFF)) + bytes(octets)


def accepted(pdu: bytes) -> bytes:
    return pdu[:5]


def put(address: int, value: int) -> Callable[[Box], None]:
    return lambda box: box.tables["holding"].__setitem__(address - box.first, value)


def short(pdu: bytes) -> bool:
    return pdu[0] in (1, 2, 3, 4) and len(pdu) < 5


def trailing(pdu: bytes) -> bool:
    return pdu[0] in (1, 2, 3, 4) and len(pdu) > 5


# ---- answers ---------------------------------------------------------------------------------------------------------


def mask_the_wrong_way(pdu, right, box):
    if pdu[0] == 22 and right and right[0] == 22:
        address, and_mask, or_mask = words(pdu)
        put(address, or_mask & and_mask)(box)
    return right


class ReadFirst(WrongSlave):
    """Function 23 reads what was there before."""

    def answer(self, unit, pdu, now_us, *, serial=False):
        if pdu[0] != 23:
            return super().answer(unit, pdu, now_us, serial=serial)
        before = super().answer(unit, b"\x03" + pdu[1:5], now_us, serial=serial)
        super().answer(unit, pdu, now_us, serial=serial)
        return None if before is None else b"\x17" + before[1:]


class Writes(WrongSlave):
    """A slave that writes where and what it should not, or does not."""

    def __init__(self, change: Callable[[bytes], bytes | None], answer: Callable[[bytes], bytes] = accepted):
        super().__init__(lambda _pdu, right, _box: right)
        self.change, self.as_answer = change, answer

    def answer(self, unit, pdu, now_us, *, serial=False):
        other = self.change(pdu) if unit == 1 else pdu
        if other == pdu:
            return super().answer(unit, pdu, now_us, serial=serial)
        if other is not None:
            super().answer(unit, other, now_us, serial=serial)
        return self.as_answer(pdu)


def without_writing(pdu):
    return None if pdu[0] == 6 else pdu


def clipped(pdu):
    return pdu[:3] + b"\x00\xa0" if asked(6, WRITABLE)(pdu) and words(pdu)[1] > 160 else pdu


def only_the_first(pdu):
    return pdu[:3] + b"\x00\x01\x02" + pdu[6:8] if pdu[0] == 16 and len(pdu) > 8 and pdu[3:5] != b"\x00\x00" else pdu


def what_fits(pdu):
    return pdu[:3] + b"\x00\x01\x02" + pdu[6:8] if asked(16, LAST, 2)(pdu) else pdu


def counts_payload_only(pdu):
    return pdu[:6] + pdu[6:8] if asked(16, WRITABLE, 1)(pdu) and len(pdu) == 10 else pdu


def any_coil_value(pdu):
    return pdu[:3] + b"\xff\x00" if pdu[0] == 5 and pdu[3:5] not in (b"\x00\x00", b"\xff\x00") else pdu


def endless(_pdu, right, _box):
    return right[:4] + b"\xff\x00" + right[6:] if right and right[:3] == b"\x2b\x0e\x03" else right


class NeverClears(Slave):
    """Forgets to clear its counters, though it says so."""

    def answer(self, unit, pdu, now_us, *, serial=False):
        if pdu == b"\x08\x00\x0a\x00\x00":
            return pdu
        return super().answer(unit, pdu, now_us, serial=serial)


class NeverListensOnly(Slave):
    """Says nothing to the order to listen only, and goes on."""

    def answer(self, unit, pdu, now_us, *, serial=False):
        answer = super().answer(unit, pdu, now_us, serial=serial)
        self.diagnostics[1].listen_only = False
        return answer


class Torn(Box):
    """A value of two words that is written one word at a time: whoever reads in between sees half."""

    late: tuple[int, ...] = ()

    def write(self, table, address, values):
        super().write(table, address, values)
        if address == WIDE_AT and len(values) == 2:
            self.late = tuple(values)

    def read(self, table, address, count):
        values = list(super().read(table, address, count))
        if address == WIDE_AT and count == 2 and self.late:
            values[0], self.late = self.late[0] ^ 0xFFFF, ()
        return values


UNSAID = 0xEE


class Sulks(Box):
    """Silent while busy, instead of saying so."""

    def read(self, table, address, count):
        if self.now_us < self.busy_until_us:
            raise Refused(UNSAID)
        return super().read(table, address, count)


class SulkingSlave(Slave):
    """Lets a device be silent."""

    def answer(self, unit, pdu, now_us, *, serial=False):
        answer = super().answer(unit, pdu, now_us, serial=serial)
        return None if answer == bytes((pdu[0] | 0x80, UNSAID)) else answer


# ---- the table -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wrong:
    """One wrong slave: what is wrong, which clause notices, and where it is built in."""

    clause: str
    what: str
    slave: Callable[[], Slave] = lambda: Slave({1: Box()})
    patch: tuple[str, object] | None = None
    target: Target = RICH
    ascii: bool = False

    def setup(self, monkeypatch) -> Setup:
        if self.patch is not None:
            monkeypatch.setattr(*self.patch)
        build = in_ascii if self.ascii else on_line if self.clause[0] == "R" or self.clause in ON_LINE else over_tcp
        return lambda run: build(self.slave(), self.target, run)


SERVE = "chargebench.emulator.serve"
ON_LINE = ("A44", "A45", "A46")


def answers(clause: str, what: str, spoil: Spoil) -> Wrong:
    return Wrong(clause, what, lambda: WrongSlave(spoil))


def text(clause: str, what: str, kind: type[AsciiEnd]) -> Wrong:
    return Wrong(clause, what, patch=(f"{SERVE}.AsciiEnd", kind), ascii=True)


def end(clause: str, what: str, kind: type[TcpEnd | RtuEnd]) -> Wrong:
    return Wrong(clause, what, patch=(f"{SERVE}.{'RtuEnd' if issubclass(kind, RtuEnd) else 'TcpEnd'}", kind))


WRONG = (
    answers("A01", "two registers for one", when(asked(3, None, 1), zeros(4))),
    answers("A02", "no more than 100 registers", when(asked(3, None, 125), refuse(3))),
    answers("A03", "the last register is missing", when(asked(3, LAST, 1), refuse(2))),
    answers("A04", "a request without its function", when(asked(3, None, 0), b"\x80\x01")),
    answers("A05", "126 registers", when(asked(3, None, 126), zeros(252))),
    answers("A06", "a failure for a wrong quantity", when(asked(3, None, 2000), refuse(4))),
    answers("A07", "one register too many", when(asked(3, LAST + 1, 1), zeros(2))),
    answers("A08", "zeros behind the end", when(asked(3, LAST, 2), zeros(4))),
    answers("A09", "addresses that wrap", when(asked(3, 0xFFFF, 2), zeros(4))),
    answers("A10", "addresses before quantities", when(asked(3, 0xFFFF, 126), refuse(2))),
    answers("A11", "126 input registers", when(asked(4, None, 126), zeros(252))),
    answers("A12", "2001 inputs", when(asked(2, None, 2001), refuse(2))),
    answers("A13", "ones in the unused bits", when(asked(1, None, 9), b"\x01\x02\x49\xfe")),
    answers("A14", "unknown functions lose their code", when(lambda pdu: pdu[0] == 0x41, b"\x80\x01")),
    answers("A15", "function 0 is a function", when(lambda pdu: pdu[0] == 0, b"\x00\x00")),
    answers("A16", "an exception for an exception", when(lambda pdu: pdu[0] == 0x83, b"\x83\x04")),
    answers("A17", "another value than asked", when(asked(6, WRITABLE), lambda pdu: pdu[:4] + b"\x00")),
    Wrong("A18", "an echo and no write", lambda: Writes(without_writing, lambda pdu: pdu)),
    answers("A19", "a write to nowhere", when(asked(6, LAST + 1), lambda pdu: pdu)),
    answers("A19", "a write to what is read-only", when(asked(6, READ_ONLY), lambda pdu: pdu)),
    Wrong("A20", "values clipped in silence", lambda: Writes(clipped, lambda pdu: pdu)),
    Wrong("A21", "only the first of several", lambda: Writes(only_the_first)),
    Wrong(
        "A22",
        "124 registers",
        lambda: WrongSlave(when(lambda pdu: asked(16, None, 124)(pdu) and len(pdu) == 254, accepted)),
        patch=("chargebench.emulator.adu.PDU_MAX", 254),
    ),
    answers("A22", "another exception for 124 registers", when(asked(16, None, 124), refuse(4))),
    answers("A23", "no register is an address", when(asked(16, None, 0), refuse(2))),
    answers("A24", "an odd byte count is a failure", when(lambda pdu: pdu[0] == 16 and pdu[5] == 3, refuse(4))),
    answers("A25", "silence for too few bytes", when(lambda pdu: pdu[0] == 16 and len(pdu) == 8 and pdu[4] == 2, None)),
    Wrong("A26", "bytes too many are dropped", lambda: Writes(counts_payload_only)),
    answers("A27", "a write over the end", when(asked(16, LAST, 2), accepted)),
    Wrong("A28", "a refused write has begun", lambda: Writes(what_fits, refuse(2))),
    answers("A29", "coils are never off", when(asked(5, None, 0), lambda pdu: pdu[:3] + b"\xff\x00")),
    Wrong("A30", "any value is on", lambda: Writes(any_coil_value, lambda pdu: pdu)),
    answers("A31", "1969 coils", when(asked(15, None, 1969), accepted)),
    answers("A31", "no more than 1000 coils", when(asked(15, None, 1968), refuse(3))),
    answers("A32", "masks the wrong way round", mask_the_wrong_way),
    Wrong("A33", "reads before it writes", lambda: ReadFirst(lambda _pdu, right, _box: right)),
    answers("A34", "126 read by an exchange", when(asked(23, None, 126), zeros(252))),
    answers("A34", "122 written by an exchange", when(asked(23, None, None, None, 122), zeros(2))),
    answers("A35", "a short request is a failure", when(short, refuse(4))),
    answers("A36", "silence for trailing bytes", when(trailing, None)),
    answers(
        "A37",
        "no revision",
        when(lambda pdu: pdu[:3] == b"\x2b\x0e\x01", b"\x2b\x0e\x01\x81\x00\x00\x02\x00\x01m\x01\x01p"),
    ),
    answers(
        "A37",
        "objects that do not add up",
        when(lambda pdu: pdu[:3] == b"\x2b\x0e\x02", b"\x2b\x0e\x02\x81\x00\x00\x03\x00\x01m\x01\x01p"),
    ),
    answers("A38", "an unknown object is a value", when(lambda pdu: pdu[:3] == b"\x2b\x0e\x04", refuse(3))),
    answers("A39", "an unknown code is an address", when(lambda pdu: pdu[:3] == b"\x2b\x0e\x05", refuse(2))),
    answers("A40", "an unknown MEI is an address", when(lambda pdu: pdu[:2] == b"\x2b\x55", refuse(2))),
    answers("A41", "more follows for ever", endless),
    answers("A42", "no query comes back", when(asked(8, 0), lambda pdu: pdu[:3] + b"\x00\x00")),
    answers("A43", "an unknown diagnostic is a failure", when(asked(8, 0x7777), refuse(4))),
    Wrong("A44", "counters are not cleared", lambda: NeverClears({1: Box()})),
    Wrong("A45", "listen-only is not heeded", lambda: NeverListensOnly({1: Box()})),
    Wrong("A46", "a byte count of its own", lambda: WrongSlave(when(lambda pdu: pdu == b"\x11", b"\x11\x05\x01\xff"))),
    Wrong("A46", "half running", lambda: WrongSlave(when(lambda pdu: pdu == b"\x11", b"\x11\x02\x01\x7f"))),
    answers("A47", "silence for a fifo", when(lambda pdu: pdu[0] == 0x18, None)),
    Wrong("A48", "a value torn apart", lambda: Slave({1: Torn()})),
    answers("A49", "half a value is an error", when(asked(3, WIDE_AT, 1), refuse(2))),
    answers("A50", "bytes the other way round", when(asked(4, 101, 2), b"\x04\x04\x0b\x00\x16\x00")),
    Wrong("A51", "silence while busy", lambda: SulkingSlave({1: Sulks()})),
    Wrong("A51", "busy for ever", lambda: WrongSlave(when(lambda pdu: pdu[0] in (1, 3), refuse(6)))),
    end("T01", "transactions are all one", ends.FirstTransaction),
    end("T02", "units are all 0", ends.OwnUnit),
    end("T03", "any protocol is Modbus", ends.AnyProtocol),
    end("T04", "stuck behind another protocol", ends.StuckOnForeign),
    end("T05", "waits for ever for the rest", ends.Patient),
    end("T06", "waits for ever for the rest", ends.Patient),
    end("T07", "a segment is a message", ends.SegmentIsMessage),
    end("T08", "a segment is a message", ends.SegmentIsMessage),
    end("T09", "one answer for a segment", ends.OneAtATime),
    end("T10", "room for one request", ends.DropsWhileBusy),
    end("T11", "one answer for a segment", ends.OneAtATime),
    end("T12", "closes with its client", ends.HangsUpAtOnce),
    Wrong("T13", "dies of a reset", patch=(f"{SERVE}.SlaveProtocol", ends.DiesOfResets)),
    Wrong("T14", "places are never free again", patch=(f"{SERVE}.TcpService", ends.Leaks)),
    Wrong("T15", "places are never free again", patch=(f"{SERVE}.TcpService", ends.Leaks)),
    end("T16", "falls asleep", ends.Forgetful),
    Wrong("T17", "dies of garbage", patch=(f"{SERVE}.SlaveProtocol", ends.DiesOfGarbage)),
    Wrong("T18", "knows itself by one name only"),
    Wrong("T19", "an unknown unit is a failure", lambda: Slave({1: Box(), 99: Failing()})),
    Wrong("T20", "a dead unit is a failure", lambda: Slave({1: Box(), 77: Failing()}, gateway=True), target=GATEWAY),
    Wrong("T20", "a dead unit has no path", lambda: Slave({1: Box()}, gateway=True), target=GATEWAY),
    Wrong("T21", "answers go to whom they may", patch=(f"{SERVE}.SlaveProtocol", ends.AnswersTheLatest)),
    Wrong("T22", "one holds up all", patch=(f"{SERVE}.SlaveProtocol", ends.OneForAll)),
    end("T23", "slower than it says", ends.Slow),
    end("R01", "no silence before the answer", ends.Hasty),
    end("R02", "any CRC will do", ends.NoCrc),
    end("R03", "answers for others", ends.AnyUnit),
    end("R04", "deaf to broadcasts", ends.DeafToBroadcasts),
    end("R04", "answers broadcasts", ends.AnswersBroadcasts),
    end("R05", "answers broadcasts", ends.AnswersBroadcasts),
    end("R06", "answers for reserved units", ends.AnswersReserved),
    end("R07", "bears every pause", ends.Tolerant),
    end("R08", "bears even silence", ends.Unhurried),
    end("R09", "reads frames that are too long", ends.Overlong),
    end("R10", "answers three bytes", ends.Brief),
    end("R12", "needs a pause", ends.NeedsAPause),
    end("R13", "loses its step", ends.LosesItsStep),
    end("R14", "hunts for frames", ends.Hunts),
    end("R15", "eavesdrops", ends.Eavesdrops),
    Wrong("R16", "counts wrong frames as good", lambda: ends.Miscounts({1: Box()})),
    end("R17", "stutters", ends.Stutters),
    text("R03", "answers for others in ASCII", ends.TextOfAnyUnit),
    text("R04", "deaf to broadcasts in ASCII", ends.TextDeafToBroadcasts),
    text("C01", "ends in LF alone", ends.WithoutReturn),
    text("C01", "says it in small letters", ends.SmallLetters),
    text("C01", "answers with another beginning", ends.OtherBeginning),
    text("C01", "has no LRC of its own", ends.NoLrcOut),
    text("C02", "any LRC will do", ends.NoLrc),
    text("C02", "reads digits that are none", ends.LooseDigits),
    text("C03", "reads on behind a colon", ends.FirstColon),
    text("C03", "answers each colon", ends.AnswersTwice),
    text("C04", "waits for ever for the rest", ends.TextPatient),
    text("C05", "refuses small letters", ends.RefusesSmallLetters),
    Wrong("R19", "no even parity", target=replace(RICH, lines=("9600,8,n,1",))),
    Wrong("R20", "no second stop bit", target=replace(RICH, lines=("9600,8,n,1", "19200,8,e,1"))),
)


class Failing(Dead):
    """A unit whose silence is told as a failure of the slave."""

    def advance(self, _now_us):
        raise Refused(4)
