"""The manager as it is, on an ordinary loop, in real time, with real sockets and a pty, charges cars at emulated boxes.

It runs in a process of its own, on its 3 s grid, and knows of the world only what it reads on its wires: the site file, and
where the addresses in it lead. Nothing here asks how long anything took; what does not come at all runs into a deadline.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from chargebench.datasheets.load import load
from chargebench.emulator.events import Event
from chargebench.emulator.ports import Tty, open_ports
from chargebench.emulator.pump import Pump
from chargebench.emulator.streams import Streams
from chargebench.emulator.world import World
from chargebench.scenarios.describe import Scenario, read_scenario

pytestmark = pytest.mark.serial
ALONE = Path(__file__).with_name("manager_alone.py")
DEADLINE_S = 120
ENOUGH_WH = 3
HOUSE_MA = 2_000

SITE = """\
connection: {max_total_power: 14 kW}
evses:
  - name: garage
    device: power-brain
    at: "192.168.2.151:4701"
    failsafe: {after: 180 s, current: 0 A}
    boot: {enable: off}
  - name: yard
    device: power-brain
    at: "COM1,9600,8,n,1"
    id: 2
    phases: L2 L3 L1
    failsafe: {after: 180 s, current: 0 A}
    boot: {enable: off}
meters:
  - {name: house, device: eastron-sdm630, at: "COM1,9600,8,n,1", id: 101, role: grid supply}
"""

# Either car takes 16 A of the 20 A, and the house has 2 A of them: together they must be held back.
SCENARIO = """\
scenario: two cars and a house that cannot have it all
start: 2026-01-12 18:00
for: 10 min
site: site.yaml
world:
  house: {load: [[18:00, 2 A]]}
  cars:
    - {car: {phases: 3, power: 11 kW}, as: tesla, at: 18:00:01, plugs: garage, wants: 20 kWh, delay: 1 s}
    - {car: {phases: 3, power: 11 kW}, as: zoe, at: 18:00:01, plugs: yard, wants: 20 kWh, delay: 1 s}
expect:
  - always: {fuse: cannot trip}
"""


@pytest.fixture
def scenario(tmp_path: Path) -> Scenario:
    (tmp_path / "site.yaml").write_text(SITE, "utf-8")
    path = tmp_path / "two-cars.yaml"
    path.write_text(SCENARIO, "utf-8")
    return read_scenario(path)


@asynccontextmanager
async def manager(site: Path, ports: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """A manager at work; killed in the end where it still is."""
    command = [sys.executable, str(ALONE), str(site), json.dumps(ports)]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


class Told(NamedTuple):
    """A line of the manager's: a note."""

    kind: str
    subject: str
    data: Any


async def notes(process: asyncio.subprocess.Process) -> AsyncIterator[Told]:
    assert process.stdout is not None
    async for line in process.stdout:
        yield Told(*json.loads(line))


def test_manager_charges_cars_over_real_sockets_and_a_real_serial_port(
    scenario: Scenario, tmp_path: Path, ptys: tuple[str, str]
):
    events: list[Event] = []
    told: list[Told] = []

    async def main() -> World:
        world = World(scenario.world, Streams(scenario.seed), events.append, load)
        pump = Pump(world, asyncio.get_running_loop())
        ports = await open_ports(pump, ttys={"COM1": Tty(ptys[0])})
        aliases = ports.aliases | {"COM1": ptys[1]}
        async with asyncio.timeout(DEADLINE_S), manager(tmp_path / "site.yaml", aliases) as process:
            ending = False
            async for note in notes(process):
                told.append(note)
                now_us = pump.advance()
                # In a cycle without commands nothing is under way that the end could cut off.
                quiet = note.kind == "cycle" and note.data["commands"] == 0
                enough = all(car.energy_wh(now_us) >= ENOUGH_WH for car in world.cars.values())
                if quiet and enough and not ending:
                    ending = True
                    process.terminate()
            assert await process.wait() == 0
        assert ports.lost == {}
        ports.close()
        await ports.wait_closed()
        pump.stop()
        world.finish(world.now_us)
        return world

    world = asyncio.run(main())
    figures = world.figures()
    assert [name for name, car in figures["cars"].items() if car["energy_wh"] < ENOUGH_WH] == []
    assert figures["limit"]["exceeded_a"] == 0
    assert told[-1] == ("modules", "manager", [])
    for box in world.boxes:
        written, asked, confirmed = limits(events, box), said(told, "command", box), said(told, "confirmed", box)
        assert [limit_ma for limit_ma in written if limit_ma not in asked] == []
        assert confirmed[-1] in written
        assert confirmed[-1] >= 6_000
    assert sum(box.limit_ma for box in world.boxes.values()) <= scenario.site.connection.limit_ma - HOUSE_MA
    assert [one for one in told if one.kind in ("refused", "impossible")] == []


def said(told: list[Told], kind: str, box: str) -> list[int]:
    """The limits in the manager's notes of one kind about one box."""
    return [one.data["limit_ma"] for one in told if (one.kind, one.subject) == (kind, box)]


def limits(events: list[Event], box: str) -> list[int]:
    """The limits that were written to a box, as they stand there after each request: 0 where charging is off."""
    found, limit_ma = [], 0
    for event in events:
        if event.channel == f"box {box}" and event.kind == "write":
            if event.get("register") == "charging_cur_limit":
                limit_ma = int(event.get("value"))
            elif event.get("register") == "charging_enable":
                found.append(limit_ma if event.get("value") else 0)
    return found
