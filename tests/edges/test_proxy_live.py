"""``chargebench proxy`` looked at: by tshark from before it, by a program, by a person; and with faults on its line."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.edges.tap import CLIENT, Tap, server_of, write_pcap
from tests.edges.test_every_device import Decoded, decoded
from tests.edges.test_foreign_clients import BOX, HOLE
from tests.edges.test_proxy import DEADLINE_S, LINE, PROGRAM, ask, by_pymodbus, line_of_the_garage, mbpoll, proxied

pytestmark = pytest.mark.serial
READ, DEAD = b"\x03\x1f\x9d\x00\x01", 77


def exchange(unit: int, function: int, *said: tuple[str, str, str, str, str]) -> list[Decoded]:
    """A request and what came back: reference, quantity, values, data, exception."""
    ends = ((CLIENT, server_of(1)), (server_of(1), CLIENT))
    return [Decoded(*end, str(unit), str(function), *one) for end, one in zip(ends, said, strict=True)]


def test_tshark_finds_that_what_foreign_clients_say_through_it_is_modbus(debian: Callable[..., str], tmp_path: Path):
    tshark, program = debian("tshark"), debian("mbpoll")

    async def main() -> None:
        async with line_of_the_garage() as path, proxied("--line", f"{LINE}={path}", "--unit", "55=2") as (_, (at,)):
            tap = Tap(at)
            await mbpoll(program, tap.at, BOX, "-r", "8093", value=105)
            await mbpoll(program, tap.at, BOX, "-r", str(HOLE))
            await mbpoll(program, tap.at, DEAD, "-r", "8093")
            assert await by_pymodbus(tap.at) == (105, 105)
            await asyncio.to_thread(tap.close)
            write_pcap(tmp_path / "proxy.pcap", [tap])

    asyncio.run(asyncio.wait_for(main(), DEADLINE_S))
    assert decoded(tshark, tmp_path / "proxy.pcap") == [
        *exchange(BOX, 6, ("8093", "", "", "0069", ""), ("8093", "", "", "0069", "")),
        *exchange(BOX, 3, (str(HOLE), "1", "", "", ""), ("", "", "", "", "2")),
        *exchange(DEAD, 3, ("8093", "1", "", "", ""), ("", "", "", "", "11")),
        *exchange(BOX, 3, ("8093", "1", "", "", ""), ("", "", "105", "", "")),
        *exchange(55, 3, ("8093", "1", "", "", ""), ("", "", "105", "", "")),
    ]


def test_a_program_is_told_how_the_line_stands_and_which_faults_were_made():
    async def main() -> None:
        faults = ("--faults", "exception code=6 functions=3 requests=2", "--every", "200 ms")
        async with line_of_the_garage() as path, proxied("--line", f"{LINE}={path}", *faults) as (process, (at,)):
            assert process.stdout is not None
            answers = [await asyncio.to_thread(ask, at, READ) for _ in range(3)]
            assert [answer[0] for answer in answers] == [3, 0x83, 3]
            assert answers[1] == b"\x83\x06"
            told: dict[str, Any] = {"asked": 0}
            while told["asked"] < 3:
                told = json.loads(await process.stdout.readline())["carried"]["COM1"]
            assert (told["answered"], told["units"][str(BOX)]["answered"], told["there"]) == (3, 3, True)
            process.send_signal(signal.SIGTERM)
            out, err = await process.communicate()
            ended = json.loads(out.splitlines()[-1])["ended"]
            assert (ended["lines"]["COM1"]["sent"], ended["meddled"], err) == (3, {"COM1": {"exception": 1}}, b"")

    asyncio.run(asyncio.wait_for(main(), DEADLINE_S))


def test_a_person_at_a_terminal_sees_a_table_that_moves():
    async def main() -> None:
        near, far = pty.openpty()
        screen = bytearray()
        async with line_of_the_garage() as path:
            options = ("--line", f"{LINE}={path}", "--every", "100 ms")
            process = await asyncio.create_subprocess_exec(*PROGRAM, "proxy", *options, stdout=-1, stderr=far)
            os.close(far)
            assert process.stdout is not None
            at = (await process.stdout.readline()).decode().split()[-1]
            await asyncio.to_thread(ask, at, READ)
            await asyncio.to_thread(read_until, near, screen, f"COM1/{BOX}".encode())
            process.send_signal(signal.SIGTERM)
            await asyncio.to_thread(read_until, near, screen, b"1 requests sent, 1 answered, 0 not")
            assert await process.wait() == 0
        os.close(near)
        drawn = screen.decode().split("\x1b[J")[-2]
        assert "requests/s" in drawn
        assert f"COM1 {path}" in drawn

    asyncio.run(asyncio.wait_for(main(), DEADLINE_S))


def read_until(fd: int, screen: bytearray, what: bytes) -> None:
    while what not in screen:
        screen += os.read(fd, 65_536)
