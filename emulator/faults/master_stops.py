"""A master that stops. Who runs the master carries it out, when the world tells that the fault begins and ends."""

from __future__ import annotations

from chargebench.emulator.faults.kind import FaultKind, Stage
from chargebench.emulator.spec import FaultSpec


def _told(_stage: Stage, _fault: FaultSpec, _at_us: int) -> None:
    """The telling is all there is to it."""


MASTER_STOPS = FaultKind(
    name="master stops",
    on=("master",),
    doc="The master ends as if switched off, its connections with it; where the fault has an end, it starts anew.",
    begin=_told,
    end=_told,
)
