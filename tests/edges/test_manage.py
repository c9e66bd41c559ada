"""``chargebench manage`` as a program: it charges cars on real ports, outlives what kills it, and never leaves a site to two."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pymodbus.client import ModbusTcpClient

from tests.edges.managed import DEADLINE_S, PROGRAM, Line, Process, served, started

pytestmark = pytest.mark.serial

SITE = """\
connection: {max_total_power: 14 kW, house_max: 5 A}
evses:
  - name: garage
    device: power-brain
    at: "192.168.2.151:14701"
    failsafe: {after: 180 s, current: 6 A}
    boot: {enable: off}
    meter: {device: eastron-sdm630, at: "COM1,9600,8,n,1", id: 102}
  - name: yard
    device: power-brain
    at: "COM1,9600,8,n,1"
    id: 2
    failsafe: {after: 180 s, current: 6 A}
    boot: {enable: off}
    meter: {device: eastron-sdm630, id: 103}
meters:
  - {name: house, device: eastron-sdm630, at: "COM1,9600,8,n,1", id: 101, role: grid supply}
"""

# 14 kW are 20.2 A: beside the house neither car may have its 16 A while the other charges.
SCENARIO = """\
scenario: two cars whose manager is killed
start: 2026-01-12 18:00
for: 9 min
site: site.yaml
world:
  house: {load: [[18:00, 4 A]]}
  cars:
    - {car: {phases: 3, power: 11 kW}, as: zoe, at: "18:00:01", plugs: garage, wants: 20 kWh, below: 0 A}
    - {car: {phases: 3, power: 11 kW}, as: kona, at: "18:00:02", plugs: yard, wants: 20 kWh, below: 0 A}
expect:
  - never: {limit_exceeded: above 0 A}
  - finally: {car: zoe, energy: at least 0.2 kWh}
  - finally: {car: kona, energy: at least 0.2 kWh}
"""


def places(at: dict[str, str]) -> tuple[str, ...]:
    return "--line", f"COM1={at['yard']}", "--tcp", f"192.168.2.151:14701={at['garage']}"


def shared(line: Line) -> bool:
    """Whether a line says that both cars may charge, and that neither has all that it could take."""
    return len([one for one in line.get("boxes", ()) if 0 < (one["limit_ma"] or 0) < 16_000]) == 2


def charges(line: Line) -> bool:
    """Whether a line says that both do."""
    return shared(line) and [one["pilot"] for one in line["boxes"]] == ["C", "C"]


async def killed(folder: Path) -> None:
    """A manager is killed while two cars charge, another is refused meanwhile, and a third takes over."""
    (folder / "site.yaml").write_text(SITE, "utf-8")
    (folder / "two.yaml").write_text(SCENARIO, "utf-8")
    async with served("two.yaml", "--judge", "--speed", "23", cwd=folder) as (emulation, at):
        async with started("manage", "site.yaml", *places(at), cwd=folder) as first:
            ready = (await first.until(lambda line: "ready" in line))["ready"]
            assert ready["manages"]
            assert [one["name"] for one in ready["boxes"]] == ["garage", "yard"]
            async with started("manage", "site.yaml", *places(at), "--store", "other.db", cwd=folder) as second:
                await first.until(shared)
                assert await second.end() == 3
            await first.end(signal.SIGKILL)
        said = (folder / "manage.err").read_text("utf-8")
        assert f"the site is managed by process {first.process.pid} on " in said
        async with started("manage", "site.yaml", *places(at), cwd=folder) as third:
            taken = await third.until(lambda line: line.get("note", {}).get("kind") == "service")
            assert taken["says"].startswith(f"takes over from process {first.process.pid} on ")
            await third.until(charges)
            assert third.notes("remembers") == ["the master remembers 2 boxes from before it started"]
            verdict = await whole(emulation)
            assert await third.end(signal.SIGTERM) == 0
            ended = third.said[-1]
            assert (ended["ended"]["by"], [one["failsafe_ma"] for one in ended["ended"]["left"]]) == (
                "SIGTERM",
                [6_000] * 2,
            )
            assert "and falls back to 6 A after 3 min" in ended["says"]
    assert verdict["verdict"] == "pass", verdict["expectations"]


async def whole(emulation: Process) -> Line:
    """The judgement, which is one object in many lines."""
    assert emulation.process.stdout is not None
    async with asyncio.timeout(DEADLINE_S):
        found: Line = json.loads(await emulation.process.stdout.read())
    return found


FIVE = """\
scenario: a box that somebody else writes to, and four of another maker
start: 2026-01-12 18:00
for: 1 h
site:
  connection: {max_total_power: 70 kW}
  evses:
    - {name: garage, device: power-brain, at: "192.168.2.151:14711", maximum: 12 A}
    - {name: box1, device: amperfied-connect, at: "192.168.2.1:14712"}
    - {name: box2, device: amperfied-connect, at: "192.168.2.2:14713"}
    - {name: box3, device: amperfied-connect, at: "192.168.2.3:14714"}
    - {name: box4, device: amperfied-connect, at: "192.168.2.4:14715"}
world:
  cars:
    - {car: {phases: 3, power: 11 kW}, as: zoe, at: "18:00:01", plugs: garage, wants: 20 kWh, below: 0 A}
expect:
  - never: {limit_exceeded: above 0 A}
"""
STRANGE = ("chargebench.emulator", "chargebench.scenarios.describe", "simpy", "pytest", "hypothesis")


def garage_at(limit_ma: int):
    """Whether a line says that the garage shows this."""
    return lambda line: line.get("boxes") and line["boxes"][0]["limit_ma"] == limit_ma


async def disturbed(folder: Path) -> None:
    """Somebody else writes to a box, the licence of another one goes and comes, SIGHUP and Ctrl-C are heard."""
    (folder / "five.yaml").write_text(FIVE, "utf-8")
    site = FIVE.partition("site:\n")[2].partition("world:")[0]
    (folder / "site.yaml").write_text(site.replace("\n  ", "\n").removeprefix("  "), "utf-8")
    (folder / "licences").write_text("1\n", "utf-8")
    async with served("five.yaml", "--speed", "5", cwd=folder) as (emulation, at):
        names = [f"192.168.2.151:14711={at['garage']}"]
        names += [f"192.168.2.{k}:1471{k + 1}={at[f'box{k}']}" for k in range(1, 5)]
        words = [word for name in names for word in ("--tcp", name)]
        more = {"PYTHONPROFILEIMPORTTIME": "1"}
        async with started(
            "manage", "site.yaml", *words, *WINDOWS, "--licences", "licences", "--log", "log", cwd=folder, **more
        ) as one:
            ready = (await one.until(lambda line: "ready" in line))["ready"]
            await one.until(garage_at(12_000))
            looked_at(ready)
            with writer(at["garage"]) as other:
                other(60)
                (folder / "licences").write_text("0\n", "utf-8")
                await one.until(garage_at(6_000))
                other(70)
                (folder / "licences").write_text("1  # again\n", "utf-8")
                await one.until(lambda line: line.get("note", {}).get("kind") == "by itself")
            one.process.send_signal(signal.SIGHUP)
            await one.until(lambda line: line.get("says") == "asked for licences anew: there are 1")
            assert await one.end(signal.SIGINT) == 0
            assert await emulation.end(signal.SIGTERM) == 0
    assert [line["note"]["of"] for line in one.said if line.get("note", {}).get("kind") == "unlicensed"] == ["box4"]
    assert one.notes("licensed") == ["box4 has a licence now: it is managed like the others"]
    (told,) = one.notes("by itself")
    assert told.startswith("garage changes its limit by itself, now to 7 A: ")
    assert [one.said[-1]["ended"]["by"], len(one.said[-1]["ended"]["left"])] == ["SIGINT", 5]
    logged = [line[20:] for line in (folder / "log").read_text("utf-8").splitlines()]
    assert told in logged
    assert "licences are 0 now, were 1" in logged
    assert logged[-1].startswith("ended by SIGINT: garage keeps ")
    loaded = (folder / "manage.err").read_text("utf-8")
    assert "chargebench.manager.shell" in loaded
    assert [name for name in STRANGE if f" {name}" in loaded] == []


WINDOWS = ("--http", "0", "--serve-modbus", "0")


def looked_at(ready: Line) -> None:
    """What others see of the garage while it shows 12 A."""
    with urllib.request.urlopen(f"{ready['http']}status", timeout=DEADLINE_S) as answer:
        garage, *others = json.load(answer)["boxes"]
    assert (garage["limit_ma"], len(others)) == (12_000, 4)
    assert garage["says"].startswith("garage may have 12 A: ")
    host, _, port = ready["modbus"].rpartition(":")
    with ModbusTcpClient(host, port=int(port), timeout=DEADLINE_S) as client:
        assert client.read_holding_registers(8093, count=2, device_id=1).registers == [120, 1]
        assert client.write_register(8093, 60, device_id=1).exception_code == 1


@contextmanager
def writer(at: str) -> Iterator[Callable[[int], None]]:
    """Another master, which writes limits in tenths of an ampere."""
    host, _, port = at.rpartition(":")
    with ModbusTcpClient(host, port=int(port), timeout=5) as client:
        yield lambda tenths: check(client.write_register(8093, tenths, device_id=1))


def check(answer) -> None:
    assert not answer.isError()


HANGING = "import socket, time; socket.getaddrinfo = lambda *_, **__: time.sleep(600); "
NAMED = """\
connection: {max_total_power: 14 kW, house_max: 0 A}
evses:
  - {name: garage, device: power-brain, at: "box.example:4701", failsafe: {after: 60 s, current: 6 A}}
  - {name: yard, device: power-brain, at: "COM1,9600,8,n,1", id: 2, failsafe: {after: 60 s, current: 6 A}}
"""


async def out_of_reach(folder: Path) -> None:
    """A name is being looked up for ever, and a serial port is not there: told once, and nothing is held up by it."""
    (folder / "site.yaml").write_text(NAMED, "utf-8")
    program = (sys.executable, "-c", HANGING + PROGRAM[-1], "manage", "site.yaml", "--json")
    one = Process(await asyncio.create_subprocess_exec(*program, cwd=folder, stdout=asyncio.subprocess.PIPE))
    await one.until(lambda line: line.get("cycle", 0) >= 1)
    assert await one.end(signal.SIGTERM) == 0
    assert sorted(one.notes("link down")) == [
        "COM1,9600,8,n,1 cannot be reached: there is no such port",
        "box.example:4701 cannot be reached: no connection in time",
    ]
    never = "was never reached and does what it did before"
    assert one.said[-1]["says"] == f"garage {never}; yard {never}"
    assert (folder / "site.manager.db.lock").read_bytes() == b""


def test_it_charges_outlives_its_end_and_notices_what_others_do(tmp_path: Path):
    """Three sites at once, since what takes time here is the manager's grid."""

    async def all_at_once() -> None:
        async with asyncio.TaskGroup() as group:
            for play in (killed, disturbed, out_of_reach):
                folder = tmp_path / play.__name__
                folder.mkdir()
                group.create_task(play(folder))

    asyncio.run(all_at_once())
