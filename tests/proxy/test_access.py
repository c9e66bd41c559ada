"""Who may ask what: rules as people write them, and what they refuse."""

from __future__ import annotations

import re
import struct

import pytest

from chargebench.manager.proxy.access import Access, parse_rule, registers_of

HERE = "192.168.2.7"


def read(address: int, count: int = 1) -> bytes:
    return struct.pack(">BHH", 3, address, count)


@pytest.mark.parametrize(
    ("rules", "host", "unit", "pdu", "code"),
    [
        ((), HERE, 1, read(0), 0),
        (("192.168.2.0/24",), HERE, 1, read(0), 0),
        (("192.168.3.0/24",), HERE, 1, read(0), 0x0A),
        (("units=1-3,7",), HERE, 7, read(0), 0),
        (("units=1-3,7",), HERE, 4, read(0), 0x0A),
        (("functions=3",), HERE, 1, b"\x06\0\0\0\1", 0x01),
        (("registers=10-19",), HERE, 1, read(10, 10), 0),
        (("registers=10-19",), HERE, 1, read(10, 11), 0x02),
        (("registers=10-19",), HERE, 1, read(9), 0x02),
        (("registers=10-19",), HERE, 1, b"\x41\x01", 0x01),
        (("registers=10-19",), HERE, 1, b"\x03\x00", 0x01),
        (("registers=10-19",), HERE, 1, struct.pack(">BHHHHBH", 23, 10, 2, 20, 1, 2, 0), 0x02),
        (("10.0.0.0/8", "192.168.2.0/24 functions=3"), HERE, 1, read(0), 0),
        (("192.168.2.0/24 units=1", "192.168.2.0/24 units=2 functions=3"), HERE, 2, b"\x06\0\0\0\1", 0x01),
        (("functions=3",), "a-name", 1, read(0), 0),
        (("192.168.2.0/24",), "a-name", 1, read(0), 0x0A),
    ],
)
def test_what_no_rule_allows_is_refused_as_the_rule_that_comes_nearest_says(
    rules: tuple[str, ...], host: str, unit: int, pdu: bytes, code: int
):
    access = Access(rules=tuple(parse_rule(rule) for rule in rules))
    assert access.refuses(host, unit, pdu) == code
    assert access.admits(host) or code == 0x0A


@pytest.mark.parametrize(
    ("pdu", "code"),
    [
        (read(0), 0),
        (b"\x2b\x0e\x01\x00", 0),
        (b"\x2b\x0d\x01\x00", 1),
        (b"\x06\0\0\0\1", 1),
        (b"\x08\0\1\0\0", 1),
        (b"\x17" + bytes(9), 1),
        (b"\x41", 1),
    ],
)
def test_read_only_lets_nothing_pass_that_could_change_something(pdu: bytes, code: int):
    assert Access(read_only=True).refuses(HERE, 1, pdu) == code


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("192.168.2.0/99", "expected a network such as 192.168.2.0/24, got '192.168.2.0/99'"),
        ("units=0-256", "expected units from 0 to 255, got '0-256'"),
        ("units=3-1", "expected units from 0 to 255, got '3-1'"),
        ("registers=a", "expected registers such as 1-3,7, got 'a'"),
        ("functions=3-", "expected functions such as 1-3,7, got '3-'"),
        ("ports=1", "expected units, functions, registers, got 'ports'"),
    ],
)
def test_a_rule_that_cannot_be_understood_is_told(text: str, complaint: str):
    with pytest.raises(ValueError, match=re.escape(complaint)):
        parse_rule(text)


def test_registers_that_a_request_touches():
    assert registers_of(read(5, 3)) == ((5, 7),)
    assert registers_of(b"\x05\0\7\xff\0") == ((7, 7),)
    assert registers_of(struct.pack(">BHHHHBH", 23, 1, 2, 8, 1, 2, 0)) == ((1, 2), (8, 8))
    assert registers_of(b"\x11") is None
