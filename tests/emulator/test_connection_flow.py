"""Linear pieces: first instants are first, charge adds up, and it does not matter where a piece was cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.emulator.flow import CHARGE2_MV_PER_WH, FAR, ZERO, Flow, energy_wh, first_below, first_reaching

small = st.integers(-40, 40)
triples = st.tuples(*[st.integers(0, 16_000_000_000)] * 3)
rates = st.tuples(*[st.integers(-4_000, 4_000)] * 3)


@given(st.integers(0, 50), small, small, small)
def test_the_first_instant_at_or_above_and_below_a_level_is_the_first(at, na, rate, level):
    instants = range(at, at + 100)
    above = next((t for t in instants if na + rate * (t - at) >= level), FAR)
    below = next((t for t in instants if na + rate * (t - at) < level), FAR)
    assert (first_reaching(at, na, rate, level), first_below(at, na, rate, level)) == (above, below)


@given(triples, rates, st.integers(0, 10**9), st.lists(st.integers(0, 10**9), max_size=5))
def test_a_piece_may_be_cut_anywhere(na, rate, end, cuts):
    whole, cut = Flow(), Flow()
    for flow in (whole, cut):
        flow.set(7, na, rate, (ZERO, rate))
    for at in sorted(cuts):
        cut.cut(7 + at)
    at = 7 + end + max(cuts, default=0)
    for of in (Flow.level, Flow.charge2, Flow.active, Flow.active_charge2):
        assert of(whole, at) == of(cut, at)


def test_charge_is_current_times_time_and_half_of_it_on_a_ramp():
    flow = Flow()
    flow.set(10, (5, 0, 1), (0, 4, 0), ((2, 0, 0), ZERO))
    assert flow.level(13) == (5, 12, 1)
    assert flow.charge2(13) == (2 * 5 * 3, 4 * 3 * 3, 2 * 1 * 3)
    assert flow.active_charge2(13) == (2 * 2 * 3, 0, 0)
    assert flow.active(13) == (2, 0, 0)


def test_all_current_works_unless_told_otherwise():
    flow = Flow()
    flow.set(0, (5, 6, 7), (1, 0, 0))
    assert flow.active(10) == flow.level(10) == (15, 6, 7)
    assert flow.active_charge2(10) == flow.charge2(10)


def test_going_on_as_before_is_no_change_and_a_change_is_announced_before_it_comes():
    flow, seen = Flow(), []
    flow.leaving.append(lambda at: seen.append((at, flow.level(at), flow.at_us)))
    assert flow.set(5, (0, 0, 0), (1, 0, 0))
    assert not flow.set(9, (4, 0, 0), (1, 0, 0))
    assert flow.set(9, (4, 0, 0), (1, 0, 0), (ZERO, ZERO))
    assert seen == [(5, ZERO, 0), (9, (4, 0, 0), 5)]


def test_a_flow_does_not_run_backwards():
    flow = Flow()
    flow.set(9, (1, 1, 1), ZERO)
    with pytest.raises(AssertionError, match="backwards"):
        flow.set(8, ZERO, ZERO)


def test_a_kilowatt_hour_is_a_thousand_watt_hours():
    one_hour_of_16_a2 = 2 * 16 * 10**9 * 3600 * 10**6
    assert energy_wh(one_hour_of_16_a2, 230_000) == 3680
    assert energy_wh(CHARGE2_MV_PER_WH - 1, 1) == 0
    assert energy_wh(CHARGE2_MV_PER_WH, 1) == 1
