"""Phases and pauses of boxes that are made by their datasheets."""

from __future__ import annotations

import pytest

from chargebench.datasheets.behaviour import States
from chargebench.datasheets.load import load
from tests.emulator.boxes import GENERAL, LATENCY_US, Bank, control, running
from tests.emulator.worlds import S

PAUSES = [name for name in GENERAL if control(name).pause]
STOPS = [name for name in GENERAL if control(name).limit.zero == "stops"]


# -- phases ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in GENERAL if control(name).phases])
def test_phases_that_are_changed_without_a_car_hold_for_the_next(name):
    one = Bank(name).to(1 * S).limit(10_000)
    phases = one.sheet.control.phases
    if phases.during == "paused":
        one.raw(one.sheet.control.pause).after(1)
    one.raw([*phases.before, (phases.register, phases.one), *phases.after])
    assert one.box.one_phase
    if phases.shown:
        assert one.value(phases.shown) == phases.shown_one
    assert one.limit(10_000).to(60 * S).drawn_ma() == (10_000, 0, 0)


def test_a_keba_changes_phases_only_for_the_source_that_may():
    one = Bank("keba-p30").to(1 * S).put("trigger_phase_switch", 0)
    assert one.box.one_phase == 0
    assert one.value("phase_switch_state") == 3


@pytest.mark.parametrize("name", ["keba-p30", "keba-p40"])
def test_charging_stops_for_as_long_as_a_change_of_phases_takes(name):
    one = running(name)
    phases = one.sheet.control.phases
    one.raw([*phases.before, (phases.register, phases.one)]).after(10)
    stopped_us = one.world.now_us
    assert one.drawn_ma() == (0, 0, 0)
    assert one.to(stopped_us + phases.takes_us - 10 * S).drawn_ma() == (0, 0, 0)
    assert one.to(stopped_us + phases.takes_us + 10 * S).drawn_ma() == (10_000, 0, 0)
    assert one.value(phases.shown) == phases.shown_one


def test_phases_that_are_changed_in_a_pause_are_others_when_charging_goes_on():
    one = running("mennekes-compact").put("requested_phases", 1).after(40)
    assert one.drawn_ma() == (10_000,) * 3  # not while it charges
    one.put("charging_release", 0).after(40).put("requested_phases", 1).after(1)
    assert one.put("charging_release", 1).after(40).drawn_ma() == (10_000, 0, 0)


def test_phases_of_which_no_source_says_when_they_change_do_so_when_the_car_has_left():
    one = running("tinkerforge-warp").put("set_phases", 1).after(60)
    assert one.drawn_ma() == (10_000,) * 3


# -- pauses ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "letter", "code"),
    [
        (name, letter, code)
        for name in GENERAL
        for letter, code in (load(name).states or States(())).paused
        if letter in {"A", "B"}
    ],
)
def test_a_box_that_lets_no_current_flow_shows_its_code_for_a_pause(name, letter, code):
    one = Bank(name).to(1 * S) if letter == "A" else running(name)
    one.raw(one.sheet.control.pause) if one.sheet.control.pause else one.limit(0)
    register = one.sheet.states.register
    assert one.after(1 if letter == "A" else 40).value(register) == code
    assert one.limit(10_000).after(1).value(register) != code


@pytest.mark.parametrize("name", PAUSES + STOPS)
def test_charging_goes_on_after_a_pause_only_once_the_write_has_taken_effect(name):
    one = running(name)
    one.raw(one.sheet.control.pause) if one.sheet.control.pause else one.limit(0)
    one.after(40).limit(10_000)
    assert one.after(LATENCY_US / S / 2).drawn_ma() == (0, 0, 0)
    assert one.after(40).drawn_ma() == (10_000,) * 3
