"""The two roundings and what a power means per phase."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.manager.units import down_to_step, on_phases, per_phase_ma, up_to_step, worst_phase_ma

AMOUNTS = st.integers(0, 200_000)
STEPS = st.integers(1, 6_000)


@pytest.mark.parametrize(
    ("power_w", "voltage_mv", "ma"),
    [(11_000, 230_000, 15_942), (14_500, 230_000, 21_014), (34_000, 230_000, 49_275), (4_140, 230_000, 6_000)],
)
def test_a_three_phase_power_is_its_current_rounded_down(power_w, voltage_mv, ma):
    assert per_phase_ma(power_w, voltage_mv) == ma


@pytest.mark.parametrize(
    ("power_w", "cap_ma", "ma"),
    [(3_680, 16_000, 16_000), (3_680, 10_000, 10_000), (1, 16_000, 5), (0, 16_000, 0), (-500, 16_000, 0)],
)
def test_a_total_power_may_flow_on_one_phase_up_to_the_cap(power_w, cap_ma, ma):
    assert worst_phase_ma(power_w, 230_000, cap_ma) == ma


@given(power_w=st.integers(0, 100_000), voltage_mv=st.integers(207_000, 253_000))
def test_a_phase_never_counts_less_than_its_share(power_w, voltage_mv):
    share_ma = per_phase_ma(power_w, voltage_mv)
    assert 3 * share_ma * voltage_mv <= power_w * 1_000_000 <= worst_phase_ma(power_w, voltage_mv, 10**9) * voltage_mv


@given(ma=AMOUNTS, step_ma=STEPS)
def test_what_is_allowed_is_rounded_down_and_what_is_counted_up(ma, step_ma):
    down, up = down_to_step(ma, step_ma), up_to_step(ma, step_ma)
    assert down <= ma <= up
    assert down % step_ma == up % step_ma == 0
    assert up - down == (0 if ma % step_ma == 0 else step_ma)


def test_amounts_go_to_the_phases_that_their_places_name():
    assert on_phases((1, 2, 3), (1, 2, 0)) == (3, 1, 2)
    assert on_phases((7, 0, 0), (2,)) == (0, 0, 7)
