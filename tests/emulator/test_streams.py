from __future__ import annotations

from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.emulator.streams import Streams

SEEDS = st.integers(-(2**70), 2**70)
NAMES = st.lists(st.text(max_size=8), max_size=4)


def test_values_are_the_same_for_ever():
    stream = Streams(7).stream("meter", "house")
    spelled_out = blake2b(b"chargebench 7 5:meter 5:house" + bytes(8), digest_size=8).digest()
    assert stream.at(0) == int.from_bytes(spelled_out, "big") == 15804058483530642281


@given(SEEDS, NAMES, st.integers(0, 2**64 - 1))
def test_a_value_depends_on_seed_names_and_place_only(seed, names, place):
    one, other = Streams(seed).stream(*names), Streams(seed).stream(*names)
    other.next()
    other.below(10)
    assert one.at(place) == other.at(place)


@given(SEEDS, NAMES)
def test_walking_visits_the_places_in_order(seed, names):
    stream = Streams(seed).stream(*names)
    assert [stream.next() for _ in range(5)] == [Streams(seed).stream(*names).at(k) for k in range(5)]
    assert stream.drawn == 5


@given(SEEDS, NAMES, SEEDS, NAMES)
def test_another_seed_or_name_is_another_stream(seed, names, other_seed, other_names):
    same = seed == other_seed and names == other_names
    assert (Streams(seed).stream(*names).at(0) == Streams(other_seed).stream(*other_names).at(0)) == same


def test_parts_of_a_name_do_not_run_together():
    streams = Streams(1)
    assert len({streams.stream(*names).at(0) for names in (("a", "bc"), ("ab", "c"), ("abc",), ("abc", ""))}) == 4


def test_one_user_does_not_shift_another():
    streams = Streams(3)
    alone = [streams.stream("line", "COM1").next() for _ in range(1)]
    noisy, line = streams.stream("meter", "house"), streams.stream("line", "COM1")
    noisy.next()
    assert [line.next()] == alone


@given(SEEDS, st.integers(-(10**9), 10**9), st.integers(0, 1000))
def test_between_keeps_its_bounds(seed, low, width):
    stream = Streams(seed).stream("x")
    assert all(low <= stream.between(low, low + width) <= low + width for _ in range(20))


def test_every_value_of_a_range_comes_equally_often():
    stream = Streams(11).stream("dice")
    counts = [0] * 6
    for _ in range(6_000):
        counts[stream.below(6)] += 1
    assert min(counts) > 900
    assert max(counts) < 1_100


def test_a_range_that_does_not_divide_the_words_is_not_biased():
    stream = Streams(5).stream("wide")
    third = 2**64 // 3
    draws = [stream.below(2 * third) for _ in range(3_000)]
    assert 1_350 < sum(draw < third for draw in draws) < 1_650  # with a bare modulo it would be 2,000
    assert stream.drawn > 4_000


@pytest.mark.parametrize("bound", [0, -1, 2**64 + 1])
def test_a_bound_that_cannot_be_is_refused(bound):
    with pytest.raises(ValueError, match=f"got {bound}"):
        Streams(1).stream("x").below(bound)
