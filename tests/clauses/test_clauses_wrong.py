"""Every check can fail: for each clause a slave that is wrong in that one thing, and is caught by it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from chargebench.emulator.adu import unpack_rtu
from chargebench.scenarios.clauses.catalogue import CLAUSES, PROTOCOL, clause
from chargebench.scenarios.clauses.end import End
from chargebench.scenarios.clauses.model import NotApplicable, Outcome
from chargebench.scenarios.clauses.wires import Burst
from tests.clauses.ends import POOR, Box, outcome
from tests.clauses.wrong import WRONG

HARDWARE = {"R11", "R18"}


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: f"{wrong.clause} {wrong.what}")
def test_is_caught(wrong, monkeypatch):
    got = outcome(wrong.setup(monkeypatch), clause(wrong.clause))
    assert got.verdict == "broken", got
    assert got.sent
    assert got.expected
    assert got.got


@pytest.mark.parametrize("id_", ["A17", "A18", "A20", "A26", "A28", "A29", "A30", "A32", "A33"])
def test_a_wrong_slave_is_left_as_it_was_found_all_the_same(id_, monkeypatch):
    (wrong,) = (one for one in WRONG if one.clause == id_)
    slave = wrong.slave()
    got = outcome(replace(wrong, slave=lambda: slave).setup(monkeypatch), clause(id_))
    assert got.verdict == "broken"
    box = slave.units[1]
    assert isinstance(box, Box)
    assert box.tables == Box().tables


def test_each_clause_that_bytes_can_break_is_broken_once():
    assert {wrong.clause for wrong in WRONG} == {one.id for one in PROTOCOL} - HARDWARE


def test_the_catalogue_is_whole_and_in_order():
    ids = [
        f"{letter}{n:02}"
        for letter, count in (("A", 51), ("T", 23), ("R", 20), ("C", 5), ("B", 43))
        for n in range(1, count + 1)
    ]
    assert [one.id for one in CLAUSES] == ids
    assert all(one.text.endswith(".") and one.reference for one in CLAUSES)


def test_an_unknown_clause_is_said_to_be_one():
    with pytest.raises(LookupError, match="no clause Z99"):
        clause("Z99")


class Parity:
    """A line on which frames with wrong parity are marked, and a slave that looks at the mark or does not."""

    baud, character_bits, exact = 19_200, 11, True

    def __init__(self, *, looks: bool, has_parity: bool = True):
        self.looks, self.has_parity = looks, has_parity
        self.us = 0
        self.answers: list[Burst] = []

    def now_us(self):
        return self.us

    async def pause(self, us):
        self.us += us

    async def send(self, *bursts, gap_us=0, at_us=None, wrong_parity=False):
        if wrong_parity and not self.has_parity:
            raise NotApplicable("the port sends no parity")
        if not (wrong_parity and self.looks) and unpack_rtu(bursts[0]) is not None:
            self.answers.append(Burst(self.us, self.us, bytes.fromhex("01 03 02 00 00 b8 44")))
        return self.us + gap_us + (at_us or 0)

    async def hear(self, until_us):
        self.us = until_us
        return self.answers.pop() if self.answers else None


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        (Parity(looks=True), "kept"),
        (Parity(looks=False), "broken"),
        (Parity(looks=True, has_parity=False), "not applicable"),
    ],
    ids=["looked at", "not looked at", "no parity"],
)
def test_wrong_parity_is_to_be_discarded(line, verdict):
    async def check() -> Outcome:
        return await clause("R11").check(End(POOR, line=line))

    assert asyncio.run(check()).verdict == verdict
