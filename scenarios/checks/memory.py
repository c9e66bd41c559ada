"""Gateways that answer from memory, and a site that does not know of it: then a read is taken for the present, and confirms what is not."""

from __future__ import annotations

from collections.abc import Iterator

from chargebench.datasheets.quantity import show
from chargebench.datasheets.yamlfile import field_text
from chargebench.emulator.gateway_profiles import PROFILES
from chargebench.scenarios.checks.finding import Finding
from chargebench.scenarios.describe import Scenario
from chargebench.scenarios.gateways import place


def remembered(scenario: Scenario) -> Iterator[Finding]:
    """Every gateway of the world that remembers longer than the site says."""
    if not scenario.site.management:
        return
    for gateway in scenario.world.gateways:
        memory_us = PROFILES[gateway.profile].memory_us if gateway.profile in PROFILES else 0
        memory_us = gateway.memory_us if memory_us and gateway.memory_us is not None else memory_us
        unaware = [
            box.name for box in scenario.site.boxes if place(box.address) == gateway.at and box.memory_us < memory_us
        ]
        if not unaware:
            continue
        loc = ("world", "gateways", gateway.name)
        right = f'{{at: "{gateway.at.host}:{gateway.at.port}", memory: {show(memory_us, "us")}}}'
        sentence = (
            f"what is read of {', '.join(unaware)} comes from its memory for {show(memory_us, 'us')}, and the site does not say so"
            f" (gateways), so a read is taken to confirm a limit and to feed a watchdog; {right} would be right"
        )
        yield Finding("danger", scenario.source.document.where(loc, key=True), field_text(loc), sentence, right)
