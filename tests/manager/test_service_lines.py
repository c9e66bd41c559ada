"""What a manager says to a program and draws for a person: the fields that are documented, and only what is news."""

from __future__ import annotations

import asyncio
import io
import json
import os
import pty
import re
import select
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from chargebench.manager.notes import Note
from chargebench.manager.service.lines import Lines
from chargebench.manager.service.outlet import Outlet
from chargebench.manager.service.screen import Screen
from chargebench.manager.site import Box, Connection, HouseMeter, Site, TcpAddress
from chargebench.manager.status import BoxStatus, MeterStatus, Status, left_behind

AT = TcpAddress("192.168.2.151", 4701)
SITE = Site(
    Connection(14_500, 21_000),
    (Box("garage", "power-brain", AT, 1, (0, 1, 2)),),
    (HouseMeter("house", "eastron-sdm630", AT, 101, "grid supply"),),
    path="/etc/site.yaml",
)
GARAGE = BoxStatus(
    "garage",
    "C",
    False,
    16_000,
    16_000,
    (15_500, 0, 0),
    3_565,
    9_000,
    16_000,
    6_000,
    180_000_000,
    2_000_000,
    "its maximum",
)
HOUSE = MeterStatus("house", "grid supply", False, (17_000, 900, -2_000), None, 1_000_000)
STATUS = Status(7, 21_000, 3_000, (1_300, 1_300, 300), (16_000, 0, 0), (GARAGE,), (HOUSE,))
DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "manage.md"


def clock():
    return datetime(2026, 1, 12, 18, 0, 5, tzinfo=UTC)


def written(act):
    texts: list[str] = []
    act(Lines(clock, texts.append))
    assert all(text.endswith("\n") and text.count("\n") == 1 for text in texts)
    return [json.loads(text) for text in texts]


def everything(lines):
    lines.said("takes over")
    lines.ready(SITE, "/etc/site.manager.db", 4711, ["a danger"], {"http": None, "modbus": "127.0.0.1:4701"})
    lines.note(Note(5, "silent", "garage", (("why", "no answer"),)), "the master does not hear garage: no answer")
    lines.status(STATUS)
    lines.ended("SIGTERM", STATUS.boxes, ["garage keeps 16 A"])


def names(value):
    if isinstance(value, dict):
        return [*value, *(name for one in value.values() for name in names(one))]
    return [name for one in value for name in names(one)] if isinstance(value, list) else []


def test_every_field_is_documented():
    described = set(re.findall(r"`([a-z_]+)`", DOCUMENT.read_text("utf-8")))
    said = {name: None for line in written(everything) for name in names(line)}
    assert [name for name in said if name not in described] == []
    assert len(said) > 30


def test_lines_come_with_their_time_and_what_they_are():
    lines = written(everything)
    assert {line["at"] for line in lines} == {"2026-01-12T18:00:05.000+00:00"}
    kinds = ["note", "ready", "note", "cycle", "ended"]
    assert [next(kind for kind in kinds if kind in line) for line in lines] == kinds
    assert lines[2]["note"] == {"kind": "silent", "of": "garage", "why": "no answer"}
    assert lines[4]["ended"]["left"] == [
        {"name": "garage", "limit_ma": 16_000, "failsafe_ma": 6_000, "failsafe_us": 180_000_000}
    ]


def test_a_cycle_is_told_only_where_it_is_news():
    older = replace(STATUS, cycle=8, boxes=(replace(GARAGE, age_us=5_000_000),))
    other = replace(STATUS, cycle=9, boxes=(replace(GARAGE, silent=True),))

    def act(lines):
        for status in (STATUS, older, other, other):
            lines.status(status)

    assert [line["cycle"] for line in written(act)] == [7, 9]


@pytest.mark.parametrize(
    ("box", "said"),
    [
        (GARAGE, "garage keeps 16 A and falls back to 6 A after 3 min"),
        (replace(GARAGE, failsafe_us=0), "garage keeps 16 A: it never falls back"),
        (replace(GARAGE, limit_ma=0, failsafe_ma=0), "garage stays switched off and falls back to 0 A after 3 min"),
        (replace(GARAGE, failsafe_us=None), "garage keeps 16 A, and does not say whether it falls back"),
        (BoxStatus("garage"), "garage was never reached and does what it did before"),
    ],
)
def test_what_is_left_behind_is_a_sentence_a_box(box, said):
    assert left_behind(replace(STATUS, boxes=(box,))) == (said,)


def arrived(end):
    """Everything that a terminal has been sent, which it gives out in pieces, not always at once."""
    while select.select([end], [], [], 0.2)[0]:
        yield os.read(end, 1 << 16)


def drawn(status, *logged):
    ours, theirs = pty.openpty()

    async def main():
        with os.fdopen(os.dup(theirs), "w") as stream:
            outlet = Outlet(stream)
            screen = Screen(outlet, "/etc/site.yaml", clock)
            for line in logged:
                screen.logged(line)
            if status is not None:
                screen.seen(status, 10.0)
            console = Console(width=120, record=True, file=io.StringIO())
            console.print(screen.draw(11.5))
            screen.start()
            screen.show(11.5)
            screen.stop()
            await outlet.close()
            return console.export_text(), b"".join(arrived(ours)).decode()

    try:
        return asyncio.run(main())
    finally:
        os.close(ours)
        os.close(theirs)


@pytest.mark.serial
def test_the_table_shows_each_box_each_meter_and_what_was_logged_last():
    text, on_terminal = drawn(STATUS, *(f"line {k}" for k in range(9)))
    rows = [re.split(r"  +", line.strip()) for line in text.splitlines()]
    assert rows[0] == ["18:00:05", "/etc/site.yaml"]
    assert rows[1] == ["limit 21 A less 3 A of reserve", "house 1.3 / 1.3 / 0.3 A", "boxes booked 16 / 0 / 0 A"]
    assert ["garage", "C", "16 A", "15.5 / 0 / 0 A", "16 A", "3.5 s ago", "its maximum"] in rows
    assert ["house", "17 / 0.9 / -2 A", "2.5 s ago", "grid supply"] in rows
    assert [row for row in rows if row[0].startswith("line")] == [[f"line {k}"] for k in range(3, 9)]
    assert "garage" in on_terminal


@pytest.mark.serial
def test_the_table_says_what_is_not_known():
    rows = [re.split(r"  +", line.strip()) for line in drawn(None, "line")[0].splitlines()]
    assert rows[:2] == [["18:00:05", "/etc/site.yaml"], ["line"]]
    bare = Status(
        0, 21_000, 0, None, None, (BoxStatus("garage", silent=True),), (MeterStatus("house", "display", True),)
    )
    rows = [re.split(r"  +", line.strip()) for line in drawn(bare)[0].splitlines()]
    assert ["limit 21 A"] in rows
    assert ["garage", "? silent", "?", "never"] in rows
    assert ["house", "never", "display, silent"] in rows
