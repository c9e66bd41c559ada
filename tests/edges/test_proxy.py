"""``chargebench proxy`` as a program: mbpoll before it, emulated devices on a pty behind it; lost ports, and its end."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
import struct
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from pymodbus.client import AsyncModbusTcpClient

from chargebench.datasheets.load import load
from chargebench.emulator.ports import Tty, open_ports
from chargebench.emulator.pump import Pump
from chargebench.emulator.spec import LineAt
from chargebench.emulator.streams import Streams
from chargebench.emulator.wires.pty import PTY
from chargebench.emulator.world import World
from tests.edges.test_foreign_clients import BOX, HOLE, METER, garage

pytestmark = pytest.mark.serial
PROGRAM = (sys.executable, "-c", "from chargebench.scenarios.cli import main; main()")
DEADLINE_S = 60
LINE = "COM1,9600,8,n,1"
DOWN = b"\x83\x0a"


@asynccontextmanager
async def proxied(*options: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, list[str]]]:
    """A proxy that runs, and where it listens."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*PROGRAM, "proxy", "--json", *options, stdout=pipe, stderr=pipe)
    try:
        assert process.stdout is not None
        line = await process.stdout.readline()
        assert line, await process.communicate()
        yield process, json.loads(line)["listening"]
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@asynccontextmanager
async def line_of_the_garage() -> AsyncIterator[str]:
    """A box and a meter on a pty; its path."""
    pump = Pump(World(garage(LineAt("COM1")), Streams(0), lambda _event: None, load), asyncio.get_running_loop(), 1)
    ports = await open_ports(pump, ttys={"COM1": Tty(PTY)})
    try:
        yield ports.aliases["COM1"]
    finally:
        ports.close()
        await ports.wait_closed()
        pump.stop()


async def mbpoll(
    program: str, at: str, unit: int, *options: str, value: int | None = None
) -> tuple[dict[int, str], str]:
    """What mbpoll read, by address, and what it complained of."""
    host, port = at.split(":")
    values = () if value is None else (str(value),)
    command = (program, "-m", "tcp", "-p", port, "-0", "-1", "-o", "10", "-a", str(unit), *options, host, *values)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe, env={"LC_ALL": "C"})
    out, err = (stream.decode() for stream in await process.communicate())
    return {int(at): value for at, value in re.findall(r"^\[(\d+)\]:\s+(\S+)", out, re.MULTILINE)}, err.strip()


async def by_pymodbus(at: str) -> tuple[int, ...]:
    """What pymodbus reads of the box's limit, by both of its unit ids."""
    host, port = at.split(":")
    client = AsyncModbusTcpClient(host, port=int(port))
    assert await client.connect()
    answers = [await client.read_holding_registers(8093, count=1, device_id=unit) for unit in (BOX, 55)]
    client.close()
    return tuple(answer.registers[0] for answer in answers)


def test_mbpoll_and_pymodbus_read_and_write_through_it_as_if_the_line_were_tcp(debian: Callable[..., str]):
    program = debian("mbpoll")

    async def main() -> None:
        async with line_of_the_garage() as path, proxied("--line", f"{LINE}={path}", "--unit", "55=2") as (_, (at,)):
            assert await mbpoll(program, at, BOX, "-r", "8093", value=105) == ({}, "")
            read, complaint = await mbpoll(program, at, 55, "-r", "8092", "-c", "2")
            assert (read[8093], complaint) == ("105", "")
            read, complaint = await mbpoll(program, at, METER, "-t", "3:float", "-B", "-r", "0", "-c", "3")
            assert (read, complaint) == ({0: "230", 2: "230", 4: "230"}, "")
            assert await by_pymodbus(at) == (105, 105)
            assert "Illegal data address" in (await mbpoll(program, at, BOX, "-r", str(HOLE)))[1]
            assert "Target device failed to respond" in (await mbpoll(program, at, 77, "-r", "8092"))[1]

    asyncio.run(asyncio.wait_for(main(), DEADLINE_S))


def ask(at: str, pdu: bytes = b"\x03\x1f\x9c\x00\x01", unit: int = BOX) -> bytes:
    """One request on a connection of its own; the answer's PDU."""
    host, port = at.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as one:
        one.sendall(struct.pack(">HHHB", 1, 0, len(pdu) + 1, unit) + pdu)
        return one.recv(300)[7:]


def test_a_port_that_goes_away_is_told_and_served_again_once_it_is_back(tmp_path: Path):
    link = tmp_path / "tty"

    async def main() -> None:
        async with AsyncExitStack() as stack:
            async with line_of_the_garage() as path:
                link.symlink_to(path)
                process, (at,) = await stack.enter_async_context(proxied("--line", f"{LINE}={link}"))
                assert process.stdout is not None
                assert (await asyncio.to_thread(ask, at))[:2] == b"\x03\x02"
                link.unlink()
            assert f"{link} is gone" in json.loads(await process.stdout.readline())["note"]
            assert await asyncio.to_thread(ask, at) == DOWN
            async with line_of_the_garage() as path:
                link.symlink_to(path)
                assert f"{link} is back" in json.loads(await process.stdout.readline())["note"]
                assert (await asyncio.to_thread(ask, at))[:2] == b"\x03\x02"

    asyncio.run(asyncio.wait_for(main(), DEADLINE_S))


def test_sigterm_ends_it_and_it_says_what_it_has_carried():
    async def main() -> None:
        async with line_of_the_garage() as path, proxied("--line", f"{LINE}={path}") as (process, (at,)):
            assert (await asyncio.to_thread(ask, at))[:2] == b"\x03\x02"
            process.send_signal(signal.SIGTERM)
            out, err = await process.communicate()
            ended = json.loads(out)["ended"]
            assert (process.returncode, err, ended["by"]) == (0, b"", "SIGTERM")
            assert (ended["lines"]["COM1"]["sent"], ended["lines"]["COM1"]["answered"]) == (1, 1)

    asyncio.run(asyncio.wait_for(main(), DEADLINE_S))


def test_what_cannot_be_had_is_told_in_one_sentence_with_status_3():
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            at = "127.0.0.1:{1}".format(*taken.getsockname())
            for options, said in (
                (("--line", f"{LINE}=/dev/there-is-none"), "/dev/there-is-none for COM1: there is no such port"),
                (("--line", f"{LINE}=/dev/null"), "/dev/null for COM1: it is no serial port"),
                (("--line", "box=tcp://127.0.0.1:9", "--listen", at), f"{at}: address already in use"),
            ):
                pipe = asyncio.subprocess.PIPE
                process = await asyncio.create_subprocess_exec(*PROGRAM, "proxy", *options, stdout=pipe, stderr=pipe)
                out, err = await process.communicate()
                assert (process.returncode, out, err.decode()) == (3, b"", f"{said}\n")

    asyncio.run(asyncio.wait_for(main(), DEADLINE_S))
