"""What happens to wires and to what stands between them: noise, late answers, an adapter pulled out, a gateway without power."""

from __future__ import annotations

from chargebench.emulator.faults.kind import Act, FaultKind, Param, Stage, loses
from chargebench.emulator.spec import FaultSpec

LATE_US = 1_200_000
NOISE_PPM = 300


def _noise(*, more: bool) -> Act:
    def act(stage: Stage, fault: FaultSpec, _at_us: int) -> None:
        ppm = int(dict(fault.params).get("per_million", NOISE_PPM))
        for name in fault.names:
            stage.wires.disturb(name, ppm if more else -ppm)

    return act


def _late(*, on: bool) -> Act:
    def act(stage: Stage, fault: FaultSpec, _at_us: int) -> None:
        by_us = int(dict(fault.params).get("by", LATE_US))
        for name in fault.names:
            stage.wires.delay(name, by_us, on=on)

    return act


def _pulled(*, on: bool) -> Act:
    def act(stage: Stage, fault: FaultSpec, _at_us: int) -> None:
        for name in fault.names:
            stage.wires.unplug(name, on=on)

    return act


NOISE = FaultKind(
    name="noise",
    on=("line",),
    doc="So many of a million bits on the line are turned over, whoever sends them.",
    begin=_noise(more=True),
    end=_noise(more=False),
    params=(Param("per_million", "count", f"how many; {NOISE_PPM}, if left out"),),
)
LATE_ANSWERS = FaultKind(
    name="late answers",
    on=("box", "meter"),
    doc="The slave hears and acts as always, and its answers come so much later, when nobody may wait for them any more.",
    begin=_late(on=True),
    end=_late(on=False),
    params=(Param("by", "duration", "how much later; 1.2 s, if left out"),),
)
ADAPTER_UNPLUGGED = FaultKind(
    name="adapter unplugged",
    on=("gateway",),
    doc="The gateway has lost its serial port: it neither hears its line nor reaches it. Clients stay connected.",
    begin=_pulled(on=True),
    end=_pulled(on=False),
)

_off, _on = loses("power")

GATEWAY_OFF = FaultKind(
    name="gateway off",
    on=("gateway",),
    doc="The gateway has no power: all behind it is silent at once, and connections are forgotten. When it ends, the gateway "
    "knows nothing of what was. One in the case of a box restarts with its box, by the fault reboot.",
    begin=_off,
    end=_on,
)
