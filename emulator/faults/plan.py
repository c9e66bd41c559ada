"""When the faults of a world begin and end."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush

from chargebench.emulator.events import Event
from chargebench.emulator.faults import registry
from chargebench.emulator.faults.kind import FaultKind, Param, Stage
from chargebench.emulator.flow import FAR
from chargebench.emulator.spec import FaultSpec

_END, _BEGINNING, _AFTERMATH = range(3)


class FaultPlan:
    """Carries faults out on a stage and tells of each. At one instant ends come before beginnings, then file order."""

    def __init__(self, faults: tuple[FaultSpec, ...], stage: Stage, tell: Callable[[Event], None]) -> None:
        self._faults = [(spec, _kind(spec, stage)) for spec in faults]
        self._stage, self._tell = stage, tell
        # (when, what, place in the file)
        self._due = [(spec.at_us, _BEGINNING, number) for number, spec in enumerate(faults)]
        heapify(self._due)

    def add(self, spec: FaultSpec) -> None:
        """One more; ``LookupError`` or ``ValueError`` where it cannot be."""
        kind = _kind(spec, self._stage)
        heappush(self._due, (spec.at_us, _BEGINNING, len(self._faults)))
        self._faults.append((spec, kind))

    @property
    def next_us(self) -> int:
        return self._due[0][0] if self._due else FAR

    def step(self, at_us: int) -> None:
        """Do what is due at ``at_us``."""
        while self._due and self._due[0][0] <= at_us:
            _, what, number = heappop(self._due)
            spec, kind = self._faults[number]
            if what == _BEGINNING:
                self._begin(at_us, number, spec, kind)
            elif what == _END:
                self._end(at_us, number, spec, kind)
            elif kind.aftermath is not None:
                kind.aftermath.then(self._stage, spec, at_us)

    def _begin(self, at_us: int, number: int, spec: FaultSpec, kind: FaultKind) -> None:
        self._say(at_us, "begins", spec)
        kind.begin(self._stage, spec, at_us)
        if kind.end is not None and spec.for_us is not None:
            heappush(self._due, (at_us + spec.for_us, _END, number))
        if spec.every_us is not None:
            heappush(self._due, (at_us + spec.every_us, _BEGINNING, number))

    def _end(self, at_us: int, number: int, spec: FaultSpec, kind: FaultKind) -> None:
        self._say(at_us, "ends", spec)
        if kind.end is not None:
            kind.end(self._stage, spec, at_us)
        if kind.aftermath is not None:
            heappush(self._due, (at_us + kind.aftermath.after_us(spec), _AFTERMATH, number))

    def _say(self, at_us: int, what: str, spec: FaultSpec) -> None:
        self._tell(Event(at_us, "fault", what, (("fault", spec.kind), ("on", ", ".join(spec.names)))))


def _kind(spec: FaultSpec, stage: Stage) -> FaultKind:
    """The kind of a fault; ``LookupError`` or ``ValueError`` where the fault cannot be."""
    kind = registry.get(spec.kind)
    if kind is None:
        raise LookupError(f"there is no fault {spec.kind}; known are {', '.join(registry)}")
    on = kind.targets(stage.spec)
    for name in spec.names:
        if name not in on:
            known = ", ".join(on) or "none here"
            raise LookupError(f"fault {spec.kind} is on {' or '.join(kind.kinds(stage.spec))}: {known}; got {name}")
        if problem := kind.unfit(stage.spec, name):
            raise ValueError(f"fault {spec.kind} on {name}: {problem}")
    if len(set(spec.names)) < len(spec.names):
        raise ValueError(f"fault {spec.kind}: on each of its targets once, got {', '.join(spec.names)}")
    if spec.at_us < 0 or (spec.for_us is not None and spec.for_us <= 0):
        raise ValueError(f"fault {spec.kind} on {spec.on}: begins at 0 or later and lasts longer than 0")
    if spec.every_us is not None and spec.every_us <= (0 if kind.end is None else spec.for_us or FAR):
        raise ValueError(f"fault {spec.kind} on {spec.on}: comes again only after it has ended")
    known_params = {param.name: param for param in kind.params}
    for name, value in spec.params:
        if name not in known_params:
            raise LookupError(f"fault {spec.kind} has no {name}; known are {', '.join(known_params) or 'none'}")
        _check_word(spec, known_params[name], value)
    return kind


def _check_word(spec: FaultSpec, param: Param, value: int | str) -> None:
    if param.words and value not in param.words:
        raise ValueError(f"fault {spec.kind}: {param.name} is {', '.join(param.words)}; got {value}")
