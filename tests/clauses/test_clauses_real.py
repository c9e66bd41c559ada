"""The same checks on real wires: our slave on loopback TCP and on a pair of ptys, and a foreign slave with known faults."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from chargebench.emulator.ascii import Speech
from chargebench.emulator.clients import Limits
from chargebench.emulator.serve import SerialNode, SerialPort, serve_tcp, tolerant_end
from chargebench.emulator.wires.uart import Setting
from chargebench.scenarios.clauses.catalogue import CLAUSES, PROTOCOL, check_all
from chargebench.scenarios.clauses.end import End
from chargebench.scenarios.clauses.model import Clause, Outcome
from chargebench.scenarios.clauses.serial_wire import SerialLine
from chargebench.scenarios.clauses.tcp_wire import StreamWire
from tests.clauses.ends import HOLDING, RICH, rich
from tests.clauses.test_clauses_own import LINE_ONLY, NEVER_ON_A_LINE, TCP_ONLY

pytestmark = pytest.mark.serial

# Patience as short as a loopback allows; how quick an answer is says nothing here.
QUICK = replace(RICH, timeout_us=300_000, stall_us=3_000_000, idle_us=300_000, latency_us=10_000_000, gap_us=5_000)
PATIENT = replace(QUICK, timeout_us=2_000_000, idle_us=1_000_000, gap_us=200_000)


async def checked(end: End, clauses: tuple[Clause, ...] = PROTOCOL) -> dict[str, Outcome]:
    """The verdicts; what is broken for so little patience is asked again with more, since others work on this machine, too."""
    outcomes = await check_all(end, clauses)
    broken = tuple(one for one in clauses if outcomes[one.id].verdict == "broken")
    if broken:
        await end.start_afresh()
        end.target = PATIENT
        outcomes |= await check_all(end, broken)
    return outcomes


def verdicts(outcomes: dict[str, Outcome], verdict: str) -> set[str]:
    return {id_ for id_, one in outcomes.items() if one.verdict == verdict}


def test_our_slave_keeps_the_clauses_on_real_sockets():
    async def main() -> dict[str, Outcome]:
        service = await serve_tcp(rich(), limits=Limits(stall_us=1_500_000))
        end = End(QUICK, tcp=StreamWire(*service.address))
        outcomes = await checked(end)
        await end.start_afresh()
        service.close()
        await service.wait_closed()
        return outcomes

    outcomes = asyncio.run(main())
    assert {id_: one for id_, one in outcomes.items() if one.verdict == "broken"} == {}
    assert verdicts(outcomes, "not applicable") == LINE_ONLY | {"T20"}


@pytest.fixture
def ptys(debian: Callable[[str], str], tmp_path):
    """Two serial ports of this machine with a line between them."""
    ends = [tmp_path / "box", tmp_path / "master"]
    command = [debian("socat"), "-d", "-d", *(f"pty,raw,echo=0,link={end}" for end in ends)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as socat:
        assert socat.stderr is not None
        assert any("starting data transfer" in line for line in socat.stderr)
        yield tuple(map(str, ends))
        socat.terminate()


def test_our_slave_keeps_the_clauses_on_a_serial_port(ptys):
    async def main() -> dict[str, Outcome]:
        node = SerialNode(rich(), ptys[0], Setting(115_200))
        line = SerialLine(ptys[1], Setting(115_200))
        try:
            return await checked(End(QUICK, line=line))
        finally:
            await line.close()
            node.close()

    outcomes = asyncio.run(main())
    assert {id_: one for id_, one in outcomes.items() if one.verdict == "broken"} == {}
    assert verdicts(outcomes, "not applicable") == TCP_ONLY | NEVER_ON_A_LINE | {"R07", "R17"}


def test_our_slave_keeps_the_clauses_of_ascii_on_a_serial_port(ptys):
    of_ascii = tuple(one for one in PROTOCOL if one.over == ("ascii",))

    async def main() -> dict[str, Outcome]:
        setting = Setting(115_200)
        node = SerialPort(tolerant_end(rich(), setting, speech=Speech("ascii")), ptys[0], setting)
        line = SerialLine(ptys[1], setting)
        end = End(QUICK, line=line)
        end.mode = "ascii"
        try:
            return await checked(end, of_ascii)
        finally:
            await line.close()
            node.close()

    outcomes = asyncio.run(main())
    assert {id_: one.verdict for id_, one in outcomes.items()} == {f"C0{n}": "kept" for n in range(1, 6)}


# ---- a foreign slave -------------------------------------------------------------------------------------------------

FOREIGN = replace(
    QUICK,
    timeout_us=200_000,
    stall_us=600_000,
    holding=replace(HOLDING, refused=None, read_only=None),
    known=(),
    busy=None,
    itself=False,
    server_id_octets=8,
)
KNOWN_FAULTS = {
    "A04": "80 01",  # a wrong quantity loses its function code
    "A05": "80 01",
    "A06": "80 01",
    "A10": "80 01",
    "A11": "80 01",
    "A12": "80 01",
    "A14": "80 01",  # so does an unknown function
    "A16": "83 04",
    "A30": "05 00 64 ff 00",  # any value is on
    "A34": "80 01",
    "A35": "80 01",
    "A43": "88 04",
    "T04": "silence",  # stuck behind another protocol
    "T05": "silence all the time",
    "T06": "silence all the time",
    "T09": "to [1]",  # what is pipelined is lost
    "T10": "to [1]",
    "T11": "to [1]",
    "T12": "to [], then connection closed",
    "T19": "83 04",
}
SOUND = ("A01", "A02", "A07", "A08", "A09", "A17", "A18", "A21", "A27", "A28", "A33", "T01", "T02", "T07", "T13", "T21")


@asynccontextmanager
async def foreign_slave() -> AsyncIterator[tuple[str, int]]:
    """pymodbus' own server, with registers 0 to 2199."""
    words = [7 * place & 0xFFFF for place in range(2200)]
    bits = [SimData(0, count=140, values=0x5555, datatype=DataType.BITS)]
    holding, inputs = ([SimData(0, values=words, datatype=DataType.REGISTERS)] for _ in range(2))
    server = ModbusTcpServer([SimDevice(1, simdata=(bits, bits, holding, inputs))], address=("127.0.0.1", 0))
    await server.serve_forever(background=True)
    try:
        listening = server.transport
        assert isinstance(listening, asyncio.Server)
        yield listening.sockets[0].getsockname()
    finally:
        await server.shutdown()


def test_the_known_faults_of_a_foreign_slave_are_found():
    clauses = tuple(one for one in CLAUSES if one.id in KNOWN_FAULTS or one.id in SOUND)

    async def main() -> dict[str, Outcome]:
        async with foreign_slave() as address:
            end = End(FOREIGN, tcp=StreamWire(*address))
            outcomes = await check_all(end, clauses)
            await end.start_afresh()
            return outcomes

    outcomes = asyncio.run(main())
    assert {id_: one.got for id_, one in outcomes.items() if one.verdict == "broken"} == KNOWN_FAULTS
    assert verdicts(outcomes, "kept") == set(SOUND)
