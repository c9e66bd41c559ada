"""Whole runs over wires with silences, restarts, lost answers, blackouts and a house that steps: the limit holds.

It is exceeded only after what no manager can prevent, and never for longer than ``check`` tells for that site; and every
command is allowed by what has been read until then.
"""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given

from chargebench.scenarios.check import check_scenario
from chargebench.scenarios.unpreventable import beyond
from tests.laws.excuses import judge
from tests.laws.troubles import troubles
from tests.laws.wire_auditor import WireAuditor
from tests.laws.witness import scenario_of, watched
from tests.strategies import examples


def law(text):
    """Returns what is to be said of the world: "calm", "exceeded in time" or "unpreventable"."""
    scenario = scenario_of(text)
    complaints: list[str] = []
    witness = watched(scenario, lambda decides: WireAuditor(scenario.site, decides, complaints).watch)
    verdict = judge(scenario, witness)
    assert not verdict.broken, f"{verdict.broken}\n{witness.story}"
    assert not complaints or beyond(scenario, scenario.duration_us), f"{complaints[:3]}\n{witness.story}"
    return "unpreventable" if verdict.unpreventable else "exceeded in time" if verdict.over else "calm"


@pytest.mark.parametrize("path", sorted((Path(__file__).parent / "found").glob("*.yaml")), ids=lambda path: path.stem)
def test_a_world_that_was_hard_once_holds(path):
    assert law(path.read_text("utf-8")) != "unpreventable"


@pytest.mark.slow
def test_the_limit_is_exceeded_only_after_what_nobody_can_prevent_and_never_longer_than_check_tells(record_property):
    tally: Counter[str] = Counter()

    @given(troubles())
    @examples(40)
    def draw(text):
        tally["worlds"] += 1
        tally["broken"] += any(one.severity == "danger" for one in check_scenario(scenario_of(text)))
        tally[law(text)] += 1

    draw()
    share = f"{tally['broken']} of {tally['worlds']} worlds break what check asks for"
    record_property(
        "told",
        f"whatever breaks: {share}; {tally['exceeded in time']} exceeded in time, {tally['unpreventable']} unpreventable",
    )
    assert 3 * tally["broken"] < tally["worlds"], share
    assert tally["exceeded in time"], "worlds in which nothing is exceeded prove little"
