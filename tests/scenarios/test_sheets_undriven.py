"""What is not driven says why where its datasheet is shown."""

from __future__ import annotations

import pytest

from chargebench.datasheets.load import load, names
from chargebench.manager.drivers.registry import unfit, unwoken
from chargebench.scenarios.sheets import as_json, as_page, as_text, undriven

UNDRIVEN = {
    "abl-em4": "nobody knows what 0 in max_current does, and no other register stops it",
    "alfen-eve-station": "its part station has no limit; another part of the device has",
}


def test_all_others_are_driven():
    assert {name: undriven(load(name)) for name in names() if unfit(load(name))} == UNDRIVEN


@pytest.mark.parametrize("name", UNDRIVEN)
def test_the_reason_is_shown_to_people_and_programs(name):
    sheet = load(name)
    assert UNDRIVEN[name] in as_text(sheet)
    assert UNDRIVEN[name] in as_page(sheet)
    assert as_json(sheet)["not_driven"] == UNDRIVEN[name]


def test_a_device_that_is_driven_has_none():
    assert "not driven" not in as_text(load("smartevse"))
    assert as_json(load("smartevse"))["not_driven"] == ""


def test_how_a_node_is_told_and_asks_is_shown():
    shown = as_text(load("smartevse"))
    assert "balanced_current to unit 9, as one of 8 words, without an answer; 0 stops" in shown
    assert "state: 4 is answered by 5, 6 is answered by 7 and error 0" in shown
    assert "5 s between writes of the limit" in as_text(load("mennekes-compact"))


def test_a_box_that_could_wake_cars_and_is_not_asked_to_says_why():
    (line,) = [line for line in as_text(load("abl-emh1")).splitlines() if line.startswith("wakes no car")]
    assert "two writes 3 s apart" in line
    assert not [name for name in names() if name != "abl-emh1" and unwoken(load(name))]
