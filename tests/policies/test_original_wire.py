"""On simulated wires: where the rules of the original break the limit and ours keep it, and why."""

import pytest

from chargebench.scenarios.describe import read_scenario
from chargebench.scenarios.run import run
from tests.library.weak import shipped
from tests.scenarios.files import put

LIMIT_MA = 49_275
LOST_US = 600_000_000
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


def shares(label, policy):
    """What a shipped scenario comes to under a policy: figures of its limit, the last limits before the watchdogs speak."""
    result = run(shipped(label).under(policy))
    return result, result.figures["limit"], limits(result.commands, LOST_US + 290_000_000)


@pytest.mark.slow
def test_lost_boxes_with_300_s_in_their_watchdogs_go_on_while_the_original_counts_them_with_6_a():
    """From 180 s of silence to 300 s two boxes draw nearly 15 A each and are counted with 6."""
    result, limit, given = shares("failsafe-gap", "original")
    assert not result.passed
    assert 15 <= limit["exceeded_a"] <= 18
    assert 115 <= limit["longest_s"] <= 125
    assert 180 <= limit["first_s"] - LOST_US / 1_000_000 <= 180 + 20
    assert given["internal"] == given["yard"] == 16_000
    assert given["garage"] == given["carport"] == 14_700


@pytest.mark.slow
def test_lost_boxes_without_a_watchdog_go_on_for_ever_under_the_original():
    result, limit, _ = shares("failsafe-never", "original")
    assert not result.passed
    assert limit["exceeded_a"] >= 15
    assert limit["longest_s"] >= 1_000


@pytest.mark.slow
@pytest.mark.parametrize("label", ["failsafe-gap", "failsafe-never"])
def test_lost_boxes_stay_booked_with_their_limits_by_the_fair_policy(label):
    result, limit, given = shares(label, "fair")
    assert result.passed
    assert limit["exceeded_a"] <= 1
    assert sum(given.values()) <= LIMIT_MA - 5_000


@pytest.mark.slow
def test_what_the_original_sets_is_the_same_in_every_box():
    """180 s and 6 A, whatever the site says; ours sets what the site says."""
    scenario = shipped("master-lost")
    written = {
        policy: sorted(
            (channel, *(value for _, value in data))
            for _, channel, kind, data in run(scenario.under(policy)).happened
            if kind == "write" and ("register", "fail_safe_duration") in data
        )
        for policy in ("fair", "original")
    }
    garage, carport = ("box garage", "fail_safe_duration", 180), ("box carport", "fail_safe_duration", 180)
    assert written == {"fair": [garage], "original": [carport, garage]}


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
