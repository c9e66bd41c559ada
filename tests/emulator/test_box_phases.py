"""A box whose pilot is interrupted, whose phases are switched, or whose phases die."""

from __future__ import annotations

import pytest

from chargebench.emulator.pilot import Pilot
from tests.emulator.worlds import HOUR, S, car_spec, one_box, since

# -- interruption of the pilot ---------------------------------------------------------------------------------------


def test_an_interruption_opens_the_contactor_first_and_freezes_the_state():
    one = one_box().to(60 * S)
    one.device().write("holding", 8086, [8])
    assert one.device().read("holding", 8086, 1) == [8]
    assert one.to(62 * S + 1).device().read("holding", 8086, 1) == [6]
    assert one.device().read("holding", 8092, 1) == [2]
    one.to(100 * S)
    assert one.device().read("holding", 8086, 1) == [0]
    assert since(one, 60 * S, "offer", "contactor", "draw", "state") == [
        (60 * S, "offer", 0),
        (60_100_000, "contactor", 0, 16_000),
        (60_100_000, "draw", 0, 0),
        (68 * S, "offer", 16_000),
        (68 * S, "state", "C", "B"),
        (74 * S, "contactor", 1, 0),
        (74 * S, "state", "B", "C"),
        (78 * S, "draw", 16_000, 3),
    ]


def test_an_interruption_without_a_charge_makes_the_car_start_anew():
    one = one_box().to(14 * S)
    one.device().write("holding", 8086, [5])
    assert one.to(60 * S).story("contactor") == [(25 * S, "contactor", 1, 0)]


def test_an_interruption_can_be_prolonged_and_ended():
    one = one_box().to(60 * S)
    one.device().write("holding", 8086, [5])
    one.to(62 * S).device().write("holding", 8086, [20])
    assert one.to(63 * S).device().read("holding", 8086, 1) == [19]
    one.to(70 * S).device().write("holding", 8086, [0])
    assert one.device().read("holding", 8086, 1) == [0]
    assert since(one, 61 * S, "offer") == [(70 * S, "offer", 16_000)]
    one.device().write("holding", 8086, [0])
    assert one.to(100 * S).box.pilot is Pilot.C


def test_a_plug_pulled_during_an_interruption_is_seen_at_its_end():
    one = one_box([car_spec(leaves_us=62 * S)]).to(60 * S)
    one.device().write("holding", 8086, [10])
    one.to(69 * S)
    assert one.box.pilot is Pilot.C
    assert since(one.to(80 * S), 60 * S, "state") == [(70 * S, "state", "C", "A")]


# -- phases ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wiring", "phases", "drawn"),
    [
        ((0, 1, 2), 3, (16_000, 16_000, 16_000)),
        ((0, 1, 2), 2, (16_000, 16_000, 0)),
        ((0, 1, 2), 1, (16_000, 0, 0)),
        ((2,), 3, (16_000, 0, 0)),
        ((1, 0), 3, (16_000, 16_000, 0)),
    ],
)
def test_a_car_draws_on_the_terminals_that_it_and_the_box_have(wiring, phases, drawn):
    one = one_box([car_spec(phases=phases, below_ma=0)], wiring=wiring).to(60 * S)
    assert one.drawn_ma() == drawn


def test_phases_switch_at_once_while_no_car_is_there():
    one = one_box(quirks=("second-relay",))
    one.to(0).device().write("holding", 8087, [1])
    assert one.to(60 * S).drawn_ma() == (16_000, 0, 0)


def test_a_switch_of_phases_without_release_waits_for_the_unplug():
    cars = [car_spec("one", leaves_us=60 * S, below_ma=0), car_spec("two", plugs_us=70 * S, below_ma=0)]
    one = one_box(cars, quirks=("second-relay",))
    one.to(12 * S).device().write("holding", 8087, [1])
    assert one.to(50 * S).drawn_ma() == (16_000,) * 3
    assert one.to(120 * S).drawn_ma() == (16_000, 0, 0)


def test_a_released_switch_stops_the_charge_and_takes_120_s_without_a_pilot():
    one = one_box(quirks=("phase-switching",)).to(60 * S)
    one.device().write("holding", 8087, [1])
    one.to(300 * S)
    opens = 71 * S + 1_250_001
    assert since(one, 60 * S, "offer", "contactor", "state") == [
        (60 * S, "offer", 6_000),
        (65 * S, "offer", 0),
        (opens, "contactor", 0, 999),
        (opens + 120 * S, "offer", 16_000),
        (opens + 120 * S, "state", "C", "B"),
        (opens + 126 * S, "contactor", 1, 0),
        (opens + 126 * S, "state", "B", "C"),
    ]
    assert one.drawn_ma() == (16_000, 0, 0)
    one.device().write("holding", 8087, [0])
    assert one.to(600 * S).drawn_ma() == (16_000,) * 3


def test_a_switch_under_way_is_not_shortened_by_an_interruption():
    one = one_box(quirks=("phase-switching",)).to(60 * S)
    one.device().write("holding", 8087, [1])
    one.to(100 * S).device().write("holding", 8086, [0])
    assert one.to(190 * S).box.pulse.offered_ma == 0
    assert one.to(200 * S).box.pulse.offered_ma == 16_000


def test_a_switch_taken_back_before_the_pulse_stops_goes_on_as_before():
    one = one_box(quirks=("phase-switching",)).to(60 * S)
    one.device().write("holding", 8087, [1])
    one.to(61 * S).device().write("holding", 8087, [0])
    one.to(120 * S)
    assert since(one, 60 * S, "offer", "contactor") == [(60 * S, "offer", 6_000), (65 * S, "offer", 16_000)]
    assert one.drawn_ma() == (16_000,) * 3


def test_a_plug_pulled_during_a_switch_makes_it_effective():
    cars = [car_spec(leaves_us=80 * S), car_spec("two", plugs_us=90 * S, below_ma=0)]
    one = one_box(cars, quirks=("phase-switching",)).to(60 * S)
    one.device().write("holding", 8087, [1])
    one.to(400 * S)
    assert one.drawn_ma() == (16_000, 0, 0)


def test_closing_the_contactor_drops_relay_2():
    one = one_box(quirks=("second-relay",))
    one.to(0).device().write("holding", 8088, [1])
    assert one.to(15 * S).box.relay2 == 1
    assert one.to(16 * S).box.relay2 == 0


# -- dead phases -----------------------------------------------------------------------------------------------------


def test_a_box_without_its_first_terminal_stays_dark_and_does_not_restart():
    one = one_box().to(60 * S)
    one.box.lose_phases(60 * S, (0,))
    one.box.restart(61 * S)
    one.world._arm_all()
    one.to(HOUR)
    assert (one.box.dark, one.box.pilot, one.box.restarts) == (True, Pilot.E, 0)
    assert one.drawn_ma() == (0, 0, 0)


def test_a_box_that_loses_its_power_while_it_boots_does_not_come_back():
    one = one_box().to(60 * S)
    one.box.restart(60 * S)
    one.to(70 * S).box.lose_phases(70 * S, (0,))
    one.world._arm_all()
    assert one.to(HOUR).story("boot") == []


def test_a_single_phase_car_does_not_mind_other_phases():
    one = one_box([car_spec(phases=1, below_ma=0)]).to(60 * S)
    one.box.lose_phases(60 * S, (1, 2))
    one.world._arm_all()
    assert one.to(120 * S).drawn_ma() == (16_000, 0, 0)
