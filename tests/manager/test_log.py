"""The manager's log: a line for what a person may want to read, by whatever the clock shows."""

from __future__ import annotations

from datetime import datetime, timedelta

from chargebench.manager.log import Log
from chargebench.manager.notes import Note


class Clock:
    def __init__(self):
        self.shows = datetime.fromisoformat("2025-01-13 02:20")

    def __call__(self):
        return self.shows


def test_a_line_has_day_and_time_of_the_clock_subject_and_all_that_was_told():
    lines: list[str] = []
    Log(Clock(), lines.append).note(Note(5, "silent", "garage", (("why", "no answer"),)))
    Log(Clock(), lines.append).note(Note(5, "unlicensed", "yard"))
    assert lines == ["2025-01-13 02:20:00 garage: silent: why no answer", "2025-01-13 02:20:00 yard: unlicensed"]


def test_what_only_says_that_all_goes_on_is_left_out():
    lines: list[str] = []
    for kind in ("cycle", "answered", "confirmed"):
        Log(Clock(), lines.append).note(Note(5, kind, "garage", (("limit_ma", 6_000),)))
    assert lines == []


def test_a_clock_that_is_set_back_is_told_and_lines_go_on_in_the_order_of_things():
    lines: list[str] = []
    clock = Clock()
    log = Log(clock, lines.append)
    log.note(Note(1, "licensed", "yard"))
    before, clock.shows = clock.shows, clock.shows - timedelta(days=365)
    log.clock_was_set(before)
    log.note(Note(2, "unlicensed", "yard"))
    assert [line[:16] for line in lines] == ["2025-01-13 02:20", "2024-01-14 02:20", "2024-01-14 02:20"]
    assert lines[1].endswith("clock: set, was 2025-01-13 02:20:00")
