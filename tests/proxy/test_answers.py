"""What an answer must look like, as far as its request tells."""

from __future__ import annotations

import struct

import pytest

from chargebench.manager.links.shape import OPEN, Shape
from chargebench.manager.proxy.answers import expected, harmless, reads, refusal


@pytest.mark.parametrize(
    ("pdu", "head", "size"),
    [
        (b"\x01\0\0\0\x0a", b"\x01\x02", 4),
        (b"\x02\0\0\0\x08", b"\x02\x01", 3),
        (b"\x03\0\0\0\x0a", b"\x03\x14", 22),
        (b"\x04\0\0\0\x7d", b"\x04\xfa", 252),
        (b"\x05\0\7\xff\0", b"\x05\0\7", 5),
        (b"\x06\0\7\0\1", b"\x06\0\7", 5),
        (b"\x10\0\7\0\1\2\0\1", b"\x10\0\7", 5),
        (b"\x0f\0\7\0\1\1\1", b"\x0f\0\7", 5),
        (b"\x16\0\7\0\1\0\2", b"\x16\0\7", 7),
        (b"\x08\0\0\1\2", b"\x08\0\0", 5),
        (b"\x07", b"\x07", 2),
        (b"\x0b", b"\x0b", 5),
        (struct.pack(">BHHHHBH", 23, 1, 2, 8, 1, 2, 0), b"\x17\x04", 6),
        (b"\x2b\x0e\x01\0", b"\x2b", OPEN),
        (b"\x41\1", b"\x41", OPEN),
        (b"\x03", b"\x03", OPEN),
        (b"\x03\0\0\0\0", b"\x03", OPEN),
        (b"\x03\0\0\xff\xff", b"\x03", OPEN),
    ],
)
def test_the_shape_of_an_answer_follows_from_its_request(pdu: bytes, head: bytes, size: int):
    assert expected(pdu) == Shape(head, size)
    assert expected(pdu).fits(refusal(pdu, 2))


def test_only_plain_reads_are_asked_twice_and_what_is_not_known_is_taken_to_write():
    assert [function for function in range(1, 128) if reads(bytes((function,)))] == [1, 2, 3, 4]
    assert [function for function in range(1, 128) if harmless(bytes((function,)))] == [
        1,
        2,
        3,
        4,
        7,
        11,
        12,
        17,
        20,
        24,
    ]
