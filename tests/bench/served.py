"""25 mixed boxes and 10 meters on real ports, each with a master of its own: no answer missed, memory flat.

``python -m tests.bench.served [SECONDS]`` asks each device every half second and prints what came of it.
"""

from __future__ import annotations

import asyncio
import json
import struct
import sys
import tempfile
from itertools import cycle, islice
from pathlib import Path

from chargebench.datasheets.load import load, names
from chargebench.datasheets.model import Datasheet
from chargebench.emulator.adu import Adu, pack_mbap
from chargebench.emulator.kinds import kind_of_sheet
from chargebench.scenarios.emulate.places import first_register

PROGRAM = (sys.executable, "-c", "from chargebench.scenarios.cli import main; main()")
BOXES, METERS = 25, 10
PAUSE_S, PATIENCE_S, SETTLED_S = 0.5, 5, 5
FUNCTIONS = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
MOST_KB = 4_096


def served(kind: str) -> list[Datasheet]:
    """Sheets of devices that can be emulated on the network."""
    sheets = [sheet for sheet in map(load, names()) if sheet.kind == kind and "tcp" in sheet.transports]
    if kind == "meter":
        return [sheet for sheet in sheets if sheet.name != "power-brain-s0"]
    return [sheet for sheet in sheets if _can_be(sheet)]


def _can_be(sheet: Datasheet) -> bool:
    try:
        kind_of_sheet(sheet)
    except LookupError:
        return False
    return True


def site() -> tuple[str, dict[str, Datasheet]]:
    """The site, and the sheet of each device by name."""
    found: dict[str, Datasheet] = {}
    parts = {"evse": ["connection: {max_total_power: 500 kW}", "evses:"], "meter": ["meters:"]}
    for kind, count, role in (("evse", BOXES, ""), ("meter", METERS, ", role: display")):
        for k, sheet in enumerate(islice(cycle(served(kind)), count), 1):
            name = f"{kind}-{k}"
            found[name] = sheet
            at = f"192.168.{2 if kind == 'evse' else 3}.{k}:{sheet.port}"
            parts[kind].append(f'  - {{name: {name}, device: {sheet.name}, at: "{at}", id: {sheet.unit}{role}}}')
    return "\n".join([*parts["evse"], *parts["meter"]]) + "\n", found


class Master:
    """One master of one device."""

    def __init__(self, at: str, sheet: Datasheet) -> None:
        self.host, _, self.port = at.rpartition(":")
        register = first_register(sheet)
        assert register is not None
        self.unit = sheet.unit
        self.pdu = struct.pack(">BHH", FUNCTIONS[register.table], register.at, register.count)
        self.asked = self.missed = 0

    async def run(self, until_s: float) -> None:
        loop = asyncio.get_running_loop()
        reader, writer = await asyncio.open_connection(self.host, int(self.port))
        while loop.time() < until_s:
            self.asked += 1
            writer.write(pack_mbap(Adu(self.unit, self.pdu, self.asked & 0xFFFF)))
            try:
                async with asyncio.timeout(PATIENCE_S):
                    head = await reader.readexactly(6)
                    body = await reader.readexactly(struct.unpack(">H", head[4:])[0])
                    self.missed += body[1] & 0x80 != 0
            except (TimeoutError, OSError, EOFError):
                self.missed += 1
                writer.close()
                reader, writer = await asyncio.open_connection(self.host, int(self.port))
            await asyncio.sleep(PAUSE_S)
        writer.close()


def resident_kb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))


def main(seconds: float) -> int:
    text, sheets = site()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "site.yaml")
        path.write_text(text, "utf-8")
        words = (*PROGRAM, "emulate", str(path), "--json", "--control", str(Path(folder, "socket")))
        return asyncio.run(ask_all(words, sheets, seconds))


async def ask_all(words: tuple[str, ...], sheets: dict[str, Datasheet], seconds: float) -> int:
    process = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE, limit=1 << 20)
    try:
        assert process.stdout is not None
        places = json.loads(await process.stdout.readline())["serving"]
        masters = {one["name"]: Master(one["at"], sheets[one["name"]]) for one in places}
        until_s = asyncio.get_running_loop().time() + seconds
        running = asyncio.gather(*(master.run(until_s) for master in masters.values()))
        await asyncio.sleep(min(SETTLED_S, seconds / 2))
        before_kb = resident_kb(process.pid)
        await running
        after_kb = resident_kb(process.pid)
    finally:
        process.terminate()
        status = await process.wait()
    asked, missed = (
        sum(one.asked for one in masters.values()),
        {k: one.missed for k, one in masters.items() if one.missed},
    )
    print(f"{len(masters)} devices, {asked} requests in {seconds:g} s, missed: {missed or 'none'}")
    print(f"resident {before_kb} KB after {SETTLED_S} s, {after_kb} KB in the end; exit status {status}")
    return int(bool(missed) or after_kb - before_kb > MOST_KB or status != 0)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 600))
