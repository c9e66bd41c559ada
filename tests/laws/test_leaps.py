"""A run in leaps is the run: the same commands, the same world, to the microsecond."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given

from chargebench.manager.controller import Controller
from chargebench.scenarios.run import run
from tests.laws.calm import calm
from tests.laws.two_tiers import assert_leapt
from tests.laws.witness import scenario_of
from tests.library.weak import shipped
from tests.strategies import examples


class Ledger(Controller):
    """Keeps of every decision its cycle and the energies by which boxes are ranked; policy ``fair``."""

    def __init__(self, site):
        super().__init__(site)
        self.kept = []

    def cycle(self, n, view):
        commands = super().cycle(n, view)
        if self.decision.cycle == n:
            self.kept.append((n, [memory.energy_wh() for memory in self.boxes]))
        return commands


def ledgers(scenario):
    """What is kept at tier register and in leaps."""
    made = []

    def make(site):
        made.append(Ledger(site))
        return made[-1]

    for tier in ("register", "leap"):
        run(scenario, tier=tier, controller=make)
    return [one.kept for one in made]


@pytest.mark.slow
@pytest.mark.parametrize("label", ["house-14kw", "uneven-phases", "eighth-car", "waking-car"])
def test_decisions_fall_at_the_same_cycles_and_know_of_the_same_energies(label):
    register, leap = ledgers(shipped(label))
    assert register == leap
    assert len(register) > 10


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
