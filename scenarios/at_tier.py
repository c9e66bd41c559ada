"""What a tier is made of, and which scenarios may be run there.

At ``wire`` every byte is made. At ``register`` the same manager meets the same world at the same instants, and bytes are
made only where something can happen to them, so both give the same commands. At ``leap`` the manager is asked only where
something can follow from it, which gives the same commands again; what cannot be leapt is refused. A scenario says in
``tiers`` at which of them it is meant to be run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from chargebench.datasheets.errors import BadInput
from chargebench.manager.notes import Teller
from chargebench.manager.shell import Links
from chargebench.manager.site import Site
from chargebench.scenarios.describe import Scenario
from chargebench.scenarios.leap.accept import reason
from chargebench.scenarios.register.rounds import ImageLinks
from chargebench.scenarios.tiers import Tier

LINKS: Final[Mapping[Tier, Callable[[Site, Mapping[str, str], Teller], Links]]] = {
    "wire": Links,
    "register": ImageLinks,
}
"""The links of the tiers that have any."""


def refuse(scenario: Scenario, tier: Tier) -> None:
    """``BadInput`` where a scenario is not meant for a tier."""
    if tier in scenario.tiers:
        if tier == "leap" and (why := reason(scenario)):
            raise BadInput(scenario.source.document.where(), "", f"expected what can be run in leaps: {why}")
        return
    document = scenario.source.document
    where, field = document.where(("tiers",)), "tiers"
    said = ", ".join(scenario.tiers)
    raise BadInput(where, field, f"expected {tier} among the tiers of this scenario to run it there, got [{said}]")
