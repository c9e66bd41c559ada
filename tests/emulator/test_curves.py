"""Curves: the figures of the installers' tables, and what holds for every curve."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.emulator.curves import CURVES, curve
from tests.emulator.worlds import may_us

RATINGS = (16, 20, 25, 32, 35, 40, 50, 63, 80, 100, 125)


def seconds(time_us):
    return None if time_us is None else time_us / 1e6


@pytest.mark.parametrize(
    ("kind", "rating", "current", "may", "must"),
    [
        ("gG", 25, 52, 10, 653),
        ("gG", 35, 52, 724, None),
        ("gG", 50, 52, None, None),
        ("gG", 63, 52, None, None),
        ("SLS-E", 35, 52, 598, 1693),
        ("SLS-E", 40, 60, 559, 1587),  # 1.5 In
        ("SLS-E", 40, 80, 71, 226),  # 2 In
        ("gG", 16, 65, 0.369, 5),
        ("gG", 16, 150, 0.006, 0.1),
        ("gG", 25, 40, 207.5, 3600),
        ("gG", 80, 128, 539, 7200),
        ("gG", 200, 320, 706, 10800),
        ("SLS-E", 35, 42, 2765, 7200),
        ("SLS-E", 40, 250, 0.02, 0.1),
        ("SLS-E", 40, 1000, 0.001, 0.1),
        ("SLS-Cs", 40, 45.2, None, None),
        ("SLS-Cs", 40, 58, 1463, 7200),
        ("SLS-Cs", 40, 400, 0.006, 0.1),
        ("B", 16, 18.08, None, None),
        ("B", 16, 23.2, 293, 3600),
        ("B", 16, 40.8, 1, 60),
        ("B", 40, 102, 1, 120),
        ("B", 16, 48, 0.001, 60),
        ("B", 16, 80, 0.001, 0.1),
        ("C", 16, 79, 0.001, 60),
        ("C", 16, 80, 0.001, 60),
        ("C", 16, 160, 0.001, 0.1),
        ("C", 80, 116, 474, 7200),
    ],
)
def test_figures_of_the_tables_come_out(kind, rating, current, may, must):
    one, ma = curve(kind, rating * 1000), round(current * 1000)
    assert seconds(one.lower_us(ma)) == (None if may is None else pytest.approx(may, rel=0.01, abs=0.0006))
    assert seconds(one.upper_us(ma)) == (None if must is None else pytest.approx(must, rel=0.001, abs=0.0006))


@pytest.mark.parametrize(("rating", "at_20_s", "at_300_s"), [
    (16, 1.94, 1.54), (25, 1.96, 1.55), (35, 2.19, 1.63), (63, 2.34, 1.69), (100, 2.63, 1.78),
])  # fmt: skip
def test_a_fuse_cannot_trip_up_to_its_bound_for_20_s_and_300_s(rating, at_20_s, at_300_s):
    fuse = curve("gG", rating * 1000)
    for bound, time_us in ((at_20_s, 20_000_000), (at_300_s, 300_000_000)):
        inside, beyond = (bound - 0.005) * rating * 1000, (bound + 0.005) * rating * 1000
        assert may_us(fuse, round(inside)) >= time_us > may_us(fuse, round(beyond))


# Installers' tables, in A: not before 10 s, melted by 5 s, not before 0.1 s, melted by 0.1 s.
GATES = {
    16: "33/65/85/150", 20: "42/85/110/200", 25: "52/110/150/260", 32: "75/150/200/350", 40: "95/190/260/450",
    50: "125/250/350/610", 63: "160/320/450/820", 80: "215/425/610/1100", 100: "290/580/820/1450",
    125: "355/715/1100/1910", 160: "460/950/1450/2590", 200: "610/1250/1910/3420", 250: "750/1650/2590/4500",
    315: "1050/2200/3420/6000", 400: "1420/2840/4500/8060",
}  # fmt: skip


@pytest.mark.parametrize("rating", list(GATES))
def test_a_fuse_passes_through_its_gates(rating):
    fuse = curve("gG", rating * 1000)
    may_10s, must_5s, may_100ms, must_100ms = (int(gate) * 1000 for gate in GATES[rating].split("/"))
    assert fuse.lower[1:] == ((may_10s, 10_000), (may_100ms, 100))
    assert fuse.upper[1:] == ((must_5s, 5_000), (must_100ms, 100))
    assert (fuse.lower_us(may_10s), fuse.lower_us(may_100ms)) == (10_000_000, 100_000)
    assert (fuse.upper_us(must_5s), fuse.upper_us(must_100ms)) == (5_000_000, 100_000)


@pytest.mark.parametrize(
    ("kind", "rating", "lower", "upper"),
    [
        ("gG", 63, (78_750, 3_600_000), (100_800, 3_600_000)),
        ("gG", 80, (100_000, 3_600_000), (128_000, 7_200_000)),
        ("gG", 160, (200_000, 3_600_000), (256_000, 7_200_000)),
        ("gG", 200, (250_000, 3_600_000), (320_000, 10_800_000)),
        ("SLS-E", 63, (66_150, 7_200_000), (75_600, 7_200_000)),
        ("SLS-Cs", 63, (71_190, 7_200_000), (91_350, 7_200_000)),
        ("B", 63, (71_190, 3_600_000), (91_350, 3_600_000)),
        ("C", 64, (72_320, 7_200_000), (92_800, 7_200_000)),
    ],
)
def test_a_curve_begins_at_its_conventional_currents_and_times(kind, rating, lower, upper):
    one = curve(kind, rating * 1000)
    assert (one.lower[0], one.upper[0]) == (lower, upper)


@pytest.mark.parametrize(
    ("kind", "rating", "lower", "upper"),
    [
        ("SLS-E", 100, (500_000, 100), (625_000, 100)),
        ("SLS-Cs", 100, (650_000, 100), (1_000_000, 100)),
        ("B", 32, (81_600, 1_000), (81_600, 60_000)),
        ("B", 33, (84_150, 1_000), (84_150, 120_000)),
    ],
)
def test_a_breaker_has_its_second_points(kind, rating, lower, upper):
    one = curve(kind, rating * 1000)
    assert (one.lower[1], one.upper[1]) == (lower, upper)


@pytest.mark.parametrize(("kind", "may", "must"), [("B", 48_000, 80_000), ("C", 80_000, 160_000)])
def test_an_instantaneous_release_may_and_must_work_from_its_currents_on(kind, may, must):
    one = curve(kind, 16_000)
    assert one.lower[-1] == (may, 1)
    assert one.lower[-2][0] == may - 1
    assert one.upper[-2:] == ((must - 1, 60_000), (must, 100))


@pytest.mark.parametrize("kind", CURVES)
@pytest.mark.parametrize("rating", RATINGS)
def test_at_its_bounds_a_curve_never_and_surely_trips(kind, rating):
    one = curve(kind, rating * 1000)
    assert one.lower_us(one.never_ma) is None
    assert one.lower_us(one.never_ma + 1) is not None
    assert one.upper_us(one.surely_ma - 1) is None
    assert one.upper_us(one.surely_ma) is not None


@given(st.sampled_from(CURVES), st.integers(16, 125), st.integers(1, 2_000_000), st.integers(1, 100_000))
def test_more_current_trips_no_later_and_may_comes_before_must(kind, rating, low_ma, more_ma):
    one = curve(kind, rating * 1000)
    for of in (one.lower_us, one.upper_us):
        sooner, later = of(low_ma + more_ma), of(low_ma)
        assert later is None or (sooner is not None and sooner <= later)
    may, must = one.lower_us(low_ma), one.upper_us(low_ma)
    assert must is None or (may is not None and may <= must)
    assert all(time is None or (time >= 1000 and time % 1000 == 0) for time in (may, must))


@pytest.mark.parametrize(("kind", "rating"), [("gG", 10_000), ("gG", 500_000), ("D", 16_000)])
def test_what_is_not_known_is_refused_with_what_is(kind, rating):
    with pytest.raises(LookupError, match=r"16 A to 400 A|gG, SLS-E, SLS-Cs, B, C"):
        curve(kind, rating)
