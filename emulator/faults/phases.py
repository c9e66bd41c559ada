"""Phases that are gone: one of them for the whole house, or all of them for some boxes."""

from __future__ import annotations

from chargebench.emulator.connection import NAMES, PHASES
from chargebench.emulator.faults.kind import FaultKind, Param, Stage
from chargebench.emulator.spec import FaultSpec


def _phase(fault: FaultSpec) -> tuple[int, ...]:
    return (NAMES.index(str(dict(fault.params).get("phase", NAMES[0]))),)


def _lose(stage: Stage, fault: FaultSpec, at_us: int) -> None:
    stage.house.lose(at_us, _phase(fault))
    for box in stage.boxes.values():
        box.lose_phases(at_us, _phase(fault))


def _gain(stage: Stage, fault: FaultSpec, at_us: int) -> None:
    stage.house.gain(at_us, _phase(fault))
    for box in stage.boxes.values():
        box.gain_phases(at_us, _phase(fault))


def _off(stage: Stage, fault: FaultSpec, at_us: int) -> None:
    for name in fault.names:
        stage.boxes[name].lose_phases(at_us, PHASES)


def _on(stage: Stage, fault: FaultSpec, at_us: int) -> None:
    for name in fault.names:
        stage.boxes[name].gain_phases(at_us, PHASES)


PHASE_LOST = FaultKind(
    name="phase lost",
    on=("connection",),
    doc="The grid loses a phase. What hangs on it stops; a box whose first terminal hangs on it is off, a car at another one "
    "goes on with the phases that are left.",
    begin=_lose,
    end=_gain,
    params=(Param("phase", "word", "which; L1, if left out", NAMES),),
)
BREAKER_OPEN = FaultKind(
    name="breaker open",
    on=("box",),
    doc="The breaker in front of these boxes has opened: they are off and say nothing. When it ends, each boots.",
    begin=_off,
    end=_on,
)
