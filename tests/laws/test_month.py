"""Forty minutes of the month of ``month.py``, as a sample."""

from __future__ import annotations

import pytest

from chargebench.scenarios.check import check_scenario
from tests.laws.month import lived, month


def test_the_site_of_the_month_is_as_check_wants_it():
    assert [one for one in check_scenario(month(1)) if one.severity != "note"] == []


def test_a_month_is_full_of_trouble():
    whole = month(30)
    assert len(whole.world.cars) > 1_000
    assert {one.kind for one in whole.world.faults} == {"silence", "reboot"}
    assert {"grid", "place-1", "place-25"} <= {one.on for one in whole.world.faults}
    assert whole.world != month(30, 2).world


@pytest.mark.slow
def test_some_time_of_trouble_breaks_no_law():
    witness, verdict, complaints = lived(month(0, minutes=40))
    assert (verdict.broken, complaints) == ((), [])
    assert "fault over: silence" in witness.story
