"""The cells of a study in other processes, by Dask: its own on this machine, or those of a scheduler that runs already.

The study is sent once. Only so many cells are under way at a time, so that memory does not grow with their number. Whoever
runs a cell, its figures are the same; they come in the order in which they are ready.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

from chargebench.datasheets.errors import CannotOpen
from chargebench.scenarios.whatif.engine import Cell, safely
from chargebench.scenarios.whatif.figures import Figures
from chargebench.scenarios.whatif.study import Study

AHEAD: Final = 3  # cells that are handed out for each that runs
_CONNECT_S: Final = 10


@dataclass(frozen=True, slots=True)
class Cluster:
    """``scheduler`` is the address of one, such as tcp://10.0.0.5:8786; None: so many ``workers`` on this machine."""

    workers: int
    scheduler: str | None = None

    def __call__(self, study: Study, wanted: Sequence[Cell]) -> Iterator[Figures]:
        """Run the cells. ``CannotOpen`` where there is no scheduler."""
        import distributed  # noqa: PLC0415
        from dask import config  # noqa: PLC0415  (an extra that a small study does not need)

        dask: Any = distributed  # its functions say little of their types

        quiet = {"distributed.comm.timeouts.connect": f"{_CONNECT_S}s", "distributed.logging.distributed": "error"}
        with ExitStack() as stack, config.set(quiet):
            where: object = self.scheduler
            if self.scheduler is None:
                where = stack.enter_context(
                    dask.LocalCluster(
                        n_workers=self.workers,
                        threads_per_worker=1,
                        processes=True,
                        host="127.0.0.1",
                        dashboard_address=None,
                        silence_logs=50,
                    )
                )
            try:
                client = stack.enter_context(dask.Client(where, timeout=_CONNECT_S))
            except (OSError, ValueError) as error:
                raise CannotOpen(str(self.scheduler), f"no scheduler answers there: {error}") from error
            many = AHEAD * max(self.workers, len(client.scheduler_info(n_workers=-1)["workers"]), 1)
            sent = client.scatter(study, broadcast=True)
            waiting = iter(wanted)
            ready = dask.as_completed()
            for cell in _some(waiting, many):
                ready.add(client.submit(safely, sent, cell, pure=False, retries=1))
            for future in ready:
                yield future.result()
                for cell in _some(waiting, 1):
                    ready.add(client.submit(safely, sent, cell, pure=False, retries=1))


def missing() -> bool:
    """Whether the extra is not installed."""
    from importlib.util import find_spec  # noqa: PLC0415  (with what it looks for)

    return any(find_spec(name) is None for name in ("dask", "distributed"))


def _some(cells: Iterator[Cell], count: int) -> Iterator[Cell]:
    for _ in range(count):
        cell = next(cells, None)
        if cell is None:
            return
        yield cell
