"""A box that follows late: the higher of two limits counts until it must have followed."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from chargebench.manager.lag import Lag
from tests.manager.house import SECOND

LATE_US = 30 * SECOND
MOST_MA = 32_000


def test_a_cut_counts_only_when_it_must_have_been_followed():
    lag = Lag(LATE_US, MOST_MA)
    assert [
        lag.follows_ma(ma, at * SECOND) for at, ma in [(0, 16_000), (30, 16_000), (33, 6_000), (62, 6_000), (63, 6_000)]
    ] == [
        32_000,
        16_000,
        16_000,
        16_000,
        6_000,
    ]


def test_a_raise_counts_at_once():
    lag = Lag(LATE_US, MOST_MA)
    assert [lag.follows_ma(ma, at * SECOND) for at, ma in [(0, 0), (30, 0), (33, 16_000)]] == [32_000, 0, 16_000]


def test_a_box_that_follows_at_once_counts_as_it_shows():
    lag = Lag(0, MOST_MA)
    assert [lag.follows_ma(ma, at) for at, ma in enumerate([16_000, 0, 6_000])] == [16_000, 0, 6_000]


@given(st.lists(st.tuples(st.integers(0, 20 * SECOND), st.integers(0, 32_000)), min_size=1, max_size=20))
def test_it_is_never_less_than_any_limit_that_it_showed_within_its_time(steps):
    lag = Lag(LATE_US, MOST_MA)
    times = list(itertools.accumulate(after_us for after_us, _ in steps))
    for k, at_us in enumerate(times):
        most = lag.follows_ma(steps[k][1], at_us)
        recent = [steps[j][1] for j in range(k + 1) if j == k or times[j + 1] > at_us - LATE_US]
        unknown = [MOST_MA] if times[0] > at_us - LATE_US else []
        assert most == max(recent + unknown)


def test_after_it_was_away_it_may_follow_anything():
    lag = Lag(LATE_US, MOST_MA)
    lag.follows_ma(6_000, 0)
    assert lag.follows_ma(6_000, LATE_US) == 6_000
    lag.forget()
    assert [lag.follows_ma(6_000, LATE_US + at * SECOND) for at in (3, 32, 33)] == [MOST_MA, MOST_MA, 6_000]
