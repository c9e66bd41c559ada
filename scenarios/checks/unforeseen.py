"""What the world of a scenario does that its site rules out: then no manager of this site can keep the limit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from chargebench.datasheets.yamlfile import Loc, field_text
from chargebench.emulator.faults.frozen import FROZEN
from chargebench.scenarios.checks.amounts import PHASES, at_least, at_most
from chargebench.scenarios.checks.finding import Finding
from chargebench.scenarios.describe import Scenario

LOAD: Final[Loc] = ("world", "house", "load")


def unforeseen(scenario: Scenario) -> Iterator[Finding]:
    """The house draws more than its greatest load, or a meter that tells its load goes on with an old one."""
    yield from _house(scenario)
    yield from _frozen(scenario)


def _house(scenario: Scenario) -> Iterator[Finding]:
    most_ma = scenario.site.connection.house_max_ma
    source = scenario.source
    if (*source.site_loc, "connection", "house_max") not in source.site.places:
        return  # that it is not given is told of the site
    steps = scenario.world.house.steps
    at_us, amounts = max(steps, key=lambda step: max(step[1]), default=(0, (0, 0, 0)))
    worst_ma = max(amounts)
    if worst_ma <= most_ma:
        return
    sentence = (
        f"the house draws {at_least(worst_ma)} on {PHASES[amounts.index(worst_ma)]} from {scenario.clock.show(at_us)} on,"
        f" and the site says at most {at_most(most_ma)} (house_max), so nothing is proved; {at_least(worst_ma)} would be right"
    )
    yield _finding(scenario, LOAD, sentence, at_least(worst_ma))


def _frozen(scenario: Scenario) -> Iterator[Finding]:
    telling = [meter.name for meter in scenario.site.meters if meter.tells_house]
    for k, fault in enumerate(scenario.world.faults):
        if fault.kind == FROZEN.name and fault.on in telling:
            sentence = (
                f"{fault.on} freezes at {scenario.clock.show(fault.at_us)} and goes on answering, so a house that rises then"
                " is not seen before that is noticed; with role: display the house would be counted at its greatest load"
            )
            yield _finding(scenario, ("faults", k), sentence, "display")


def _finding(scenario: Scenario, loc: Loc, sentence: str, right: str) -> Finding:
    return Finding("danger", scenario.source.document.where(loc), field_text(loc), sentence, right)
