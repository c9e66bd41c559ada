"""Boxes with quirks on their wires, beside one that obeys: no limit is exceeded, and they charge or are told of.

Quirks that all such boxes have are at work in ``test_managed.py``.
"""

from __future__ import annotations

from itertools import pairwise

import pytest

from chargebench.datasheets.load import load
from chargebench.manager.drivers.registry import BOXES
from chargebench.scenarios.checks.devices import drivable
from chargebench.scenarios.describe import read_scenario
from chargebench.scenarios.run import run
from tests.devices.test_managed import place
from tests.devices.test_metered import scenario as metered
from tests.scenarios.files import put

TEXT = """\
scenario: one {device} with {quirk}, and one box that obeys
seed: 3
start: 2026-01-12 18:00
for: 7 min
tiers: [wire]
site:
  connection: {{max_total_power: 17.9 kW, voltage: 230 V, house_max: 9 A, fuse: {{rating: 35 A, curve: SLS-E}}}}
  evses:
    - {{name: garage, device: {device}, at: "{at}", id: {unit}, phases: L1 L2 L3, maximum: 16 A}}
    - {{name: carport, device: power-brain, at: "192.168.2.9:4701", phases: L1 L2 L3, maximum: 16 A}}
  meters:
    - {{name: grid, device: eastron-sdm630, at: "192.168.2.8:502", id: 101, phases: L1 L2 L3, role: grid supply}}
world:
  house: {{phases: L1 L2 L3, load: [[18:00, 3 A], [18:03, 8 A], [18:05:30, 4 A]]}}
  boxes: {{garage: {{quirks: [{quirk}]}}, carport: {{def_charging_enable: off}}}}
  cars:
    - {{car: {{phases: 3, power: 11 kW}}, as: zoe, at: 18:01, plugs: garage, wants: 20 kWh}}
    - {{car: {{phases: 3, power: 11 kW}}, as: leaf, at: 18:01, plugs: carport, wants: 20 kWh}}
expect:
  - always: {{fuse: cannot trip}}
  - never: {{limit_exceeded: above 1 A, longer_than: {late}}}
"""
TOLD_OF = {"silent", "impossible", "refused", "deaf", "disabled", "by itself"}
"""What the master tells of a box that it cannot manage."""

OUT_OF_HAND = {
    ("alfen-eve", "low-word-first"),
    ("evse-din", "hundredth-amperes"),
    ("goe-gemini", "bytes-swapped"),
    ("goe-gemini", "refuses-writes"),
    ("keba-p30", "wrong-byte-count"),
    ("mennekes-compact", "low-word-first"),
    ("mennekes-compact", "without-energy"),
    ("phoenix-ev-cc-eth", "answers-one-late"),
    ("phoenix-ev-cc-eth", "tenth-amperes"),
    ("tinkerforge-warp", "ignores-writes"),
    ("tinkerforge-warp", "refuses-writes"),
}
"""With these nobody can tell a box what to do; all others are managed."""

UNSEEN = {
    "closes-on-unknown",
    "counts-whole-wh",
    "loses-phase-switch",
    "wears-by-volatile",
    "wrong-phase-state",
    "zero-for-unknown",
}
"""The master neither reads nor writes what these change."""

CASES = [
    (device, one.name)
    for device in drivable("evse")
    if device not in {*BOXES, "keba-p40"}  # the sister has the same quirks
    for one in load(device).quirks
    if one.rare and one.name not in UNSEEN
]


@pytest.mark.parametrize(("device", "quirk"), CASES)
def test_a_box_with_a_quirk_is_managed_or_told_of_and_never_more_flows_than_may(tmp_path, device, quirk):
    where = place(device)
    latency_us = load(device).timing.latency_us or 0
    late = f"{30 + latency_us // 1_000_000} s"
    text = TEXT.format(device=device, quirk=quirk, at=where.at, unit=where.unit, late=late)
    result = run(read_scenario(put(tmp_path, text, "quirk.yaml")))
    assert [verdict.name for verdict in result.verdicts if not verdict.kept] == []
    told = {kind for _, channel, kind, data in result.happened if "garage" in str(data) or "garage" in channel}
    if (device, quirk) in OUT_OF_HAND:
        assert told & TOLD_OF
    else:
        assert result.figures["cars"]["zoe"]["energy_wh"] > 500
        assert not told & (TOLD_OF - {"silent"})
    assert result.figures["early_writes"]["garage"] == 0


def test_a_limit_that_wears_the_box_is_written_only_where_it_is_another(tmp_path):
    where = place("goe-gemini")
    text = TEXT.format(device="goe-gemini", quirk="wears-by-volatile", at=where.at, unit=where.unit, late="30 s")
    result = run(read_scenario(put(tmp_path, text, "quirk.yaml")))
    told = [one.limit_ma for one in result.commands if one.box == "garage"]
    assert all(a != b for a, b in pairwise(told))
    assert 0 < result.figures["flash_writes"]["garage"] <= len([one for one in told if one])


@pytest.mark.parametrize(
    ("device", "quirk"),
    [
        ("eastron-sdm72-v2", "ten-words-a-read"),
        ("eastron-sdm72-v2", "restarts-when-hurried"),
        ("eastron-sdm120", "leading-zero-byte"),
    ],
)
def test_a_meter_with_a_quirk_is_read_all_the_same(tmp_path, device, quirk):
    result = run(metered(tmp_path, device, quirk))
    assert [verdict.name for verdict in result.verdicts if not verdict.kept] == []
    assert not {kind for _, _, kind, data in result.happened if "grid" in str(data)} & TOLD_OF


def test_those_that_nobody_can_tell_what_to_do_are_in_the_catalogue():
    assert {(device, one.name) for device in drivable("evse") for one in load(device).quirks} >= OUT_OF_HAND
