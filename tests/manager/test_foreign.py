"""Somebody else writes to a box now and then: it is told of, the box stays managed, and nobody fights."""

from __future__ import annotations

import asyncio

from tests.manager.house import GARAGE, GARAGE_AT, Double, site
from tests.manager.test_shell_life import run

APART_S = 400


def test_slow_changes_by_somebody_else_are_told_and_the_box_stays_managed():
    async def happen(stage):
        bank = stage.slaves[str(GARAGE_AT)].units[1]
        for _ in range(3):
            await asyncio.sleep(APART_S)
            bank.words[8093] = 60
            await asyncio.sleep(9)
            bank.words[8093] = 100

    double = Double({1: {0: 10_000}})
    stage = run(site(GARAGE), lambda _: double, seconds=3 * APART_S + 60, happen=happen)
    (told,) = [note for note in stage.notes if note.kind == "foreign"]
    assert (told.subject, dict(told.data)) == ("garage", {"times": 2, "limit_ma": 10_000, "shows_ma": 6_000})
    assert stage.told("by itself") == []
    assert not any(view.boxes[0].by_itself for _, _, view in double.seen)
