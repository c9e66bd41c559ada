"""A box whose hardware restarts."""

from __future__ import annotations

from chargebench.emulator.faults.kind import FaultKind, Param, Stage
from chargebench.emulator.spec import FaultSpec


def _begin(stage: Stage, fault: FaultSpec, at_us: int) -> None:
    takes_us = dict(fault.params).get("takes")
    for name in fault.names:
        stage.boxes[name].restart(at_us, None if takes_us is None else int(takes_us))


REBOOT = FaultKind(
    name="reboot",
    on=("box",),
    doc="The box restarts: contactor open, deaf while it boots, then its def_ registers hold and count_restart is one more.",
    begin=_begin,
    params=(Param("takes", "duration", "how long it boots; as long as the box's own boot time, if left out"),),
)
