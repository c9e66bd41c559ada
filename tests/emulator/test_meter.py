"""Meters: a reading is that of the last instant of the grid, whoever asks, and whatever happened since."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.emulator.accuracy import SeenFlow, of_percentage
from chargebench.emulator.flow import ZERO, Flow
from chargebench.emulator.meter import PhaseMeter, SampleHold, Source
from chargebench.emulator.spec import FaultSpec
from tests.emulator.worlds import HOUR, Bench, S, box_spec, car_spec, grid_meter

A = 1_000_000_000


def alive(_phase, _instant):
    return False


def meter(flow, wiring=(0, 1, 2), voltage_mv=230_000, source_wiring=(0, 1, 2), dead=alive, **changes):
    return PhaseMeter(grid_meter(wiring=wiring, **changes), Source(flow, voltage_mv, source_wiring, dead))


# -- sample and hold -------------------------------------------------------------------------------------------------


@given(
    st.integers(1, 20),
    st.integers(0, 30),
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(-1, 2)), max_size=12),
    st.integers(0, 40),
)
def test_a_held_sample_is_the_value_at_the_last_instant_of_the_grid(interval, offset, pieces, after):
    flow = Flow()
    hold = SampleHold(grid_meter(interval_us=interval, offset_us=offset), flow, flow.level, None)
    values, at = {}, 0
    for span, na, rate in [*pieces, (after, None, None)]:
        for _ in range(span):
            values[at] = flow.level(at)[0]
            at += 1
        instants = range(offset, at + 1, interval)
        values[at] = flow.level(at)[0]
        if instants:
            held = hold.held(at)
            assert hold.instant(at) == instants[-1]
            assert held is not None
            assert held[0] == values[instants[-1]]
        else:
            assert hold.held(at) is None
        if na is not None:
            flow.set(at, (na, 0, 0), (rate, 0, 0))
            values[at] = na


def test_what_happens_at_an_instant_counts_also_for_a_meter_that_was_asked_before_it():
    flow = Flow()
    one = meter(flow)
    assert one.current_ma(S) == (0, 0, 0)
    flow.set(S, (5 * A, 0, 0), ZERO)
    assert one.current_ma(S) == (5_000, 0, 0)


def test_a_phase_that_dies_at_an_instant_is_dead_in_its_sample_though_asked_before():
    died = []
    one = meter(Flow(), dead=lambda phase, instant: (phase, instant) in died)
    assert one.sample(S).voltage_mv == (230_000, 230_000, 230_000)
    died.append((1, S))
    assert one.sample(S).voltage_mv == (230_000, 0, 230_000)


def test_a_sample_is_taken_once_however_often_it_is_asked_for():
    taken = []

    def measure(instant):
        taken.append(instant)
        return instant

    hold = SampleHold(grid_meter(), Flow(), measure, None)
    for at_us in (S + 1, S + 2, 2 * S - 1, 2 * S, 2 * S, 2 * S + 1, 2 * S + 9):
        assert hold.held(at_us) == at_us // S * S
    assert taken == [S, 2 * S, 2 * S, 2 * S]


def test_what_happens_at_an_instant_counts_as_happened():
    flow = Flow()
    one = meter(flow)
    flow.set(S, (5 * A, 0, 0), ZERO)
    assert one.current_ma(S) == (5_000, 0, 0)
    flow.set(S + 1, (6 * A, 0, 0), ZERO)
    flow.set(S + 2, (7 * A, 0, 0), ZERO)
    assert one.current_ma(2 * S - 1) == (5_000, 0, 0)
    assert one.current_ma(2 * S) == (7_000, 0, 0)


def test_before_its_first_sample_a_meter_shows_nothing_but_the_voltage():
    flow = Flow()
    one = meter(flow, offset_us=3 * S)
    flow.set(0, (5 * A, 0, 0), ZERO)
    assert one.sample(3 * S - 1).na == ZERO
    assert one.sample(3 * S - 1).voltage_mv == (230_000,) * 3
    assert one.sample(3 * S).na == (5 * A, 0, 0)


def test_a_frozen_meter_goes_on_with_its_last_sample():
    flow = Flow()
    one = meter(flow)
    flow.set(0, (5 * A, 0, 0), ZERO)
    one.freeze(10 * S)
    flow.set(11 * S, (9 * A, 0, 0), ZERO)
    assert one.current_ma(60 * S) == (5_000, 0, 0)
    energy = one.total_energy_wh(60 * S)
    one.thaw()
    assert one.current_ma(60 * S) == (9_000, 0, 0)
    assert one.total_energy_wh(60 * S) > energy


# -- what is measured ------------------------------------------------------------------------------------------------


def test_wiring_says_which_conductor_each_input_sees():
    flow = Flow()
    flow.set(0, (1 * A, 2 * A, 3 * A), ZERO)
    assert meter(flow, wiring=(2, 0, 1)).current_ma(0) == (3_000, 1_000, 2_000)
    assert meter(flow, wiring=(1,)).current_ma(0) == (2_000, 0, 0)
    assert meter(flow, wiring=(1,)).sample(0).voltage_mv == (230_000, 0, 0)


def test_power_and_energy_round_down_once():
    flow = Flow()
    flow.set(0, (1_550_000_000, 1_550_000_000, 1_550_000_000), ZERO)  # 356.5 W each
    one = meter(flow)
    assert (one.power_w(HOUR), one.total_power_w(HOUR)) == ((356, 356, 356), 1069)
    assert (one.energy_wh(HOUR), one.total_energy_wh(HOUR)) == ((356, 356, 356), 1069)
    assert one.current_ma(HOUR) == (1_550,) * 3


def test_apparent_power_counts_all_current_and_active_power_what_works():
    flow = Flow()
    flow.set(0, (10 * A, 0, 0), ZERO, ((8_500_000_000, 0, 0), ZERO))
    one = meter(flow)
    assert (one.apparent_va(HOUR)[0], one.total_apparent_va(HOUR), one.power_w(HOUR)[0]) == (2300, 2300, 1955)
    assert (one.total_apparent_vah(HOUR), one.total_energy_wh(HOUR)) == (2300, 1955)


def test_voltage_is_that_of_the_world_and_gone_where_a_phase_is_dead():
    flow = Flow()
    flow.set(0, (A, A, A), ZERO)
    one = meter(flow, voltage_mv=207_000, source_wiring=(1, 2), dead=lambda phase, at: phase == 2 and at >= 5 * S)
    assert one.sample(4 * S).voltage_mv == (207_000, 207_000, 0)  # the source has two conductors
    assert one.sample(5 * S).voltage_mv == (207_000, 0, 0)
    assert one.power_w(5 * S) == (207, 0, 0)


@pytest.mark.parametrize(
    "changes", [{"wiring": ()}, {"wiring": (0, 0)}, {"wiring": (3,)}, {"interval_us": 0}, {"offset_us": -1}]
)
def test_a_meter_that_cannot_be_is_refused_by_name(changes):
    with pytest.raises(ValueError, match="meter grid: "):
        meter(Flow(), **changes)


# -- in a world ------------------------------------------------------------------------------------------------------


def a_house():
    return Bench(
        [box_spec(wiring=(1, 2, 0), attached=True)],
        [car_spec(phases=2, below_ma=0)],
        [
            grid_meter(),
            grid_meter("home", "house"),
            grid_meter("own", "box", wiring=(1, 0)),
            grid_meter("inside", "box", at=None, wiring=(2, 1, 0)),
        ],
        house=[(0, (1_000, 2_000, 3_000))],
        faults=[FaultSpec("frozen", "home", 90 * S)],
    )


def test_a_meter_measures_the_connection_the_house_or_a_box():
    one = a_house().to(60 * S)
    meters = one.world.meters
    assert meters["grid"].current_ma(60 * S) == (1_000, 18_000, 19_000)
    assert meters["home"].current_ma(60 * S) == (1_000, 2_000, 3_000)
    assert meters["own"].current_ma(60 * S) == (16_000, 16_000, 0)
    assert meters["inside"].current_ma(60 * S) == (0, 16_000, 16_000)


def test_a_meter_of_something_that_is_not_there_is_refused():
    with pytest.raises(LookupError, match=r"measures connection, house or a box \(box\), not cellar"):
        Bench([box_spec()], meters=[grid_meter(measures="cellar")])


# -- direction -------------------------------------------------------------------------------------------------------


def test_what_flows_back_is_below_zero_and_counts_apart():
    flow = Flow()
    one = meter(flow)
    flow.set(0, (16 * A, 10 * A, -4 * A), ZERO)
    assert one.current_ma(HOUR) == (16_000, 10_000, -4_000)
    assert one.amount_ma(HOUR) == (16_000, 10_000, 4_000)
    assert one.power_w(HOUR) == (3_680, 2_300, -920)
    assert one.apparent_va(HOUR) == (3_680, 2_300, 920)
    assert (one.total_power_w(HOUR), one.total_apparent_va(HOUR)) == (5_060, 6_900)
    assert (one.energy_wh(HOUR), one.fed_wh(HOUR)) == ((3_680, 2_300, 0), (0, 0, 920))
    assert (one.total_energy_wh(HOUR), one.total_fed_wh(HOUR)) == (5_980, 920)
    flow.set(HOUR, (-16 * A, 0, 4 * A), ZERO)
    assert (one.energy_wh(2 * HOUR), one.fed_wh(2 * HOUR)) == ((3_680, 2_300, 920), (3_680, 0, 920))


def test_values_below_zero_are_rounded_towards_it():
    flow = Flow()
    one = meter(flow)
    flow.set(0, (-1_500_000, 1_500_000, -A - 1), ZERO)
    assert one.current_ma(0) == (-1, 1, -1_000)
    assert one.power_w(0) == (0, 0, -230)


@given(
    st.lists(st.tuples(st.integers(0, 3 * S), st.integers(-3 * A, 3 * A), st.integers(-1500, 1500)), max_size=8),
    st.sampled_from([0, 10_000, -10_000]),
)
def test_energies_of_both_directions_never_go_back_and_differ_by_what_has_flowed(pieces, ppm):
    flow = Flow()
    seen = SeenFlow(flow, of_percentage(ppm)) if ppm else flow
    one = meter(seen, interval_us=1)
    at_us, before = 0, (0, 0)
    for span_us, na, rate in pieces:
        flow.set(at_us, (na, 0, 0), (rate, 0, 0))
        for part in (0, 1, 2, 5, 9, 10):
            instant = at_us + span_us * part // 10
            sample = one.sample(instant)
            fed, net = sample.fed_charge2[0], sample.active_charge2[0]
            assert fed >= before[0]
            assert fed + net >= before[1] - (1 if ppm else 0)
            before = fed, fed + net
        at_us += span_us


@pytest.mark.parametrize("rate", [-2_000, 2_000])
def test_a_current_that_turns_in_a_piece_counts_each_way_for_its_part(rate):
    """From 4 A to -4 A in 4 s, or the other way: 2 s each way, 4 As each."""
    flow = Flow()
    one = meter(flow)
    flow.set(0, (-2 * rate * S, 0, 0), (rate, 0, 0))
    sample = one.sample(4 * S)
    assert sample.fed_charge2[0] == 2 * 4 * A * S
    assert sample.active_charge2[0] == 0
