"""One night of a study, drawn: what each box takes, change by change, under the limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from chargebench.emulator.events import Event
from chargebench.scenarios.describe import read_scenario
from chargebench.scenarios.laws.law import Ears
from chargebench.scenarios.run import run
from chargebench.scenarios.whatif.engine import Cell, Listening
from chargebench.scenarios.whatif.figures import Figures
from chargebench.scenarios.whatif.study import Study

SECOND_US = 1_000_000


@dataclass(frozen=True, slots=True)
class Night:
    """``changes``: (second, box, mA on each of its phases in use, how many those are) in the order of time; box -1 is the house."""

    start: str
    length_s: int
    limit_ma: int
    boxes: tuple[str, ...]
    wiring: tuple[tuple[int, ...], ...]
    changes: tuple[tuple[int, int, int, int], ...]
    commands_hash: str


def worst(found: Sequence[Figures], number: int) -> tuple[Cell, int] | None:
    """The seed and the day on which departures of this variation missed the most; None where none of it has run."""
    ran = [one for one in found if one.number == number and not one.failed]
    nights = [(missing, one.seed, day) for one in ran for day, missing in enumerate(one.missing_by_day_wh)]
    if not nights:
        return None
    _, seed, day = max(nights, key=lambda one: (one[0], -one[1], -one[2]))
    return Cell(number, seed), day


def play_file(study: Study, path: Path) -> Night:
    """Run the scenario at ``path``, which is a night of the study, at the study's tier."""
    scenario = read_scenario(path)
    boxes = [box.name for box in scenario.world.boxes]
    at = {car.name: boxes.index(car.box) for car in scenario.world.cars}
    changes: list[tuple[int, int, int, int]] = []

    def event(told: Event) -> None:
        if told.kind == "house":
            changes.append((told.at_us // SECOND_US, -1, int(told.get("l1_ma")), 3))
        elif told.kind == "draw":
            box = at[told.channel.removeprefix("car ")]
            changes.append((told.at_us // SECOND_US, box, int(told.get("drawn_ma")), int(told.get("phases"))))

    result = run(replace(scenario, expectations=(Listening.of(Ears(event=event)),)), tier=study.tier)
    return Night(
        start=scenario.clock.show(0),
        length_s=scenario.duration_us // SECOND_US,
        limit_ma=scenario.world.connection.limit_ma,
        boxes=tuple(boxes),
        wiring=tuple(box.wiring for box in scenario.world.boxes),
        changes=tuple(_last(changes)),
        commands_hash=result.commands_hash,
    )


def _last(changes: Sequence[tuple[int, int, int, int]]) -> Sequence[tuple[int, int, int, int]]:
    """Of several changes of one box in a second the last."""
    found = {(at_s, box): (at_s, box, ma, phases) for at_s, box, ma, phases in changes}
    return [found[key] for key in sorted(found, key=lambda one: one[0])]
