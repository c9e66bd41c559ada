"""A meter that goes on answering with its last sample."""

from __future__ import annotations

from chargebench.emulator.faults.kind import FaultKind, Stage
from chargebench.emulator.spec import FaultSpec


def _begin(stage: Stage, fault: FaultSpec, at_us: int) -> None:
    for name in fault.names:
        stage.meters[name].freeze(at_us)


def _end(stage: Stage, fault: FaultSpec, _at_us: int) -> None:
    for name in fault.names:
        stage.meters[name].thaw()


FROZEN = FaultKind(
    name="frozen",
    on=("meter",),
    doc="The meter goes on answering, with the sample it had when the fault began.",
    begin=_begin,
    end=_end,
)
