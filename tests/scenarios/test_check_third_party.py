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
        ("smartevse", "COM1,9600,8,n,1", "smartevse: it is told its limit by a broadcast, which nobody answers"),
        ("abl-em4", "192.168.2.151:502", "abl-em4: how it is told to stop is not known"),
    ],
)
def test_a_box_without_a_driver_is_refused_with_the_reason_and_those_that_have_one(tmp_path, device, at, why):
    (sentence,) = sentences(tmp_path, f'name: garage, device: {device}, at: "{at}", id: 2', severity="error")
    assert sentence.startswith(f"the manager has no driver for {why}; it has one for abb-terra-ac, alfen-eve, ")
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
