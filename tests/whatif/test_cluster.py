"""Cells in other processes, by Dask: the same figures as in this one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chargebench.scenarios.whatif import cluster
from chargebench.scenarios.whatif.engine import Cell

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_cells_in_other_processes_give_the_same_figures_and_one_that_fails_stops_nobody(tmp_path):
    path = os.pathsep.join(one for one in (str(ROOT), os.environ.get("PYTHONPATH", "")) if one)
    command = [sys.executable, "-m", "tests.whatif.in_processes", str(tmp_path)]
    done = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": path}, cwd=ROOT, capture_output=True, text=True, check=False
    )
    same, failed, refused = done.stdout.splitlines() or ("", "", done.stderr)
    assert same == "same", done.stdout + done.stderr
    assert failed == "[False, False, False, True]"
    assert refused.startswith("tcp://127.0.0.1:9: no scheduler answers there: ")
    assert done.returncode == 0


def test_only_so_many_cells_are_taken_at_a_time():
    left = iter([Cell(number, 1) for number in range(5)])
    assert [len(list(cluster._some(left, 3))) for _ in range(3)] == [3, 2, 0]
