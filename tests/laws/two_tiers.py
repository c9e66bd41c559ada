"""One scenario at two tiers: what must be the same there, which is everything but the bytes between manager and world."""

from __future__ import annotations

from chargebench.scenarios.describe import Scenario
from chargebench.scenarios.result import Result
from chargebench.scenarios.run import run


def both(scenario: Scenario) -> tuple[Result, Result]:
    """The scenario at tier wire and at tier register."""
    return run(scenario), run(scenario, tier="register")


def assert_same(wire: Result, register: Result) -> None:
    """Every command, event, note, verdict, figure and line of story and log is the same, to the microsecond."""
    for one, other in zip(wire.happened, register.happened, strict=False):
        assert one == other, wire.story
    assert len(wire.happened) == len(register.happened)
    assert list(wire.commands) == list(register.commands)
    assert wire.commands_hash == register.commands_hash
    assert (wire.verdicts, wire.figures, wire.story, wire.log) == (
        register.verdicts,
        register.figures,
        register.story,
        register.log,
    )
