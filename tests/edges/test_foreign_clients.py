"""mbpoll, a client of another descent (C, libmodbus), reads and writes emulated devices and means what the datasheets mean.

The world runs a hundred times as fast as its wires, so that what a write causes is soon there.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple

import pytest

from chargebench.datasheets.codec import decode
from chargebench.datasheets.load import load
from chargebench.datasheets.model import Register
from chargebench.emulator.events import Event
from chargebench.emulator.ports import Ports, Tty, open_ports
from chargebench.emulator.pump import Pump
from chargebench.emulator.spec import BoxSpec, CarSpec, ConnectionSpec, LineAt, MeterSpec, TcpAt, WorldSpec
from chargebench.emulator.streams import Streams
from chargebench.emulator.world import World

pytestmark = pytest.mark.serial
DEADLINE_S = 60
SPEED = 100
BOX, METER = 2, 101
HOLE = 8072
RTU = ("-m", "rtu", "-b", "9600", "-d", "8", "-s", "1", "-P", "none")


class Said(NamedTuple):
    """What mbpoll said: exit status, values by address, complaints."""

    status: int
    values: dict[int, str]
    complaint: str


@dataclass
class Field:
    """A garage with a charging car, and mbpoll in front of it; ``where``: its options and address for a unit."""

    program: str
    where: Callable[[int], tuple[str, ...]]
    events: asyncio.Queue[Event]

    async def poll(self, unit: int, *options: str, write: int | None = None) -> Said:
        pipe = asyncio.subprocess.PIPE
        values = () if write is None else (str(write),)
        command = (self.program, "-0", "-1", "-o", "10", "-a", str(unit), *options, *self.where(unit), *values)
        process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe, env={"LC_ALL": "C"})
        out, err = (stream.decode() for stream in await process.communicate())
        assert process.returncode is not None
        found = {int(at): value for at, value in re.findall(r"^\[(\d+)\]:\s+(\S+)", out, re.MULTILINE)}
        return Said(process.returncode, found, err.strip())

    async def state(self) -> dict[str, int | str]:
        """Registers 8092 to 8095 of the box, read at once, as its datasheet means them."""
        said = await self.poll(BOX, "-r", "8092", "-c", "4")
        assert (said.status, said.complaint) == (0, "")
        registers = [one for one in load("power-brain").registers if one.at in said.values]
        assert list(said.values) == [one.at for one in registers] == [8092, 8093, 8094, 8095]
        return {one.name: meaning(one, int(said.values[one.at])) for one in registers}

    async def until(self, kind: str, *values: int | str) -> None:
        """Wait until the world tells this."""
        while True:
            event = await self.events.get()
            if event.kind == kind and tuple(value for _, value in event.data) == values:
                return


def meaning(register: Register, word: int) -> int | str:
    value = decode(register, [word])
    assert isinstance(value, int)
    return dict(register.values).get(value, value)


def garage(at: TcpAt | LineAt) -> WorldSpec:
    """A box whose car takes all it is offered from the start, and the meter of the house."""
    meter_at = at if isinstance(at, LineAt) else TcpAt("192.168.2.160", 502)
    return WorldSpec(
        ConnectionSpec(35_000),
        (BoxSpec("garage", "power-brain", at, BOX, failsafe_us=0),),
        (MeterSpec("house", "eastron-sdm630", meter_at, METER, "connection"),),
        (CarSpec("zoe", "garage", 0, None, 3, 16_000, 100_000, below_ma=0),),
    )


Body = Callable[[Field], Awaitable[None]]
Where = Callable[[int], tuple[str, ...]]


def over_tcp(ports: Ports) -> Where:
    def where(unit: int) -> tuple[str, ...]:
        host, port = ports.aliases["192.168.2.160:502" if unit == METER else "192.168.2.151:4701"].split(":")
        return ("-p", port, host)

    return where


async def served(
    body: Body, spec: WorldSpec, program: str, ttys: dict[str, Tty], where: Callable[[Ports], Where]
) -> None:
    events: asyncio.Queue[Event] = asyncio.Queue()
    pump = Pump(World(spec, Streams(0), events.put_nowait, load), asyncio.get_running_loop(), SPEED)
    ports = await open_ports(pump, ttys=ttys)
    async with asyncio.timeout(DEADLINE_S):
        await body(Field(program, where(ports), events))
    assert ports.lost == {}
    ports.close()
    await ports.wait_closed()
    pump.stop()


@pytest.fixture(params=["tcp", "rtu"])
def visit(request: pytest.FixtureRequest, debian: Callable[..., str]) -> Callable[[Body], None]:
    """Visit a garage whose devices are on real sockets, or together on a real serial port."""
    program = debian("mbpoll")
    if request.param == "tcp":
        spec = garage(TcpAt("192.168.2.151", 4701))
        return lambda body: asyncio.run(served(body, spec, program, {}, over_tcp))
    slaves, master = request.getfixturevalue("ptys")
    spec, ttys = garage(LineAt("COM1")), {"COM1": Tty(slaves)}
    return lambda body: asyncio.run(served(body, spec, program, ttys, lambda _ports: lambda _unit: (*RTU, master)))


def test_state_is_read_and_a_limit_is_written_as_the_datasheet_says(visit: Callable[[Body], None]):
    async def body(here: Field) -> None:
        await here.until("draw", 16_000, 3)
        assert await here.state() == {
            "charge_pilot_state": "C",
            "charging_cur_limit": 16_000,
            "charging_enable": "charging",
            "charging_current": 16_000,
        }
        said = await here.poll(BOX, "-r", "8093", write=105)
        assert (said.status, said.complaint) == (0, "")
        await here.until("write", "charging_cur_limit", 10_500)
        await here.until("draw", 10_500, 3)
        assert await here.state() == {
            "charge_pilot_state": "C",
            "charging_cur_limit": 10_500,
            "charging_enable": "charging",
            "charging_current": 10_500,
        }

    visit(body)


def test_meter_beside_the_box_is_read_as_floats(visit: Callable[[Body], None]):
    async def body(here: Field) -> None:
        await here.until("draw", 16_000, 3)
        said = await here.poll(METER, "-t", "3:float", "-B", "-r", "0", "-c", "3")
        assert (said.status, said.values) == (0, {0: "230", 2: "230", 4: "230"})

    visit(body)


def test_what_cannot_be_is_refused_with_its_exception(visit: Callable[[Body], None]):
    async def body(here: Field) -> None:
        refused = {
            "a read of a hole": (await here.poll(BOX, "-r", str(HOLE)), "Illegal data address"),
            "a write of what can only be read": (await here.poll(BOX, "-r", "8092", write=2), "Illegal data address"),
            "a limit below 6 A": (await here.poll(BOX, "-r", "8093", write=59), "Illegal data value"),
            "another function": (await here.poll(BOX, "-t", "3", "-r", "8092"), "Illegal function"),
            "another unit": (await here.poll(77, "-o", "0.5", "-r", "8092"), "Connection timed out"),
        }
        for what, (said, why) in refused.items():
            assert said.status != 0, what
            assert said.values == {}, what
            assert why in said.complaint, what

    visit(body)
