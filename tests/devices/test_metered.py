"""Every meter that can be read, as the grid meter of a house on its wire: its box is given what is left, and no more."""

from __future__ import annotations

import pytest

from chargebench.datasheets.load import load
from chargebench.manager.drivers.registry import METERS
from chargebench.manager.drivers.sheet_meter import SheetMeter
from chargebench.scenarios.check import check_scenario
from chargebench.scenarios.checks.devices import drivable
from chargebench.scenarios.describe import read_scenario
from chargebench.scenarios.run import run
from tests.scenarios.files import put

TOTAL = "eastron-sdm72"
"""It knows no phases, so the house counts at its most."""

DRIVEN = [name for name in drivable("meter") if name not in METERS and name != TOTAL]
TEXT = """\
scenario: {device} at the connection of a house that cooks
seed: 4
start: 2026-01-12 18:00
for: 14 min
tiers: [wire]
site:
  connection: {{max_total_power: 17.25 kW, voltage: 230 V, house_max: 25 A, fuse: {{rating: 35 A, curve: SLS-E}}}}
  evses:
    - {{name: garage, device: power-brain, at: "192.168.2.151:4701", id: 1, phases: {phases}, failsafe: {{after: 180 s, current: 0 A}}, boot: {{enable: off}}}}
  meters:
    - {{name: grid, device: {device}, at: "{at}", id: {unit}, phases: {phases}, role: grid supply}}
world:
  house: {{phases: {phases}, load: [[18:00, 3 A], [18:07, 16 A], [18:10, 3 A]]}}
  cars:
    - {{car: {{phases: {count}, power: {power}}}, as: zoe, at: 18:02, plugs: garage, wants: 9 kWh}}
expect:
  - always: {{fuse: cannot trip}}
  - never: {{limit_exceeded: above 1 A, longer_than: 30 s}}
  - within: {{after: 18:02, time: 1 min, car: zoe, charging: yes}}
  - within: {{after: 18:05, time: 1 min, connection: at least 18 A}}
  - never: {{box: garage, limit: at least 10 A, from: 18:08, to: 18:10}}
  - within: {{after: 18:10, time: 2 min, box: garage, limit: at least 15 A}}
"""


def scenario(folder, device, *quirks, factor=1, line=False):
    sheet = load(device)
    assert sheet.meter is not None
    one = sheet.meter.phases == 1 or "one-phase" in quirks
    text = TEXT.format(
        device=device,
        at=f"192.168.2.160:{sheet.port}" if "tcp" in sheet.transports and not line else f"COM1,{sheet.serial}",
        unit=sheet.unit,
        phases="L1" if one else "L1 L2 L3",
        count=1 if one else 3,
        power="3.7 kW" if one else "11 kW",
    )
    if factor != 1:
        text = text.replace("role: grid supply", f"role: grid supply, factor: {factor}")
    if quirks:
        text = text.replace("\nworld:\n", f"\nworld:\n  meters: {{grid: {{quirks: [{', '.join(quirks)}]}}}}\n")
    return read_scenario(put(folder, text, f"{device}.yaml"))


def broken(result):
    return [verdict.name for verdict in result.verdicts if not verdict.kept]


@pytest.mark.parametrize("device", DRIVEN)
def test_a_box_behind_any_meter_is_given_what_the_house_leaves(tmp_path, device):
    one = scenario(tmp_path, device)
    assert [found.sentence for found in check_scenario(one) if found.severity == "error"] == []
    assert broken(run(one)) == []


@pytest.mark.parametrize(
    ("quirks", "line"),
    [
        (("begins-at-0", "short-common-model", "without-phase-powers"), False),
        (("begins-at-50000", "changing-exponents"), True),
        (("short-common-model", "one-phase"), False),
    ],
)
def test_a_box_behind_a_meter_that_must_be_found_is_given_what_the_house_leaves(tmp_path, quirks, line):
    one = scenario(tmp_path, "sunspec-203", *quirks, line=line)
    assert [found.sentence for found in check_scenario(one) if found.severity == "error"] == []
    assert broken(run(one)) == []


@pytest.mark.parametrize("device", ["sunspec-203", "carlo-gavazzi-em340"])
def test_a_driver_that_reads_half_of_what_flows_breaks_the_limit(tmp_path, device, monkeypatch):
    whole = SheetMeter._current
    monkeypatch.setattr(SheetMeter, "_current", lambda self, k, answers: whole(self, k, answers) // 2)
    assert broken(run(scenario(tmp_path, device)))


def test_a_meter_that_loses_its_exponents_for_a_while_is_a_missing_one_and_says_so(tmp_path):
    result = run(scenario(tmp_path, "sunspec-203", "exponents-missing-at-times"))
    assert not [one for one in broken(result) if one.startswith(("always", "never"))]
    assert "a_sf is 8000, which stands for no value" in result.log
    assert any("limit: at least 15 A" in verdict.name and verdict.kept for verdict in result.verdicts)


def test_a_meter_that_shows_what_is_drawn_as_fed_in_is_turned_by_its_factor_and_told_of_without(tmp_path):
    def dangers(one):
        return [(found.field, found.right) for found in check_scenario(one) if found.severity == "danger"]

    right = scenario(tmp_path, "sunspec-203", "power-of-other-sign", factor=-1)
    assert dangers(right) == []
    assert broken(run(right)) == []
    wrong = scenario(tmp_path, "sunspec-203", "power-of-other-sign")
    assert dangers(wrong) == [("site.meters[0].factor", "-1")]
    result = run(wrong)
    assert any("limit_exceeded" in one for one in broken(result))
    assert "unpreventable: grid would show what is drawn as fed in" in result.why
    assert dangers(scenario(tmp_path, "sunspec-203", factor=-1)) == [("site.meters[0].factor", "1")]


@pytest.mark.parametrize(("accuracy", "reserve", "kept"), [("class", "240 W", True), ("-5 %", "240 W", False)])
def test_a_reserve_bears_what_a_meter_of_its_class_shows_too_little_and_not_more(tmp_path, accuracy, reserve, kept):
    """1 % of 25 A on three phases are 172.5 W; 5 % of them are more than is kept back and than the manager leaves."""
    text = TEXT.format(
        device="eastron-sdm630", at="192.168.2.160:502", unit=1, phases="L1 L2 L3", count=3, power="11 kW"
    )
    truth = f"boxes: {{garage: {{attached_meter: on}}}}\n  meters: {{grid: {{accuracy: {accuracy}}}}}"
    for old, new in (
        ("wants: 9 kWh", "wants: 9 kWh, below: 0 A"),
        ("connection: {", f"connection: {{reserve: {reserve}, "),
        ("\nworld:\n", f"\nworld:\n  {truth}\n"),
        ("[18:07, 16 A]", "[18:07, 17 A]"),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    text = text.split("expect:")[0]
    expect = "expect:\n  - never: {limit_exceeded: above 0 A, from: 18:08, to: 18:10}\n"
    assert (broken(run(read_scenario(put(tmp_path, text + expect)))) == []) == kept


def test_a_grid_meter_that_knows_only_a_total_gives_nothing_away(tmp_path):
    result = run(scenario(tmp_path, TOTAL))
    assert list(result.commands) == []
    assert not [one for one in broken(result) if one.startswith(("always", "never"))]
