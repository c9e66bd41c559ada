"""The manager's log: a sentence for what a person may want to read, by whatever the clock shows."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import get_args

import pytest

from chargebench.manager.log import Log
from chargebench.manager.notes import Kind, Note
from chargebench.manager.sentences import sentence

DATA = {
    "limit_ma": 16_000,
    "shows_ma": 10_000,
    "current_ma": 6_000,
    "wanted_ma": 8_000,
    "after_us": 0,
    "wanted_after_us": 180_000_000,
    "silent_us": 9_000_000,
    "took_us": 4_000_000,
    "skipped": 1,
    "boxes": 2,
    "code": 3,
    "restarts": 4,
    "times": 2,
    "late": 1,
    "unit": 1,
    "why": "no answer",
}


class Told(Note):
    """A note that has all data that any kind may need."""

    def get(self, name):
        return DATA.get(name, 5)


class Clock:
    def __init__(self):
        self.shows = datetime.fromisoformat("2025-01-13 02:20")

    def __call__(self):
        return self.shows


def logged(*notes):
    lines: list[str] = []
    log = Log(Clock(), lines.append)
    for note in notes:
        log.note(note)
    return lines


def down(why, at="192.168.2.151:4701"):
    return Note(5, "link down", at, (("why", why),))


def test_a_line_has_day_and_time_of_the_clock_and_a_sentence():
    assert logged(Note(5, "silent", "garage", (("why", "no answer"),)), Note(5, "licensed", "yard")) == [
        "2025-01-13 02:20:00 the master does not hear garage: no answer",
        "2025-01-13 02:20:00 yard has a licence now: it is managed like the others",
    ]


@pytest.mark.parametrize("kind", get_args(Kind))
def test_every_kind_of_note_is_a_sentence_or_only_says_that_all_goes_on(kind):
    said = sentence(Told(5, kind, "garage"))
    assert (said is None) == (kind in {"cycle", "answered", "confirmed"})


def test_a_command_says_what_the_box_is_told():
    stop = Note(5, "command", "garage", (("cycle", 1), ("limit_ma", 0), ("rank", "cut")))
    assert logged(stop) == ["2025-01-13 02:20:00 garage is told to stop"]


def test_a_link_that_cannot_be_reached_is_told_once_for_each_reason_until_it_can_be():
    up = Note(5, "link up", "192.168.2.151:4701", (("connections", 2),))
    lines = logged(up, down("refused"), down("refused"), down("no route"), down("no route"), up, up, down("no route"))
    assert [line.split(" ", 3)[3] for line in lines] == [
        "cannot be reached: refused",
        "cannot be reached: no route",
        "can be reached again",
        "cannot be reached: no route",
    ]


def test_what_goes_on_and_on_is_told_less_and_less():
    skips = [Note(k, "skipped", "manager", (("cycle", k), ("skipped", 1), ("took_us", 4_000_000))) for k in range(20)]
    assert len(logged(*skips)) == 5
    assert logged(skips[0])[0].endswith("a round over the wires takes 4.0 s: the next cycle is skipped")


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
