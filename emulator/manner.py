"""Manners: what one kind of box does otherwise than another, as values; what all do alike stands in ``box.py``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chargebench.emulator.flow import SECOND_US
from chargebench.emulator.spec import BoxSpec, CarSpec


@dataclass(frozen=True, slots=True)
class Manner:
    """The ways of a kind of box.

    ``failsafe_us`` and ``failsafe_ma``: as it leaves the factory. ``look_us``: it looks at its watchdog so often.
    ``boots_first``: it runs only once the box has booted, else from power-on. ``fault_us``: a failsafe current of 0, and its lock, put the pilot into state F, until so long after it hears again (0:
    they only stop the car). ``standby_us``: without car and without request it sleeps after so long (0: never).
    ``pause_us``: a request that comes sooner after the last is not heard. ``step_ma``: it offers whole steps only.
    ``latency_us``, ``boot_us``: how long it takes to obey and to boot, where that is known. ``quirks``: those that a spec may
    name, ``usual``: those of them that each has. ``forgets``: with this quirk a restart or standby brings back all factory
    settings. ``switch_us``: phases that are changed while a car is plugged in change at once, and so long the pilot is
    interrupted (None: they change when the car has left).
    """

    failsafe_us: int
    failsafe_ma: int
    look_us: int
    boots_first: bool = False
    fault_us: int = 0
    standby_us: int = 0
    pause_us: int = 0
    quirks: tuple[str, ...] = ()
    usual: tuple[str, ...] = ()
    forgets: str = ""
    switch_us: int | None = None
    step_ma: int = 100
    latency_us: int | None = None
    boot_us: int | None = None


POWER_BRAIN = Manner(
    failsafe_us=300 * SECOND_US,
    failsafe_ma=6_000,
    look_us=SECOND_US,
    # hardware of Rev. F; also the owner's release of switching while plugged in; failsafe registers that nobody may write;
    # its load management on, where it should only observe; charging not enabled by its owner
    quirks=("second-relay", "phase-switching", "fixed-failsafe", "manages-itself", "not-enabled"),
)


def quirks_of(spec: BoxSpec, manner: Manner) -> tuple[str, ...]:
    """The quirks that are at work: those that every such box has, less those that this one lacks, and its own."""
    usual = [one for one in manner.usual if one not in spec.without]
    return tuple(one for one in manner.quirks if one in usual or one in spec.quirks)


def refuse_impossible(spec: BoxSpec, cars: Sequence[CarSpec], manner: Manner) -> None:
    """Refuse what no box can be; ``ValueError`` names the box."""
    if not 1 <= len(spec.wiring) <= 3 or sorted({*spec.wiring} & {0, 1, 2}) != sorted(spec.wiring):
        raise ValueError(f"box {spec.name}: one to three different phases of 0..2, got {spec.wiring}")
    if spec.profile not in {"on-top", "overwrite"}:
        raise ValueError(f"box {spec.name}: a failsafe profile is on-top or overwrite, got {spec.profile}")
    if strange := [one for one in (*spec.quirks, *spec.without) if one not in manner.quirks]:
        known = f"known quirks are {', '.join(manner.quirks)}" if manner.quirks else f"a {spec.device} has no quirks"
        raise ValueError(f"box {spec.name}: {known}, got {strange[0]}")
    last: CarSpec | None = None
    for car in sorted(cars, key=lambda one: one.plugs_us):
        if last is not None and (last.leaves_us is None or last.leaves_us > car.plugs_us):
            raise ValueError(f"box {spec.name}: car {car.name} is plugged in while car {last.name} is there")
        last = car
