"""What is emulated: a scenario, or a site of which nothing else is known: no cars, nothing in the house, nothing that breaks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final

from chargebench.datasheets.errors import BadInput
from chargebench.datasheets.forms import fill
from chargebench.datasheets.yamlfile import Loc, field_text, read_yaml
from chargebench.emulator.faults.wires import NOISE
from chargebench.emulator.spec import FaultSpec, WorldSpec
from chargebench.manager.site import Site
from chargebench.manager.site_file import SiteForm, build
from chargebench.scenarios import shelf
from chargebench.scenarios.contacts import with_contacts
from chargebench.scenarios.describe import Scenario, is_site, read_scenario
from chargebench.scenarios.desk import Desk
from chargebench.scenarios.errors import Errors
from chargebench.scenarios.form import OWN_PROXY, World
from chargebench.scenarios.gateways import straight
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
    scenario = _on_ports(read_scenario(found.path, found.variant, name=found.name).seeded(seed))
    return Play(scenario.label, scenario.title, scenario.site, scenario.world, scenario.clock, scenario.seed, scenario)


def _on_ports(scenario: Scenario) -> Scenario:
    """As it can be served on ports: what is behind a gateway at the gateway's address, for only ours does nothing else
    that a master could tell.

    ``BadInput`` for a gateway of another make, and for what breaks at a gateway or on its line.
    """
    world, source = scenario.world, scenario.source.document
    for one in world.gateways:
        if one.profile != OWN_PROXY:
            loc: Loc = ("world", "gateways", one.name, "profile")
            sentence = (
                f"expected {OWN_PROXY} where a world is served on ports; {one.profile} is played in simulation only"
            )
            raise BadInput(source.where(loc), field_text(loc), sentence)
    gone = [name for one in world.gateways for name in (one.name, one.line.line)]
    for k, fault in enumerate(world.faults):
        if lost := [name for name in fault.names if name in gone]:
            loc = ("faults", k, "on")
            sentence = f"expected a device: where a world is served on ports, there is no {lost[0]} that could break"
            raise BadInput(source.where(loc), field_text(loc), sentence)
        if why := unserved(fault):
            loc = ("faults", k, "fault")
            raise BadInput(source.where(loc), field_text(loc), why)
    return replace(scenario, world=straight(world))


def unserved(fault: FaultSpec) -> str:
    """Why a fault cannot be where a world is served on ports, or nothing."""
    return "expected another fault: the ports of this machine carry no noise" if fault.kind == NOISE.name else ""


def _site(path: Path, seed: int | None) -> Play:
    document = read_yaml(path)
    site = build(fill(SiteForm, document), document)
    errors = Errors(document)
    world = Builder(site, World(), MIDNIGHT, 0, errors).world()
    errors.raise_any()
    world = with_contacts(world, site, Desk(MIDNIGHT))
    return Play(path.stem, "a site and nothing else", site, world, MIDNIGHT, seed or 1, None)
