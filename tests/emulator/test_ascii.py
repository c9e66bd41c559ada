"""Modbus ASCII: its frames against another implementation, and an end that hears characters one by one or all at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.framer import FramerAscii
from pymodbus.pdu import DecodePDU

from chargebench.emulator.actions import Action, Exchange, Reset, Send
from chargebench.emulator.adu import PDU_MAX, Adu
from chargebench.emulator.ascii import ASCII_MAX, ASCII_MIN, PAUSE_US, AsciiEnd, Speech, lrc, pack_ascii, unpack_ascii
from chargebench.emulator.clock.loop import SimLoop
from chargebench.emulator.serve import LineNode
from chargebench.emulator.slave import Slave
from chargebench.emulator.wires.rs485 import Line
from chargebench.emulator.wires.uart import Setting
from chargebench.scenarios.clauses.line_wire import SimulatedLine
from tests.emulator.bank import Bank

PDUS = st.binary(min_size=1, max_size=PDU_MAX)
UNITS = st.integers(0, 255)
READ = bytes.fromhex("03 0065 0001")
WRITE = bytes.fromhex("06 0064 0102")
FRAME, GOOD = b":010300650001" + b"96\r\n", b":0103020007F3\r\n"
BAUD = 9_600


def end(*, turnaround_us: int = 0, lead: bytes = b":", functions: tuple[int, ...] = (3, 6, 8)) -> tuple[AsciiEnd, Bank]:
    bank = Bank(functions=functions)
    return AsciiEnd(Slave({1: bank}), BAUD, 10, turnaround_us, lead=lead), bank


def said(actions: list[Action]) -> list[bytes]:
    return [action.data for action in actions if isinstance(action, Send)]


def errors(one: AsciiEnd) -> int:
    """Its own count of frames that came to nothing."""
    (answer,) = said(one.receive(pack_ascii(1, bytes.fromhex("08 000c 0000")), one._end_us))
    adu = unpack_ascii(answer)
    assert adu is not None
    return adu.pdu[-1]


# ---- frames ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frame", "unit", "pdu"),
    [
        (b":0103002E0005C9\r\n", 1, "03 002e 0005"),  # seen on the line of an eMH1
        (b":010300650001" + b"96\r\n", 1, "03 0065 0001"),
        (b":F7031389000A60\r\n", 0xF7, "03 1389 000a"),
    ],
)
def test_frames_are_those_that_were_seen_and_published(frame, unit, pdu):
    assert pack_ascii(unit, bytes.fromhex(pdu)) == frame
    assert unpack_ascii(frame) == unpack_ascii(frame.lower()) == Adu(unit, bytes.fromhex(pdu))


@given(UNITS, PDUS)
def test_frames_are_byte_for_byte_those_of_another_implementation(unit, pdu):
    frame = pack_ascii(unit, pdu)
    other = FramerAscii(DecodePDU(is_server=True))
    assert frame == other.encode(pdu, unit, 0)
    assert ASCII_MIN <= len(frame) <= ASCII_MAX
    assert unpack_ascii(frame) == Adu(unit, pdu)
    assert other.decode(frame) == (len(frame), unit, 0, pdu)


@given(st.binary(max_size=300))
def test_the_check_is_the_one_of_another_implementation(data):
    assert lrc(data) == FramerAscii.compute_LRC(data)


@given(UNITS, PDUS, st.integers(0, ASCII_MAX), st.integers(0, 255))
def test_one_other_character_spoils_a_frame(unit, pdu, place, other):
    frame = bytearray(pack_ascii(unit, pdu))
    place %= len(frame)
    same = chr(frame[place]).lower() == chr(other).lower()
    frame[place] = other
    assert (unpack_ascii(bytes(frame)) is not None) == same


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b":\r\n", id="no digits"),
        pytest.param(b":01FF\r\n", id="no function"),
        pytest.param(b":0103F\r\n", id="half a byte"),
        pytest.param(b">010300650001" + b"96\r\n", id="another beginning"),
        pytest.param(b":010300650001" + b"96\n", id="no carriage return"),
        pytest.param(b": 01 03 00 65 00 01 96\r\n", id="spaces"),
        pytest.param(pack_ascii(1, b"\x06" + bytes(253)), id="515 characters"),
    ],
)
def test_what_is_no_frame_is_none(frame):
    assert unpack_ascii(frame) is None


# ---- the end of a slave ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("turnaround_us", [0, 20_000])
def test_an_answer_begins_after_the_turnaround(turnaround_us):
    one, _ = end(turnaround_us=turnaround_us)
    assert one.receive(FRAME, 50_000) == [Send(GOOD, turnaround_us)]
    assert one.next_us is None
    assert one.advance(10**9) == one.busy(10**9) == []


def test_an_answer_begins_as_the_maker_has_it():
    one, _ = end(lead=b">")
    assert said(one.receive(FRAME, 0)) == [b">" + GOOD[1:]]


STREAMS = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.text("0123456789abcdefABCDEF:>\r\n", max_size=40).map(str.encode),
        st.builds(pack_ascii, st.integers(0, 3), st.sampled_from([READ, WRITE, b"\x03\x00", b"\x41", b"\x00"])),
        st.just(FRAME.lower()),
        st.just(b":" + b"0" * 600),
    ),
    max_size=8,
).map(b"".join)


@given(STREAMS, st.lists(st.integers(1, 60), max_size=20))
def test_any_characters_in_pieces_of_any_size_get_the_same_answers_to_whole_frames(stream, cuts):
    whole, bank = end()
    together = said(whole.receive(stream, 0))
    pieces, (one, other) = [], end()
    rest = stream
    for cut in [*cuts, len(stream) + 1]:
        pieces += said(one.receive(rest[:cut], 0))
        rest = rest[cut:]
    assert pieces == together
    assert other.calls == bank.calls
    assert len(one._frame) <= ASCII_MAX
    answered = [unpack_ascii(frame) for frame in together]
    assert all(adu is not None and adu.unit == 1 for adu in answered)
    asked = [unpack_ascii(b":" + line.rpartition(b":")[2] + b"\n") for line in stream.split(b"\n")[:-1] if b":" in line]
    assert len(answered) == sum(adu is not None and adu.unit == 1 and 0 < adu.pdu[0] < 0x80 for adu in asked)


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(FRAME[:-3] + b"7\r\n", id="wrong LRC"),
        pytest.param(FRAME.replace(b"65", b"6G"), id="a character that is no digit"),
        pytest.param(FRAME[1:], id="no colon"),
        pytest.param(pack_ascii(2, READ), id="another unit"),
        pytest.param(pack_ascii(248, READ), id="reserved unit"),
        pytest.param(pack_ascii(0, READ), id="broadcast read"),
        pytest.param(b"\n\r\n::\r\n", id="ends of nothing"),
        pytest.param(b":" + b"0" * 5000 + b"\r\n", id="a babbler"),
        pytest.param(GOOD.replace(b":01", b":02"), id="another unit's answer"),
    ],
)
def test_such_a_frame_is_not_answered_and_the_next_one_is(frame):
    one, bank = end()
    assert one.receive(frame, 0) == []
    assert bank.calls == []
    assert said(one.receive(FRAME, 1)) == [GOOD]


def test_a_colon_begins_a_frame_anew_wherever_it_stands():
    one, _ = end()
    assert said(one.receive(FRAME[:7] + FRAME, 0)) == [GOOD]
    assert errors(one) == 1


def test_a_broadcast_write_is_obeyed_in_silence():
    one, bank = end()
    assert one.receive(pack_ascii(0, WRITE), 0) == []
    assert bank.tables["holding"][0] == 0x0102


@pytest.mark.parametrize(("pause_us", "answers"), [(0, 1), (PAUSE_US, 1), (PAUSE_US + 1, 0), (10**7, 0)])
def test_characters_may_come_a_second_apart(pause_us, answers):
    one, _ = end()
    rest_us = -(-len(FRAME[5:]) * 10 * 10**6 // BAUD)
    one.receive(FRAME[:5], 100_000)
    assert len(one.receive(FRAME[5:], 100_000 + pause_us + rest_us)) == answers
    assert errors(one) == 1 - answers


def test_the_longest_frame_is_read_and_a_longer_one_is_lost():
    one, bank = end(functions=(8, 16))
    longest = pack_ascii(1, bytes.fromhex("10 0064 007b f6") + bytes(246))
    assert len(one.receive(longest, 0)) == 1
    assert bank.tables["holding"][:123] == [0] * 123
    assert len(pack_ascii(1, b"\x10" + bytes(252))) == ASCII_MAX
    assert one.receive(pack_ascii(1, b"\x10" + bytes(253)), 0) == []
    assert errors(one) == 1


def test_frames_are_counted_good_and_bad():
    one, _ = end()
    one.receive(FRAME + pack_ascii(2, READ) + FRAME[:-3] + b"7\r\n" + FRAME[:5] + FRAME, 0)
    assert errors(one) == 2


def test_a_fault_sees_the_exchange_and_may_replace_the_answer():
    seen: list[Exchange] = []

    def tamper(exchange, _actions):
        seen.append(exchange)
        return (Send(b"wrong", 3), Reset(4))

    one = AsciiEnd(Slave({1: Bank()}, tamper=tamper), BAUD)
    assert one.receive(FRAME, 55) == [Send(b"wrong", 3), Reset(4)]
    assert seen == [Exchange(55, 1, None, READ, bytes.fromhex("03 02 0007"))]


# ---- the line --------------------------------------------------------------------------------------------------------


def test_a_frame_lasts_as_long_as_its_characters_of_ten_bits():
    loop = SimLoop()
    line = Line(loop, "COM1", 9_600, 7, "E", 1)
    LineNode(loop.env, line, Slave({1: Bank()}), "box", turnaround_us=5_000, speech=Speech("ascii"))
    master = SimulatedLine(loop, line)

    async def main() -> None:
        sent_us = await master.send(FRAME)
        assert sent_us == 17_709  # 17 characters of 10 bits
        burst = await master.hear(sent_us + 1_000_000)
        assert burst is not None
        assert (burst.data, burst.begin_us, burst.end_us) == (GOOD, sent_us + 5_000, sent_us + 5_000 + 15_625)

    loop.run(main())


def test_boxes_of_both_modes_on_one_line_hear_the_others_as_garbage():
    """The unit that has diagnostics counts each frame in the other mode as a broken one."""
    loop = SimLoop()
    line = Line(loop, "COM1")
    text, binary = Bank(functions=(3, 8)), Bank(functions=(3, 8))
    readers, counters = Slave({1: text}), Slave({58: binary})  # 58 is the colon
    LineNode(loop.env, line, readers, "text", turnaround_us=5_000, speech=Speech("ascii"))
    LineNode(loop.env, line, counters, "binary")
    master = SimulatedLine(loop, line)

    async def main() -> None:
        for _ in range(3):
            sent_us = await master.send(FRAME)
            burst = await master.hear(sent_us + 1_000_000)
            assert burst is not None
            assert burst.data == GOOD
            await master.pause(100_000)

    loop.run(main())
    assert (text.calls, binary.calls) == (["read"] * 3, [])
    assert (counters.diagnostics[58].bus_messages, counters.diagnostics[58].bus_errors) == (0, 6)
    assert (readers.diagnostics[1].bus_messages, readers.diagnostics[1].bus_errors) == (3, 0)


@pytest.mark.parametrize("other", [Setting(9_600, 8, "N", 1), Setting(9_600, 8, "E", 1), Setting(19_200, 7, "E", 1)])
def test_a_slave_that_is_set_otherwise_understands_nothing(other):
    loop = SimLoop()
    line = Line(loop, "COM1", 9_600, 7, "E", 1)
    bank = Bank()
    LineNode(loop.env, line, Slave({1: bank}), "box", setting=other, speech=Speech("ascii"))
    master = SimulatedLine(loop, line)

    async def main() -> None:
        assert await master.hear(await master.send(FRAME) + 1_000_000) is None

    loop.run(main())
    assert bank.calls == []
