"""What flowed in a run, ampere by ampere: the house and each box on the phase that carried most, and the connection's sum."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from chargebench.emulator.clock.loop import SimLoop
from chargebench.emulator.events import Segment
from chargebench.emulator.flow import NA_PER_MA, Flow, Triple
from chargebench.manager.controller import Controller
from chargebench.scenarios.describe import Scenario, read_scenario
from chargebench.scenarios.result import Result
from chargebench.scenarios.run import Session
from chargebench.scenarios.shelf import find


@dataclass(frozen=True, slots=True)
class Piece:
    """A current from ``from_us`` to ``to_us``, linear between ``ma`` at its start and ``last_ma`` at its end."""

    from_us: int
    to_us: int
    ma: int
    last_ma: int

    def at(self, at_us: int) -> int:
        """The current at an instant of the piece, both ends included, mA."""
        return self.ma + (self.last_ma - self.ma) * (at_us - self.from_us) // (self.to_us - self.from_us)


Pieces = tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """All currents from ``from_us`` to ``to_us``: house first, then the boxes; mA at the start, mA at the end."""

    from_us: int
    to_us: int
    first: tuple[int, ...]
    last: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Night:
    """A run on one phase of the connection: ``house`` and ``boxes``, in the order of the file, add up to ``total``."""

    scenario: Scenario
    result: Result
    house: Pieces
    boxes: tuple[tuple[str, Pieces], ...]
    total: Pieces

    @property
    def limit_ma(self) -> int:
        return self.scenario.world.connection.limit_ma

    @property
    def peak_ma(self) -> int:
        return max(max(piece.ma, piece.last_ma) for piece in self.total)

    @property
    def tripped_us(self) -> int | None:
        """When the fuse opened; None: it held."""
        return next((at_us for at_us, _, kind, _ in self.result.happened if kind == "tripped"), None)

    def energies_wh(self) -> tuple[int, ...]:
        """What the cars got, in the order of the file."""
        return tuple(car["energy_wh"] for car in self.result.figures["cars"].values())

    def spans(self) -> tuple[Span, ...]:
        """The run from start to end in spans within which every current is linear."""
        flows = (self.house, *(pieces for _, pieces in self.boxes))
        ends = sorted({piece.to_us for pieces in flows for piece in pieces})
        places = [0] * len(flows)
        spans = []
        for from_us, to_us in zip([0, *ends], ends, strict=False):
            pieces = [flow[place] for flow, place in zip(flows, places, strict=True)]
            first, last = (tuple(piece.at(at_us) for piece in pieces) for at_us in (from_us, to_us))
            spans.append(Span(from_us, to_us, first, last))
            places = [place + (piece.to_us == to_us) for place, piece in zip(places, pieces, strict=True)]
        return tuple(spans)


@dataclass(slots=True)
class _Watched:
    """A flow, and every piece of it that has ended."""

    flow: Flow
    ended: list[Segment] = field(default_factory=list)

    def end(self, at_us: int) -> None:
        flow = self.flow
        if at_us > flow.at_us:
            self.ended.append(Segment(flow.at_us, at_us, flow.level(flow.at_us), flow.rate))


def watch(name: str, for_us: int | None = None) -> Night:
    """Run the shipped scenario ``name``, for ``for_us`` where that is given, and look on."""
    found = find(name)
    scenario = read_scenario(found.path, found.variant, name=found.name)
    scenario = replace(scenario, duration_us=for_us or scenario.duration_us)
    start = datetime.fromordinal(scenario.clock.day) + timedelta(microseconds=scenario.clock.us)
    loop = SimLoop(scenario.seed, start=start)
    session = Session(scenario, loop, None, Controller)
    world = session._stage.world  # noqa: SLF001 a run shows its world to nobody else
    total: list[Segment] = []
    world.watch.append(total.append)
    house = _Watched(world.house.flow)
    boxes = {name: _Watched(box.flow) for name, box in world.boxes.items()}
    for one in (house, *boxes.values()):
        one.flow.leaving.append(one.end)
    loop.run(session.main())
    for one in (house, *boxes.values()):
        one.end(scenario.duration_us)
    phase = max(range(3), key=lambda one: max(segment.na[one] for segment in total))
    terminals = {name: world.boxes[name].spec.wiring.index(phase) for name in boxes}
    return Night(
        scenario=scenario,
        result=session.result("", 0.0),
        house=_pieces(house.ended, lambda triple: triple[phase]),
        boxes=tuple((name, _pieces(one.ended, _terminal(terminals[name]))) for name, one in boxes.items()),
        total=_pieces(total, lambda triple: triple[phase]),
    )


def _terminal(terminal: int) -> Callable[[Triple], int]:
    return lambda triple: triple[terminal]


def _pieces(segments: list[Segment], of: Callable[[Triple], int]) -> Pieces:
    pieces = []
    for one in segments:
        na, last_na = of(one.na), of(one.na) + of(one.rate) * (one.to_us - one.from_us)
        pieces.append(Piece(one.from_us, one.to_us, na // NA_PER_MA, last_na // NA_PER_MA))
    return tuple(pieces)
