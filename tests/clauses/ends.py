"""Slaves for the clauses to be checked on: a device with everything, a gateway, and one with three functions only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeAlias

from chargebench.emulator.ascii import RTU, Speech
from chargebench.emulator.clients import Limits
from chargebench.emulator.clock.loop import SimLoop
from chargebench.emulator.device import Refused
from chargebench.emulator.serve import LineNode, serve_tcp
from chargebench.emulator.slave import Slave
from chargebench.emulator.wires.rs485 import Line
from chargebench.scenarios.clauses.end import End
from chargebench.scenarios.clauses.line_wire import SimulatedLine
from chargebench.scenarios.clauses.model import Area, Clause, Known, Outcome, Target, Wide
from chargebench.scenarios.clauses.tcp_wire import StreamWire
from tests.emulator.bank import ALL_FUNCTIONS, Bank

FIRST, SIZE, LAST = 100, 2100, 2199
WRITABLE, READ_ONLY, BUSY_AT, WIDE_AT = 103, 300, 500, 400
BUSY_US = 300_000
FEW = (3, 6, 16)

HOLDING = Area(
    FIRST, 125, LAST, WRITABLE, (tuple(range(1, 124)), tuple(range(30, 153))), refused=161, read_only=READ_ONLY
)
COILS = Area(FIRST, 2000, LAST, FIRST, (tuple(n % 2 for n in range(1968)), tuple(n % 3 % 2 for n in range(1968))))
RICH = Target(
    ALL_FUNCTIONS,
    holding=HOLDING,
    input=Area(FIRST, 125, LAST),
    coil=COILS,
    discrete=Area(FIRST, 2000, LAST),
    wide=Wide("holding", WIDE_AT, 2, "data", ((0, 0), (0xFFFF, 0xFFFF))),
    known=(Known("input", 101, (11, 22)), Known("holding", 102, (14,))),
    itself=True,
    busy=bytes((6, BUSY_AT >> 8, BUSY_AT & 0xFF, 0, 1)),
    lines=("9600,8,n,1", "9600,8,n,2", "19200,8,e,1"),
)
POOR = Target(FEW, holding=HOLDING)


Run: TypeAlias = Callable[[End], Awaitable[None]]
Setup: TypeAlias = Callable[[Run], None]


class Box(Bank):
    """A bank that is busy for a while after a certain register was written."""

    def __init__(self, functions=ALL_FUNCTIONS):
        super().__init__(FIRST, SIZE, functions=functions, read_only=(READ_ONLY,), most={WRITABLE: 160})
        self.busy_until_us = 0

    def read(self, table, address, count):
        if self.now_us < self.busy_until_us:
            raise Refused(6)
        return super().read(table, address, count)

    def write(self, table, address, values):
        if (table, address) == ("holding", BUSY_AT):
            self.busy_until_us = self.now_us + BUSY_US
        super().write(table, address, values)


class Dead(Box):
    """A unit behind a gateway that does not answer it."""

    def advance(self, _now_us):
        raise Refused(0x0B)


def over_tcp(slave: Slave, target: Target, run: Run, limits: Limits | None = None) -> None:
    """Serve ``slave`` at 192.168.2.151:4701 in virtual time and run something on its end."""
    loop = SimLoop(1)

    async def main() -> None:
        service = await serve_tcp(slave, "192.168.2.151", 4701, clock=lambda: loop.now_us, limits=limits)
        end = End(target, tcp=StreamWire("192.168.2.151", 4701))
        await run(end)
        await end.start_afresh()
        service.close()
        await service.wait_closed()

    loop.run(main())


def on_line(
    slave: Slave,
    target: Target,
    run: Run,
    *,
    setting: tuple[int, int, str, int] = (9600, 8, "N", 1),
    node: type[LineNode] = LineNode,
    speech: Speech = RTU,
) -> None:
    """The same on a simulated line, beside another slave that is not asked."""
    loop = SimLoop(1)
    line = Line(loop, "COM1", *setting)
    node(loop.env, line, slave, "box", turnaround_us=2_000, speech=speech)
    LineNode(loop.env, line, Slave({42: Box(FEW)}), "other", speech=speech)

    async def main() -> None:
        end = End(target, line=SimulatedLine(loop, line))
        end.mode = speech.mode
        await run(end)

    loop.run(main())


def in_ascii(
    slave: Slave,
    target: Target,
    run: Run,
    *,
    setting: tuple[int, int, str, int] = (9600, 7, "E", 1),
    lead: bytes = b":",
) -> None:
    """The same on a line in ASCII mode."""
    on_line(slave, target, run, setting=setting, speech=Speech("ascii", lead))


def rich() -> Slave:
    return Slave({1: Box()}, tcp_any_unit=True)


def poor() -> Slave:
    return Slave({1: Box(FEW)})


def gateway() -> Slave:
    return Slave({1: Box(), 77: Dead()}, gateway=True)


GATEWAY = replace(RICH, itself=False, strangers="gateway", dead_unit=77)

SETUPS: dict[str, Setup] = {
    "everything over TCP": lambda run: over_tcp(rich(), RICH, run),
    "three functions over TCP": lambda run: over_tcp(poor(), POOR, run),
    "a gateway": lambda run: over_tcp(gateway(), GATEWAY, run),
    "a server that drops idle clients": lambda run: over_tcp(rich(), RICH, run, Limits(idle_us=60_000_000)),
    "everything on a line": lambda run: on_line(rich(), RICH, run),
    "three functions on a line": lambda run: on_line(poor(), POOR, run, setting=(19_200, 8, "E", 1)),
    "everything in ASCII": lambda run: in_ascii(rich(), RICH, run),
    "three functions in ASCII": lambda run: in_ascii(poor(), POOR, run, setting=(38_400, 8, "E", 1)),
    "a fast line": lambda run: on_line(rich(), RICH, run, setting=(115_200, 8, "N", 2)),
}


def outcome(setup: Setup, clause: Clause) -> Outcome:
    """What comes out where this clause is checked in this setup."""
    out: list[Outcome] = []

    async def run(end: End) -> None:
        out.append(await clause.check(end))

    setup(run)
    return out[0]
