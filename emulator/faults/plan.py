"""When the faults of a world begin and end."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush

from chargebench.emulator.events import Event
from chargebench.emulator.faults import registry
from chargebench.emulator.faults.kind import FaultKind, Stage
from chargebench.emulator.flow import FAR
from chargebench.emulator.spec import FaultSpec

MASTER = "master"


class FaultPlan:
    """Carries faults out on a stage and tells of each. At one instant ends come before beginnings, then file order."""

    def __init__(self, faults: tuple[FaultSpec, ...], stage: Stage, tell: Callable[[Event], None]) -> None:
        self._faults = [(spec, _kind(spec, stage)) for spec in faults]
        self._stage, self._tell = stage, tell
        # (when, 0 for an end or 1 for a beginning, place in the file)
        self._due = [(spec.at_us, 1, number) for number, spec in enumerate(faults)]
        heapify(self._due)

    @property
    def next_us(self) -> int:
        return self._due[0][0] if self._due else FAR

    def step(self, at_us: int) -> None:
        """Do what is due at ``at_us``."""
        while self._due and self._due[0][0] <= at_us:
            _, begins, number = heappop(self._due)
            spec, kind = self._faults[number]
            if begins:
                self._begin(at_us, number, spec, kind)
            elif kind.end is not None:
                self._say(at_us, "ends", spec)
                kind.end(self._stage, spec, at_us)

    def _begin(self, at_us: int, number: int, spec: FaultSpec, kind: FaultKind) -> None:
        self._say(at_us, "begins", spec)
        kind.begin(self._stage, spec, at_us)
        if kind.end is not None and spec.for_us is not None:
            heappush(self._due, (at_us + spec.for_us, 0, number))
        if spec.every_us is not None:
            heappush(self._due, (at_us + spec.every_us, 1, number))

    def _say(self, at_us: int, what: str, spec: FaultSpec) -> None:
        self._tell(Event(at_us, "fault", what, (("fault", spec.kind), ("on", spec.on))))


def _kind(spec: FaultSpec, stage: Stage) -> FaultKind:
    """The kind of a fault; ``LookupError`` or ``ValueError`` where the fault cannot be."""
    kind = registry.get(spec.kind)
    if kind is None:
        raise LookupError(f"there is no fault {spec.kind}; known are {', '.join(registry)}")
    targets = {"box": list(stage.boxes), "meter": list(stage.meters), "master": [MASTER]}
    on = [name for target in kind.on for name in targets[target]]
    if spec.on not in on:
        raise LookupError(
            f"fault {spec.kind} is on {' or '.join(kind.on)}: {', '.join(on) or 'none here'}; got {spec.on}"
        )
    if spec.at_us < 0 or (spec.for_us is not None and spec.for_us <= 0):
        raise ValueError(f"fault {spec.kind} on {spec.on}: begins at 0 or later and lasts longer than 0")
    if spec.every_us is not None and spec.every_us <= (0 if kind.end is None else spec.for_us or FAR):
        raise ValueError(f"fault {spec.kind} on {spec.on}: comes again only after it has ended")
    names = [param.name for param in kind.params]
    if strange := [name for name, _ in spec.params if name not in names]:
        raise LookupError(f"fault {spec.kind} has no {strange[0]}; known are {', '.join(names) or 'none'}")
    return kind
