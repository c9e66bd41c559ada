"""A line in ASCII mode on a port of this machine: read and written by pymodbus, by the manager's own link and by hand."""

from __future__ import annotations

import asyncio
import re
import shlex
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pymodbus import FramerType
from pymodbus.client import ModbusSerialClient
from pymodbus.exceptions import ModbusException

from chargebench.datasheets.load import load
from chargebench.emulator.ascii import unpack_ascii
from chargebench.emulator.streams import Streams
from chargebench.emulator.world import World
from chargebench.manager.drivers.base import Read, Write
from chargebench.manager.links.pace import Pace
from chargebench.manager.outcomes import Answer
from chargebench.manager.site import SerialAddress
from chargebench.scenarios.emulate.control import tell
from chargebench.scenarios.emulate.play import read_play
from tests.edges.every import PROGRAM, colon
from tests.manager.slaves import ask, link_to, running

pytestmark = pytest.mark.serial
DEADLINE_S = 60
STATE, STATUS = (4, 1), (46, 5)
PLAY = """\
scenario: boxes that speak ASCII, all but the first as the standard has it; nobody writes to the last
start: 2026-01-12 18:00
for: 1 h
site:
  connection: {max_total_power: 24 kW}
  evses:
    - {name: garage, device: abl-emh1, at: "COM1,38400,7,e,1", id: 1}
    - {name: yard, device: abl-emh1, at: "COM1,38400,7,e,1", id: 2}
    - {name: barn, device: abl-emh1, at: "COM1,38400,7,e,1", id: 3}
world:
  boxes:
    garage: {quirks: {loses-first-request: off}}
    yard: {quirks: {answers-with-gt: off, loses-first-request: off}}
    barn: {quirks: {answers-with-gt: off}}
expect:
  - never: {limit_exceeded: above 0 A}
"""


class Served(NamedTuple):
    """Where the line is, what is typed for a first read of each box, the control socket, and what is played."""

    at: str
    first_read: dict[str, str]
    control: Path
    play: Path


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("ascii")
    path, control = folder / "play.yaml", folder / "socket"
    path.write_text(PLAY, "utf-8")
    command = (*PROGRAM, "emulate", str(path), "--control", str(control))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        head: list[str] = []
        while not head or not head[-1].startswith("chargebench tell"):
            head.append(process.stdout.readline())
            assert head[-1], "it has ended"
        rows = dict(re.findall(r"^(\w+)  .*?  (/dev/.*)", "".join(head), re.MULTILINE))
        at = rows["yard"].split()[0]
        assert all(row.startswith(f"{at} (38400,8,n,1,ascii)") for row in rows.values())
        yield Served(at, {name: row.split("  ", 1)[1].strip() for name, row in rows.items()}, control, path)
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE_S) == 0


def client(at: str, timeout: float = 5, **more: Any) -> Any:
    found: Any = ModbusSerialClient(at, framer=FramerType.ASCII, baudrate=38_400, timeout=timeout, retries=0, **more)
    assert found.connect()
    return closing(found)


def limit_ma(served: Served, box: str) -> object:
    return tell({"do": "show"}, served.control)["boxes"][box]["limit_ma"]  # type: ignore[index]


def test_pymodbus_reads_and_writes_a_box_that_answers_as_the_standard_has_it(served: Served):
    with client(served.at) as one:
        assert one.read_holding_registers(STATE[0], count=1, device_id=2).registers == [0xA1]
        assert not one.write_registers(20, [200], device_id=2).isError()
        assert one.read_holding_registers(20, count=1, device_id=2).registers == [200]
        assert one.read_holding_registers(STATUS[0], count=5, device_id=2).registers[0] == 0x2EA1
        assert one.read_holding_registers(STATUS[0], count=1, device_id=2).exception_code == 2  # the block is one
        assert one.write_registers(20, [20], device_id=2).exception_code == 3
    assert limit_ma(served, "yard") == 12_000


def test_pymodbus_reads_whatever_the_model_holds(served: Served):
    sheet, blocks = load("abl-emh1"), dict(load("abl-emh1").reading.blocks)
    inside = [at + k for at, words in blocks.items() for k in range(words)]
    spans = blocks | {one.at: one.count for one in sheet.registers if one.readable and one.at not in inside}
    world = World(read_play(str(served.play)).world, Streams(1), lambda _event: None, load)
    world.advance(1_000_000)
    with client(served.at, timeout=0.5) as one, suppress(ModbusException):
        one.read_holding_registers(STATE[0], count=1, device_id=3)  # the first is lost
    with client(served.at) as one:
        held = {at: list(world.devices["barn"].read("holding", at, words)) for at, words in spans.items()}
        assert len(held) == 5
        for at, words in spans.items():
            assert one.read_holding_registers(at, count=words, device_id=3).registers == held[at]


def test_pymodbus_understands_a_box_that_answers_with_gt_only_with_help(served: Served):
    with client(served.at, timeout=0.5) as one, pytest.raises(ModbusException):
        one.read_holding_registers(STATE[0], count=1, device_id=1)
    with client(served.at, trace_packet=colon) as one:
        assert one.read_holding_registers(STATE[0], count=1, device_id=1).registers == [0xA1]
        assert not one.write_registers(20, [1000], device_id=1).isError()
    assert limit_ma(served, "garage") == 0


def test_the_managers_own_link_reads_and_writes_all(served: Served):
    async def talk(link: Any) -> list[Any]:
        link.dozes(3)
        outcomes = [await ask(link, 3, Read("holding", *STATE))]
        for unit in (1, 2):
            outcomes.append(await ask(link, unit, Read("holding", *STATE)))
            outcomes.append(await ask(link, unit, Write(16, 20, (150 + unit,))))
            outcomes.append(await ask(link, unit, Read("holding", 20, 1)))
        return outcomes

    async def main() -> None:
        address, pace = SerialAddress("COM1", 38_400, 8, "N", 1, "ascii"), Pace(answer_us=1_000_000)
        link = link_to(address, served.at, pace=pace)
        outcomes = await running(link, talk(link))
        assert all(isinstance(one, Answer) for one in outcomes), outcomes
        assert [one.words for one in outcomes] == [(0xA1,), (0xA1,), (), (151,), (0xA1,), (), (152,)]

    asyncio.run(main())
    assert [limit_ma(served, "garage"), limit_ma(served, "yard")] == [151 * 60, 152 * 60]


@pytest.mark.parametrize("box", ["garage", "yard"])
def test_the_line_to_type_for_a_first_read_shows_the_answer(served: Served, box: str):
    done = subprocess.run(shlex.split(served.first_read[box]), capture_output=True, timeout=DEADLINE_S, check=True)
    lead = b">" if box == "garage" else b":"
    answer = done.stdout[done.stdout.rindex(lead) :]
    adu = unpack_ascii(b":" + answer[1:])
    assert adu is not None
    assert (adu.unit, adu.pdu) == (1 if box == "garage" else 2, bytes((3, 2, 0, 0xA1)))
