"""A network path that is cut for several devices at once, while the devices themselves go on.

Packets vanish: nobody is told. What was sent into the cut is sent again by whoever still keeps the connection, so a
connection may live on when the cut ends; one that a side has given up meanwhile is half open at the other.
"""

from __future__ import annotations

from chargebench.emulator.faults.kind import FaultKind, Param, Stage
from chargebench.emulator.reach import Loss
from chargebench.emulator.spec import At, FaultSpec, TcpAt, WorldSpec

_WAYS: dict[str, tuple[Loss, ...]] = {
    "both": ("way there", "way back"),
    "requests": ("way there",),
    "answers": ("way back",),
}


def _cut(stage: Stage, fault: FaultSpec, *, on: bool) -> None:
    behind = {point.name: point.devices for point in stage.spec.access_points}
    for target in fault.names:
        for name in behind.get(target, (target,)):
            for way in _WAYS[str(dict(fault.params).get("way", "both"))]:
                stage.lose(name, way, on=on)


def _begin(stage: Stage, fault: FaultSpec, _at_us: int) -> None:
    _cut(stage, fault, on=True)


def _end(stage: Stage, fault: FaultSpec, _at_us: int) -> None:
    _cut(stage, fault, on=False)


def off_the_network(world: WorldSpec, name: str) -> str:
    """Why a device cannot hang on an access point, or nothing."""
    places: dict[str, At | None] = {box.name: box.at for box in world.boxes}
    places.update({meter.name: meter.at for meter in world.meters})
    places.update({gateway.name: gateway.at for gateway in world.gateways})
    at = places.get(name, TcpAt("", 0))
    if at is None:
        return f"{name} has no address of its own"
    if not isinstance(at, TcpAt):
        return f"{name} is on a line and not on the network"
    return f"{name} is in the master's own case" if at.internal else ""


ACCESS_POINT_LOST = FaultKind(
    name="access point lost",
    on=("access point", "box", "meter", "gateway"),
    doc="The network lets nothing through to these devices nor back (way: requests or answers, one of them only). Boxes and "
    "cars go on, watchdogs run. A box takes the S0 meters in its own case with it, a gateway all that is behind it.",
    begin=_begin,
    end=_end,
    params=(Param("way", "word", "what is lost; both, if left out", tuple(_WAYS)),),
    unfit=off_the_network,
)
