"""Meters that answer on time, and with what is not so: another sign, other phases, no numbers at all."""

from __future__ import annotations

from dataclasses import replace

from chargebench.emulator.faults.kind import Act, FaultKind, Stage
from chargebench.emulator.flow import ZERO, Triple, minus
from chargebench.emulator.meter import Lie, PhaseMeter, Sample
from chargebench.emulator.spec import FaultSpec, WorldSpec


def _shows(lie: Lie) -> tuple[Act, Act]:
    def begin(stage: Stage, fault: FaultSpec, _at_us: int) -> None:
        _tell(stage, fault, lie)

    def end(stage: Stage, fault: FaultSpec, _at_us: int) -> None:
        _tell(stage, fault, None)

    return begin, end


def _tell(stage: Stage, fault: FaultSpec, lie: Lie | None) -> None:
    for name in fault.names:
        meter = stage.meters[name]
        assert isinstance(meter, PhaseMeter), "it knows its phases"
        meter.tell(lie)


def _other_sign(sample: Sample) -> Sample:
    return replace(sample, na=minus(ZERO, sample.na), active_na=minus(ZERO, sample.active_na))


def _turned(sample: Sample) -> Sample:
    return replace(sample, na=_next(sample.na), active_na=_next(sample.active_na))


def _next(of: Triple) -> Triple:
    return of[1], of[2], of[0]


def _numbers(*, there: bool) -> Act:
    def act(stage: Stage, fault: FaultSpec, _at_us: int) -> None:
        for name in fault.names:
            stage.devices[name].numbers = there

    return act


def _of_phases(world: WorldSpec, name: str) -> str:
    """Why a meter cannot be wrong by its phases, or nothing."""
    device = next(one.device for one in world.meters if one.name == name)
    return f"{name} counts pulses and knows no phases" if device == "power-brain-s0" else ""


def _on_its_own(world: WorldSpec, name: str) -> str:
    """Why a meter cannot answer for itself, or nothing."""
    at = next(one.at for one in world.meters if one.name == name)
    return f"{name} answers through the registers of its box" if at is None else ""


_SIGN, _TURN = _shows(_other_sign), _shows(_turned)

REVERSED = FaultKind(
    name="reversed",
    on=("meter",),
    doc="The meter shows what is drawn as fed in, and the other way round, as with its transformers the wrong way round.",
    begin=_SIGN[0],
    end=_SIGN[1],
    unfit=_of_phases,
)
PHASES_SWAPPED = FaultKind(
    name="phases swapped",
    on=("meter",),
    doc="The meter shows the current of L2 as that of L1, of L3 as of L2, of L1 as of L3.",
    begin=_TURN[0],
    end=_TURN[1],
    unfit=_of_phases,
)
NO_NUMBERS = FaultKind(
    name="no numbers",
    on=("meter",),
    doc="The meter answers with 0x7FFF in every word: no number as a float, no value in SunSpec.",
    begin=_numbers(there=False),
    end=_numbers(there=True),
    unfit=_on_its_own,
)
