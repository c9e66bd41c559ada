"""What ``check`` knows of boxes of other makers: who has a driver, whose failsafe can be counted on, who starves."""

from __future__ import annotations

import pytest

from chargebench.scenarios.check import check_scenario
from chargebench.scenarios.describe import read_scenario
from tests.scenarios.files import put, spoiled

GARAGE = '    - {name: garage, device: power-brain, at: "192.168.2.151:4701"}\n'
SAFE = ", failsafe: {after: 60 s, current: 6 A}"


def found(tmp_path, *boxes):
    text = spoiled(GARAGE, "".join(f"    - {{{one}}}\n" for one in boxes))
    text = text.replace("{name: internal, device: power-brain}", f"{{name: internal, device: power-brain{SAFE}}}")
    return check_scenario(read_scenario(put(tmp_path, text)))


def sentences(tmp_path, *boxes, severity):
    return [one.sentence for one in found(tmp_path, *boxes) if one.severity == severity]


@pytest.mark.parametrize(
    ("device", "at", "why"),
    [
        (
            "abl-em4",
            "192.168.2.151:502",
            "abl-em4: nobody knows what 0 in max_current does, and no other register stops it",
        ),
    ],
)
def test_a_box_without_a_driver_is_refused_with_the_reason_and_those_that_have_one(tmp_path, device, at, why):
    (sentence,) = sentences(tmp_path, f'name: garage, device: {device}, at: "{at}", id: 2', severity="error")
    assert sentence.startswith(f"the manager has no driver for {why}; it has one for abb-terra-ac, abl-emh1, ")
    assert "vestel-evc04" in sentence


@pytest.mark.parametrize(("device", "counts"), [("keba-p40", True), ("webasto-next", False), ("alfen-eve", False)])
def test_a_failsafe_that_cannot_be_read_back_is_counted_at_the_maximum(tmp_path, device, counts):
    box = f'name: garage, device: {device}, at: "192.168.2.151:502", id: 1{SAFE}'
    more = [f'name: b{k}, device: power-brain, at: "192.168.2.16{k}:4701"{SAFE}' for k in range(3)]
    dangers = sentences(tmp_path, box, *more, severity="danger")
    told = [one for one in dangers if f"the failsafe of {device} cannot be read back" in one]
    assert bool(told) is counts


def test_a_box_that_starves_between_two_rounds_of_a_slow_line_is_a_danger(tmp_path):
    line = "COM1,1200,8,n,1"
    boxes = [
        f'name: {name}, device: mennekes-compact, at: "{line}", id: {50 + k}, failsafe: {{after: 10 s, current: 6 A}}'
        for k, name in enumerate(["garage", *(f"b{n}" for n in range(8))])
    ]
    dangers = sentences(tmp_path, *boxes, severity="danger")
    assert [one for one in dangers if "garage falls back unless it is written to every 10 s" in one]
    assert not [one for one in sentences(tmp_path, boxes[0], severity="danger") if "falls back unless" in one]


SMART = 'device: smartevse, at: "COM1,9600,8,n,1"'


@pytest.mark.parametrize(
    ("second", "sentences_"),
    [
        ("COM2,9600,8,n,1", []),
        (
            "COM1,9600,8,n,1",
            ["what tells carport its limit tells garage, too, which is on COM1; it needs a line of its own"],
        ),
    ],
)
def test_boxes_that_hear_their_limits_together_need_lines_of_their_own(tmp_path, second, sentences_):
    boxes = f"name: garage, {SMART}, id: 2", f'name: carport, device: smartevse, at: "{second}", id: 3'
    assert sentences(tmp_path, *boxes, severity="error") == sentences_


def test_a_box_that_hears_its_limit_among_others_has_an_id_for_which_there_is_a_word(tmp_path):
    (sentence,) = sentences(tmp_path, f"name: garage, {SMART}, id: 9", severity="error")
    assert sentence == "expected an id from 1 to 8, each of which has a word in what tells the limits, got 9"
