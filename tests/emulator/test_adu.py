"""ADUs: the CRC, the two frames, the splitter and the silences, against pymodbus and against the specification's figures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU

from chargebench.emulator.adu import (
    MBAP_MAX,
    PDU_MAX,
    Adu,
    MbapSplitter,
    burst_us,
    crc16,
    one_adu,
    pack_mbap,
    pack_rtu,
    t15_us,
    t35_us,
    unpack_rtu,
)

PDUS = st.binary(min_size=1, max_size=PDU_MAX)
UNITS = st.integers(0, 255)
ADUS = st.builds(Adu, UNITS, PDUS, st.integers(0, 0xFFFF))


def take_all(splitter: MbapSplitter) -> list[Adu]:
    return list(iter(splitter.take, None))


@pytest.mark.parametrize(
    ("body", "crc"),
    [("01 03 00 00 00 0a", "c5 cd"), ("11 03 00 6b 00 03", "76 87"), ("02 07", "41 12"), ("", "ff ff")],
)
def test_crc_is_the_one_of_published_frames(body, crc):
    assert crc16(bytes.fromhex(body)).to_bytes(2, "little") == bytes.fromhex(crc)


@given(st.binary(max_size=300))
def test_crc_is_the_one_of_another_implementation(data):
    assert crc16(data).to_bytes(2, "little") == FramerRTU.compute_CRC(data).to_bytes(2, "big")


@given(UNITS, PDUS)
def test_rtu_frames_are_byte_for_byte_those_of_another_implementation(unit, pdu):
    frame = pack_rtu(unit, pdu)
    assert frame == FramerRTU(DecodePDU(is_server=True)).encode(pdu, unit, 0)
    assert unpack_rtu(frame) == Adu(unit, pdu)


@given(UNITS, PDUS, st.integers(0, 8 * 256 - 1))
def test_one_flipped_bit_spoils_an_rtu_frame(unit, pdu, place):
    frame = bytearray(pack_rtu(unit, pdu))
    frame[place // 8 % len(frame)] ^= 1 << place % 8
    assert unpack_rtu(bytes(frame)) is None


@pytest.mark.parametrize("length", [0, 1, 2, 3, 257, 300])
def test_an_rtu_frame_has_4_to_256_bytes(length):
    body = bytes(max(0, length - 2))
    assert unpack_rtu((body + crc16(body).to_bytes(2, "little"))[:length]) is None


@given(ADUS)
def test_mbap_messages_are_byte_for_byte_those_of_another_implementation(adu):
    framer = FramerSocket(DecodePDU(is_server=True))
    assert pack_mbap(adu) == framer.encode(adu.pdu, adu.unit, adu.transaction)
    assert len(pack_mbap(adu)) <= MBAP_MAX


@given(st.lists(ADUS, max_size=6), st.lists(st.integers(1, 300), max_size=30))
def test_any_cutting_of_the_stream_gives_the_same_messages(adus, cuts):
    stream = b"".join(pack_mbap(adu) for adu in adus)
    splitter, got = MbapSplitter(), []
    for cut in [*cuts, len(stream) + 1]:
        splitter.feed(stream[:cut])
        stream = stream[cut:]
        got += take_all(splitter)
    assert got == adus
    assert splitter.held == 0
    assert not splitter.broken


@given(ADUS, ADUS, st.integers(1, 0xFFFF))
def test_a_message_of_another_protocol_is_skipped_whole(foreign, good, protocol):
    data = bytearray(pack_mbap(foreign))
    data[2:4] = protocol.to_bytes(2, "big")
    splitter = MbapSplitter()
    splitter.feed(bytes(data) + pack_mbap(good))
    assert take_all(splitter) == [good]


@given(ADUS, st.one_of(st.integers(0, 1), st.integers(255, 0xFFFF)), st.sampled_from([0, 1]))
def test_an_impossible_length_breaks_the_stream_for_good(good, length, protocol):
    splitter = MbapSplitter()
    splitter.feed(pack_mbap(good) + b"\x00\x01" + protocol.to_bytes(2, "big") + length.to_bytes(2, "big"))
    assert take_all(splitter) == [good]
    assert splitter.broken == f"length field {length}"
    splitter.feed(pack_mbap(good))
    assert splitter.take() is None
    assert splitter.held == 0


@given(st.binary(max_size=2000))
def test_whatever_comes_no_more_than_one_message_is_held_back(data):
    splitter = MbapSplitter()
    splitter.feed(data)
    take_all(splitter)
    assert splitter.held < MBAP_MAX


@pytest.mark.parametrize(
    ("octets", "baud", "bits", "expected"),
    [
        (8, 9600, 10, 8_334),
        (8, 9600, 11, 9_167),
        (15, 9600, 10, 15_625),
        (256, 19_200, 11, 146_667),
        (1, 115_200, 11, 96),
        (0, 9600, 11, 0),
    ],
)
def test_a_burst_lasts_its_bits_rounded_up_once(octets, baud, bits, expected):
    assert burst_us(octets, baud, bits) == expected


@pytest.mark.parametrize(
    ("baud", "t15", "t35"),
    [(1200, 13_750, 32_084), (9600, 1_719, 4_011), (19_200, 860, 2_006), (38_400, 750, 1_750), (115_200, 750, 1_750)],
)
def test_silences_are_those_of_the_serial_line_specification(baud, t15, t35):
    assert (t15_us(baud), t35_us(baud)) == (t15, t35)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes.fromhex("0007 0000 0002 01"),  # half
        bytes.fromhex("0007 0001 0003 01 0304"),  # another protocol
        bytes.fromhex("0007 0000 0003 01 0304 00"),  # and the beginning of a second
        bytes.fromhex("0007 0000 0001 01 03"),  # a length that cannot be
        bytes.fromhex("0007 0000 0102") + bytes(258),  # too long
    ],
)
def test_what_is_not_one_whole_message_is_left_to_the_splitter(data):
    assert one_adu(data) is None


@given(st.integers(0, 0xFFFF), st.integers(0, 255), st.binary(min_size=1, max_size=253))
def test_one_whole_message_is_what_the_splitter_makes_of_it(transaction, unit, pdu):
    adu = Adu(unit, pdu, transaction)
    splitter = MbapSplitter()
    splitter.feed(pack_mbap(adu))
    assert one_adu(pack_mbap(adu)) == splitter.take() == adu
