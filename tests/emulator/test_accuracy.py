"""A meter that is only as good as its class: wrong in its own way, never beyond the limits, and its energies never go back."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.datasheets.load import load as sheet
from chargebench.emulator.accuracy import BASIC_MA, CLASSES, PPM, Limit, Limits, SeenFlow, of_class, of_percentage
from chargebench.emulator.devices.s0 import PulseMeter
from chargebench.emulator.flow import ZERO, Flow
from chargebench.emulator.meter import PhaseMeter, Source
from chargebench.emulator.streams import Streams
from chargebench.emulator.world import World
from tests.emulator.worlds import HOUR, Bench, S, box_spec, car_spec, grid_meter, s0_spec

A = 1_000_000_000
MV = 230_000


def alive(_phase, _instant):
    return False


def errors(name="B", meter="grid", seed=1):
    return of_class(name, meter, Streams(seed))


def phase_meter(flow):
    return PhaseMeter(grid_meter(), Source(flow, MV, (0, 1, 2), alive))


def limit_ppm(name, ma, works):
    """As the tables of the standards have it."""
    limit = CLASSES[name].unity if works else CLASSES[name].other
    return limit.ppm if ma * 1000 >= limit.below_permille * BASIC_MA else limit.low_ppm


@pytest.mark.parametrize(
    ("name", "ma", "works", "ppm"),
    [
        ("1", 16_000, True, 10_000),
        ("1", 500, True, 10_000),
        ("1", 499, True, 15_000),
        ("1", 999, False, 15_000),
        ("1", 1_000, False, 10_000),
        ("2", 16_000, True, 20_000),
        ("2", 499, True, 25_000),
        ("0.5S", 250, True, 5_000),
        ("0.5S", 249, True, 10_000),
        ("0.5S", 500, False, 6_000),
        ("0.2S", 16_000, True, 2_000),
        ("0.2S", 16_000, False, 3_000),
        ("A", 16_000, True, 20_000),
        ("B", 500, False, 10_000),
        ("B", 499, True, 15_000),
        ("C", 16_000, True, 5_000),
    ],
)
def test_the_limit_of_a_class_depends_on_current_and_power_factor(name, ma, works, ppm):
    assert limit_ppm(name, ma, works) == ppm
    worst = SeenFlow(flow := Flow(), errors(name)._replace(gains=(1000, -1000, 0), noise=None))
    working = (ma * 1_000_000,) * 3 if works else (ma * 950_000,) * 3
    flow.set(0, (ma * 1_000_000,) * 3, ZERO, (working, ZERO))
    assert worst.level(S) == (ma * (PPM + ppm), ma * (PPM - ppm), ma * PPM)
    assert worst.active(S) == tuple(
        one * wrong // PPM for one, wrong in zip(working, (PPM + ppm, PPM - ppm, PPM), strict=True)
    )


@given(
    st.sampled_from(sorted(CLASSES)),
    st.integers(0, 2**32),
    st.integers(0, 80_000),
    st.sampled_from((500, 800, 950, 1000)),
    st.integers(0, 10**9),
)
def test_no_sample_is_ever_beyond_the_limit_of_its_class(name, seed, ma, factor, at_us):
    flow = Flow()
    seen = SeenFlow(flow, errors(name, seed=seed))
    na = ma * 1_000_000
    active = na * factor // 1000
    flow.set(0, (na,) * 3, ZERO, ((active,) * 3, ZERO))
    within = limit_ppm(name, ma, active == na)
    for shown, true in ((seen.level(at_us), na), (seen.active(at_us), active)):
        assert all(abs(one - true) * PPM <= within * true for one in shown)


def test_every_unit_is_wrong_in_its_own_way_and_always_in_the_same():
    gains = [errors(meter=name, seed=seed).gains for name in ("grid", "house") for seed in range(20)]
    assert len({*gains}) == 40
    assert errors(seed=7).gains == errors(seed=7).gains
    flat = [gain for one in gains for gain in one]
    assert min(flat) < -600
    assert max(flat) > 600
    assert all(abs(gain) <= 900 for gain in flat)


def test_noise_belongs_to_the_instant_and_not_to_who_asks():
    flow = Flow()
    one, two = SeenFlow(flow, errors()), SeenFlow(flow, errors())
    flow.set(0, (16 * A, 16 * A, 16 * A), ZERO)
    instants = range(0, 60 * S, S)
    shown = {at: one.level(at) for at in instants}
    assert shown == {at: two.level(at) for at in reversed(instants)}
    assert len({value[0] for value in shown.values()}) > 20


PIECES = st.lists(
    st.tuples(st.integers(0, 3 * S), st.integers(0, 3 * A), st.integers(-300, 300), st.sampled_from((900, 1000))),
    max_size=8,
)


@given(PIECES, st.integers(0, 3 * S), st.sampled_from(sorted(CLASSES)))
def test_energies_never_go_back_and_stay_inside_the_class(pieces, after_us, name):
    flow = Flow()
    meter, exact = phase_meter(SeenFlow(flow, errors(name))), phase_meter(flow)
    at_us, charges = 0, []
    for span_us, na, wanted, factor in pieces:
        rate = wanted if na + wanted * span_us >= 0 else 0
        working = ((na * factor // 1000,) * 3, (rate * factor // 1000,) * 3)
        flow.set(at_us, (na,) * 3, (rate,) * 3, working)
        instants = [at_us + span_us * part // 10 for part in (0, 3, 7, 10)]
        charges += [(meter._source.flow.active_charge2(one), flow.active_charge2(one)) for one in instants]
        at_us += span_us
    for k in range(3):
        seen = [one[k] for one, _ in charges]
        assert seen == sorted(seen)
        assert all(abs(one[k] - true[k]) * 1000 <= 25 * true[k] + 1000 for one, true in charges)
    assert meter.total_energy_wh(at_us + after_us) <= exact.total_energy_wh(at_us + after_us) * 1.03 + 3


@given(st.integers(0, 2 * A), st.integers(-900, 900), st.integers(1, 2 * S))
def test_an_energy_is_the_integral_of_the_power_with_its_gain(na, rate, span_us):
    """Summed in two hundred steps, whose error is that of the step in which the limit changes."""
    rate = rate if na + rate * span_us >= 0 else 0
    flow = Flow()
    worst = Limits(Limit(10_000, 100, 50_000), Limit(10_000, 100, 50_000))
    seen = SeenFlow(flow, errors()._replace(limits=worst, gains=(1000, -1000, 500), noise=None))
    flow.set(0, (na,) * 3, (rate,) * 3)
    steps = [span_us * k // 200 for k in range(201)]
    for k in range(3):
        total = sum((seen.level(one)[k] + seen.level(two)[k]) * (two - one) for one, two in pairwise(steps))
        step = max(two - one for one, two in pairwise(steps))
        assert (
            abs(total - seen.charge2(span_us)[k])
            <= 40_000 * (na + abs(rate) * span_us) // PPM * step * 2 + 3_000 * step
        )


@pytest.mark.parametrize("rate", [-100, 100])
def test_a_current_at_the_turn_of_its_limit_leaves_it_at_once_where_it_falls(rate):
    """From 0.5 A down the limit is 1.5 %, from 0.5 A up it is 1 %."""
    flow = Flow()
    seen = SeenFlow(flow, errors("B")._replace(gains=(1000, 1000, 1000), noise=None))
    flow.set(0, (A // 2,) * 3, (rate,) * 3)
    wrong = seen.charge2(S)[0] - flow.charge2(S)[0]
    assert round(1000 * wrong / flow.charge2(S)[0], 3) == (15 if rate < 0 else 10)


@given(PIECES, st.integers(0, 3 * S))
def test_what_was_seen_does_not_depend_on_who_looked_before(pieces, after_us):
    flow = Flow()
    often, late = SeenFlow(flow, errors()), SeenFlow(flow, errors())
    at_us = 0
    for span_us, na, rate, _ in pieces:
        flow.set(at_us, (na,) * 3, (rate if na + rate * span_us >= 0 else 0,) * 3)
        often.charge2(at_us)
        at_us += span_us
        often.charge2(at_us)
    assert often.charge2(at_us + after_us) == late.charge2(at_us + after_us)


@pytest.mark.parametrize(("ppm", "shown"), [(-10_000, 15_840), (20_000, 16_320)])
def test_a_percentage_is_what_is_always_shown_too_much(ppm, shown):
    flow = Flow()
    meter = phase_meter(SeenFlow(flow, of_percentage(ppm)))
    flow.set(0, (16 * A, 16 * A, 16 * A), ZERO)
    for at_us in (0, 7 * S, HOUR):
        assert meter.current_ma(at_us) == (shown,) * 3
    assert meter.power_w(HOUR)[0] == shown * MV // 1_000_000
    assert meter.energy_wh(HOUR)[0] == shown * MV // 1_000_000


def test_pulses_come_as_often_as_the_meter_thinks_that_they_are_due():
    flow = Flow()
    source = Source(SeenFlow(flow, of_percentage(-100_000)), MV, (0, 1, 2), alive)
    meter, exact = PulseMeter(s0_spec(), source), PulseMeter(s0_spec(), Source(flow, MV, (0, 1, 2), alive))
    flow.set(0, (10 * A, 10 * A, 10 * A), ZERO)
    assert (meter.count(HOUR).pulses, exact.count(HOUR).pulses) == (6_210, 6_900)
    flow.set(HOUR, (5 * A, 5 * A, 5 * A), ZERO)
    assert meter.count(2 * HOUR).pulses == 9_315


def test_a_meter_in_a_world_is_exact_unless_it_is_said_to_be_otherwise():
    house = ((0, (16_000, 8_000, 400)),)
    specs = [grid_meter(), grid_meter("one", accuracy="class"), grid_meter("two", accuracy=-10_000)]
    one = Bench(meters=specs, house=house).to(HOUR)
    shown = {name: one.world.meters[name].current_ma(HOUR) for name in ("grid", "one", "two")}
    assert shown["grid"] == (16_000, 8_000, 400)
    assert shown["two"] == (15_840, 7_920, 396)
    assert shown["one"] not in {shown["grid"], shown["two"]}
    assert all(abs(ma - true) <= true // 100 + 6 for ma, true in zip(shown["one"], shown["grid"], strict=True))


def test_the_seed_of_a_world_draws_its_meters():
    spec = Bench(meters=[grid_meter(accuracy="class")], house=((0, (16_000,) * 3),)).world.spec

    def shown(seed):
        world = World(spec, Streams(seed), lambda _: None, sheet)
        world.advance(10 * S)
        meter = world.meters["grid"]
        assert isinstance(meter, PhaseMeter)
        return meter.current_ma(10 * S)

    assert shown(1) == shown(1)
    assert len({shown(seed) for seed in range(5)}) == 5


def test_a_ramp_of_a_car_is_seen_by_its_own_meter_with_its_error():
    meter = grid_meter("own", "box", accuracy=10_000)
    one = Bench([box_spec()], [car_spec()], [meter, grid_meter("exact", "box")]).to(20 * S)
    own, exact = (one.world.meters[name] for name in ("own", "exact"))
    for second in range(20, 90):
        one.to(second * S)
        true = exact.current_ma(second * S)[0]
        assert own.current_ma(second * S)[0] in {true * 101 // 100, true * 101 // 100 + 1}
    one.to(HOUR)
    assert abs(own.total_energy_wh(HOUR) - exact.total_energy_wh(HOUR) * 1.01) <= 2


def test_a_meter_without_a_class_cannot_be_as_good_as_it():
    with pytest.raises(LookupError, match="no limits of error are known for grid"):
        Bench(meters=[grid_meter(device="siemens-pac2200", accuracy="class")])
