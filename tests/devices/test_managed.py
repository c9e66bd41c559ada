"""Every EVSE that can be managed, on its wire: from plug-in to full, with the box lost on the way, and what it does then."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from chargebench.datasheets.load import load
from chargebench.datasheets.quantity import show
from chargebench.manager import licence
from chargebench.manager.drivers.registry import BOXES
from chargebench.manager.drivers.sheet_box import SheetBox
from chargebench.manager.links.link import Link
from chargebench.manager.pacing import Pacing
from chargebench.manager.rounds import BoxPoll
from chargebench.scenarios.check import check_scenario
from chargebench.scenarios.checks.devices import drivable
from chargebench.scenarios.describe import read_scenario
from chargebench.scenarios.run import run
from tests.scenarios.files import put

DRIVEN = [name for name in drivable("evse") if name not in BOXES]
FALL_BACK = {
    "alfen-eve": 60,
    "amperfied-connect": 60,
    "em2go-home": 60,
    "mennekes-compact": 10,
    "smartevse": 11,
    "vestel-evc04": 60,
    "webasto-next": 60,
}
"""After how many seconds those fall back to 6 A that are known to; the others are not known to, and go on."""
STOPS = ["smartevse"]
"""Of those the ones that stop instead, at a time of their own."""

FED = ["alfen-eve", "mennekes-compact", "smartevse", "vestel-evc04", "webasto-next"]

TEXT = """\
scenario: a car at one {device} that is lost for a while
seed: 3
start: 2026-01-12 18:00
for: 25 min
tiers: [wire]
site:
  connection: {{max_total_power: 24 kW, voltage: 230 V, house_max: 8 A, fuse: {{rating: 50 A, curve: SLS-E}}}}
  evses:
    - {{name: garage, device: {device}, at: "{at}", id: {unit}, phases: L1 L2 L3{failsafe}}}
world:
  house: {{phases: L1 L2 L3, load: [[18:00, 4 A]]}}
  cars:
    - {{car: {{phases: 3, power: 11 kW}}, as: zoe, at: 18:02, plugs: garage, wants: 2 kWh}}
faults:
  - {{at: 18:06, on: garage, fault: silence, for: 4 min}}
expect:
  - always: {{fuse: cannot trip}}
  - never: {{limit_exceeded: above 1 A, longer_than: 30 s}}
  - always: {{box: garage, limit: at most 16 A}}
  - within: {{after: 18:01:30, time: 0 s, box: garage, limit: at most 0 A}}
  - within: {{after: 18:02, time: 1 min, car: zoe, charging: yes}}
  - within: {{after: 18:06, time: 15 s, box: garage, link: silent}}
  - within: {{after: 18:10, time: 30 s, box: garage, link: answering}}
  - within: {{after: 18:10, time: 1 min, box: garage, limit: at least {most}}}
  - never: {{box: garage, failsafe: on, from: 18:00:30, to: 18:06}}
  - never: {{box: garage, failsafe: on, from: 18:11}}
  - within: {{after: 18:10, time: 14 min, car: zoe, energy: at least 1.99 kWh}}
"""
FALLS = """\
  - within: {after: 18:06, time: 65 s, box: garage, failsafe: on}
  - never: {connection: at least 11 A, from: 18:07:40, to: 18:10}
"""
GOES_ON = "  - never: {box: garage, failsafe: on, from: 18:00:30}\n"


@dataclass(frozen=True)
class Place:
    at: str
    unit: int


def place(device):
    sheet = load(device)
    return Place(f"192.168.2.151:{sheet.port}" if "tcp" in sheet.transports else f"COM1,{sheet.serial}", sheet.unit)


def scenario(folder, device, more=""):
    after_s = FALL_BACK.get(device)
    failsafe = f", failsafe: {{after: {after_s} s, current: 6 A}}" if after_s and device not in STOPS else ""
    where = place(device)
    step_ma = load(device).limit("step_ma")
    most = show(16_000 // step_ma * step_ma, "mA")
    text = TEXT.format(device=device, at=where.at, unit=where.unit, failsafe=failsafe, most=most)
    return read_scenario(put(folder, text + (FALLS if after_s else GOES_ON) + more, f"{device}.yaml"))


def broken(result):
    return [verdict.name for verdict in result.verdicts if not verdict.kept]


@pytest.mark.parametrize("device", DRIVEN)
def test_the_manager_carries_a_car_to_full_loses_the_box_sees_it_fall_back_and_gets_it_back(tmp_path, device):
    one = scenario(tmp_path, device)
    assert [found.sentence for found in check_scenario(one) if found.severity == "error"] == []
    result = run(one)
    assert broken(result) == []
    assert result.figures["early_writes"]["garage"] == 0, "the time between writes is kept"
    assert result.figures["flash_writes"]["garage"] == 0, "nothing that wears is written without need"


@pytest.mark.parametrize("device", ["keba-p30", "mennekes-compact"])
def test_a_manager_that_keeps_no_time_between_writes_is_seen(tmp_path, device, monkeypatch):
    monkeypatch.setattr(Pacing, "of", lambda _sheet: Pacing())
    assert run(scenario(tmp_path, device)).figures["early_writes"]["garage"] > 0


@pytest.mark.parametrize("device", FED)
def test_a_manager_that_feeds_nobody_loses_every_box_whose_watchdog_lives_on_writes(tmp_path, device, monkeypatch):
    monkeypatch.setattr(SheetBox, "feeds", lambda _self, _greeted: None)
    assert any("failsafe: on, from: 18:00:30" in one for one in broken(run(scenario(tmp_path, device))))


def test_a_manager_that_does_not_ask_again_never_hears_a_box_that_dozes_once_it_was_lost(tmp_path, monkeypatch):
    monkeypatch.setattr(Link, "dozes", lambda _self, _unit: None)
    assert any("link: answering" in one for one in broken(run(scenario(tmp_path, "abl-emh1"))))


def test_a_manager_that_takes_0_for_a_limit_lets_a_car_charge_that_is_to_wait(tmp_path, monkeypatch):
    whole = BoxPoll.begin
    monkeypatch.setattr(BoxPoll, "begin", lambda self, n, ma: whole(self, n, 6_000 if ma == 0 else ma))
    assert any("at most 0 A" in one for one in broken(run(scenario(tmp_path, "webasto-next"))))


@pytest.mark.parametrize("device", ["keba-p30", "webasto-next", "phoenix-ev-cc-eth", "evse-din"])
def test_a_box_of_another_maker_without_a_licence_is_never_written(tmp_path, device, monkeypatch):
    nothing = "finally: write_requests: 0"
    assert nothing in broken(run(scenario(tmp_path, device, "  - finally: {write_requests: 0}\n")))
    monkeypatch.setattr(licence, "FREE_THIRD_PARTY", 0)
    assert nothing not in broken(run(scenario(tmp_path, device, "  - finally: {write_requests: 0}\n")))


def test_every_device_has_its_watchdog_in_the_table_that_can_be_known():
    known = {name for name in DRIVEN if name in FALL_BACK}
    assert set(FALL_BACK) == known
    assert set(FED) <= known
