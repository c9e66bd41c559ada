"""Every device that can be emulated, on a real port of its own, before a foreign client: it reads what the model holds."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymodbus.client import ModbusSerialClient, ModbusTcpClient

from chargebench.datasheets.codec import encode
from chargebench.datasheets.load import load, names
from chargebench.datasheets.model import Datasheet, Register
from chargebench.emulator.device import Refused
from chargebench.emulator.kinds import kind_of_sheet
from chargebench.emulator.streams import Streams
from chargebench.emulator.world import World
from chargebench.scenarios.emulate.control import tell
from chargebench.scenarios.emulate.play import read_play

pytestmark = pytest.mark.serial
PROGRAM = (sys.executable, "-c", "from chargebench.scenarios.cli import main; main()")
DEADLINE_S = 60
EARLY_US, LATE_US = 3_000_000, 90_000_000
TRIES = 8
READS = 4
LIMIT_MA = 10_000


def emulated(sheet: Datasheet) -> bool:
    """Whether there can be one."""
    if sheet.kind == "meter":
        return sheet.name != "power-brain-s0"  # it is in the case of a box
    try:
        kind_of_sheet(sheet)
    except LookupError:
        return False
    return True


SHEETS = [sheet for sheet in map(load, names()) if emulated(sheet)]
BY_TCP = {sheet.name: f"192.168.3.{k}" for k, sheet in enumerate(SHEETS, 1) if "tcp" in sheet.transports}
BY_RTU = {
    sheet.name: f"COM{k}"
    for k, sheet in enumerate(SHEETS, 1)
    if "rtu" in sheet.transports
    and (sheet.kind == "meter" or sheet.name not in BY_TCP)  # no site has more than 25 boxes
}


def site() -> str:
    """All of them, by each of their ways; each line is set as the device on it is from the factory."""
    boxes, meters = ["connection: {max_total_power: 500 kW}", "evses:"], ["meters:"]
    for sheet in SHEETS:
        ways = [(f"{sheet.name}-tcp", f"{BY_TCP[sheet.name]}:{sheet.port}")] if sheet.name in BY_TCP else []
        ways += [(f"{sheet.name}-rtu", f"{BY_RTU[sheet.name]},9600,8,n,1")] if sheet.name in BY_RTU else []
        for name, at in ways:
            role = ", role: display" if sheet.kind == "meter" else ""
            line = f'  - {{name: {name}, device: {sheet.name}, at: "{at}", id: {sheet.unit}{role}}}'
            (meters if sheet.kind == "meter" else boxes).append(line)
    return "\n".join([*boxes, *meters]) + "\n"


class Model:
    """The same world here, early and late, asked without any wire."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._early, self._late = self._world(EARLY_US), self._world(LATE_US)

    def _world(self, at_us: int) -> World:
        world = World(read_play(self._path).world, Streams(1), lambda _event: None, load)
        world.advance(at_us)
        return world

    def words(self, name: str, register: Register) -> list[int] | None:
        """What the register holds; None where that changes by itself, or it is not to be read."""
        try:
            early, late = (
                list(world.devices[name].read(register.table, register.at, register.count))
                for world in (self._early, self._late)
            )
        except Refused:
            return None
        return early if early == late else None


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, str], Model, str]]:
    folder = tmp_path_factory.mktemp("every")
    path = folder / "site.yaml"
    path.write_text(site(), "utf-8")
    control = str(folder / "socket")
    command = (*PROGRAM, "emulate", str(path), "--json", "--speed", "5", "--control", control)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        serving = json.loads(process.stdout.readline())["serving"]
        yield {one["name"]: one["at"] for one in serving}, Model(str(path)), control
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE_S) == 0


def client(at: str) -> Any:
    if at.startswith(os.sep):
        found: Any = ModbusSerialClient(at, baudrate=9600, timeout=2, retries=0)
    else:
        host, _, port = at.rpartition(":")
        found = ModbusTcpClient(host, port=int(port), timeout=2, retries=0)
    assert found.connect()
    return found


def ask(one: Any, register: Register, unit: int) -> list[int]:
    """The words of one register; whoever does not answer at once is asked again, as a master would."""
    reads = {
        "holding": one.read_holding_registers,
        "input": one.read_input_registers,
        "coil": one.read_coils,
        "discrete": one.read_discrete_inputs,
    }
    for _ in range(TRIES):
        try:
            answer = reads[register.table](register.at, count=register.count, device_id=unit)
        except Exception as error:  # noqa: BLE001  (whatever a foreign client makes of silence)
            last = str(error)
            one.close()
            one.connect()
            continue
        if not answer.isError():
            bits = (
                [int(bit) for bit in answer.bits[: register.count]] if register.table in {"coil", "discrete"} else None
            )
            return bits or list(answer.registers)
        last = str(answer)
    raise AssertionError(f"{register.name}: {last}")


WAYS = [f"{name}-tcp" for name in BY_TCP] + [f"{name}-rtu" for name in BY_RTU]


def limit_of(sheet: Datasheet) -> Register | None:
    """Where a master writes the limit of a box, if that is one register in mA that is written as it is."""
    limit = sheet.control.limit if sheet.control else None
    if limit is None or len(limit.registers) != 1 or limit.unit:
        return None
    register = sheet.register(limit.registers[0])
    return register if register.unit == "mA" and register.table == "holding" else None


def write(one: Any, register: Register, unit: int, words: list[int]) -> None:
    single = 6 in register.writes and register.count == 1
    for _ in range(TRIES):
        answer = (
            one.write_register(register.at, words[0], device_id=unit)
            if single
            else one.write_registers(register.at, words, device_id=unit)
        )
        if not answer.isError():
            return
    raise AssertionError(f"{register.name}: {answer}")


@pytest.mark.parametrize("name", WAYS)
def test_a_foreign_client_reads_what_the_model_holds_and_sets_a_limit(
    served: tuple[dict[str, str], Model, str], name: str
):
    at, model, control = served
    sheet = load(name.rpartition("-")[0])
    known = [(one, model.words(name, one)) for one in sheet.registers if one.readable]
    steady = [(one, words) for one, words in known if words is not None]
    told = sorted(steady, key=lambda pair: not any(pair[1]))[:READS]  # those that hold something first
    limit = limit_of(sheet)
    assert told
    with client(at[name]) as one:
        for register, words in told:
            assert ask(one, register, sheet.unit) == words, register.name
        if limit is not None:
            write(one, limit, sheet.unit, list(encode(limit, LIMIT_MA)))
    if limit is not None:
        box = tell({"do": "show"}, Path(control))["boxes"][name]  # type: ignore[index]
        assert box["limit_ma"] in {LIMIT_MA, 0}  # 0: another register enables it


def test_limits_are_written_to_most_boxes():
    boxes = [load(name.rpartition("-")[0]) for name in WAYS if load(name.rpartition("-")[0]).kind == "evse"]
    assert len([sheet for sheet in boxes if limit_of(sheet) is not None]) > len(boxes) / 2
