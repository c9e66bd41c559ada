"""What is emulated: a scenario, or a site of which nothing else is known: no cars, nothing in the house, nothing that breaks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from chargebench.datasheets.forms import fill
from chargebench.datasheets.yamlfile import read_yaml
from chargebench.emulator.spec import WorldSpec
from chargebench.manager.site import Site
from chargebench.manager.site_file import SiteForm, build
from chargebench.scenarios import shelf
from chargebench.scenarios.describe import Scenario, is_site, read_scenario
from chargebench.scenarios.errors import Errors
from chargebench.scenarios.form import World
from chargebench.scenarios.moments import Clock
from chargebench.scenarios.truth import Builder

MIDNIGHT: Final = Clock(date(2026, 1, 1).toordinal(), 0)
"""When a bare site begins: its clock tells how long it has been there."""


@dataclass(frozen=True, slots=True)
class Play:
    """What is played, and on which clock. ``scenario`` None: a bare site, which nothing can be judged by."""

    label: str
    title: str
    site: Site
    world: WorldSpec
    clock: Clock
    seed: int
    scenario: Scenario | None


def read_play(text: str, seed: int | None = None) -> Play:
    """The site file or scenario that ``text`` names; ``Complaint`` with all that is wrong."""
    found = shelf.find(text)
    if found.variant is None:
        document = read_yaml(found.path)
        if is_site(document):
            return _site(found.path, seed)
    scenario = read_scenario(found.path, found.variant, name=found.name).seeded(seed)
    return Play(scenario.label, scenario.title, scenario.site, scenario.world, scenario.clock, scenario.seed, scenario)


def _site(path: Path, seed: int | None) -> Play:
    document = read_yaml(path)
    site = build(fill(SiteForm, document), document)
    errors = Errors(document)
    world = Builder(site, World(), MIDNIGHT, 0, errors).world()
    errors.raise_any()
    return Play(path.stem, "a site and nothing else", site, world, MIDNIGHT, seed or 1, None)
