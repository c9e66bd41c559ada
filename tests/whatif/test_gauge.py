"""What a study counts, held against counting microsecond by microsecond."""

from __future__ import annotations

from math import sqrt

from hypothesis import given
from hypothesis import strategies as st

from chargebench.emulator.events import Event, Segment
from chargebench.scenarios.whatif.gauge import NA_PER_A, Gauge, spread
from chargebench.scenarios.whatif.house import QUARTER_US

A = NA_PER_A
pieces = st.lists(
    st.tuples(
        st.integers(1, 30),
        st.tuples(*[st.integers(0, 40 * A)] * 3),
        st.tuples(*[st.sampled_from((0, 0, A // 3, A, -A, -A // 7))] * 3),
    ).filter(lambda one: all(na + rate * one[0] >= 0 for na, rate in zip(one[1], one[2], strict=True))),
    min_size=1,
    max_size=6,
)


def played(given_pieces, limit_ma=32_000, begins_us=0, gauge=None):
    gauge = gauge or Gauge(limit_ma, 230_000, begins_us)
    at_us = 0
    for length_us, na, rate in given_pieces:
        gauge.segment(Segment(at_us, at_us + length_us, na, rate))
        at_us += length_us
    gauge.finish(at_us)
    return gauge


def moments(given_pieces):
    for length_us, na, rate in given_pieces:
        for t in range(length_us):
            yield tuple(one + by * t for one, by in zip(na, rate, strict=True))


@given(pieces)
def test_durations_and_time_near_the_limit_are_those_of_every_microsecond(given_pieces):
    gauge = played(given_pieces)
    seen = list(moments(given_pieces))
    for phase in range(3):
        counted: dict[int, int] = {}
        for now in seen:
            counted[now[phase] // A] = counted.get(now[phase] // A, 0) + 1
        assert dict(gauge.duration_us[phase]) == counted
    near = sum(any(100 * na >= 95 * 32 * A for na in now) for now in seen)
    assert abs(gauge.near_us - near) <= len(given_pieces)


@given(pieces)
def test_peaks_are_those_of_the_ends_of_pieces(given_pieces):
    gauge = played(given_pieces)
    seen = list(moments(given_pieces))
    assert gauge.peak_na >= max(sum(now) for now in seen)
    assert gauge.imbalance_na >= max(max(now) - min(now) for now in seen)
    neutral = max(sqrt(sum((a - b) ** 2 for a, b in zip(now, (*now[1:], now[0]), strict=True)) / 2) for now in seen)
    assert gauge.neutral_na >= neutral - 2


@given(st.integers(1, 2 * QUARTER_US), st.integers(0, QUARTER_US - 1), st.integers(0, 30))
def test_the_mean_of_a_quarter_hour_is_that_of_the_civil_one(first_us, begins_us, amps):
    gauge = played(
        [(first_us, (amps * A,) * 3, (0, 0, 0)), (4 * QUARTER_US, (A, A, A), (0, 0, 0))], begins_us=begins_us
    )
    starts = [-begins_us + k * QUARTER_US for k in range(8)]
    on = max(max(0, min(first_us, at + QUARTER_US) - max(0, at)) for at in starts)
    means = [
        (max(0, min(first_us, at + QUARTER_US) - max(0, at)) * amps
         + max(0, min(first_us + 4 * QUARTER_US, at + QUARTER_US) - max(first_us, at))) * 690 / QUARTER_US
        for at in starts
    ]  # fmt: skip
    assert on <= QUARTER_US
    assert abs(gauge.peak_quarter_w - max(means)) <= 1


def test_a_ramp_is_parted_at_whole_amperes():
    duration: dict[int, int] = {}
    spread(duration, 0, A // 10, 25)
    assert duration == {0: 10, 1: 10, 2: 5}
    duration = {}
    spread(duration, 2 * A, -A // 10, 15)
    assert duration == {2: 1, 1: 10, 0: 4}


def test_boxes_are_what_the_house_is_not():
    gauge = Gauge(32_000, 230_000, 0)
    gauge.event(Event(0, "connection", "house", (("l1_ma", 4_000), ("l2_ma", 4_000), ("l3_ma", 4_000))))
    played([(10, (10 * A, 10 * A, 4 * A), (0, 0, 0))], gauge=gauge)
    assert (gauge.peak_w, gauge.peak_boxes_w) == (24 * 230, 12 * 230)


def test_a_car_has_waited_until_it_draws_leaves_or_the_run_ends():
    gauge = Gauge(32_000, 230_000, 0)
    for at_us, car, kind, data in (
        (0, "car a", "plugged", ()),
        (1, "car b", "plugged", ()),
        (2, "car c", "plugged", ()),
        (5, "car a", "draw", (("drawn_ma", 0),)),
        (6, "car a", "draw", (("drawn_ma", 6_000),)),
        (7, "car a", "draw", (("drawn_ma", 9_000),)),
        (8, "car b", "unplugged", ()),
    ):
        gauge.event(Event(at_us, car, kind, data))
    gauge.finish(10)
    assert gauge.waited_us == {"car a": 6, "car b": 7, "car c": 8}
