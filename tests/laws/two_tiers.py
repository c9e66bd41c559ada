"""One scenario at two tiers: what must be the same there, which is everything but the bytes between manager and world."""

from __future__ import annotations

from chargebench.scenarios.describe import Scenario
from chargebench.scenarios.result import Happened, Result
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


def assert_leapt(register: Result, leap: Result) -> None:
    """Every command, verdict, figure and event of the world is the same, to the microsecond, and so is all that is told of boxes."""
    assert list(register.commands) == list(leap.commands), register.story
    assert register.commands_hash == leap.commands_hash
    for one, other in zip(_told(register), _told(leap), strict=False):
        assert one == other, register.story
    assert len(_told(register)) == len(_told(leap))
    assert (register.verdicts, register.figures) == (leap.verdicts, leap.figures)


def _told(result: Result) -> list[Happened]:
    """All that happened but the quiet cycles; what happens at one instant on two channels has no order."""
    return sorted(one for one in result.happened if one[2] != "cycle")
