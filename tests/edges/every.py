"""Every device of the catalogue that can be served, where each is, and what the model holds of it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from chargebench.datasheets.codec import encode
from chargebench.datasheets.load import load, names
from chargebench.datasheets.model import Datasheet, Register
from chargebench.emulator.device import Device, Refused
from chargebench.emulator.kinds import kind_of_sheet
from chargebench.emulator.streams import Streams
from chargebench.emulator.world import World
from chargebench.scenarios.emulate.control import tell
from chargebench.scenarios.emulate.play import read_play

PROGRAM = (sys.executable, "-c", "from chargebench.scenarios.cli import main; main()")
DEADLINE_S = 60
EARLY_US = 3_000_000
LATER_US = (4_000_000, 30_000_000, 90_000_000, 400_000_000, 2_000_000_000)
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


class Way(NamedTuple):
    """A device, and the wire by which it is reached."""

    sheet: Datasheet
    wire: str

    @property
    def name(self) -> str:
        return f"{self.sheet.name}-{self.wire}"

    @property
    def place(self) -> str:
        return "network" if self.wire == "tcp" else "lines"

    @property
    def setting(self) -> str:
        """That of its line, as from the factory; where a sheet is silent, and all masters here, 9600 baud."""
        return self.sheet.serial if self.wire == "ascii" else "9600,8,n,1"


WAYS = [Way(sheet, wire) for sheet in SHEETS for wire in ("tcp", "rtu", "ascii") if wire in sheet.transports]


def site(ways: list[Way]) -> str:
    """All of them, each at an address or on a line of its own; a line is set as the device on it is from the factory."""
    boxes, meters = ["connection: {max_total_power: 500 kW}", "evses:"], ["meters:"]
    for k, way in enumerate(ways, 1):
        sheet = way.sheet
        at = f"192.168.3.{k}:{sheet.port}" if way.wire == "tcp" else f"COM{k},{way.setting}"
        meter = sheet.kind == "meter"
        role = ", role: display" if meter else ""
        (meters if meter else boxes).append(
            f'  - {{name: {way.name}, device: {sheet.name}, at: "{at}", id: {sheet.unit}{role}}}'
        )
    return "\n".join([*boxes, *meters]) + "\n"


def limit_of(sheet: Datasheet) -> Register | None:
    """Where a master writes the limit of a box, if that is one register in mA that is written as it is."""
    limit = sheet.control.limit if sheet.control else None
    if limit is None or len(limit.registers) != 1 or limit.unit:
        return None
    register = sheet.register(limit.registers[0])
    return register if register.unit == "mA" and register.table == "holding" else None


def colon(sending: bool, data: bytes) -> bytes:
    """For pymodbus to take answers that begin with ``>``: what goes through its client."""
    return data if sending else data.replace(b">", b":")


def limit_ma(limit: Register, wanted_ma: int = LIMIT_MA) -> int:
    """What is wanted, or the next below it that the register can say."""
    return wanted_ma - wanted_ma % (limit.step or 1)


class Model:
    """The same world here, asked without any wire: soon after its start, and now and then after somebody has set all limits,
    with boxes that have fallen back meanwhile.
    """

    def __init__(self, path: Path) -> None:
        world = World(read_play(str(path)).world, Streams(1), lambda _event: None, load)
        world.advance(EARLY_US)
        self._words = {name: dict(_all(name, device)) for name, device in world.devices.items()}
        for name, device in world.devices.items():
            limit = limit_of(_sheet(name))
            if limit is not None:
                device.write(limit.table, limit.at, encode(limit, limit_ma(limit)))
        for at_us in LATER_US:
            world.advance(at_us)
            for name, device in world.devices.items():
                held = self._words[name]
                self._words[name] = {one: words for one, words in _all(name, device) if held.get(one) == words}

    def words(self, name: str, register: Register) -> list[int] | None:
        """What the register holds; None where that changes, or it is not to be read."""
        return self._words[name].get(register.name)

    def steady(self, way: Way, most: int) -> list[tuple[Register, list[int]]]:
        """Registers with what they hold, those that hold something first."""
        known = [(one, self.words(way.name, one)) for one in way.sheet.registers if one.readable]
        found = [(one, words) for one, words in known if words is not None]
        return sorted(found, key=lambda pair: not any(pair[1]))[:most]


def _sheet(name: str) -> Datasheet:
    return load(name.rpartition("-")[0])


def _all(name: str, device: Device) -> Iterator[tuple[str, list[int]]]:
    """The words of each register that is not refused, by its name."""
    for one in _sheet(name).registers:
        with suppress(Refused):
            if one.readable:
                yield one.name, list(device.read(one.table, one.at, one.count))


class Every:
    """All devices while they are served: where each is, the line to type for a first read, and the model."""

    def __init__(self) -> None:
        self.at: dict[str, str] = {}
        self.first_read: dict[str, str] = {}
        self._models: dict[str, Model] = {}
        self._controls: dict[str, Path] = {}

    def add(self, place: str, printed: list[str], model: Model, control: Path) -> None:
        for line in printed:
            name, _, _, at, first_read = re.split(r"\s{2,}", line.strip(), maxsplit=4)
            self.at[name], self.first_read[name] = at.partition(" (")[0], first_read
        self._models[place], self._controls[place] = model, control

    def model(self, way: Way) -> Model:
        return self._models[way.place]

    def box(self, way: Way) -> dict[str, object]:
        """What ``tell show`` says of a box."""
        boxes = tell({"do": "show"}, self._controls[way.place])["boxes"]
        assert isinstance(boxes, dict)
        found: dict[str, object] = boxes[way.name]
        return found


@contextmanager
def everything(folder: Path) -> Iterator[Every]:
    """Serve all, those on the network by one program and those on lines by another: a site has no more than 25 boxes."""
    every = Every()
    with ExitStack() as stack:
        for place in ("network", "lines"):
            path, control = folder / f"{place}.yaml", folder / place
            path.write_text(site([way for way in WAYS if way.place == place]), "utf-8")
            command = (*PROGRAM, "emulate", str(path), "--speed", "10", "--control", str(control))
            process = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
            stack.callback(process.kill)
            every.add(place, _table(process), Model(path), control)
            stack.callback(_ctrl_c, process)
        yield every


def _table(process: subprocess.Popen[str]) -> list[str]:
    """The rows of the table of what is where, without its head."""
    assert process.stdout is not None
    lines = [process.stdout.readline()]
    while not lines[-1].startswith("chargebench tell"):
        lines.append(process.stdout.readline())
        assert lines[-1], "it has ended"
    return [line for line in lines[3:-1] if line.strip()]


def _ctrl_c(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)
    assert process.wait(DEADLINE_S) == 0
