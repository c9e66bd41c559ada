"""What the story says of rounds that take longer than a cycle."""

from __future__ import annotations

from chargebench.manager.notes import Note
from chargebench.scenarios.skips import Skips

S = 1_000_000


def told(*rounds):
    """What is said after rounds that took so many seconds, in cycles of 3 s."""
    said = []
    skips = Skips(lambda at_us, text: said.append((at_us // S, text)))
    at = 0
    for took in rounds:
        skips.note(Note(at * S, "cycle", "manager", (("cycle", at // 3), ("commands", 0))))
        skipped = took // 3
        if skipped:
            data = (("cycle", at // 3), ("skipped", skipped), ("took_us", took * S))
            skips.note(Note((at + took) * S, "skipped", "manager", data))
        at += 3 * (1 + skipped)
    skips.finish()
    return said


def test_rounds_that_fit_are_not_told():
    assert told(1, 2, 1) == []


def test_one_long_round_is_told_and_no_more():
    assert told(1, 5, 1, 1) == [(8, "a round over the wires takes 5.0 s: the next cycle is skipped")]


def test_only_what_is_worse_than_before_is_told_and_at_last_how_many_there_were():
    assert told(4, 4, 7, 4, 1) == [
        (4, "a round over the wires takes 4.0 s: the next cycle is skipped"),
        (19, "a round over the wires takes 7.0 s: the next 2 cycles are skipped"),
        (25, "by now 5 of 10 cycles have been skipped, because rounds took too long"),
    ]
