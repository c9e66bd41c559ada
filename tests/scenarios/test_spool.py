"""What grows with a run is the same whether it lies in memory or on disk."""

from __future__ import annotations

import gc
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.scenarios import spool
from chargebench.scenarios.describe import read_scenario
from chargebench.scenarios.result import HAPPENED, Commanded, commanded
from chargebench.scenarios.run import run
from chargebench.scenarios.spool import Spool
from tests.scenarios.files import put

VALUES = st.integers() | st.text(max_size=5)
HAPPENINGS = st.tuples(
    st.integers(0, 20),
    st.sampled_from(["box a", "manager grün", "car z"]),
    st.sampled_from(["cycle", "limit"]),
    st.lists(st.tuples(st.sampled_from(["x", "y"]), VALUES), max_size=2).map(tuple),
)


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(spool, "IN_MEMORY", 5)
    monkeypatch.setattr(spool, "BATCH", 3)


def filled(shape, things):
    found = Spool(shape)
    for one in things:
        found.add(one)
    return found


@pytest.mark.usefixtures("small")
@given(st.lists(HAPPENINGS, max_size=30))
def test_a_spool_is_a_sequence_in_the_order_of_its_keys_and_else_as_it_was_filled(things):
    found = filled(HAPPENED, things)
    ordered = sorted(things, key=lambda one: one[:2])
    assert (len(found), list(found)) == (len(things), ordered)
    assert [found[k] for k in range(-len(things), len(things))] == ordered + ordered
    assert found[1:3] == ordered[1:3]
    assert found == ordered
    assert found == filled(HAPPENED, ordered)
    assert found != [*ordered, (0, "box a", "limit", ())]
    with pytest.raises(IndexError):
        found[len(things)]


@pytest.mark.usefixtures("small")
def test_a_spool_may_be_read_while_it_is_filled():
    found = Spool(HAPPENED)
    for k in range(20):
        found.add((20 - k, "box a", "limit", ()))
        assert [one[0] for one in found] == list(range(20 - k, 21))


@pytest.mark.usefixtures("small")
def test_commands_come_in_the_order_of_cycles_and_of_the_sites_boxes():
    given_ones = [Commanded(9, 2, "a", 0), Commanded(3, 1, "a", 6_000), Commanded(4, 1, "b", 8_000)] * 3
    found = filled(commanded(["b", "a"]), given_ones)
    assert [(one.cycle, one.box) for one in found] == [(1, "b")] * 3 + [(1, "a")] * 3 + [(2, "a")] * 3
    assert found[0] == Commanded(4, 1, "b", 8_000)


@pytest.mark.usefixtures("small")
def test_what_lies_on_disk_is_not_in_memory_and_goes_with_its_spool(monkeypatch):
    opened = []
    connect = sqlite3.connect

    def connected(path):
        opened.append((path, connect(path)))
        return opened[-1][1]

    monkeypatch.setattr(sqlite3, "connect", connected)
    found = filled(HAPPENED, ((k, "box a", "limit", ()) for k in range(1_000)))
    assert len(found._new) < 5
    ((path, disk),) = opened
    assert path == "", "a private database, which SQLite deletes"
    del found
    gc.collect()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        disk.execute("SELECT 1")


def test_a_run_is_the_same_on_disk_as_in_memory(monkeypatch, tmp_path):
    scenario = read_scenario(put(tmp_path))
    kept = run(scenario)
    monkeypatch.setattr(spool, "IN_MEMORY", 20)
    stored = run(scenario)
    assert len(stored.happened) > 20
    assert (stored.happened, stored.commands) == (kept.happened, kept.commands)
    assert (stored.hash, stored.commands_hash) == (kept.hash, kept.commands_hash)
