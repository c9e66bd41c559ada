"""Every check of a behaviour can fail: for each clause a box that is wrong in that one thing, and is caught by it."""

from __future__ import annotations

import pytest

from chargebench.scenarios.clauses.catalogue import BEHAVIOUR, clause
from tests.clauses.behaviour import outcomes
from tests.clauses.wrong_boxes import WRONG


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: f"{wrong.clause} {wrong.what}")
def test_a_wrong_box_is_caught(wrong, monkeypatch):
    for owner, name, value in wrong.patches:
        monkeypatch.setattr(owner, name, value)
    got = outcomes(wrong.make(), (clause(wrong.clause),))[wrong.clause]
    assert got.verdict == "broken", got
    assert got.sent
    assert got.expected
    assert got.got


def test_each_clause_of_a_behaviour_is_broken_once():
    assert {wrong.clause for wrong in WRONG} == {one.id for one in BEHAVIOUR}
