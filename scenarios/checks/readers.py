"""Second readers: who only reads a box feeds its watchdog all the same, so its failsafe never comes while it should.

With a dead master such a box keeps the last limit that it was given. With a master that has merely lost the way to it, the
box keeps that limit too, while its master counts it at its failsafe current.
"""

from __future__ import annotations

from collections.abc import Iterator

from chargebench.datasheets.quantity import show
from chargebench.datasheets.yamlfile import field_text
from chargebench.manager.site import Box
from chargebench.scenarios.checks.amounts import at_least, flows, model_ma, worst
from chargebench.scenarios.checks.failsafe import failsafe_ma
from chargebench.scenarios.checks.finding import Finding
from chargebench.scenarios.describe import Scenario


def readers(scenario: Scenario) -> Iterator[Finding]:
    """What each reader of the world keeps from falling back: a danger where the site counts on that, else a note."""
    site, source = scenario.site, scenario.source
    read = [one.box for one in scenario.world.readers]
    if not read or not site.management:
        return
    amounts = [model_ma(box) if box.name in read else failsafe_ma(box) for box in site.boxes]
    dead = worst(site, amounts)
    lost = worst(site, [model_ma(box) for box in site.boxes])
    for k, one in enumerate(scenario.world.readers):
        box = next(box for box in site.boxes if box.name == one.box)
        loc = ("world", "readers", k, "reads")
        sentence = f"{one.name} reads {box.name} every {show(one.every_us, 'us')}, which feeds its watchdog: its failsafe never holds"
        counted_on = failsafe_ma(box) < model_ma(box)
        if counted_on and dead is not None:
            sentence += f", and with a dead master {flows(dead)}"
        elif counted_on and lost is not None:
            sentence += f"; when the master loses the way to it, {_more(box)} than is counted can flow there"
        danger = counted_on and (dead or lost) is not None
        where = source.document.where(loc)
        yield Finding("danger" if danger else "note", where, field_text(loc), sentence)


def _more(box: Box) -> str:
    return f"up to {at_least(model_ma(box) - failsafe_ma(box))} more"
