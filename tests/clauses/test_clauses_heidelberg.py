"""A third party's box on the simulated line keeps every clause that applies to it, but for those that its own ways break."""

from __future__ import annotations

import pytest

from chargebench.emulator.slave import Slave
from chargebench.emulator.spec import LineAt
from chargebench.scenarios.clauses.catalogue import PROTOCOL
from chargebench.scenarios.clauses.model import Area, Known, Target, Wide
from tests.clauses.ends import Run, on_line, outcome
from tests.clauses.test_clauses_own import NEVER_ON_A_LINE, TCP_ONLY
from tests.emulator.worlds import Bench, S, box_spec

TARGET = Target(
    (3, 4, 6, 16),
    holding=Area(257, 6, 262, 261, ((60, 0), (160, 100)), refused=30),
    input=Area(4, 15, 101),
    wide=Wide("input", 17, 2, "data"),
    known=(Known("input", 4, (0x108,)), Known("holding", 257, (15_000,))),
    lines=("19200,8,e,1",),
    gap_us=120_000,
)
TOO_SHORT = {"A02"}  # reads of 125 registers
NEVER_BUSY = {"A51"}
BROKEN = {
    "R12": "silence",  # it needs 100 ms between requests
    "R20": "19200,8,e,1",  # it has this one setting
}


def setup(run: Run) -> None:
    at = LineAt("COM1", 19_200, 8, "E", 1)
    bench = Bench([box_spec(device="heidelberg-energy-control", at=at, failsafe_us=15 * S, failsafe_ma=0)])
    on_line(Slave({1: bench.device()}), TARGET, run, setting=(19_200, 8, "E", 1))


@pytest.mark.parametrize("clause", PROTOCOL, ids=lambda clause: clause.id)
def test_a_heidelberg_keeps(clause):
    got = outcome(setup, clause)
    if clause.id in TCP_ONLY | NEVER_ON_A_LINE | TOO_SHORT | NEVER_BUSY:
        assert got.verdict == "not applicable", got
    elif clause.id in BROKEN:
        assert (got.verdict, got.got) == ("broken", BROKEN[clause.id])
    else:
        assert got.verdict == "kept", got
