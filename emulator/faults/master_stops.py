"""A master that stops. Who runs the master carries it out, when the world tells that it stops and starts."""

from __future__ import annotations

from chargebench.emulator.faults.kind import FaultKind, Stage
from chargebench.emulator.spec import FaultSpec


def _begin(stage: Stage, _fault: FaultSpec, at_us: int) -> None:
    stage.hold_master(at_us, on=True)


def _end(stage: Stage, _fault: FaultSpec, at_us: int) -> None:
    stage.hold_master(at_us, on=False)


MASTER_STOPS = FaultKind(
    name="master stops",
    on=("master",),
    doc="The master ends as if switched off, its connections with it; where the fault has an end, it starts anew.",
    begin=_begin,
    end=_end,
)
