"""What the master has stored is lost. Who runs the master carries it out, when the world tells of the fault."""

from __future__ import annotations

from chargebench.emulator.faults.kind import FaultKind, Stage
from chargebench.emulator.spec import FaultSpec


def _told(_stage: Stage, _fault: FaultSpec, _at_us: int) -> None:
    """The telling is all there is to it."""


MASTER_FORGETS = FaultKind(
    name="master forgets",
    on=("master",),
    doc="What the master has stored is lost, as with a card that is broken or exchanged: when it next starts, it knows nothing.",
    begin=_told,
)
