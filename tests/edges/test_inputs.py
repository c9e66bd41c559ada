"""``chargebench manage`` reads its inputs on real ports: one on a module, one behind a box, and acts on them."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from tests.edges.managed import Line, served, started

pytestmark = pytest.mark.serial

SITE = """\
connection: {max_total_power: {input: 3, on: 22 kW, off: stop}, house_max: 5 A}
evses:
  - {name: garage, device: power-brain, at: "192.168.2.151:14741", failsafe: {after: 180 s, current: 6 A}, boot: {enable: off}}
dimming: {input: 1}
inputs:
  - {number: 3, at: "192.168.2.60:15741", id: 9, kind: input, address: 4, bit: 5}
  - {number: 1, of: garage}
"""

# 4.2 kW on three phases are 6.1 A, in steps of 0.1 A 6 A.
SCENARIO = """\
scenario: a contact lets a car charge, and another one has it dimmed
start: 2026-01-12 18:00
for: 20 min
site: site.yaml
world:
  cars:
    - {car: {phases: 3, power: 11 kW}, as: zoe, at: "18:00:01", plugs: garage, wants: 20 kWh, below: 0 A}
changes:
  - {at: 18:01, on: master, inputs: [3]}
  - {at: 18:03, on: master, inputs: [1, 3]}
expect:
  - never: {limit_exceeded: above 0 A}
"""


def limit(line: Line, ma: int) -> bool:
    """Whether a line says that the box has this limit."""
    return [one["limit_ma"] for one in line.get("boxes", ())] == [ma]


async def managed(folder: Path) -> None:
    (folder / "site.yaml").write_text(SITE, "utf-8")
    (folder / "inputs.yaml").write_text(SCENARIO, "utf-8")
    async with served("inputs.yaml", "--speed", "15", cwd=folder) as (_, at):
        ways = "--tcp", f"192.168.2.151:14741={at['garage']}", "--tcp", f"192.168.2.60:15741={at['input-3']}"
        async with started("manage", "site.yaml", *ways, cwd=folder) as manager:
            await manager.until(lambda line: limit(line, 0))
            await manager.until(lambda line: limit(line, 16_000))
            assert "input 3 is on" in manager.notes("input")
            await manager.until(lambda line: limit(line, 6_000))
            assert manager.notes("input")[-1] == "input 1 is on"
            assert manager.notes("input lost", "input unread") == []
            assert await manager.end(signal.SIGTERM) == 0


def test_a_manager_on_real_ports_obeys_its_inputs(tmp_path: Path) -> None:
    asyncio.run(managed(tmp_path))
