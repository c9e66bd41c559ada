"""On simulated wires: where the rules of the original break the limit and ours keep it, and why."""

import pytest

from chargebench.scenarios.describe import read_scenario
from chargebench.scenarios.run import run
from tests.library.weak import shipped
from tests.scenarios.files import put

LIMIT_MA = 49_275
LOST = """\
scenario: two of three slaves fall silent while they charge, then a car comes to the master's own box
seed: 1
start: 2026-01-12 18:00
for: 14 min
site:
  connection: {max_total_power: 34 kW, voltage: 230 V, house_max: 5 A}
  evses:
    - {name: internal, device: power-brain}
    - {name: garage, device: power-brain, at: "192.168.2.151:4701"}
    - {name: carport, device: power-brain, at: "192.168.2.152:4701"}
    - {name: yard, device: power-brain, at: "192.168.2.153:4701"}
world:
  house: {load: [[18:00, 5 A]]}
  boxes:
    garage: {fail_safe_duration: 300 s, fail_safe_current: 6 A}
    carport: {fail_safe_duration: 300 s, fail_safe_current: 6 A}
  cars:
    - {car: {phases: 3, power: 11 kW}, as: one, at: 18:00:05, plugs: garage, wants: 30 kWh, below: 0 A}
    - {car: {phases: 3, power: 11 kW}, as: two, at: 18:00:05, plugs: carport, wants: 30 kWh, below: 0 A}
    - {car: {phases: 3, power: 11 kW}, as: three, at: 18:00:05, plugs: yard, wants: 30 kWh, below: 0 A}
    - {car: {phases: 3, power: 11 kW}, as: four, at: 18:05:30, plugs: internal, wants: 30 kWh, below: 0 A}
faults:
  - {at: 18:05, on: garage, fault: silence}
  - {at: 18:05, on: carport, fault: silence}
expect:
  - never: {limit_exceeded: above 1 A}
"""

WAKES = """\
scenario: a metered car that is slow to take what it was given
seed: 1
start: 2026-01-12 18:00
for: 6 min
site:
  connection: {max_total_power: 14.5 kW, voltage: 230 V}
  evses:
    - {name: internal, device: power-brain}
    - {name: garage, device: power-brain, at: "192.168.2.151:4701"}
world:
  house: {load: [[18:00, 0 A]]}
  boxes:
    internal: {attached_meter: on}
    garage: {attached_meter: on}
  cars:
    - {car: {phases: 3, power: 11 kW}, as: quick, at: 18:00:05, plugs: internal, wants: 30 kWh, below: 0 A}
    - {car: {phases: 3, power: 11 kW}, as: slow, at: 18:01, plugs: garage, wants: 30 kWh, below: 0 A, delay: 60 s}
expect:
  - never: {limit_exceeded: above 1 A}
"""


@pytest.fixture
def told(tmp_path):
    """Runs a scenario by a policy: (kept, figures of the limit, commands)."""

    def by(policy, text):
        result = run(read_scenario(put(tmp_path, text)).under(policy))
        return result.passed, result.figures["limit"], result.commands

    return by


def limits(commands, before_us):
    """The last limit that each box was given before an instant."""
    return {one.box: one.limit_ma for one in commands if one.at_us < before_us}


@pytest.mark.slow
def test_a_lost_box_with_300_s_in_its_watchdog_goes_on_while_the_original_counts_it_with_6_a(told):
    """From 180 s of silence to 300 s two boxes draw nearly 15 A each and are counted with 6."""
    passed, limit, commands = told("original", LOST)
    assert not passed
    assert limit["exceeded_a"] >= 15
    assert 115 <= limit["longest_s"] <= 125
    assert 300 + 180 <= limit["first_s"] <= 300 + 180 + 20
    given = limits(commands, 550_000_000)
    assert given["internal"] == given["yard"] == 16_000
    assert given["garage"] == given["carport"] == 14_700


@pytest.mark.slow
def test_a_lost_box_stays_booked_with_its_limit_by_the_fair_policy(told):
    passed, limit, commands = told("fair", LOST)
    assert passed
    assert limit["exceeded_a"] <= 1
    assert sum(limits(commands, 550_000_000).values()) <= LIMIT_MA - 5_000


@pytest.mark.slow
def test_current_that_a_metered_car_does_not_use_yet_is_given_away_twice_by_the_original(told):
    passed, limit, commands = told("original", WAKES)
    assert not passed
    assert limit["exceeded_a"] > 1
    before_us = int(limit["first_s"] * 1_000_000)
    assert sum(limits(commands, before_us).values()) > 21_014


@pytest.mark.slow
def test_the_fair_policy_gives_it_away_only_after_the_cars_own_limit_was_lowered(told):
    passed, _, commands = told("fair", WAKES)
    assert passed
    assert max(sum(limits(commands, one.at_us).values()) for one in commands) <= 21_014


@pytest.mark.slow
def test_a_single_phase_car_behind_a_meter_that_knows_no_phases_breaks_the_limit_of_the_original():
    scenario = shipped("s0-meters")
    broken = [one for one in run(scenario.under("original")).verdicts if not one.kept]
    assert [one.name for one in broken] == ["never: limit_exceeded: above 0 A"]
    assert "L1" in broken[0].because
    assert run(scenario.under("fair")).passed
