"""``python -m tests.whatif.in_processes FOLDER``: cells of a study run here and by Dask, in a process that ends with its remains.

Whatever Dask still has to clean up happens when its objects are collected, which is nobody's business in the tests around.
"""

from __future__ import annotations

import sys
from pathlib import Path
from unittest.mock import patch

from chargebench.datasheets.errors import CannotOpen
from chargebench.scenarios.whatif import cluster, sweep
from chargebench.scenarios.whatif.engine import Cell
from tests.whatif.studies import read


def main(folder: Path) -> None:
    """Say whether the figures are the same, which cells failed, and what is said of a scheduler that is not there."""
    study = read(folder, ("for: 40 min", "for: 5 min"), ("06:30", "07:15"))
    cells = [*sweep.cells(study, [])[:3], Cell(99, 1)]
    there = sorted(cluster.Cluster(1)(study, cells), key=lambda one: one.number)
    here = sorted(sweep.here(study, cells), key=lambda one: one.number)
    told = ["same" if there == here else f"{there} {here}", str([bool(one.failed) for one in there])]
    with patch.object(cluster, "_CONNECT_S", 0.2):
        try:
            list(cluster.Cluster(1, "tcp://127.0.0.1:9")(study, []))
        except CannotOpen as refused:
            told.append(str(refused))
    sys.stdout.write("".join(f"{line}\n" for line in told))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
