"""Damage: constant currents trip at their time, others by the sum of their shares, and nobody's looking changes it."""

from __future__ import annotations

from fractions import Fraction
from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.emulator.curves import curve
from chargebench.emulator.flow import FAR
from chargebench.emulator.fuse import HEALING_S, ONE, WARM_US, Damage, PhaseWear, Piece
from tests.emulator.worlds import may_us, must_us

S = 1_000_000
A = 1_000_000_000  # nA
CURVE = curve("SLS-E", 35_000)
FUSE = curve("gG", 25_000)


def run(wear, *pieces):
    """Let pieces (seconds, A, A/s) follow on one another; the time at their end."""
    at = 0
    for seconds, amps, slope in pieces:
        end = at + round(seconds * S)
        wear.run(Piece(at, round(amps * A), round(slope * 1000)), end)
        at = end
    return at


@given(st.integers(36_751, 300_000), st.integers(0, 10**9))
def test_a_constant_current_may_and_must_trip_at_their_times_to_the_microsecond(current_ma, start):
    for which, time in (("lower", CURVE.lower_us(current_ma)), ("upper", CURVE.upper_us(current_ma))):
        damage = Damage(CURVE, lower=which == "lower")
        piece = Piece(start, current_ma * 1_000_000, 0)
        if time is None:
            assert damage.next_us(piece, FAR) == FAR
            continue
        assert damage.next_us(piece, FAR) == start + time
        damage.run(piece, start + time - 1, FAR)
        assert damage.done < ONE
        damage.run(piece._replace(from_us=start + time - 1), start + time, FAR)
        assert damage.done >= ONE


def test_the_lower_curve_counts_the_next_whole_ma_above_and_the_upper_the_one_below():
    lower, upper = Damage(FUSE, lower=True), Damage(FUSE, lower=False)
    piece = Piece(0, 52_000_000_001, 0)
    assert lower.next_us(piece, FAR) == FUSE.lower_us(52_001)
    assert upper.next_us(piece, FAR) == FUSE.upper_us(52_000)
    assert Damage(FUSE, lower=True).next_us(Piece(0, FUSE.never_ma * 1_000_000, 0), FAR) == FAR
    assert Damage(FUSE, lower=True).next_us(Piece(0, FUSE.never_ma * 1_000_000 + 1, 0), FAR) < FAR


def test_two_halves_of_two_times_are_one():
    one, two = must_us(FUSE, 52_000), must_us(FUSE, 60_000)
    damage = Damage(FUSE, lower=False)
    damage.run(Piece(0, 52 * A, 0), one // 2, FAR)
    assert damage.next_us(Piece(one // 2, 60 * A, 0), FAR) == one // 2 + -(-two // 2)


@given(
    st.integers(0, 60), st.integers(-8_000, 8_000), st.integers(1, 30 * S), st.lists(st.integers(1, 10**6), max_size=6)
)
def test_a_piece_may_be_counted_in_any_parts(amps, rate, span, cuts):
    if rate < 0:
        span = min(span, max(1, amps * A // -rate))
    piece = Piece(12_345, amps * A, rate)
    instants = sorted({12_345 + cut * span // 10**6 for cut in cuts} | {12_345 + span})
    for lower in (True, False):
        whole, parts = Damage(FUSE, lower=lower), Damage(FUSE, lower=lower)
        whole.done = parts.done = ONE // 10
        whole.run(piece, 12_345 + span, 12_345 + span // 2)
        at = piece.from_us
        for until in instants:
            parts.run(Piece(at, piece.level(at), rate), until, 12_345 + span // 2)
            at = until
        assert abs(whole.done - parts.done) <= 1000  # healing rounds down at each cut, by parts of 10^30
        assert parts.least_left_us == whole.least_left_us or rate


@given(st.integers(0, 60), st.integers(-8_000, 8_000).filter(bool), st.integers(0, 99))
def test_a_forecast_comes_true_to_the_microsecond(amps, rate, done):
    piece = Piece(5, amps * A, rate)
    for lower in (True, False):
        damage = Damage(FUSE, lower=lower)
        damage.done = ONE * done // 100
        at, asked = piece.from_us, 0
        while (
            (due := damage.next_us(Piece(at, piece.level(at), rate), FAR)) < FAR and damage.done < ONE and asked < 200
        ):
            damage.run(Piece(at, piece.level(at), rate), due - 1, FAR)
            assert damage.done < ONE
            damage.run(Piece(due - 1, piece.level(due - 1), rate), due, FAR)
            at, asked = due, asked + 1
        assert rate < 0 or damage.done >= ONE


@pytest.mark.parametrize("slope", [4.0, -4.0, 0.5, -0.5])
def test_a_ramp_counts_between_what_its_cells_bound(slope):
    seconds = 40 / abs(slope)
    start = 30 if slope > 0 else 70
    piece = Piece(0, start * A, round(slope * 1000))

    def true_damage(time_us):
        """By 4,000 constant pieces."""
        amps = (start + slope * seconds * (k + 0.5) / 4000 for k in range(4000))
        times = (time_us(round(one * 1000)) for one in amps)
        return sum(Fraction(round(seconds * S), 4000) / time for time in times if time)

    lower, upper = Damage(FUSE, lower=True), Damage(FUSE, lower=False)
    for damage in (lower, upper):
        damage.run(piece, round(seconds * S), FAR)
    may, must = true_damage(FUSE.lower_us), true_damage(FUSE.upper_us)
    assert may <= Fraction(lower.done, ONE) <= may * Fraction(107, 100)
    assert must * Fraction(96, 100) <= Fraction(upper.done, ONE) <= must


def test_damage_heals_by_one_part_in_1200_at_each_full_second_and_only_below():
    damage = Damage(FUSE, lower=True)
    damage.done = ONE // 2
    damage.run(Piece(S // 2, 20 * A, 0), S - 1, FAR)
    assert damage.done == ONE // 2
    damage.run(Piece(S - 1, 20 * A, 0), S + 1, FAR)
    assert damage.done == pytest.approx(ONE // 2 * 1199 / 1200, rel=1e-12)
    damage.run(Piece(S + 1, 20 * A, 0), (HEALING_S + 1) * S, FAR)
    assert damage.done / ONE == pytest.approx(exp(-1) / 2, rel=1e-3)
    before = damage.done
    damage.run(Piece((HEALING_S + 1) * S, 32 * A, 0), (HEALING_S + 2) * S, FAR)  # above 1.25 In: counts
    assert damage.done > before


def test_nothing_heals_between_1_25_in_and_where_the_curve_begins():
    damage = Damage(FUSE, lower=False)  # 25 A: melts from 40 A on
    damage.done = ONE // 2
    damage.run(Piece(0, 35 * A, 0), 600 * S, FAR)
    assert damage.done == ONE // 2
    damage.run(Piece(600 * S, 31 * A, 0), 601 * S, FAR)
    assert damage.done < ONE // 2


def test_a_main_breaker_does_not_heal_where_it_counts_below_1_25_in():
    damage = Damage(CURVE, lower=True)  # counts from 1.05 In on
    piece = Piece(0, 42 * A, 0)  # 1.2 In
    assert damage.next_us(piece, FAR) == may_us(CURVE, 42_000)


@pytest.mark.parametrize(("slope", "start"), [(1.0, 0), (-1.0, 60)])
def test_on_a_ramp_healing_ends_and_begins_where_the_current_passes(slope, start):
    damage = Damage(FUSE, lower=False)
    damage.done = ONE // 2
    damage.run(Piece(0, start * A, round(slope * 1000)), 60 * S, FAR)
    shown = Damage(FUSE, lower=False)
    shown.done = ONE // 2
    if slope > 0:
        shown.run(Piece(0, 0, 0), 31_250_000, FAR)
        shown.run(Piece(31_250_000, round(31.25 * A), 1000), 60 * S, FAR)
    else:
        shown.run(Piece(0, 60 * A, -1000), 28_750_001, FAR)
        shown.run(Piece(28_750_001, 0, 0), 60 * S, FAR)
    assert damage.done == shown.done != ONE // 2


def test_a_warm_device_may_trip_in_half_the_time():
    cold, warm = PhaseWear(CURVE), PhaseWear(CURVE)
    run(cold, (1800, 24.4, 0))
    run(warm, (1800, 24.5, 0))  # 0.7 In
    late = Piece(1800 * S, 52 * A, 0)
    time = may_us(CURVE, 52_000)
    assert cold.next_us(late) == 1800 * S + time
    assert warm.next_us(late) == 1800 * S + time // 2
    assert warm.upper.next_us(late, 0) == cold.upper.next_us(late, 0)


def test_warmth_halves_the_time_also_where_it_is_counted():
    wear = PhaseWear(CURVE)
    half = may_us(CURVE, 52_000) // 2
    run(wear, (900, 24.5, 0), (900, 24.5, 0))
    wear.run(Piece(1800 * S, 52 * A, 0), 1800 * S + half - 1)
    assert wear.may_us is None
    wear.run(Piece(1800 * S + half - 1, 52 * A, 0), 1800 * S + half)
    assert wear.may_us == 1800 * S + half
    assert wear.upper.done < ONE // 4


def test_warmth_needs_its_half_hour_without_a_break():
    wear = PhaseWear(CURVE)
    run(wear, (1000, 24.5, 0), (1, 24.4, 0), (799, 24.5, 0))
    cold = 1800 * S + may_us(CURVE, 52_000)
    assert wear.next_us(Piece(1800 * S, 52 * A, 0)) == cold


def test_a_piece_without_time_leaves_no_trace():
    wear = PhaseWear(CURVE)
    wear.run(Piece(5, 500 * A, 0), 5)
    assert (wear.lower.done, wear.lower.least_left_us) == (0, None)
    wear.run(Piece(5, 30 * A, 0), 6)
    wear.run(Piece(6, 0, 0), 6)
    assert wear.next_us(Piece(6, 37 * A, 0)) < 6 + may_us(CURVE, 37_000)


def test_a_fall_from_exactly_1_25_in_heals():
    damage = Damage(FUSE, lower=False)
    damage.done = ONE // 2
    damage.run(Piece(0, round(31.25 * A), -1000), 10 * S, FAR)
    assert damage.done == pytest.approx(ONE // 2 * (1199 / 1200) ** 9, rel=1e-12)


def test_warmth_counts_from_where_a_ramp_passes_and_ends_when_the_current_falls():
    wear = PhaseWear(CURVE)
    run(wear, (24.5, 0, 1.0), (0.5, 24.5, 0))  # passes 24.5 A at 24.5 s
    assert wear.next_us(Piece(25 * S, 37 * A, 0)) < 25 * S + may_us(CURVE, 37_000)
    piece = Piece(25 * S, 37 * A, 0)  # warm 1800 s after 24.5 s; before, cold
    growth = -(-ONE // may_us(CURVE, 37_000))
    cold_us = WARM_US + 24_500_000 - 25 * S
    assert wear.next_us(piece) == 25 * S + cold_us - (cold_us * growth - ONE) // (2 * growth)
    run(wear, (0, 0, 0))
    wear.run(Piece(25 * S, 10 * A, 0), 26 * S)
    assert wear.next_us(Piece(26 * S, 37 * A, 0)) > wear.next_us(Piece(25 * S, 37 * A, 0))
    falls = PhaseWear(CURVE)
    falls.run(Piece(0, 30 * A, -1000), 6 * S)  # 0.7 In is passed at 5.5 s
    assert falls.next_us(Piece(6 * S, 37 * A, 0)) == PhaseWear(CURVE).next_us(Piece(6 * S, 37 * A, 0))


def test_what_was_left_at_the_worst_moment_is_kept():
    wear = PhaseWear(CURVE)
    run(wear, (100, 52, 0), (400, 40, 0), (3600, 10, 0))
    time = may_us(CURVE, 52_000)
    assert wear.lower.least_left_us == time - 100 * S
    assert wear.upper.least_left_us == must_us(CURVE, 52_000) - 100 * S
    assert wear.may_us is wear.must_us is None
    assert PhaseWear(CURVE).lower.least_left_us is None


def test_reaching_a_curve_is_noted_once():
    wear = PhaseWear(CURVE)
    may, must = may_us(CURVE, 52_000), must_us(CURVE, 52_000)
    wear.run(Piece(0, 52 * A, 0), may)
    wear.run(Piece(may, 52 * A, 0), must)
    wear.run(Piece(must, 52 * A, 0), must + S)
    assert (wear.may_us, wear.must_us) == (may, must)
    assert wear.next_us(Piece(must + S, 52 * A, 0)) == FAR
