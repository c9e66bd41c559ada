"""No power from the grid, for everything behind the house connection."""

from __future__ import annotations

from chargebench.emulator.faults.kind import Aftermath, FaultKind, Param, Stage
from chargebench.emulator.flow import SECOND_US
from chargebench.emulator.spec import FaultSpec

MASTER_BOOTS_US = 45 * SECOND_US


def _begin(stage: Stage, _fault: FaultSpec, at_us: int) -> None:
    stage.hold_master(at_us, on=True)
    stage.power.fail(at_us)


def _end(stage: Stage, _fault: FaultSpec, at_us: int) -> None:
    stage.power.come_back(at_us)


def _master_up(stage: Stage, _fault: FaultSpec, at_us: int) -> None:
    stage.hold_master(at_us, on=False)


BLACKOUT = FaultKind(
    name="blackout",
    on=("connection",),
    doc="Nothing has power: no load, every box, meter and the master off. When it ends, each box boots to its def_ registers "
    "with count_restart one more, the house goes on, and the master's process begins when it has booted.",
    begin=_begin,
    end=_end,
    params=(Param("master_boots", "duration", "how long the master boots; 45 s, if left out"),),
    aftermath=Aftermath("master_boots", MASTER_BOOTS_US, _master_up),
)
