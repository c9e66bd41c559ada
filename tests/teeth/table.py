"""The page of failures and planted bugs, made from the tests that catch them: ``python -m tests.teeth`` writes it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.library.failures import FAILURES
from tests.teeth import small_bugs, test_control, test_switching, test_whatever_breaks

PAGE = Path(__file__).parents[2] / "docs" / "failures.md"


def words(name: str) -> str:
    return name.replace("_", " ")


def bugs() -> Iterator[tuple[str, str]]:
    """Every planted bug of the manager, with what catches it."""
    for bug, law in test_control.BUGS:
        yield words(bug.__name__), f"law: {words(law.__name__)}"
    for bug in test_whatever_breaks.BUGS:
        yield words(bug.__name__), "law of whole runs: whatever breaks, what may flow has been counted"
    for bug, play in test_switching.LAWS:
        yield words(bug.__name__), f"law of phase switching: {words(play.__name__)}"
    for bug, scenario, told in (*small_bugs.BUGS, *test_switching.SCENARIOS):
        yield words(bug.__name__), f"`{scenario}`: {told}"
    for one in FAILURES:
        if one.law:
            yield words(one.weakness), f"`{one.scenario}`: {one.law}"


def page() -> str:
    """The whole page."""
    failures = [f"| {one.number} | {one.what} | `{one.scenario}` |" for one in FAILURES]
    planted = [f"| {k} | {bug} | {catcher} |" for k, (bug, catcher) in enumerate(bugs(), 1)]
    return "\n".join(
        [
            "# Failures",
            "",
            "What has gone wrong with real load managers, and the shipped scenario in which it goes wrong again:",
            "",
            "| kind | what | scenario |",
            "| ---: | --- | --- |",
            *failures,
            "",
            "What was made wrong in this manager on purpose, and the law or the scenario that tells. Each is a test:",
            "",
            "| | planted bug | caught by |",
            "| ---: | --- | --- |",
            *planted,
            "",
            "Both tables are written by `python -m tests.teeth` from the tests themselves.",
            "",
        ]
    )
