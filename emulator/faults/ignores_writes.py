"""A box that answers every write as it should and does nothing, as some do for a while after they have started."""

from __future__ import annotations

from chargebench.emulator.faults.kind import Act, FaultKind, Stage
from chargebench.emulator.spec import FaultSpec


def _ignores(*, on: bool) -> Act:
    def act(stage: Stage, fault: FaultSpec, _at_us: int) -> None:
        for name in fault.names:
            stage.devices[name].ignores = on

    return act


IGNORES_WRITES = FaultKind(
    name="ignores writes",
    on=("box",),
    doc="The box answers writes as if it had taken them, and does nothing. Reads are answered as always.",
    begin=_ignores(on=True),
    end=_ignores(on=False),
)
