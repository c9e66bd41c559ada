"""Civil times: read against the start of a run, and written back."""

from __future__ import annotations

import pytest

from chargebench.scenarios.moments import clock, moment

SECOND = 1_000_000
HOUR = 3600 * SECOND


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("18:00", 0),
        ("18:00:05", 5 * SECOND),
        ("18:00:00.25", SECOND // 4),
        ("17:59:59", 24 * HOUR - SECOND),
        ("07:00", 13 * HOUR),
        ("2026-01-14 07:00", 37 * HOUR),
        ("2026-01-12 17:00", -HOUR),
    ],
)
def test_a_time_without_its_day_is_the_next_one_from_the_start_on(text, after):
    assert clock("2026-01-12 18:00").since_start(moment(text)) == after


@pytest.mark.parametrize(
    "text", ["24:00", "18:60", "18", 18.5, 64800, None, "6 pm", "18:00:00.1234567", "2026-13-01 10:00"]
)
def test_what_is_no_time_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match="expected"):
        moment(text)


def test_a_start_needs_its_day():
    with pytest.raises(ValueError, match="a day and a time such as 2026-01-12 18:00"):
        clock("18:00")


def test_times_are_shown_with_their_day_only_where_it_is_another():
    start = clock("2026-01-12 18:00")
    assert start.show(5 * SECOND + 999_999) == "18:00:05"
    assert start.show(5 * SECOND + 999_999, exact=True) == "18:00:05.999999"
    assert start.show(5 * SECOND + 999_000, exact=True) == "18:00:05.999"
    assert start.show(6 * HOUR) == "2026-01-13 00:00:00"


@pytest.mark.parametrize(
    ("at_us", "end_us", "wrong"),
    [
        (0, 0, ""),
        (600_000_000, 600_000_000, ""),
        (600_000_001, 600_000_000, "expected a time within the run, from 18:00:00 to 18:10:00"),
        (-1, 600_000_000, "expected a time within the run, which begins on 2026-01-12 at 18:00:00"),
    ],
)
def test_an_instant_outside_the_run_is_told_by_the_end_that_it_misses(at_us, end_us, wrong):
    assert clock("2026-01-12 18:00").misses(at_us, end_us) == wrong
