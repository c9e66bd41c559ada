"""Our own slave keeps every clause that applies to it, in virtual time; which do not apply is written down."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chargebench.emulator.slave import Slave
from chargebench.scenarios.clauses.catalogue import PROTOCOL, check_all, clause
from chargebench.scenarios.clauses.end import End
from tests.clauses.ends import HOLDING, POOR, RICH, SETUPS, Box, Run, in_ascii, on_line, outcome, over_tcp, poor

TCP_ONLY = {"A48", *(f"T{n:02}" for n in range(1, 24))}
LINE_ONLY = {*(f"R{n:02}" for n in range(1, 21)), *(f"C0{n}" for n in range(1, 6))}
NEVER_ON_A_LINE = {"R11", "R18", *(f"C0{n}" for n in range(1, 6))}
NOT_DESCRIBED = {"A48", "A49", "A50", "A51"}
LINES_NOT_DESCRIBED = {"R19", "R20"}
IN_BOTH_MODES = {"R03", "R04", "R05", "R06", "R15"}
RTU_ONLY = {f"R{n:02}" for n in range(1, 21)} - IN_BOTH_MODES

DO_NOT_APPLY = {
    "everything over TCP": LINE_ONLY | {"T20"},
    "three functions over TCP": LINE_ONLY | NOT_DESCRIBED | {"T18", "T20"},
    "a gateway": LINE_ONLY | {"T18"},
    "a server that drops idle clients": LINE_ONLY | {"T20"},
    "everything on a line": TCP_ONLY | NEVER_ON_A_LINE,
    "three functions on a line": TCP_ONLY | NEVER_ON_A_LINE | NOT_DESCRIBED | LINES_NOT_DESCRIBED,
    "everything in ASCII": TCP_ONLY | RTU_ONLY,
    "three functions in ASCII": TCP_ONLY | RTU_ONLY | NOT_DESCRIBED,
    "a fast line": TCP_ONLY | NEVER_ON_A_LINE,
}


@pytest.mark.parametrize("clause", PROTOCOL, ids=lambda clause: clause.id)
@pytest.mark.parametrize("setup", SETUPS)
def test_our_slave_keeps(setup, clause):
    got = outcome(SETUPS[setup], clause)
    assert got.verdict == ("not applicable" if clause.id in DO_NOT_APPLY[setup] else "kept"), got


@pytest.mark.parametrize("serve", [over_tcp, on_line, in_ascii])
def test_a_device_is_left_as_it_was_found(serve):
    box = Box()

    async def run(end: End) -> None:
        await check_all(end)

    serve(Slave({1: box}, tcp_any_unit=True), replace(RICH, busy=None), run)
    assert box.tables == Box().tables
    assert box.calls.count("write") > 20


@pytest.mark.parametrize(
    ("id_", "area", "said"),
    [
        ("A02", replace(HOLDING, run=50), "125 registers"),
        ("A17", replace(HOLDING, writable=None), "nothing that may be written"),
        ("A20", replace(HOLDING, refused=None), "no value that the device refuses"),
        ("A27", replace(HOLDING, writable=None), "no end of the holding registers"),
        ("A18", None, "no holding table"),
    ],
)
def test_a_clause_that_needs_what_is_not_described_says_what_it_lacks(id_, area, said):
    def setup(run: Run) -> None:
        over_tcp(poor(), replace(POOR, holding=area), run)

    assert said in outcome(setup, clause(id_)).reason
