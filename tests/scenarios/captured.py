"""A small run with every kind of bus, and its capture."""

from __future__ import annotations

from pathlib import Path

from chargebench.scenarios.capture import RunCapture
from chargebench.scenarios.describe import read_scenario
from chargebench.scenarios.result import Result
from chargebench.scenarios.run import run
from tests.scenarios.files import put as put_file

BUSES = """\
scenario: boxes over TCP and on lines of both modes
seed: 1
start: 2026-01-12 18:00
for: 60 s
site:
  connection: {max_total_power: 44 kW, house_max: 14 A, fuse: {rating: 63 A, curve: SLS-E}}
  evses:
    - {name: garage, device: power-brain, at: "192.168.2.151:4701"}
    - {name: carport, device: power-brain, at: "192.168.2.152:4701"}
    - {name: yard, device: power-brain, at: "COM1,9600,8,n,1", id: 1}
    - {name: barn, device: power-brain, at: "COM1,9600,8,n,1", id: 2, meter: {device: eastron-sdm630, id: 101}}
    - {name: cellar, device: abl-emh1, at: "COM2,38400,8,e,1,ascii", id: 1}
world:
  house: {load: [[18:00, 2 kW]]}
  cars:
    - {car: tesla-model-3-lr, as: tesla, at: 18:00:05, plugs: garage, wants: 20 kWh}
faults:
  - {at: 18:00:20, on: [barn, carport], fault: silence, for: 20 s}
  - {at: 18:00:40, on: garage, fault: reboot}
expect:
  - always: {fuse: cannot trip}
"""


def captured(folder: Path, text: str = BUSES) -> tuple[Result, bytes]:
    """The run, and the capture as bytes."""
    scenario = read_scenario(put_file(folder, text))
    blocks: list[bytes] = []

    def put(block: bytes, must: bool) -> bool:  # noqa: ARG001 all of it is kept
        blocks.append(block)
        return True

    return run(scenario, capture=RunCapture(scenario, put)), b"".join(blocks)
