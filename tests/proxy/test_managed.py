"""Boxes and meters of a line, managed over TCP through the proxy: a whole run, with a box that is lost on the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from chargebench.emulator.wires.net import HOST
from chargebench.manager.proxy.config import SERVED_PACE, Before, Behind, Config
from chargebench.manager.proxy.shell import Proxy
from chargebench.manager.site import SerialAddress
from chargebench.scenarios.describe import read_scenario
from chargebench.scenarios.result import Result
from chargebench.scenarios.run import run
from chargebench.scenarios.stage import Stage
from tests.scenarios.files import put

PROXY = "192.168.2.160"
TEXT = """\
scenario: two boxes and three meters behind a proxy, one box lost for a while
seed: 7
start: 2026-01-12 18:00
for: 9 min
tiers: [wire]
site:
  connection: {max_total_power: 14 kW, house_max: 6 A, fuse: {rating: 35 A, curve: SLS-E}}
  evses:
    - {name: first, device: power-brain, at: "192.168.2.160:4701", id: 1, meter: {device: eastron-sdm630, id: 21}, failsafe: {after: 60 s, current: 6 A}, boot: {enable: off}}
    - {name: second, device: power-brain, at: "192.168.2.160:4701", id: 2, meter: {device: eastron-sdm630, id: 22}, failsafe: {after: 60 s, current: 6 A}, boot: {enable: off}}
  meters:
    - {name: house, device: eastron-sdm630, at: "192.168.2.160:4701", id: 23, role: grid supply}
world:
  house: {load: [[18:00, 4 A]]}
  boxes:
    first: {at: "COM1,19200,8,n,1"}
    second: {at: "COM1,19200,8,n,1"}
  meters:
    first-meter: {at: "COM1,19200,8,n,1"}
    second-meter: {at: "COM1,19200,8,n,1"}
    house: {at: "COM1,19200,8,n,1"}
  cars:
    - {car: {phases: 3, power: 11 kW}, as: zoe, at: 18:00:10, plugs: first, wants: 20 kWh}
    - {car: {phases: 3, power: 11 kW}, as: kona, at: 18:01, plugs: second, wants: 20 kWh}
faults:
  - {at: 18:04, on: second, fault: silence, for: 3 min}
expect:
  - always: {fuse: cannot trip}
  - never: {limit_exceeded: above 0 A, longer_than: 10 s}
  - within: {after: 18:00:10, time: 30 s, car: zoe, charging: yes}
  - within: {after: 18:02, time: 0 s, charging: 2}
  - within: {after: 18:04, time: 80 s, box: second, failsafe: on}
  - within: {after: 18:07, time: 90 s, box: second, link: answering}
  - never: {box: first, link: silent}
  - never: {box: first, failsafe: on}
"""


@pytest.fixture
def proxies(monkeypatch: pytest.MonkeyPatch) -> list[Proxy]:
    """A proxy stands between the network and the line of every run."""
    found: list[Proxy] = []
    opened, closed = Stage.open, Stage.close

    async def opens(self: Stage) -> None:
        await opened(self)
        behind = Behind("COM1", "serial", "simbus://COM1", SerialAddress("COM1", 19_200, 8, "N", 1), SERVED_PACE)
        token = HOST.set(PROXY)
        found.append(Proxy(Config((behind,), (Before(PROXY, 4701, "COM1"),)), lambda _text: None))
        await found[-1].open()
        HOST.reset(token)

    def closes(self: Stage) -> None:
        found[-1].close()
        closed(self)

    monkeypatch.setattr(Stage, "open", opens)
    monkeypatch.setattr(Stage, "close", closes)
    return found


def test_a_manager_keeps_the_limit_through_it_and_the_watchdog_of_a_lost_box_acts(tmp_path: Path, proxies: list[Proxy]):
    first, second = ran(tmp_path), ran(tmp_path)
    assert [verdict.name for verdict in first.verdicts if not verdict.kept] == []
    assert first.hash == second.hash, "and the same again"
    counts, late = proxies[0].carried["COM1"]
    assert counts.answered > 1_500
    assert (late, counts.spoilt) == (0, 0)
    assert counts.silent < 40


def ran(folder: Path) -> Result:
    return run(read_scenario(put(folder, TEXT, "proxied.yaml")))
