"""Captures before a protocol analyser that is told nothing: tshark finds who asked what, the answers, what was wrong, and why.

Registers of answers have the numbers that were asked for, and each answer names its request: so the analyser itself has found
both to belong together.
"""

from __future__ import annotations

import asyncio
import signal
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.edges.test_foreign_clients import BOX
from tests.edges.test_proxy import DEADLINE_S, LINE, by_pymodbus, line_of_the_garage, proxied
from tests.pcapng import read
from tests.scenarios.captured import captured
from tests.scenarios.test_capture import SHARED_ID

pytestmark = pytest.mark.serial
FIELDS = (
    "frame.interface_name",
    "_ws.col.Source",
    "_ws.col.Destination",
    "frame.protocols",
    "modbus.func_code",
    "modbus.reference_num",
    "modbus.regnum16",
    "modbus.regval_uint16",
    "modbus.request_frame",
    "frame.packet_flags_crc_error",
    "_ws.malformed",
    "_ws.expert.message",
    "frame.comment",
)


class Decoded(NamedTuple):
    """A packet as tshark understands it; "" for a field that it does not have."""

    bus: str
    source: str
    target: str
    protocols: str
    function: str
    reference: str
    registers: str
    values: str
    request: str
    bad_crc: str
    malformed: str
    expert: str
    comments: str


def decoded(tshark: str, path: Path) -> list[Decoded]:
    """Every packet, with no preference set but that names of the file are shown, and none of the system's."""
    fields = [word for field in FIELDS for word in ("-e", field)]
    command = [tshark, "-n", "-r", str(path), "-T", "fields", *fields]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=True)
    assert "cut short" not in done.stderr
    return [Decoded._make(line.split("\t")) for line in done.stdout.splitlines()]


def test_all_buses_of_a_run_are_read_unasked(debian: Callable[..., str], tmp_path: Path):
    tshark = debian("tshark")
    path = tmp_path / "buses.pcapng"
    path.write_bytes(captured(tmp_path)[1])
    packets = decoded(tshark, path)
    assert [one for one in packets if one.malformed or one.bad_crc == "1"] == []
    for bus, protocol in (("192.168.2.151:4701", "mbtcp:modbus"), ("COM1", "mbrtu:modbus"), ("COM2", "mbrtu:modbus")):
        of_bus = [one for one in packets if one.bus == bus and one.function]
        assert {protocol in one.protocols for one in of_bus} == {True}, bus
        answers = [one for one in of_bus if one.request and one.function == "3"]
        assert len(answers) > 5, bus
        for one in answers:
            asked = packets[int(one.request) - 1]
            assert (asked.source, asked.target, asked.bus) == (one.target, one.source, bus)
            assert one.registers.split(",")[0] == asked.reference
    for one, packet in zip(packets, read(path).packets, strict=True):
        if one.bus == "COM1" and one.values and one.request:
            words = struct.unpack(f">{len(packet.frame[3:-2]) // 2}H", packet.frame[3:-2])
            assert one.values == ",".join(map(str, words))
    set_to = [one for one in packets if one.bus == "192.168.2.151:4701" and (one.function, one.request) == ("16", "")]
    assert ("8093", "160") in {(one.reference, one.values.split(",")[0]) for one in set_to}  # 16 A
    told = "\n".join(one.comments for one in packets)
    assert "18:00:20 fault: silence on barn, carport" in told


def test_frames_that_collide_are_marked_with_their_wrong_crc_and_the_reason(debian: Callable[..., str], tmp_path: Path):
    tshark = debian("tshark")
    path = tmp_path / "collisions.pcapng"
    path.write_bytes(captured(tmp_path, SHARED_ID)[1])
    bad = [one for one in decoded(tshark, path) if one.bad_crc == "1"]
    assert bad
    assert all("wrong CRC,collision of first and second" in one.comments for one in bad)


def test_a_proxy_that_is_killed_leaves_a_capture_of_its_line_and_its_clients(
    debian: Callable[..., str], tmp_path: Path
):
    tshark = debian("tshark")
    path = tmp_path / "line.pcapng"

    async def main() -> str:
        async with line_of_the_garage() as tty:
            options = ("--line", f"{LINE}={tty}", "--unit", "55=2", "--pcap", str(path))
            async with proxied(*options) as (process, (at,)):
                limit, _ = await by_pymodbus(at)
                answer = b"\x03\x02" + limit.to_bytes(2, "big")
                while path.read_bytes().count(answer) < 4:  # noqa: ASYNC110 another process writes it
                    await asyncio.sleep(0.05)
                process.send_signal(signal.SIGKILL)
                await process.wait()
                return str(at)

    at = asyncio.run(asyncio.wait_for(main(), DEADLINE_S))
    packets = decoded(tshark, path)
    told = [
        (one.bus, one.function, one.reference or one.registers, bool(one.request)) for one in packets if one.function
    ]
    exchange = [
        (at, "3", "8093", False),
        ("COM1", "3", "8093", False),
        ("COM1", "3", "8093", True),
        (at, "3", "8093", True),
    ]
    assert told == exchange * 2
    assert {one.target for one in packets if one.bus == "COM1"} == {f"198.19.1.{BOX}", "198.18.0.1"}
