"""The stream of a client: any cut of it gives the same requests, and what cannot be a request ends it."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.manager.proxy.mbap import Asked, Splitter, answer

ASKED = st.builds(Asked, st.integers(0, 0xFFFF), st.integers(0, 255), st.binary(min_size=1, max_size=253))


def taken(splitter: Splitter) -> list[Asked]:
    found = []
    while (one := splitter.take()) is not None:
        found.append(one)
    return found


@given(st.lists(ASKED, max_size=5), st.lists(st.integers(1, 300), min_size=1))
def test_however_the_stream_is_cut_the_same_requests_come_out(asked: list[Asked], sizes: list[int]):
    stream = b"".join(answer(*one) for one in asked)
    splitter, found, k = Splitter(), list[Asked](), 0
    while stream:
        size = sizes[k % len(sizes)]
        splitter.feed(stream[:size])
        stream, k = stream[size:], k + 1
        found += taken(splitter)
    assert found == asked
    assert (splitter.held, splitter.broken) == (0, False)


@pytest.mark.parametrize("length", [0, 1, 255, 300, 65_535])
def test_behind_a_length_that_cannot_be_nothing_is_a_request(length: int):
    splitter = Splitter()
    splitter.feed(answer(1, 1, b"\x03") + struct.pack(">HHHB", 2, 0, length, 1) + answer(3, 1, b"\x03"))
    assert taken(splitter) == [Asked(1, 1, b"\x03")]
    splitter.feed(answer(4, 1, b"\x03"))
    assert (taken(splitter), splitter.broken, splitter.held) == ([], True, 0)


def test_a_message_of_another_protocol_is_skipped():
    splitter = Splitter()
    splitter.feed(struct.pack(">HHHB", 1, 7, 3, 1) + b"\x03\x00" + answer(2, 1, b"\x03"))
    assert taken(splitter) == [Asked(2, 1, b"\x03")]
