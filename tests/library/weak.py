"""Managers with a weakness each, and the program that runs a scenario with one of them in a process of its own."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import cache

from chargebench.manager.controller import Controller
from chargebench.manager.readings import Command, Pilot
from chargebench.scenarios import shelf
from chargebench.scenarios.describe import Scenario, read_scenario
from chargebench.scenarios.run import run


@cache
def shipped(label: str) -> Scenario:
    found = shelf.find(label)
    return read_scenario(found.path, found.variant, name=found.name)


class Generous(Controller):
    """Gives every car all that its box can carry, whatever the connection says."""

    def cycle(self, n, view):
        return [
            Command(n, k, box.maximum_ma)
            for k, (box, seen) in enumerate(zip(self.site.boxes, view.boxes, strict=True))
            if seen.reading is not None and seen.reading.pilot is not Pilot.A and seen.reading.limit_ma < box.maximum_ma
        ]


class Lavish(Controller):
    """As generous, and to boxes as well that cannot show what they were given."""

    def cycle(self, n, view):
        plugged = [seen.reading is not None and seen.reading.pilot is not Pilot.A for seen in view.boxes]
        return [Command(n, k, box.maximum_ma) for k, box in enumerate(self.site.boxes) if plugged[k]]


class Sluggish(Controller):
    """Thinks for a minute before it does anything."""

    def cycle(self, n, view):
        return super().cycle(n, view) if n % 20 == 0 else []


class Miserly(Controller):
    """Serves the first car that asks and nobody else, ever."""

    def cycle(self, n, view):
        commands = super().cycle(n, view)
        served = next((k for k, seen in enumerate(view.boxes) if seen.reading and seen.reading.pilot is not Pilot.A), 0)
        return [command for command in commands if command.box == served or command.limit_ma == 0]


class Forgetful(Controller):
    """Knows of no sub-distributions: all that is free at the house is anybody's."""

    def __init__(self, site, *given):
        boxes = tuple(replace(box, circuit="") for box in site.boxes)
        super().__init__(replace(site, boxes=boxes, circuits=()), *given)


class Shorted(Controller):
    """Takes every input for on, whatever is told."""

    def cycle(self, n, view):
        return super().cycle(n, replace(view, orders=replace(view.orders, inputs=(1, 2, 3, 4))))


class Disorderly(Controller):
    """Lets one box begin: the first of a set of their names, which is another one in each process."""

    def cycle(self, n, view):
        super().cycle(n, view)
        names = [box.name for box in self.site.boxes]
        first = next(iter(set(names)))
        return [Command(n, names.index(first), 6_000)] if n == 2 else []


MANAGERS = {"plain": Controller, "disorderly": Disorderly}


def main() -> None:
    """``python weak.py LABEL MANAGER SECONDS``: print the hash of the beginning of a run."""
    label, manager, seconds = sys.argv[1:]
    scenario = replace(shipped(label), duration_us=int(seconds) * 1_000_000, expectations=())
    sys.stdout.write(run(scenario, controller=MANAGERS[manager]).hash)


if __name__ == "__main__":
    main()
