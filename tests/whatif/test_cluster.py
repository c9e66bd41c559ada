"""Cells in other processes, by Dask: the same figures as in this one."""

from __future__ import annotations

import pytest

from chargebench.datasheets.errors import CannotOpen
from chargebench.scenarios.whatif import cluster, sweep
from chargebench.scenarios.whatif.engine import Cell
from tests.whatif.studies import read


def test_cells_in_other_processes_give_the_same_figures_and_one_that_fails_stops_nobody(tmp_path):
    study = read(tmp_path, ("for: 40 min", "for: 5 min"), ("06:30", "07:15"))
    cells = [*sweep.cells(study, [])[:3], Cell(99, 1)]
    there = sorted(cluster.Cluster(1)(study, cells), key=lambda one: one.number)
    here = sorted(sweep.here(study, cells), key=lambda one: one.number)
    assert there == here
    assert [bool(one.failed) for one in there] == [False, False, False, True]


def test_a_scheduler_that_is_not_there_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "_CONNECT_S", 0.2)
    with pytest.raises(CannotOpen) as refused:
        list(cluster.Cluster(1, "tcp://127.0.0.1:9")(read(tmp_path), []))
    assert str(refused.value).startswith("tcp://127.0.0.1:9: no scheduler answers there: ")


def test_only_so_many_cells_are_taken_at_a_time():
    left = iter([Cell(number, 1) for number in range(5)])
    assert [len(list(cluster._some(left, 3))) for _ in range(3)] == [3, 2, 0]
