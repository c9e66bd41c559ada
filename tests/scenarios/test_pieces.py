"""Crossings of linear pieces are exact to the microsecond."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chargebench.emulator.events import Segment
from chargebench.scenarios.laws.pieces import at, pieces

small = st.integers(-60, 60)


def above(segment, threshold, phases, instant):
    return any(at(segment, instant)[phase] > threshold for phase in phases)


def test_a_ramp_crosses_at_the_first_microsecond_above():
    ramp = Segment(1000, 2000, (0, 0, 0), (3, 0, 0))
    assert list(pieces(ramp, 299)) == [(1000, 1100, False), (1100, 2000, True)]
    assert list(pieces(ramp, 300)) == [(1000, 1101, False), (1101, 2000, True)]


def test_a_falling_ramp_is_above_until_it_reaches_the_threshold():
    ramp = Segment(0, 1000, (0, 600, 0), (0, -2, 0))
    assert list(pieces(ramp, 100)) == [(0, 250, True), (250, 1000, False)]
    assert list(pieces(ramp, 101)) == [(0, 250, True), (250, 1000, False)]
    assert list(pieces(ramp, 99)) == [(0, 251, True), (251, 1000, False)]


def test_only_the_phases_asked_for_are_looked_at():
    flat = Segment(0, 10, (5, 50, 5), (0, 0, 0))
    assert [piece.above for piece in pieces(flat, 10)] == [True]
    assert [piece.above for piece in pieces(flat, 10, (0, 2))] == [False]


@given(
    na=st.tuples(small, small, small),
    rate=st.tuples(*[st.integers(-4, 4)] * 3),
    length=st.integers(1, 40),
    threshold=small,
    phases=st.sampled_from([(0,), (1, 2), (0, 1, 2)]),
)
def test_pieces_agree_with_looking_at_every_microsecond(na, rate, length, threshold, phases):
    segment = Segment(7, 7 + length, na, rate)
    cut = list(pieces(segment, threshold, phases))
    assert [piece.from_us for piece in cut] == [7, *[piece.to_us for piece in cut[:-1]]]
    assert cut[-1].to_us == 7 + length
    for piece in cut:
        for instant in range(piece.from_us, piece.to_us):
            assert above(segment, threshold, phases, instant) == piece.above
