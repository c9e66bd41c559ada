"""A box and its car: what is offered when, how a charge begins and ends, and what a contactor goes through."""

from __future__ import annotations

import pytest

from chargebench.emulator.pilot import Pilot
from tests.emulator.worlds import HOUR, S, car_spec, one_box, since, write

# -- a charge begins and ends ----------------------------------------------------------------------------------------


def test_a_charge_begins_with_a_pulse_then_the_car_then_the_contactor():
    one = one_box().to(60 * S)
    assert one.story() == [
        (10 * S, "plugged", "box"),
        (10 * S, "offer", 16_000),
        (10 * S, "state", "A", "B"),
        (16 * S, "contactor", 1, 0),
        (16 * S, "state", "B", "C"),
        (20 * S, "draw", 16_000, 3),
    ]
    assert one.drawn_ma() == (16_000, 16_000, 16_000)


def test_without_enable_a_car_stays_in_b():
    one = one_box(boot_enable=False).to(HOUR)
    assert one.box.pilot is Pilot.B
    assert one.story("offer", "contactor") == []


def test_without_a_car_there_is_no_pulse():
    one = one_box(cars=[]).to(HOUR)
    assert (one.story(), one.box.pilot, one.box.pulse.offered_ma) == ([], Pilot.A, 0)


def test_a_stop_takes_the_car_to_6_a_then_stops_the_pulse_then_opens_below_1_a():
    one = write(one_box(), 60 * S, enable=False).to(120 * S)
    opens = 71_200_000 + 1_250_001  # 6 s after the pulse stopped, from 6 A down by 4 A/s to below 1 A
    assert since(one, 60 * S) == [
        (60 * S, "write", "charging_enable", 0),
        (60 * S, "limit", 16_000, 0),
        (60_200_000, "offer", 6_000),
        (65_200_000, "offer", 0),
        (68_700_000, "draw", 6_000, 3),
        (opens, "contactor", 0, 999),
        (opens, "draw", 0, 0),
        (opens, "state", "C", "B"),
    ]
    assert (one.box.contactor.starts, one.box.contactor.loaded_openings) == (1, 0)


def test_a_contactor_waits_3_s_after_the_pulse_has_stopped():
    one = write(one_box([car_spec(delay_us=1)]), 60 * S, enable=False).to(120 * S)
    assert one.drawn_ma(120 * S) == (0, 0, 0)
    assert since(one, 60 * S, "contactor") == [(68_200_000, "contactor", 0, 0)]


def test_a_car_that_goes_on_without_a_pulse_is_cut_off_after_30_s():
    one = one_box([car_spec(delay_us=60 * S, below_ma=0)])
    one = write(one, 200 * S, enable=False).to(400 * S)
    assert since(one, 200 * S, "contactor") == [(235_200_000, "contactor", 0, 16_000)]
    assert one.box.contactor.loaded_openings == 1


def test_a_stop_that_is_taken_back_while_the_pulse_runs_is_no_stop():
    one = write(one_box(), 60 * S, enable=False)
    one = write(one, 62 * S, enable=True).to(120 * S)
    assert since(one, 60 * S, "offer", "contactor") == [(60_200_000, "offer", 6_000), (65_200_000, "offer", 16_000)]
    assert one.drawn_ma() == (16_000,) * 3


def test_a_stop_that_is_taken_back_before_the_contactor_opens_needs_no_new_start():
    one = write(one_box([car_spec(delay_us=12 * S, below_ma=0, ramp_ma_per_s=1_000)]), 60 * S, enable=False)
    one = write(one, 66 * S, enable=True).to(200 * S)
    assert since(one, 60 * S, "offer") == [
        (60_200_000, "offer", 6_000),
        (65_200_000, "offer", 0),
        (70_200_000, "offer", 16_000),
    ]
    assert since(one, 60 * S, "contactor") == []
    assert one.drawn_ma() == (16_000,) * 3
    assert one.box.contactor.starts == 1


def test_a_stopped_box_starts_again_and_counts_it():
    one = write(one_box(), 60 * S, enable=False)
    one = write(one, 100 * S, enable=True).to(200 * S)
    assert since(one, 100 * S, "offer", "contactor") == [
        (100_200_000, "offer", 16_000),
        (106_200_000, "contactor", 1, 0),
    ]
    assert one.box.contactor.starts == 2


def test_a_stop_before_the_contactor_has_closed_stops_the_pulse_at_once():
    one = write(one_box(), 12 * S, enable=False).to(60 * S)
    assert since(one, 12 * S, "offer", "contactor") == [(15 * S, "offer", 0)]


def test_a_full_car_lets_go_and_the_contactor_follows_within_100_ms_without_load():
    one = one_box([car_spec(wanted_wh=100, below_ma=0)]).to(HOUR)
    gone = one.story("draw")[-1][0]
    assert one.story("contactor")[-1] == (gone + 100_000, "contactor", 0, 0)
    assert one.story("state")[-1] == (gone, "state", "C", "B")
    assert one.box.pulse.offered_ma == 16_000
    assert one.box.contactor.loaded_openings == 0


def test_pulling_the_plug_ends_the_draw_and_opens_the_contactor_within_100_ms():
    one = one_box([car_spec(leaves_us=60 * S)]).to(HOUR)
    energy = one.car.energy_wh(HOUR)
    assert since(one, 60 * S) == [
        (60 * S, "draw", 0, 0),
        (60 * S, "unplugged", energy),
        (60 * S, "offer", 0),
        (60 * S, "state", "C", "A"),
        (60_100_000, "contactor", 0, 0),
    ]
    assert energy > 0


def test_a_car_that_comes_as_another_leaves_is_seen_as_another():
    cars = [car_spec("one", leaves_us=60 * S), car_spec("two", plugs_us=60 * S, below_ma=0)]
    one = one_box(cars).to(HOUR)
    assert since(one, 60 * S, "state")[:3] == [
        (60 * S, "state", "C", "A"),
        (60 * S, "state", "A", "B"),
        (71 * S, "state", "B", "C"),  # lock-out of 5 s, then the car's delay
    ]
    assert one.box.contactor.starts == 2


# -- what is offered -------------------------------------------------------------------------------------------------


def test_a_pulse_changes_at_most_every_5_s():
    one = one_box()
    for k, limit in enumerate((15_000, 14_000, 13_000, 12_000)):
        write(one, 60 * S + k * S, limit_ma=limit)
    one.to(120 * S)
    assert since(one, 60 * S, "offer") == [(60_200_000, "offer", 15_000), (65_200_000, "offer", 12_000)]


def test_a_limit_takes_effect_after_the_write_latency_and_reads_back_at_once():
    one = write(one_box(write_latency_us=700_000), 60 * S, limit_ma=10_000)
    assert one.box.limit_ma == 10_000
    assert one.to(60_699_999).box.pulse.offered_ma == 16_000
    assert one.to(60_700_000).box.pulse.offered_ma == 10_000


def test_writes_under_way_arrive_in_turn():
    one = write(one_box(write_latency_us=2 * S), 60 * S, limit_ma=10_000)
    write(one, 61 * S, limit_ma=12_000)
    write(one, 61 * S, limit_ma=12_000)
    one.to(120 * S)
    assert since(one, 60 * S, "offer") == [(62 * S, "offer", 10_000), (67 * S, "offer", 12_000)]
    assert since(one, 60 * S, "limit") == [(60 * S, "limit", 10_000, 1), (61 * S, "limit", 12_000, 1)]


@pytest.mark.parametrize(
    ("changes", "offered"),
    [
        ({}, 16_000),
        ({"boot_limit_ma": 15_942}, 15_900),
        ({"boot_limit_ma": 32_000}, 16_000),
        ({"boot_limit_ma": 32_000, "max_ma": 32_000}, 32_000),
        ({"boot_limit_ma": 32_000, "max_ma": 32_000, "cable_ma": 13_000}, 13_000),
        ({"boot_limit_ma": 6_000}, 6_000),
        ({"boot_limit_ma": 5_990}, 0),
        ({"cable_ma": 5_000}, 0),
    ],
)
def test_what_is_offered_is_the_least_of_limit_cable_and_model_down_to_a_tenth(changes, offered):
    assert one_box(**changes).to(60 * S).box.pulse.offered_ma == offered


def test_a_fixed_current_takes_the_place_of_the_cable():
    one = one_box(cable_ma=13_000)
    one.to(60 * S).device().write("holding", 8091, [150])
    assert one.to(61 * S).box.pulse.offered_ma == 15_000
    one.device().write("holding", 8091, [0])
    assert one.to(70 * S).box.pulse.offered_ma == 13_000


# -- refused ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"wiring": ()},
        {"wiring": (0, 0)},
        {"wiring": (0, 3)},
        {"wiring": (0, 1, 2, 0)},
        {"profile": "beside"},
        {"quirks": ("haunted",)},
    ],
)
def test_a_box_that_cannot_be_is_refused_by_name(changes):
    with pytest.raises(ValueError, match="box box: "):
        one_box(**changes)


@pytest.mark.parametrize("leaves", [None, 21 * S])
def test_a_box_has_room_for_one_car(leaves):
    with pytest.raises(ValueError, match="car two is plugged in while car one is there"):
        one_box([car_spec("two", plugs_us=20 * S), car_spec("one", leaves_us=leaves)])
