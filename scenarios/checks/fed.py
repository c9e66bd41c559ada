"""Watchdogs that live on writes: a round that takes too long starves them, and their boxes fall back while all is well.

Behind a gateway that answers reads from memory, all do.
"""

from __future__ import annotations

from collections.abc import Iterator

from chargebench.datasheets.load import load
from chargebench.manager.drivers.registry import box_driver
from chargebench.scenarios.checks.finding import Found, Ground
from chargebench.scenarios.checks.rounds import cycle_us, rounds, seconds


def fed_in_time(ground: Ground) -> Iterator[Found]:
    """Every box whose watchdog must be written to is, at least once in its time, however long the rounds are."""
    site = ground.site
    cycle = cycle_us(rounds(site, ground.loc))
    for k, box in enumerate(site.boxes):
        sheet = load(box.device)
        dog = sheet.watchdog
        time_us = box.failsafe_us or (dog.timeout.value if dog is not None else None)
        fed = box.memory_us or box_driver(box.device, load).feeds({}) is not None
        if fed and time_us and time_us <= cycle:
            sentence = (
                f"{box.name} falls back unless it is written to every {seconds(time_us)}, and a cycle lasts"
                f" {seconds(cycle)}: it does so again and again"
            )
            yield Found("danger", ground.box(k, "at"), sentence)
