"""What a box of the world is where its scenario says nothing: as its datasheet says, where that says anything."""

from __future__ import annotations

import pytest

from chargebench.scenarios.describe import read_scenario
from tests.scenarios.files import put

TEXT = """\
scenario: one box
seed: 1
start: 2026-01-12 18:00
for: 5 min
tiers: [wire]
site:
  connection: {{max_total_power: 24 kW, voltage: 230 V, fuse: {{rating: 35 A, curve: SLS-E}}}}
  evses:
    - {{name: garage, device: {device}, at: "192.168.2.151:502", id: 1, phases: L1 L2 L3}}
{more}
expect:
  - always: {{fuse: cannot trip}}
"""


def box(folder, device, more=""):
    (found,) = read_scenario(put(folder, TEXT.format(device=device, more=more), "one.yaml")).world.boxes
    return found


@pytest.mark.parametrize(
    ("device", "latency_ms", "failsafe_s", "failsafe_ma"),
    [
        ("power-brain", 200, 300, 6_000),
        ("vestel-evc04", 30_000, 20, 32_000),
        ("amperfied-connect", 200, 15, 0),
        ("goe-gemini", 200, 0, 32_000),
    ],
)
def test_a_box_of_which_nothing_is_said_is_as_its_sheet_says(tmp_path, device, latency_ms, failsafe_s, failsafe_ma):
    one = box(tmp_path, device)
    assert (one.write_latency_us, one.failsafe_us) == (latency_ms * 1_000, failsafe_s * 1_000_000)
    assert one.failsafe_ma == failsafe_ma


def test_what_the_world_says_counts_before_the_sheet(tmp_path):
    one = box(tmp_path, "vestel-evc04", "world:\n  boxes:\n    garage: {write_latency: 1 s}")
    assert one.write_latency_us == 1_000_000
