"""Whether what was exceeded could have been kept at all: a danger that ``check`` told of, where what it tells of came about.

A site that breaks a proof may be managed well all night; only where the night brings what the proof is about, such as a
restart for boot limits that do not fit, is an excess beyond every manager.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from chargebench.scenarios.check import check_scenario
from chargebench.scenarios.checks.finding import Finding
from chargebench.scenarios.describe import Scenario
from chargebench.scenarios.laws.judge import Verdict

EXCESSES: Final = ("limit_exceeded: ", "fuse: ")
RESTARTS: Final = ("reboot", "blackout", "master reboots")
LOSSES: Final = ("silence", "one-way loss", "access point lost", "master stops", "master reboots", "blackout")
STARTING_US: Final = 120_000_000
"""So long after its start a run is as after a blackout: every box at its boot limit."""


def unpreventable(scenario: Scenario, verdicts: Iterable[Verdict]) -> str:
    """What would have prevented that limit or fuse were exceeded, where no manager could; empty where there is nothing to say."""
    broken = [one.first_us for one in verdicts if one.first_us is not None and any(law in one.name for law in EXCESSES)]
    if not broken or not scenario.managed:
        return ""
    dangers = beyond(scenario, min(broken))
    return f"unpreventable: {dangers[0].sentence}" if dangers else ""


def beyond(scenario: Scenario, at_us: int) -> list[Finding]:
    """The dangers that may lie behind an excess at ``at_us``."""
    return [one for one in check_scenario(scenario) if one.severity == "danger" and _came_about(one, scenario, at_us)]


def _came_about(danger: Finding, scenario: Scenario, at_us: int) -> bool:
    """Whether what a danger needs has happened by then. What is not about an excess never has."""
    head, _, rest = danger.field.partition(".")
    if head == "site":
        head, _, rest = rest.partition(".")
    if head == "connection" or danger.field.endswith((".accuracy", ".factor")) or rest.startswith("gateways"):
        return True  # the limit itself, or the house, is more than the site bears; what is read is wrong from the beginning
    if head.startswith("evses"):
        if ".boot" in danger.field:
            return at_us < STARTING_US or _broke(scenario, at_us, RESTARTS)
        return ".failsafe" in danger.field and _broke(scenario, at_us, LOSSES)
    if danger.field.startswith("world.readers"):
        return _broke(scenario, at_us, LOSSES)
    if danger.field.startswith("faults"):
        return _broke(scenario, at_us, ("frozen",))
    most_ma = scenario.site.connection.house_max_ma
    return danger.field == "world.house.load" and any(
        step_us <= at_us and max(amounts) > most_ma for step_us, amounts in scenario.world.house.steps
    )


def _broke(scenario: Scenario, at_us: int, kinds: tuple[str, ...]) -> bool:
    return any(fault.kind in kinds and fault.at_us <= at_us for fault in scenario.world.faults)
