"""A run in leaps is the run: the same commands, the same world, to the microsecond."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given

from chargebench.scenarios.run import run
from tests.laws.calm import calm
from tests.laws.two_tiers import assert_leapt
from tests.laws.witness import scenario_of
from tests.strategies import examples


@pytest.mark.slow
def test_drawn_worlds_in_which_nothing_breaks_run_alike_in_leaps(record_property):
    tally: Counter[str] = Counter()

    @given(calm())
    @examples(20)
    def draw(text):
        scenario = scenario_of(text)
        register = run(scenario, tier="register")
        assert_leapt(register, run(scenario, tier="leap"))
        tally["worlds"] += 1
        tally["told"] += bool(register.commands)

    draw()
    record_property("told", f"leaps: {tally['told']} of {tally['worlds']} worlds with commands")
    assert tally["told"], "worlds without a command prove little"


@pytest.mark.slow
@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parent / "found_calm").glob("*.yaml")), ids=lambda path: path.stem
)
def test_a_calm_world_that_was_not_alike_once_is(path):
    """Nor is a meter doubted that is right."""
    scenario = scenario_of(path.read_text("utf-8"))
    register = run(scenario, tier="register")
    assert [one for one in register.happened if one[2] == "doubted"] == []
    assert_leapt(register, run(scenario, tier="leap"))
