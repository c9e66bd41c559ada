"""At tier register everything happens as at tier wire, whatever breaks: only bytes are left out."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given

from tests.laws.troubles import troubles
from tests.laws.two_tiers import assert_same, both
from tests.laws.witness import scenario_of
from tests.strategies import examples


@pytest.mark.slow
def test_drawn_worlds_in_which_things_break_run_alike_at_both_tiers(record_property):
    tally: Counter[str] = Counter()

    @given(troubles())
    @examples(10)
    def draw(text):
        wire, register = both(scenario_of(text))
        assert_same(wire, register)
        tally["worlds"] += 1
        tally["told"] += bool(wire.commands)
        tally["hurt"] += any(kind in {"silent", "link down", "late answer"} for _, _, kind, _ in wire.happened)

    draw()
    record_property("told", f"two tiers: {tally['hurt']} of {tally['worlds']} worlds lost an answer")
    assert tally["told"], "worlds without a command prove little"
    assert tally["hurt"], "worlds in which no answer is lost prove little"


@pytest.mark.slow
@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parent / "found").glob("*.yaml"))[::4], ids=lambda path: path.stem
)
def test_a_world_that_was_hard_once_runs_alike_at_both_tiers(path):
    assert_same(*both(scenario_of(path.read_text("utf-8"))))
