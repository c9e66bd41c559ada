"""Small wrong changes to allocator and controller, each caught by a law in a shipped scenario."""

from __future__ import annotations

import pytest

from chargebench.scenarios.run import run
from tests.library.weak import shipped
from tests.teeth.small_bugs import BUGS


@pytest.mark.slow
@pytest.mark.parametrize(("bug", "scenario", "law"), BUGS, ids=lambda one: getattr(one, "__name__", one))
def test_a_small_bug_is_caught_by_a_scenario(bug, scenario, law, monkeypatch):
    bug(monkeypatch)
    broken = [verdict.name for verdict in run(shipped(scenario), tier="register").verdicts if not verdict.kept]
    assert any(law in name for name in broken), broken
