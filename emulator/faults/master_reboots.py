"""The master's board restarts: its process ends and the box in its own case goes dark, until it has booted."""

from __future__ import annotations

from chargebench.emulator.faults.kind import FaultKind, Stage
from chargebench.emulator.flow import FAR
from chargebench.emulator.spec import FaultSpec, TcpAt


def _begin(stage: Stage, fault: FaultSpec, at_us: int) -> None:
    stage.hold_master(at_us, on=True)
    for box in stage.boxes.values():
        if isinstance(box.spec.at, TcpAt) and box.spec.at.internal:
            box.restart(at_us, FAR - at_us if fault.for_us is None else fault.for_us)


def _end(stage: Stage, _fault: FaultSpec, at_us: int) -> None:
    stage.hold_master(at_us, on=False)


MASTER_REBOOTS = FaultKind(
    name="master reboots",
    on=("master",),
    doc="The master's board restarts, its own box with it: dark until the fault ends, then at its def_ registers with "
    "count_restart one more. The master's process begins then, with what it has stored.",
    begin=_begin,
    end=_end,
)
