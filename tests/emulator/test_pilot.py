"""Control pilot: what a duty cycle means, in both directions, and which state follows which."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.emulator.pilot import DUTY_FULL, MOVES, Pilot, duty_of, offered_ma, path, signal_of


@pytest.mark.parametrize(
    ("permille", "signal", "current_ma"),
    [
        (0, "not allowed", 0),
        (29, "not allowed", 0),
        (30, "digital", 0),
        (50, "digital", 0),
        (70, "digital", 0),
        (71, "not allowed", 0),
        (79, "not allowed", 0),
        (80, "current", 6_000),
        (99, "current", 6_000),
        (100, "current", 6_000),
        (101, "current", 6_060),
        (265, "current", 15_900),
        (850, "current", 51_000),
        (851, "current", 52_750),
        (892, "current", 63_000),
        (960, "current", 80_000),
        (965, "current", 80_000),
        (970, "current", 80_000),
        (971, "stop", 0),
        (1000, "stop", 0),
    ],
)
def test_a_duty_cycle_means_what_the_norm_says(permille, signal, current_ma):
    duty = permille * DUTY_FULL // 1000
    assert (signal_of(duty), offered_ma(duty)) == (signal, current_ma)


@pytest.mark.parametrize(
    ("current_ma", "permille"),
    [
        (6_000, 100),
        (15_900, 265),
        (16_000, 266),
        (32_000, 533),
        (51_000, 850),
        (63_000, 892),
        (80_000, 960),
        (90_000, 960),
    ],
)
def test_a_current_has_its_duty_cycle(current_ma, permille):
    assert duty_of(current_ma) * 1000 // DUTY_FULL == permille


@pytest.mark.parametrize("current_ma", [0, 1, 5_999])
def test_less_than_six_amperes_cannot_be_offered(current_ma):
    assert duty_of(current_ma) == DUTY_FULL
    assert offered_ma(duty_of(current_ma)) == 0


@given(st.integers(6_000, 100_000))
def test_no_duty_cycle_offers_more_than_was_meant(current_ma):
    offered = offered_ma(duty_of(current_ma))
    assert offered <= current_ma
    lost = current_ma - offered
    assert lost < (4 if current_ma <= 51_000 else 1_600 if current_ma < 52_600 else 17) or current_ma > 80_000


@given(st.integers(60, 510) | st.integers(526, 800))
def test_a_step_of_a_tenth_of_an_ampere_is_kept_exactly(tenths):
    assert offered_ma(duty_of(tenths * 100)) == tenths * 100


@given(st.integers(8 * DUTY_FULL // 100, 97 * DUTY_FULL // 100 - 1))
def test_a_longer_pulse_never_offers_less(duty):
    assert offered_ma(duty) <= offered_ma(duty + 1)


@pytest.mark.parametrize("was", list(Pilot))
@pytest.mark.parametrize("now", list(Pilot))
def test_every_way_between_states_is_made_of_allowed_moves(was, now):
    if (was, now) in {(Pilot.C, Pilot.D), (Pilot.D, Pilot.C), (Pilot.A, Pilot.D)}:
        assert now not in MOVES[was]
        return
    way = (was, *path(was, now))
    assert way[-1] is now
    assert len(way) <= 3
    assert all(after in MOVES[before] for before, after in pairwise(way))


def test_no_car_is_served_before_it_is_seen():
    assert Pilot.C not in MOVES[Pilot.A]
    assert path(Pilot.A, Pilot.C) == (Pilot.B, Pilot.C)
    assert path(Pilot.B, Pilot.B) == ()


def test_a_state_from_which_there_is_no_way_is_our_mistake(monkeypatch):
    monkeypatch.setitem(MOVES, Pilot.F, ())
    with pytest.raises(AssertionError, match="no way from F to A"):
        path(Pilot.F, Pilot.A)
