"""The capture of a proxy that serves, from its first block to its last."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from chargebench.manager.proxy.config import Captured
from chargebench.manager.proxy.recording import Recording
from tests.pcapng import read
from tests.proxy.test_recorder import ANSWER, ON_LINE, REQUEST


def test_a_recording_stands_at_the_civil_time_and_each_piece_knows_its_buses(tmp_path: Path):
    path = tmp_path / "line.pcapng"
    told: list[str] = []

    async def main() -> Recording:
        recording = Recording(Captured(str(path), 2_000), told.append)
        tap = recording.recorder.behind(ON_LINE)
        for _ in range(10):
            tap.sent(REQUEST)
            tap.heard(ANSWER)
            tap.settled()
        await recording.close()
        return recording

    before_us = time.time_ns() // 1_000
    recording = asyncio.run(main())
    after_us = time.time_ns() // 1_000
    pieces = [read(tmp_path / name) for name in ("line.1.pcapng", "line.pcapng")]
    for one in pieces:
        assert [(bus.name, "COM1,9600,8,n,1" in bus.description) for bus in one.interfaces] == [("COM1", True)]
        assert set(one.names.values()) == {"proxy", "COM1/1"}
    packets = [packet for one in pieces for packet in one.packets]
    assert [one.frame for one in packets] == [REQUEST, ANSWER] * 10
    assert all(before_us - 10_000 <= one.at_us <= after_us + 10_000 for one in packets)
    assert (told, recording.said, recording.told) == ([], f"captured in {path}", {"file": str(path), "left_out": 0})
