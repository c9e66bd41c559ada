"""25 mixed boxes and 10 meters on real ports, each with a master of its own: no answer missed, memory flat.

``python -m tests.bench.served [SECONDS]`` prints what came of it. On the network every device has a master that asks it more
than four times a second; a line has one, which asks each device on it in turn. Boxes are told a limit now and then.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import struct
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import NamedTuple, Protocol

from chargebench.datasheets.codec import encode
from chargebench.datasheets.model import Datasheet
from chargebench.emulator.adu import Adu, pack_mbap, pack_rtu, unpack_rtu
from chargebench.emulator.ascii import COLON, GREATER, LF, pack_ascii, unpack_ascii
from chargebench.scenarios.emulate.places import first_register
from tests.edges.every import PROGRAM, SHEETS, limit_ma, limit_of

BOXES, METERS = 25, 10
LINES = ("COM1", "COM2", "COM3")
ASCII_LINE = LINES[2]
FIRST_METER = 101
PAUSE_S, WRITE_S, PATIENCE_S, LOST_S = 0.2, 10.0, 5.0, 1.5
SETTLED_S = 60.0
MOST_KB = 2_048
TOLD = 5
FUNCTIONS = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
LIMITS_MA = (10_000, 16_000)


@dataclass(slots=True)
class Device:
    """A device of the site, with what its master asks and what came of it. ``line``: "" on the network."""

    name: str
    sheet: Datasheet
    unit: int
    line: str
    at: str = ""
    asked: int = 0
    missed: list[str] = field(default_factory=list)
    took_ms: list[float] = field(default_factory=list)

    def pdus(self, clock: Callable[[], float]) -> Iterable[bytes]:
        """Reads, for ever, and a limit every 10 s."""
        register, limit = first_register(self.sheet), limit_of(self.sheet)
        assert register is not None
        read = struct.pack(">BHH", FUNCTIONS[register.table], register.at, register.count)
        for number in count():
            due_s = clock() + WRITE_S
            if limit is not None:
                words = encode(limit, limit_ma(limit, LIMITS_MA[number % len(LIMITS_MA)]))
                single = 6 in limit.writes and limit.count == 1
                head = (
                    struct.pack(">BH", 6, limit.at)
                    if single
                    else struct.pack(">BHHB", 16, limit.at, limit.count, 2 * limit.count)
                )
                yield head + struct.pack(f">{limit.count}H", *words)
            while clock() < due_s:
                yield read


def site() -> tuple[str, list[Device]]:
    """Every make of box once, by the network where it can be, else on a line, in ASCII mode on one; and ten meters."""
    boxes, meters = ([sheet for sheet in SHEETS if sheet.kind == kind] for kind in ("evse", "meter"))
    tcp = [Device(f"box-{k}", one, one.unit, "") for k, one in enumerate(_with(boxes, "tcp"), 1)]
    rtu = enumerate(one for one in _with(boxes, "rtu") if "tcp" not in one.transports)
    lined = [Device(f"line-box-{k}", one, k // 2 + 1, LINES[k % 2]) for k, one in rtu]
    lined += [Device(f"ascii-box-{k}", one, k, ASCII_LINE) for k, one in enumerate(_with(boxes, "ascii"), 1)]
    net = [Device(f"meter-{k}", one, one.unit, "") for k, one in enumerate(_with(meters, "tcp"), 1)]
    only = [one for one in _with(meters, "rtu") if "tcp" not in one.transports][: METERS - len(net)]
    wired = [Device(f"line-meter-{k}", one, FIRST_METER + k // 2, LINES[k % 2]) for k, one in enumerate(only)]
    text = ["connection: {max_total_power: 500 kW}", "evses:", *(_line(k, one) for k, one in enumerate(tcp + lined))]
    text += ["meters:", *(_line(k, one, ", role: display") for k, one in enumerate(net + wired, 100))]
    return "\n".join(text) + "\n", [*tcp, *lined, *net, *wired]


def _with(sheets: Iterable[Datasheet], transport: str) -> list[Datasheet]:
    return [sheet for sheet in sheets if transport in sheet.transports]


def _line(number: int, one: Device, more: str = "") -> str:
    setting = one.sheet.serial if one.line == ASCII_LINE else "9600,8,n,1"
    at = f"{one.line},{setting}" if one.line else f"192.168.2.{number + 1}:{one.sheet.port}"
    return f'  - {{name: {one.name}, device: {one.sheet.name}, at: "{at}", id: {one.unit}{more}}}'


class Wire(Protocol):
    """A way on which one question is asked at a time; ``OSError``, ``EOFError`` or ``ValueError`` where no sound answer comes."""

    async def ask(self, unit: int, pdu: bytes) -> bytes: ...

    async def again(self) -> None:
        """Begin anew after a question without an answer."""

    def close(self) -> None: ...


class TcpWire:
    """A connection of Modbus TCP."""

    def __init__(self, at: str) -> None:
        self._at = at
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._number = 0

    async def ask(self, unit: int, pdu: bytes) -> bytes:
        if self._streams is None:
            host, _, port = self._at.rpartition(":")
            self._streams = await asyncio.open_connection(host, int(port))
        reader, writer = self._streams
        self._number = self._number % 0xFFFF + 1
        writer.write(pack_mbap(Adu(unit, pdu, self._number)))
        number, _, length = struct.unpack(">HHH", await reader.readexactly(6))
        body = await reader.readexactly(length)
        if (number, body[0]) != (self._number, unit):
            raise ValueError("the answer to something else")
        return body[1:]

    async def again(self) -> None:
        self.close()

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None


class LineWire:
    """The master's end of a line: a serial port, here a pty."""

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self._came = asyncio.Event()
        self._frame = bytearray()
        asyncio.get_running_loop().add_reader(self._fd, self._readable)

    async def ask(self, unit: int, pdu: bytes) -> bytes:
        self._frame.clear()
        os.write(self._fd, self._packed(unit, pdu))
        while not self._whole():
            self._came.clear()
            await self._came.wait()
        adu = self._unpacked()
        if adu is None or adu.unit != unit:
            raise ValueError(f"a broken frame, {self._frame.hex()}")
        return adu.pdu

    def _packed(self, unit: int, pdu: bytes) -> bytes:
        return pack_rtu(unit, pdu)

    def _whole(self) -> bool:
        return len(self._frame) >= 5 and len(self._frame) >= _size(self._frame)

    def _unpacked(self) -> Adu | None:
        return unpack_rtu(bytes(self._frame))

    async def again(self) -> None:
        await asyncio.sleep(PATIENCE_S / 10)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._fd)
        os.close(self._fd)

    def _readable(self) -> None:
        self._frame += os.read(self._fd, 512)
        self._came.set()


class AsciiWire(LineWire):
    """The same in ASCII mode. After a second of silence its boxes lose a request and answer the next: it is asked twice."""

    async def ask(self, unit: int, pdu: bytes) -> bytes:
        try:
            async with asyncio.timeout(LOST_S):
                return await super().ask(unit, pdu)
        except TimeoutError:
            return await super().ask(unit, pdu)

    def _packed(self, unit: int, pdu: bytes) -> bytes:
        return pack_ascii(unit, pdu)

    def _whole(self) -> bool:
        return self._frame.endswith(LF)

    def _unpacked(self) -> Adu | None:
        return unpack_ascii(bytes(self._frame).replace(GREATER, COLON))


def _size(frame: bytearray) -> int:
    """How long the answer is that begins so."""
    if frame[1] & 0x80:
        return 5
    return 8 if frame[1] in {5, 6, 15, 16} else 5 + frame[2]


async def master(wire: Wire, devices: Sequence[Device], until_s: float) -> None:
    """Ask each of ``devices`` in turn, and again after a pause that all of them bear."""
    clock = asyncio.get_running_loop().time
    plans = [(one, iter(one.pdus(clock))) for one in devices]
    try:
        while clock() < until_s:
            for one, plan in plans:
                await _ask(wire, one, next(plan))
            await asyncio.sleep(PAUSE_S)
    finally:
        wire.close()


async def _ask(wire: Wire, one: Device, pdu: bytes) -> None:
    clock = asyncio.get_running_loop().time
    one.asked += 1
    sent_s = clock()
    try:
        async with asyncio.timeout(PATIENCE_S):
            answer = await wire.ask(one.unit, pdu)
        one.took_ms.append(1000 * (clock() - sent_s))
        if answer[0] != pdu[0]:
            one.missed.append(f"{pdu.hex()} got {answer.hex()}")
    except (OSError, EOFError, ValueError) as error:  # TimeoutError is an OSError
        one.missed.append(f"{pdu.hex()} after {clock():.1f} s: {str(error) or 'no answer'}")
        await wire.again()


class Came(NamedTuple):
    """What came of it. ``kb``: resident memory at the start, once it has settled, and in the end."""

    devices: list[Device]
    seconds: float
    kb: tuple[int, int, int]
    status: int

    @property
    def missed(self) -> dict[str, list[str]]:
        return {f"{one.name} ({one.sheet.name})": one.missed for one in self.devices if one.missed}


def serve_and_ask(seconds: float) -> Came:
    """Serve the site by a process of its own, and ask everything for so long."""
    text, devices = site()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "site.yaml")
        path.write_text(text, "utf-8")
        words = (*PROGRAM, "emulate", str(path), "--json", "--control", str(Path(folder, "socket")))
        return asyncio.run(_served(words, devices, seconds))


async def _served(words: Sequence[str], devices: list[Device], seconds: float) -> Came:
    process = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE, limit=1 << 20)
    try:
        assert process.stdout is not None
        places = json.loads(await process.stdout.readline())["serving"]
        kb = await _ask_all(devices, {one["name"]: one["at"] for one in places}, seconds, process.pid)
    finally:
        process.terminate()
        status = await process.wait()
    return Came(devices, seconds, kb, status)


async def _ask_all(devices: list[Device], at: dict[str, str], seconds: float, pid: int) -> tuple[int, int, int]:
    """A master for each device on the network and for each line; what the process holds meanwhile."""
    until_s = asyncio.get_running_loop().time() + seconds
    masters = [master(TcpWire(at[one.name]), [one], until_s) for one in devices if not one.line]
    for line in LINES:
        here = [one for one in devices if one.line == line]
        wire = AsciiWire if line == ASCII_LINE else LineWire
        masters.append(master(wire(at[here[0].name]), here, until_s))
    running = asyncio.gather(*masters)
    await asyncio.sleep(min(1, seconds / 4))
    start = resident_kb(pid)
    await asyncio.sleep(min(SETTLED_S, seconds / 2))
    settled = resident_kb(pid)
    await running
    return start, settled, resident_kb(pid)


def resident_kb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))


def table(came: Came) -> str:
    """What came of it, a row for the network and for each line."""
    rows = ["| where | devices | masters | requests | missed | median, ms | p99, ms |", "| --- |" + " ---: |" * 6]
    for where in ("", *LINES):
        here = [one for one in came.devices if one.line == where]
        took = sorted(ms for one in here for ms in one.took_ms)
        times = f"{statistics.median(took):.1f} | {took[(len(took) - 1) * 99 // 100]:.1f}"
        name, masters = where or "TCP", 1 if where else len(here)
        asked, missed = sum(one.asked for one in here), sum(len(one.missed) for one in here)
        rows.append(f"| {name} | {len(here)} | {masters} | {asked:,} | {missed} | {times} |")
    start, settled, end = (f"{kb / 1024:.1f} MB" for kb in came.kb)
    memory = f"resident {start} at the start, {settled} after {min(SETTLED_S, came.seconds / 2):g} s, {end} in the end"
    wrong = [f"missed by {name}: {why}" for name, all_of_it in came.missed.items() for why in all_of_it[:TOLD]]
    return "\n".join([*rows, "", f"{came.seconds:g} s; {memory}", *(wrong or ["no answer missed"])])


def main(seconds: float) -> int:
    came = serve_and_ask(seconds)
    print(table(came))
    return int(bool(came.missed) or came.kb[2] - came.kb[1] > MOST_KB or came.status != 0)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 600))
