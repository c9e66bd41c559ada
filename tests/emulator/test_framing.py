"""The two ends of a slave: streams cut anywhere, requests in a row, frames between silences, and nothing else answered."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.emulator.actions import Action, Close, Exchange, Reset, Send
from chargebench.emulator.adu import Adu, MbapSplitter, pack_mbap, pack_rtu, unpack_rtu
from chargebench.emulator.framing import RtuEnd, TcpEnd
from chargebench.emulator.slave import Slave
from tests.emulator.bank import Bank

READ = bytes.fromhex("03 0065 0001")
READ_ANSWER = bytes.fromhex("03 02 0007")
WRITE = bytes.fromhex("06 0064 0102")
T35, T15 = 4_011, 1_719  # 9600 baud


def request(transaction: int, pdu: bytes = READ, unit: int = 1) -> bytes:
    return pack_mbap(Adu(unit, pdu, transaction))


def sent(actions: list[Action]) -> list[Adu]:
    splitter = MbapSplitter()
    for action in actions:
        if isinstance(action, Send):
            splitter.feed(action.data)
    return list(iter(splitter.take, None))


def due(end: TcpEnd | RtuEnd) -> int | None:
    return end.next_us


# ---- TCP -------------------------------------------------------------------------------------------------------------


@given(
    st.lists(
        st.tuples(
            st.integers(0, 0xFFFF), st.sampled_from([READ, WRITE, b"\x03\x00", b"\x41", b"\x00"]), st.integers(0, 3)
        ),
        max_size=16,
    ),
    st.lists(st.integers(1, 40), max_size=20),
)
def test_any_cutting_of_a_stream_gives_the_same_answers_in_order(asked, cuts):
    stream = b"".join(request(transaction, pdu, unit) for transaction, pdu, unit in asked)
    whole = TcpEnd(Slave({1: Bank(), 2: Bank()})).receive(stream, 0)
    pieces, end = [], TcpEnd(Slave({1: Bank(), 2: Bank()}))
    for cut in [*cuts, len(stream) + 1]:
        pieces += end.receive(stream[:cut], 0)
        stream = stream[cut:]
    assert pieces == whole
    expected = [(t, unit) for t, pdu, unit in asked if unit in (1, 2) and pdu != b"\x00"]
    assert [(adu.transaction, adu.unit) for adu in sent(whole)] == expected


@given(st.lists(st.binary(max_size=600), max_size=8))
def test_any_bytes_whatever_are_answered_in_whole_messages_to_units_that_are_here(chunks):
    bank = Bank()
    end = TcpEnd(Slave({1: bank}))
    actions = [action for chunk in chunks for action in end.receive(chunk, 0)]
    assert all(adu.unit == 1 for adu in sent(actions))
    assert sum(isinstance(action, Close) for action in actions) == end.closed <= 1


def test_sixteen_requests_in_one_segment_get_sixteen_answers():
    actions = TcpEnd(Slave({1: Bank()})).receive(b"".join(request(n) for n in range(16)), 0)
    assert [adu.transaction for adu in sent(actions)] == list(range(16))


def test_answers_follow_each_other_by_the_turnaround():
    end = TcpEnd(Slave({1: Bank()}), turnaround_us=20_000)
    assert [a.after_us for a in end.receive(request(1) + request(2), 0)] == [20_000, 40_000]
    assert [a.after_us for a in end.receive(request(3), 30_000)] == [30_000]
    assert [a.after_us for a in end.receive(request(4), 500_000)] == [20_000]


def test_no_more_than_sixteen_answers_are_owed_at_a_time():
    bank = Bank()
    end = TcpEnd(Slave({1: bank}), turnaround_us=1_000)
    first = end.receive(b"".join(request(n) for n in range(18)), 0)
    assert (len(first), len(bank.calls), due(end)) == (16, 16, 1_000)
    assert [end.full] == [True]
    assert end.advance(999) == []
    assert [a.after_us for a in end.advance(1_000)] == [16_000]
    assert [a.after_us for a in end.advance(2_000)] == [16_000]
    assert due(end) == 3_000
    assert end.advance(3_000) == []
    assert not end.full
    assert due(end) is None


def test_half_a_connection_is_answered_before_it_ends():
    end = TcpEnd(Slave({1: Bank()}), turnaround_us=5_000)
    assert len(end.receive(request(1) + request(2)[:5], 0)) == 1
    assert end.eof(1_000) == [Close(4_000)]
    assert end.receive(request(3), 2_000) == end.eof(2_000) == []


def test_half_a_connection_is_answered_even_when_requests_waited():
    end = TcpEnd(Slave({1: Bank()}), turnaround_us=1_000)
    end.receive(b"".join(request(n) for n in range(17)), 0)
    assert end.eof(0) == []
    assert [type(a) for a in end.advance(1_000)] == [Send]
    assert end.advance(2_000) == [Close(15_000)]


def test_a_foreign_protocol_is_not_answered_and_the_next_request_is():
    foreign = bytearray(request(1))
    foreign[3] = 1
    assert [adu.transaction for adu in sent(TcpEnd(Slave({1: Bank()})).receive(bytes(foreign) + request(2), 0))] == [2]


@pytest.mark.parametrize("length", [0, 1, 255, 300, 65535])
def test_an_impossible_length_closes_after_what_is_owed(length):
    end = TcpEnd(Slave({1: Bank()}), turnaround_us=7)
    actions = end.receive(request(1) + b"\x00\x02\x00\x00" + length.to_bytes(2, "big") + request(3), 0)
    assert [type(a) for a in actions] == [Send, Close]
    assert actions[1] == Close(7)


def test_half_a_message_whose_rest_does_not_come_ends_the_connection():
    end = TcpEnd(Slave({1: Bank()}), stall_us=1_000)
    assert due(end) is None
    end.receive(request(1) + request(2)[:5], 100)
    assert due(end) == 1_100
    assert end.receive(request(2)[5:6], 900) == end.advance(1_099) == []
    assert end.advance(1_100) == [Close(0)]
    assert due(end) is None


def test_the_patience_with_half_a_message_begins_with_its_first_byte():
    end = TcpEnd(Slave({1: Bank()}), stall_us=1_000)
    end.receive(request(1)[:5], 0)
    assert len(end.receive(request(1)[5:] + request(2)[:5], 999)) == 1
    assert due(end) == 1_999
    assert len(end.receive(request(2)[5:], 1_998)) == 1
    assert due(end) is None


# ---- tampering -------------------------------------------------------------------------------------------------------


def test_a_fault_sees_the_exchange_and_may_replace_the_answer():
    seen = []

    def tamper(exchange: Exchange, actions):
        seen.append((exchange, tuple(actions)))
        return (Send(b"wrong", 3), Reset(4))

    slave = Slave({1: Bank()}, tamper=tamper)
    assert TcpEnd(slave).receive(request(9), 55) == [Send(b"wrong", 3), Reset(4)]
    assert seen == [(Exchange(55, 1, 9, READ, READ_ANSWER, 1), (Send(pack_mbap(Adu(1, READ_ANSWER, 9))),))]
    end = RtuEnd(slave, 9600)
    end.receive(pack_rtu(1, READ), 100_000)
    assert end.advance(100_000 + T35) == [Send(b"wrong", 3), Reset(4)]
    assert seen[1][0].transaction is None


def test_a_fault_cannot_make_an_answer_endless():
    slave = Slave({1: Bank()}, tamper=lambda _exchange, actions: [*actions] * 9)
    with pytest.raises(AssertionError):
        TcpEnd(slave).receive(request(1), 0)


# ---- RTU -------------------------------------------------------------------------------------------------------------


def line(*, turnaround_us: int = 0, tolerant: bool = False, silence_us: int | None = None) -> tuple[RtuEnd, Bank]:
    bank = Bank()
    return RtuEnd(Slave({1: bank}), 9600, 10, turnaround_us, tolerant=tolerant, silence_us=silence_us), bank


def answers(end: RtuEnd, bursts: list[tuple[int, int, bytes]], *, told: bool = True) -> list[tuple[int, bytes]]:
    """Play bursts (begin, end, bytes) and every timer; the answers with the times at which they begin.

    An end that is inside a frame is always told that a burst begins; ``told``: otherwise as well.
    """
    out: list[tuple[int, bytes]] = []

    def note(actions: list[Action], at_us: int) -> None:
        out.extend((at_us + a.after_us, a.data) for a in actions if isinstance(a, Send))

    def run(until_us: int) -> None:
        while (at_us := due(end)) is not None and at_us < until_us:
            note(end.advance(at_us), at_us)

    for begin_us, end_us, data in bursts:
        run(begin_us)
        if told or due(end) is not None:
            note(end.busy(begin_us), begin_us)
        run(end_us)
        note(end.receive(data, end_us), end_us)
    run(10**9)
    return out


def burst(begin_us: int, data: bytes) -> tuple[int, int, bytes]:
    return begin_us, begin_us + -(-len(data) * 10 * 10**6 // 9600), data


FRAME = pack_rtu(1, READ)
GOOD = pack_rtu(1, READ_ANSWER)
END = 8_334  # the frame's last bit, where it began at 0


@pytest.mark.parametrize(("turnaround_us", "begins_us"), [(0, END + T35), (2_000, END + T35), (20_000, END + 20_000)])
def test_an_answer_begins_after_silence_and_turnaround(turnaround_us, begins_us):
    end, _ = line(turnaround_us=turnaround_us)
    assert answers(end, [burst(0, FRAME)]) == [(begins_us, GOOD)]


def test_an_answer_keeps_the_silence_of_the_line_even_where_frames_end_sooner():
    end, _ = line(silence_us=1_000)
    end.receive(FRAME, 100_000)
    assert end.advance(101_000) == [Send(GOOD, T35 - 1_000)]


def test_a_late_timer_does_not_delay_the_answer_further():
    end, _ = line(turnaround_us=20_000)
    end.receive(FRAME, 100_000)
    assert due(end) == 100_000 + T35
    assert end.advance(100_000 + T35 - 1) == []
    assert end.advance(115_000) == [Send(GOOD, 5_000)]
    assert due(end) is None
    assert end.advance(200_000) == []


@pytest.mark.parametrize(
    ("gap_us", "expected"),
    [(0, 1), (T15, 1), (T15 + 1, 0), (T35 - 1, 0), (T35, 0), (50_000, 0)],
    ids=["none", "1.5 characters", "just above 1.5", "just below 3.5", "3.5", "long"],
)
@pytest.mark.parametrize("told", [True, False])
def test_a_pause_inside_a_frame_is_borne_up_to_1_5_characters(gap_us, expected, told):
    end, _ = line()
    first = burst(0, FRAME[:4])
    bursts = [first, burst(first[1] + gap_us, FRAME[4:])]
    assert len(answers(end, bursts, told=told)) == expected


@pytest.mark.parametrize(("gap_us", "expected"), [(T35 - 1, 0), (T35, 2), (T35 + 1, 2)])
@pytest.mark.parametrize("told", [True, False])
def test_two_requests_less_than_3_5_characters_apart_are_one_frame_and_lost(gap_us, expected, told):
    end, bank = line()
    first = burst(0, FRAME)
    got = answers(end, [first, burst(first[1] + gap_us, FRAME)], told=told)
    assert len(got) == expected
    assert len(bank.calls) == expected


def test_a_burst_that_was_never_heard_to_its_end_spoils_one_frame_only():
    end, _ = line()
    end.receive(FRAME, 100_000)
    assert end.busy(100_000 + T35 - 1) == []
    assert due(end) is None
    assert end.receive(FRAME, 300_000) == []
    assert end.advance(300_000 + T35) == [Send(GOOD, 0)]
    end.receive(pack_rtu(1, bytes.fromhex("08 000c 0000")), 400_000)
    assert end.advance(400_000 + T35) == [Send(pack_rtu(1, bytes.fromhex("08 000c 0001")), 0)]


def test_a_tolerant_end_judges_no_pause_that_its_timer_has_not_seen():
    end, _ = line(tolerant=True, silence_us=30_000)
    assert end.receive(FRAME[:4], 0) == end.receive(FRAME[4:], 29_999) == []
    assert due(end) == 59_999
    assert end.advance(59_999) == [Send(GOOD, 0)]


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(FRAME[:-1] + bytes((FRAME[-1] ^ 1,)), id="wrong CRC"),
        pytest.param(pack_rtu(2, READ), id="another unit"),
        pytest.param(pack_rtu(248, READ), id="reserved unit"),
        pytest.param(pack_rtu(0, READ), id="broadcast read"),
        pytest.param(FRAME[:3], id="three bytes"),
        pytest.param(b"", id="nothing understood"),
        pytest.param(pack_rtu(1, b"\x06" + bytes(254)), id="257 bytes"),
        pytest.param(FRAME + bytes(1000), id="a babbler"),
        pytest.param(b"\xff" + FRAME, id="garbage directly before"),
        pytest.param(pack_rtu(2, READ_ANSWER), id="another unit's answer"),
        pytest.param(pack_rtu(1, b"\x83\x02"), id="an exception response"),
    ],
)
def test_such_a_frame_is_not_answered_and_the_next_one_is(frame):
    end, bank = line()
    first = burst(0, frame)
    assert answers(end, [first]) == []
    assert bank.calls == []
    assert answers(end, [burst(first[1] + T35, FRAME)]) == [(first[1] + T35 + END + T35, GOOD)]


def test_a_broadcast_write_is_obeyed_in_silence():
    end, bank = line()
    assert answers(end, [burst(0, pack_rtu(0, WRITE))]) == []
    assert bank.tables["holding"][0] == 0x0102


def test_the_longest_frame_is_read():
    end, bank = line()
    pdu = bytes.fromhex("10 0064 007b f6") + bytes(246)
    assert len(answers(end, [burst(0, pack_rtu(1, pdu))])) == 1
    assert bank.tables["holding"][:123] == [0] * 123


def test_frames_are_counted_good_and_bad():
    end, _ = line()
    t = 0
    for data in (FRAME, pack_rtu(2, READ), FRAME[:3], FRAME[:-1] + b"\x00", pack_rtu(1, bytes.fromhex("08 000b 0000"))):
        one = burst(t + T35, data)
        got, t = answers(end, [one]), one[1]
    assert unpack_rtu(got[0][1]) == Adu(1, bytes.fromhex("08 000b 0003"))
    got = answers(end, [burst(t + T35, pack_rtu(1, bytes.fromhex("08 000c 0000")))])
    assert unpack_rtu(got[0][1]) == Adu(1, bytes.fromhex("08 000c 0002"))


@given(
    st.lists(
        st.tuples(
            st.integers(0, 10_000), st.one_of(st.binary(max_size=300), st.just(FRAME), st.just(pack_rtu(2, WRITE)))
        ),
        max_size=8,
    ),
    st.booleans(),
)
def test_any_bursts_whatever_are_answered_only_to_whole_good_frames_for_the_unit(asked, told):
    end, bank = line()
    bursts, at = [], 0
    for gap, data in asked:
        bursts.append(burst(at + gap, data))
        at = bursts[-1][1]
    got = answers(end, bursts, told=told)
    assert all((adu := unpack_rtu(frame)) is not None and adu.unit == 1 for _, frame in got)
    alone = sum(
        data == FRAME
        and (n == 0 or begin - bursts[n - 1][1] >= T35)
        and (n + 1 == len(bursts) or bursts[n + 1][0] - stop >= T35)
        for n, (begin, stop, data) in enumerate(bursts)
    )
    assert sum(frame == GOOD for _, frame in got) >= alone
    assert bank.tables["holding"] == Bank().tables["holding"]
