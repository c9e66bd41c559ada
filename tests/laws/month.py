"""``python -m tests.laws.month [DAYS] [SEED]``: 25 boxes for a month at tier register, in which every day things break.

Boxes fall silent and restart, the house's meter is lost, cars come and go, the house steps. No law may be broken, and what the
process holds must not grow. ``test_month.py`` runs a piece of it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace

from chargebench.emulator.events import Event
from chargebench.emulator.spec import CarSpec, FaultSpec, HouseSpec
from chargebench.emulator.streams import Streams
from chargebench.scenarios.describe import Scenario
from tests.bench.memory import resident_mb
from tests.bench.runs import scenario
from tests.laws.excuses import Verdict, judge
from tests.laws.wire_auditor import WireAuditor
from tests.laws.witness import Witness, watched

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
FAULT_EVERY_US = 20 * MINUTE
GROWTH_MOST_MB = 15.0
KINDS = {"house", "boot", "starts", "stops", "failsafe", "begins", "ends"}
"""What of the world's events it takes to judge an excess; the others of a month would fill the memory."""


def month(days: int, seed: int = 1, minutes: int = 0) -> Scenario:
    """``twenty-five-slaves`` for so long, with trouble."""
    whole = scenario("twenty-five-slaves")
    end_us = days * DAY + minutes * MINUTE
    streams = Streams(seed)
    cars = [car for box in whole.world.boxes for car in _cars(streams, box.name, whole.world.cars, end_us)]
    names = [box.name for box in whole.world.boxes if box.name != "internal"]
    world = replace(
        whole.world, house=_house(streams, end_us), cars=tuple(cars), faults=_faults(streams, names, end_us)
    )
    return replace(whole, seed=seed, world=world, duration_us=end_us, expectations=())


def _house(streams: Streams, end_us: int) -> HouseSpec:
    """A house that steps once in a quarter of an hour, at any second of it, never above what its owner says."""
    draw = streams.stream("month", "house")
    steps = [
        (at_us + draw.between(0, 840) * SECOND, (draw.between(8, 60) * 1000,) * 3)
        for at_us in range(15 * MINUTE, end_us, 15 * MINUTE)
    ]
    return HouseSpec(((0, (20_000,) * 3), *steps))


def _cars(streams: Streams, box: str, known: tuple[CarSpec, ...], end_us: int) -> list[CarSpec]:
    """One car after another, for some hours each."""
    draw = streams.stream("month", "cars", box)
    found: list[CarSpec] = []
    at_us = draw.between(5, 1_800) * SECOND
    while at_us < end_us:
        stays_us = draw.between(20, 600) * MINUTE
        like = known[draw.below(len(known))]
        visit = replace(
            like,
            name=f"{box} {len(found)}",
            box=box,
            plugs_us=at_us,
            leaves_us=at_us + stays_us,
            wanted_wh=draw.between(500, 30_000),
        )
        found.append(visit)
        at_us += stays_us + draw.between(1, 300) * MINUTE
    return found


def _faults(streams: Streams, boxes: list[str], end_us: int) -> tuple[FaultSpec, ...]:
    """Something every twenty minutes: mostly a box that is silent for a while, sometimes one that restarts, or the meter."""
    draw = streams.stream("month", "faults")
    found: list[FaultSpec] = []
    for begin_us in range(FAULT_EVERY_US // 2, end_us - FAULT_EVERY_US, FAULT_EVERY_US):
        at_us, kind = begin_us + draw.between(0, 300) * SECOND + draw.below(1_000_000), draw.below(10)
        lasts_us = (20, 60, 150, 300, 480)[draw.below(5)] * SECOND
        if kind == 0:
            found.append(FaultSpec("silence", "grid", at_us, lasts_us))
        elif kind <= 2:
            found.append(FaultSpec("reboot", boxes[draw.below(len(boxes))], at_us))
        else:
            found.append(FaultSpec("silence", boxes[draw.below(len(boxes))], at_us, lasts_us))
    return tuple(found)


class Sober(Witness):
    """A witness that keeps what it takes to judge, and no more."""

    def keep(self, event: Event) -> None:
        if event.kind in KINDS:
            self.events.append(event)


def lived(played: Scenario, tick: Callable[[int], None] | None = None) -> tuple[Sober, Verdict, list[str]]:
    """What is to be said of it: excesses and whether they are excused, and commands that no reading allowed."""
    complaints: list[str] = []
    witness = Sober(played.world.connection.limit_ma)
    watched(
        played,
        lambda decides: WireAuditor(played.site, decides, complaints).watch,
        witness=witness,
        tier="register",
        tick=tick,
    )
    return witness, judge(played, witness), complaints


def main(days: int, seed: int) -> None:
    """Live through it, and say day by day what the process holds."""
    held: list[float] = []

    def tick(now_us: int) -> None:
        if now_us and now_us % DAY == 0:
            held.append(resident_mb())
            print(f"after {now_us // DAY:2} d: {held[-1]:.1f} MB", flush=True)  # noqa: T201  it tells a person

    witness, verdict, complaints = lived(month(days, seed), tick)
    print(f"{len(witness.over)} excesses, {len(verdict.broken)} of them not excused; {len(complaints)} complaints")  # noqa: T201
    if verdict.broken or complaints:
        raise SystemExit(f"seed {seed}: {verdict.broken[:3]} {complaints[:3]}")
    if len(held) > 1 and held[-1] - held[0] > GROWTH_MOST_MB:
        raise SystemExit(f"what the process holds has grown by {held[-1] - held[0]:.1f} MB since the first day")


if __name__ == "__main__":
    main(*(int(one) for one in (sys.argv[1:] + ["30", "1"][len(sys.argv) - 1 :])[:2]))
