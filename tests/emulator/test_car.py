"""A car: when it draws, how much, how it gets there, and when it has enough."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chargebench.emulator.car import Car
from chargebench.emulator.events import Event
from chargebench.emulator.flow import FAR
from tests.emulator.worlds import S, car_spec

MV = 230_000
MA = 1_000_000  # nA


def plugged(offered_ma=16_000, live=3, **changes):
    """A car plugged in at 0 under a pulse, its phases live as soon as it asks."""
    told: list[Event] = []
    car = Car(car_spec(plugs_us=0, **changes), MV, told.append)
    car.plug(0)
    car.hear(0, offered_ma)
    run(car, car.spec.delay_us)
    car.supply(car.spec.delay_us, live if car.wants else 0)
    return car, told


def run(car, to_us):
    while car.next_us <= to_us:
        car.step(car.next_us)
    return car


def story(told):
    return [(event.at_us, event.kind, *(value for _, value in event.data)) for event in told]


def test_a_car_acts_on_an_offer_after_its_delay_and_ramps():
    car, told = plugged()
    assert run(car, 6 * S).level(6 * S) == 0
    assert car.wants
    assert run(car, 8 * S).level(8 * S) == 8_000 * MA
    assert run(car, 60 * S).level(60 * S) == 15_500 * MA
    assert story(told) == [(0, "plugged", "box"), (9_875_000, "draw", 15_500, 3)]


def test_before_its_delay_a_car_asks_for_nothing():
    car = Car(car_spec(), MV, lambda _event: None)
    car.plug(0)
    car.hear(0, 16_000)
    assert not run(car, 6 * S - 1).wants
    assert run(car, 6 * S).wants


@pytest.mark.parametrize(
    ("offered", "changes", "drawn"),
    [
        (16_000, {}, 15_500),
        (16_000, {"below_ma": 0}, 16_000),
        (32_000, {"max_ma": 20_000}, 20_000),
        (6_000, {}, 5_500),
        (5_900, {}, 0),
        (7_900, {"minimum_ma": 8_000}, 0),
        (8_000, {"minimum_ma": 8_000}, 7_500),
        (6_000, {"below_ma": 6_000}, 0),
        (6_000, {"below_ma": 7_000}, 0),
        (0, {}, 0),
    ],
)
def test_a_car_draws_below_its_offer_at_most_its_own_and_nothing_below_its_minimum(offered, changes, drawn):
    car, _ = plugged(offered, **changes)
    assert run(car, 60 * S).level(60 * S) == drawn * MA


def test_a_lower_offer_is_followed_by_the_same_delay_and_ramp():
    car, told = plugged()
    run(car, 20 * S)
    car.hear(20 * S, 10_000)
    assert run(car, 26 * S).level(26 * S) == 15_500 * MA
    assert run(car, 27 * S).level(27 * S) == 11_500 * MA
    run(car, 60 * S)
    assert story(told)[-1] == (26 * S + 1_500_000, "draw", 9_500, 3)


def test_offers_that_follow_on_one_another_are_each_felt_in_turn():
    car, _ = plugged()
    run(car, 20 * S)
    car.hear(20 * S, 6_000)
    car.hear(21 * S, 16_000)
    assert run(car, 27 * S).level(27 * S) == 11_500 * MA
    assert run(car, 30 * S).level(30 * S) == 15_500 * MA


def test_a_car_keeps_its_switch_closed_until_the_current_is_gone():
    car, told = plugged()
    run(car, 20 * S)
    car.hear(20 * S, 0)
    gone = 26 * S + 3_875_000
    assert run(car, gone - 1).wants
    assert not run(car, gone).wants
    assert story(told)[-1] == (gone, "draw", 0, 0)


def test_a_ramp_ends_at_the_first_whole_microsecond_beyond_its_goal():
    car, _ = plugged(ramp_ma_per_s=7_000)  # 15.5 A take 2,214,285.7 us
    assert run(car, 6 * S).next_us == 6 * S + 2_214_286
    run(car, 6 * S + 2_214_285)
    assert car.level(6 * S + 2_214_285) < 15_500 * MA
    run(car, 6 * S + 2_214_286)
    assert (car.level(6 * S + 2_214_286), car.rate) == (15_500 * MA, 0)


def test_current_stops_at_once_when_the_supply_does():
    car, told = plugged()
    run(car, 20 * S)
    car.supply(20 * S, 0)
    assert (car.level(20 * S), car.wants) == (0, True)
    assert story(told)[-1] == (20 * S, "draw", 0, 0)
    car.supply(30 * S, 3)
    assert run(car, 31 * S).level(31 * S) == 4_000 * MA


def test_without_a_pilot_a_car_forgets_what_it_heard():
    car, _ = plugged()
    car.hear(6 * S, 10_000)
    assert car.hears
    car.lose_pilot(7 * S)
    assert not car.hears
    assert (car.level(7 * S), car.wants, car.next_us) == (0, False, FAR)


def test_charge_is_counted_for_each_live_phase():
    for live in (1, 2, 3):
        car, _ = plugged(live=live, below_ma=0)
        run(car, 70 * S)
        ramp2, flat2 = 4_000 * (4 * S) ** 2, 2 * 16_000 * MA * 60 * S
        assert car.charge2(70 * S) == live * (ramp2 + flat2)


def test_phases_that_come_and_go_count_for_their_time():
    car, told = plugged(below_ma=0)
    before = run(car, 20 * S).charge2(20 * S)
    car.supply(20 * S, 2)
    assert car.charge2(20 * S) == before
    run(car, 30 * S)
    assert car.charge2(30 * S) - car.charge2(20 * S) == 2 * 2 * 16_000 * MA * 10 * S
    assert story(told)[-1] == (20 * S, "draw", 16_000, 2)


# -- taper -----------------------------------------------------------------------------------------------------------


def test_a_car_climbs_its_staircase_and_is_full():
    car, told = plugged(wanted_wh=1_000, taper=((950, 750), (990, 150)), below_ma=0)
    run(car, 3600 * S)
    draws = [one[2] for one in story(told) if one[1] == "draw"]
    assert draws == [16_000, 12_000, 2_400, 0]
    assert car.full
    assert not car.wants
    full = next(event for event in told if event.kind == "full")
    assert full.get("energy_wh") == 1_000
    assert 1_000 <= car.energy_wh(3600 * S) <= 1_002  # and a ramp down


def test_a_stair_is_passed_at_the_first_microsecond_at_which_its_charge_is_there():
    car, _ = plugged(wanted_wh=1_000, taper=((500, 500),), below_ma=0)
    run(car, 10 * S)
    stair = car.next_us
    need = car._stairs[0][0]
    assert car.charge2(stair - 1) < need <= car.charge2(stair)
    run(car, stair)
    assert car.rate < 0


def test_a_stair_inside_a_ramp_counts_at_its_end():
    car, told = plugged(wanted_wh=10, taper=((100, 500),), below_ma=0, ramp_ma_per_s=100)
    top = 6 * S + 160 * S
    run(car, top - 1)
    assert car.charge2(top - 1) > car._stairs[1][0]  # would be full
    assert not car.full
    run(car, top)
    assert car.full
    assert [one for one in story(told) if one[1] == "full"] == [(top, "full", car.energy_wh(top))]


def test_a_full_car_asks_for_nothing_whatever_is_offered():
    car, _ = plugged(wanted_wh=100)
    run(car, 3600 * S)
    taken = car.charge2(3600 * S)
    car.hear(3600 * S, 0)
    car.hear(3610 * S, 32_000)
    run(car, 4000 * S)
    assert (car.charge2(4000 * S), car.wants) == (taken, False)


def test_a_car_that_wants_nothing_is_full_as_it_comes():
    car, told = plugged(wanted_wh=0)
    assert not run(car, 3600 * S).wants
    assert story(told) == [(0, "plugged", "box"), (0, "full", 0)]


@given(
    st.integers(1, 3_000),
    st.integers(1, 3),
    st.integers(100_000, 253_000),
    st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), max_size=4),
)
def test_a_full_car_has_what_it_wanted_and_little_more(wanted_wh, live, voltage_mv, taper):
    taper = tuple(sorted(taper))
    assume(all(cap * 16_000 // 1000 for done, cap in taper if done < 1000))
    car = Car(car_spec(wanted_wh=wanted_wh, taper=taper, plugs_us=0), voltage_mv, lambda _event: None)
    car.plug(0)
    car.hear(0, 16_000)
    run(car, 6 * S)
    car.supply(6 * S, live)
    run(car, FAR - 1)
    assert car.full
    assert car.energy_wh(FAR) >= wanted_wh
    slack_wh = 3 * 16 * 8 * 253 // 3600 + 2  # a ramp up or down, three phases
    assert car.energy_wh(FAR) <= wanted_wh + slack_wh


@given(st.lists(st.tuples(st.integers(0, 8 * S), st.sampled_from([0, 6_000, 9_100, 16_000])), max_size=12))
def test_a_car_never_draws_more_than_any_offer_it_may_act_on(offers):
    car, _ = plugged(live=3)
    heard, at = [(0, 16_000)], 7 * S
    for wait, offered in offers:
        at += wait
        run(car, at)
        car.hear(at, offered)
        heard.append((at, offered))
        for instant in (at, at + 3 * S, at + 6 * S):
            if instant <= car.next_us:
                since = max((one for one in heard if one[0] <= instant - 15 * S), default=(0, 0))[0]
                most = max([0, *(ma for when, ma in heard if when >= since)])
                assert car.level(instant) <= most * MA


# -- refused ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"phases": 0},
        {"phases": 4},
        {"wanted_wh": -1},
        {"ramp_ma_per_s": 0},
        {"delay_us": -1},
        {"delay_us": 300 * S + 1},
        {"taper": ((990, 100), (950, 500))},
        {"leaves_us": 10 * S},
    ],
)
def test_a_car_that_cannot_be_is_refused_by_name(changes):
    with pytest.raises(ValueError, match="car zoe: a car "):
        Car(car_spec("zoe", **changes), MV, lambda _event: None)


# -- cars that sleep, and cars that do not behave ----------------------------------------------------------------------


def test_a_car_that_sleeps_takes_nothing_after_a_pause_until_its_pilot_was_interrupted():
    car, _ = plugged(sleeps=True, delay_us=0)
    run(car, 60 * S)
    assert car.level(60 * S) == 15_500 * MA
    car.hear(60 * S, 0)
    run(car, 90 * S)
    car.supply(90 * S, 0)
    car.hear(90 * S, 16_000)
    assert not run(car, 200 * S).wants
    car.lose_pilot(200 * S)
    car.hear(201 * S, 16_000)
    assert run(car, 201 * S).wants


def test_a_car_that_does_not_sleep_comes_back_after_a_pause():
    car, _ = plugged(delay_us=0)
    car.hear(60 * S, 0)
    car.hear(90 * S, 16_000)
    assert run(car, 90 * S).wants


@pytest.mark.parametrize(
    ("how", "drawn"),
    [({"extra_ma": 3_000}, 12_500), ({"most_ma": 3_000}, 3_000), ({"extra_ma": 9_000}, 16_000), ({}, 9_500)],
)
def test_a_car_that_does_not_behave_takes_more_than_it_was_given_or_less_but_never_more_than_it_can(how, drawn):
    car, _ = plugged(offered_ma=10_000)
    run(car, 60 * S).behave(60 * S, **how)
    assert run(car, 100 * S).level(100 * S) == drawn * MA
    car.behave(100 * S)
    assert run(car, 140 * S).level(140 * S) == 9_500 * MA
