"""A run takes no more memory the longer it lasts: 25 slaves, and every box is told its limit anew in every cycle."""

from __future__ import annotations

import gc
import tracemalloc
from dataclasses import replace

import pytest

from chargebench.scenarios import spool
from chargebench.scenarios.run import run
from tests.bench.runs import Restless, scenario

MINUTE = 60_000_000
SETTLED, LAST = 2 * MINUTE, 6 * MINUTE
CHECKPOINTS = 20_000  # of the trace: some 110 bytes for 1,000 records


@pytest.mark.slow
def test_from_the_second_to_the_sixth_minute_of_25_slaves_nothing_grows(monkeypatch):
    monkeypatch.setattr(spool, "IN_MEMORY", 1_000)
    monkeypatch.setattr(spool, "BATCH", 1_000)
    held = {}

    def tick(now_us):
        if now_us in (SETTLED, LAST):
            gc.collect()
            held[now_us] = tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        whole = replace(scenario("twenty-five-slaves"), duration_us=LAST + 1, expectations=())
        result = run(whole, tick=tick, controller=Restless)
    finally:
        tracemalloc.stop()
    assert len(result.happened) > 5_000
    grown = held[LAST] - held[SETTLED]
    in_a_spool = 2 * 1_000 * 250  # bytes that each of the two may hold or not, as it happens
    assert grown < in_a_spool + CHECKPOINTS, f"{grown} bytes more"
