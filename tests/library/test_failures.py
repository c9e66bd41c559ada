"""The failures that happened to real managers, each as a scenario that is broken by the weakness behind it."""

from __future__ import annotations

import pytest

from chargebench.scenarios import shelf
from chargebench.scenarios.run import run
from tests.library import weak, weaknesses
from tests.library.failures import FAILURES
from tests.library.weak import shipped


def broken(result):
    return [verdict.name for verdict in result.verdicts if not verdict.kept]


def planted(failure, patch):
    """A run of the failure's scenario under its weakness: a manager, a policy or a planted bug."""
    scenario, weakness = shipped(failure.scenario), failure.weakness
    if weakness in ("original", "none"):
        return run(scenario.under(weakness), tier="register")
    if hasattr(weak, weakness):
        return run(scenario, controller=getattr(weak, weakness), tier="register")
    getattr(weaknesses, weakness)(patch)
    return run(scenario, tier="register")


@pytest.mark.slow
@pytest.mark.parametrize(
    "failure", [one for one in FAILURES if one.law], ids=lambda one: f"{one.number} {one.scenario}"
)
def test_a_real_failure_is_found_where_a_manager_has_its_weakness(failure, monkeypatch):
    found = broken(planted(failure, monkeypatch))
    assert any(failure.law in name for name in found), found


def test_every_failure_that_concerns_a_manager_has_its_scenario():
    numbers = {one.number for one in FAILURES}
    assert {1, 2, 3, 4, 5, 8, *range(11, 24), *range(25, 36)} <= numbers
    assert {one.scenario.partition("/")[0] for one in FAILURES} <= set(shelf.names())
