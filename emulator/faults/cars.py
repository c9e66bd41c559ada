"""Cars that take another current than they should."""

from __future__ import annotations

from chargebench.emulator.faults.kind import Act, FaultKind, Param, Stage
from chargebench.emulator.spec import FaultSpec

MORE_MA, LESS_MA = 2_000, 3_000


def _each(stage: Stage, fault: FaultSpec, at_us: int, *, extra_ma: int = 0, most_ma: int | None = None) -> None:
    for name in fault.names:
        car = stage.cars[name]
        car.behave(at_us, extra_ma=extra_ma, most_ma=most_ma)
        box = stage.boxes[car.spec.box]
        if box.car is car:
            box.step(at_us)


def _takes(*, more: bool) -> Act:
    def begin(stage: Stage, fault: FaultSpec, at_us: int) -> None:
        ma = int(dict(fault.params).get("current", MORE_MA if more else LESS_MA))
        _each(stage, fault, at_us, extra_ma=ma if more else 0, most_ma=None if more else ma)

    return begin


def _end(stage: Stage, fault: FaultSpec, at_us: int) -> None:
    _each(stage, fault, at_us)


TAKES_MORE = FaultKind(
    name="takes more",
    on=("car",),
    doc="The car takes more than it was offered, by so much, but never more than its charger can.",
    begin=_takes(more=True),
    end=_end,
    params=(Param("current", "current", "by how much; 2 A, if left out"),),
)
TAKES_LESS = FaultKind(
    name="takes less",
    on=("car",),
    doc="The car takes no more than so much, whatever it is offered. When it ends, it takes at once what it is offered.",
    begin=_takes(more=False),
    end=_end,
    params=(Param("current", "current", "how much; 3 A, if left out"),),
)
