"""The two inlets: what may answer a request, whatever else comes in."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.emulator.adu import pack_rtu
from chargebench.manager.drivers.base import Read, Write
from chargebench.manager.links.line_inlet import BELIEVED_US, FRAME_LEAST, QUIET_US, LineInlet
from chargebench.manager.links.master import crc_of
from chargebench.manager.links.shape import Shape, shape_of
from chargebench.manager.links.tcp_inlet import TcpInlet

FOUR = Read("holding", 8092, 4)
ONE = Read("holding", 8112, 1)
LIMIT = Write(16, 8093, (160, 1))
FOUR_PDU = bytes((3, 8, 0, 2, 0, 160, 0, 1, 0, 160))
ONE_PDU = bytes((3, 2, 0, 1))
LIMIT_PDU = bytes((16, 0x1F, 0x9D, 0, 2))
REQUEST = bytes.fromhex("0103 1f9c 0004")


@pytest.mark.parametrize(
    ("request_", "shape"),
    [
        (FOUR, Shape(b"\x03\x08", 10)),
        (Read("input", 6, 12), Shape(b"\x04\x18", 26)),
        (Read("coil", 0, 9), Shape(b"\x01\x02", 4)),
        (Read("discrete", 0, 8), Shape(b"\x02\x01", 3)),
        (LIMIT, Shape(LIMIT_PDU, 5)),
        (Write(6, 261, (160,)), Shape(bytes((6, 1, 5, 0, 160)), 5)),
    ],
    ids=str,
)
def test_the_shape_of_an_answer_follows_from_its_request(request_, shape):
    assert shape_of(request_) == shape


def test_a_function_that_is_not_spoken_is_refused():
    with pytest.raises(ValueError, match="function 22"):
        shape_of(Write(22, 0, (1, 2)))


# -- TCP --------------------------------------------------------------------------------------


def mbap(pdu, transaction=7, unit=1, protocol=0, length=None):
    return struct.pack(">HHHB", transaction, protocol, len(pdu) + 1 if length is None else length, unit) + pdu


def tcp(request=FOUR, transaction=7, unit=1):
    late: list[int] = []
    inlet = TcpInlet(late.append)
    inlet.expect(unit, shape_of(request))
    inlet.sent(struct.pack(">H", transaction) + b"the rest of the request")
    return inlet, late


def test_the_right_answer_is_given_out_once():
    inlet, late = tcp()
    assert inlet.receive(mbap(FOUR_PDU)) == mbap(FOUR_PDU)
    assert inlet.receive(mbap(FOUR_PDU)) == b""
    assert (late, inlet.bad, inlet.broken) == ([1], "", False)


@pytest.mark.parametrize("transaction", [0, 6, 8, 0xFFFF])
def test_no_other_transaction_may_answer_not_even_0(transaction):
    inlet, late = tcp()
    assert inlet.receive(mbap(FOUR_PDU, transaction)) == b""
    assert (late, inlet.bad) == ([1], "")
    assert inlet.receive(mbap(FOUR_PDU)) == mbap(FOUR_PDU)


def test_what_comes_after_giving_up_is_late():
    inlet, late = tcp()
    inlet.give_up()
    assert inlet.receive(mbap(FOUR_PDU)) == b""
    assert late == [1]


@pytest.mark.parametrize(
    ("adu", "why"),
    [
        (mbap(FOUR_PDU, unit=2), "unit id 2 instead of 1"),
        (mbap(bytes((4, 8)) + FOUR_PDU[2:]), "function 4 instead of 3"),
        (mbap(bytes((0x84, 2))), "function 132 instead of 3"),
        (mbap(bytes((3, 6)) + FOUR_PDU[2:8]), "8 bytes instead of 10"),
        (mbap(bytes((3, 7)) + FOUR_PDU[2:]), "begins with 03 07 instead of 03 08"),
        (mbap(bytes((0x83, 2, 0))), "3 bytes instead of 10"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_answer_ends_the_request_with_the_rule_that_it_breaks(adu, why):
    inlet, late = tcp()
    assert inlet.receive(adu) == b""
    assert (inlet.bad, inlet.wait_us, inlet.broken, late) == (why, 0, False, [])


def test_an_exception_response_is_an_answer():
    inlet, _ = tcp()
    assert inlet.receive(mbap(bytes((0x83, 2)))) == mbap(bytes((0x83, 2)))


@pytest.mark.parametrize("adu", [mbap(FOUR_PDU, protocol=1), *(mbap(FOUR_PDU, length=n) for n in (0, 1, 255, 65_535))])
def test_after_a_header_that_cannot_be_nothing_is_believed(adu):
    inlet, _ = tcp()
    assert inlet.receive(adu) == b""
    assert inlet.broken
    assert inlet.receive(mbap(FOUR_PDU)) == b""


@given(data=st.data())
def test_it_does_not_matter_how_the_stream_is_cut(data):
    stream = mbap(FOUR_PDU, 5) + mbap(FOUR_PDU, 6) + mbap(FOUR_PDU) + mbap(FOUR_PDU)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    inlet, late = tcp()
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert [one for one in map(inlet.receive, pieces) if one] == [mbap(FOUR_PDU)]
    assert late == [1, 1, 1]


def test_an_answer_that_was_cut_in_two_by_a_new_request_does_not_shift_the_stream():
    inlet, late = tcp(transaction=7)
    old, new = mbap(FOUR_PDU, 7), mbap(ONE_PDU, 8)
    inlet.receive(old[:9])
    inlet.give_up()
    inlet.expect(1, shape_of(ONE))
    inlet.sent(b"\x00\x08")
    assert inlet.receive(old[9:]) == b""
    assert inlet.receive(new) == new
    assert late == [1]


@given(chunks=st.lists(st.binary(max_size=300), max_size=6))
def test_no_bytes_whatever_raise_on_tcp_or_pass_for_an_answer(chunks):
    inlet, _ = tcp()
    found = [one for one in map(inlet.receive, chunks) if one]
    assert len(found) <= 1
    assert all(one[:2] == b"\x00\x07" and one[6] == 1 and shape_of(FOUR).fits(one[7:]) for one in found)


# -- serial line ------------------------------------------------------------------------------


def line(request=FOUR, unit=1):
    late: list[int] = []
    inlet = LineInlet(crc_of, late.append)
    inlet.expect(unit, shape_of(request))
    inlet.sent(pack_rtu(unit, REQUEST[1:]))
    return inlet, late


ANSWER = pack_rtu(1, FOUR_PDU)


def test_the_right_answer_is_found_on_a_line():
    inlet, late = line()
    assert inlet.receive(ANSWER) == ANSWER
    assert inlet.receive(ANSWER) == b""
    assert (late, inlet.bad) == ([], "")


@given(cut=st.integers(0, len(ANSWER)), before=st.integers(0, 5), after=st.integers(0, 5))
def test_stray_zero_bytes_and_portions_do_not_matter(cut, before, after):
    inlet, _ = line()
    heard = bytes(before) + ANSWER[:cut], ANSWER[cut:] + bytes(after)
    assert [one for one in map(inlet.receive, heard) if one] == [ANSWER]


@pytest.mark.parametrize(
    "adu",
    [
        ANSWER[:-1] + bytes((ANSWER[-1] ^ 1,)),
        ANSWER[:4] + bytes((ANSWER[4] ^ 0x20,)) + ANSWER[5:],
        pack_rtu(2, FOUR_PDU),
        pack_rtu(1, bytes((4,)) + FOUR_PDU[1:]),
        pack_rtu(1, ONE_PDU),
        pack_rtu(1, bytes((0x84, 2))),
    ],
)
def test_no_other_frame_passes_and_the_right_one_may_still_come(adu):
    inlet, _ = line()
    assert inlet.receive(adu) == b""
    assert (inlet.bad, inlet.wait_us) == (f"{len(adu)} bytes that are no answer", QUIET_US)
    assert inlet.receive(ANSWER) == ANSWER
    assert inlet.bad == ""


def test_a_glitch_is_not_taken_for_a_frame_that_went_wrong():
    inlet, _ = line()
    inlet.receive(bytes(FRAME_LEAST - 1))
    assert (inlet.bad, inlet.wait_us) == ("", None)


def test_an_adapter_that_hears_itself_is_found_out_by_its_first_read():
    inlet, _ = line()
    echo = pack_rtu(1, REQUEST[1:])
    assert inlet.receive(echo + ANSWER) == ANSWER
    assert inlet.echoes


def test_the_echo_of_a_write_is_not_its_answer_once_the_echo_is_known():
    inlet, _ = line()
    inlet.receive(pack_rtu(1, REQUEST[1:]))
    inlet.give_up()
    write = Write(6, 261, (160,))
    adu = pack_rtu(1, bytes((6, 1, 5, 0, 160)))
    inlet.expect(1, shape_of(write))
    inlet.sent(adu)
    assert inlet.receive(adu) == b""
    assert inlet.receive(adu) == adu


def test_an_answer_that_fits_an_earlier_request_is_that_ones():
    inlet, late = line()
    inlet.give_up()
    inlet.suspect(1, shape_of(FOUR), 1_000)
    assert inlet.doubtful(1, shape_of(FOUR), 1_000)
    inlet.expect(1, shape_of(FOUR))
    assert inlet.receive(ANSWER) == b""
    assert (late, inlet.bad) == ([1], "only what may be the answer to an earlier request")
    assert inlet.receive(ANSWER) == ANSWER


def test_an_exception_response_goes_to_the_earlier_request_of_its_function():
    inlet, late = line()
    inlet.suspect(1, shape_of(FOUR), 0)
    inlet.expect(1, shape_of(ONE))
    refusal = pack_rtu(1, bytes((0x83, 2)))
    assert inlet.receive(refusal) == b""
    assert late == [1]
    assert inlet.receive(refusal) == refusal


def test_a_late_answer_is_seen_between_two_requests_and_in_front_of_an_answer():
    inlet, late = line()
    inlet.give_up()
    inlet.suspect(1, shape_of(FOUR), 0)
    inlet.suspect(2, shape_of(FOUR), 0)
    assert inlet.receive(pack_rtu(2, FOUR_PDU)) == b""
    inlet.expect(1, shape_of(ONE))
    assert inlet.receive(ANSWER + pack_rtu(1, ONE_PDU)) == pack_rtu(1, ONE_PDU)
    assert late == [2, 1]


def test_an_answer_of_its_own_shape_proves_that_the_unit_is_past_the_earlier_ones():
    inlet, _ = line()
    for unit in (1, 2):
        inlet.suspect(unit, shape_of(FOUR), 0)
    inlet.expect(1, shape_of(ONE))
    inlet.receive(pack_rtu(1, ONE_PDU))
    assert not inlet.doubtful(1, shape_of(FOUR), 1)
    assert inlet.doubtful(2, shape_of(FOUR), 1)


def test_no_answer_is_awaited_for_ever():
    inlet, _ = line()
    inlet.suspect(1, shape_of(FOUR), 0)
    assert inlet.doubtful(1, shape_of(FOUR), BELIEVED_US - 1)
    assert not inlet.doubtful(1, shape_of(FOUR), BELIEVED_US)


@given(chunks=st.lists(st.binary(max_size=600), max_size=6))
def test_no_bytes_whatever_raise_on_a_line_or_pass_for_an_answer(chunks):
    inlet, _ = line()
    inlet.suspect(1, shape_of(ONE), 0)
    found = [one for one in map(inlet.receive, chunks) if one]
    assert len(found) <= 1
    assert all(one[0] == 1 and one[-2:] == crc_of(one[:-2]) for one in found)


def test_what_was_asked_too_long_ago_takes_no_answer_away_from_a_newer_request():
    inlet, late = line()
    inlet.suspect(1, shape_of(FOUR), 0)
    inlet.forget(BELIEVED_US)
    inlet.expect(1, shape_of(FOUR))
    assert inlet.receive(ANSWER) == ANSWER
    assert late == []
