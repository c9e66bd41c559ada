"""All cells of a study, in this process or in others, the same figures whoever runs them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from chargebench.scenarios.moments import DAY_US, Clock
from chargebench.scenarios.whatif.engine import Cell, run_cell, safely
from chargebench.scenarios.whatif.figures import Figures
from chargebench.scenarios.whatif.study import Study

Runner = Callable[[Study, Sequence[Cell]], Iterator[Figures]]
_SAMPLE_US = DAY_US // 12
_MORNING_US = DAY_US // 3


def cells(study: Study, infeasible: Sequence[int]) -> tuple[Cell, ...]:
    """The cells of a study that can be run: all variations with one seed first, so that an early look shows the whole grid."""
    numbers = [one.number for one in study.variations if one.number not in infeasible]
    return tuple(Cell(number, seed) for seed in study.seeds for number in numbers)


def here(study: Study, wanted: Sequence[Cell]) -> Iterator[Figures]:
    """Run one cell after the other, in this process."""
    for cell in wanted:
        yield safely(study, cell)


def sample(study: Study) -> tuple[Study, int]:
    """The same study for some hours, in the morning where that can be chosen, and of how many such samples the whole consists."""
    short_us = min(study.duration_us, _SAMPLE_US)
    clock = study.clock
    if study.pattern is not None and study.duration_us >= DAY_US:
        clock = Clock(clock.day, _MORNING_US)
    return replace(study, clock=clock, duration_us=short_us), -(-study.duration_us // short_us)


def measured(study: Study, cell: Cell, clock: Callable[[], float]) -> float:
    """How many seconds a cell may take, by some hours of it."""
    short, times = sample(study)
    began = clock()
    run_cell(short, cell)
    return (clock() - began) * times
