"""The process of a manager: the only place that knows a clock on the wall."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from chargebench.manager.service import process


@pytest.mark.parametrize(
    ("at", "us"),
    [
        (datetime(2026, 1, 12, tzinfo=UTC), 0),
        (datetime(2026, 1, 12, 17, 0, 1, 5, tzinfo=UTC), 61_201_000_005),
        (datetime(2026, 1, 12, 23, 59, 59, 999_999, tzinfo=UTC), 86_399_999_999),
    ],
)
def test_a_plan_by_the_time_of_day_goes_by_the_clock_of_the_machine(monkeypatch, at, us):
    monkeypatch.setattr(process, "civil", lambda: at)
    assert process.of_the_day() == us
