"""What flows on the circuits of sub-distributions: the sums of the boxes that hang on each, as linear pieces."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from chargebench.emulator.events import Segment
from chargebench.emulator.flow import Flow, Triple, plus
from chargebench.emulator.spec import CircuitSpec

Feed = Callable[[int, tuple[Triple, Triple]], None]


class Sum:
    """What all boxes draw together, for who measures that."""

    def __init__(self) -> None:
        self.flow = Flow()

    def behind(self, feed: Feed) -> Feed:
        """What a box is to feed that feeds ``feed``: that, and the sum."""

        def both(at_us: int, by: tuple[Triple, Triple]) -> None:
            feed(at_us, by)
            flow = self.flow
            flow.set(at_us, plus(flow.level(at_us), by[0]), plus(flow.rate, by[1]))

        return both


class Circuits:
    """All circuits of a world. ``watch`` is called with the name of a circuit and each closed segment of its currents."""

    def __init__(self, specs: Sequence[CircuitSpec]) -> None:
        self.watch: list[Callable[[str, Segment], None]] = []
        self._specs = tuple(specs)
        self._flows = {spec.name: Flow() for spec in specs}

    def behind(self, box: str, feed: Feed) -> Feed:
        """What a box is to feed that feeds ``feed``: that, and the circuits that it hangs on."""
        names = [spec.name for spec in self._specs if box in spec.boxes]
        if not names:
            return feed

        def both(at_us: int, by: tuple[Triple, Triple]) -> None:
            feed(at_us, by)
            for name in names:
                self._add(name, at_us, by)

        return both

    def close(self, at_us: int) -> None:
        """End every running piece at ``at_us``."""
        for name, flow in self._flows.items():
            self._close(name, flow, at_us)

    def _add(self, name: str, at_us: int, by: tuple[Triple, Triple]) -> None:
        flow = self._flows[name]
        self._close(name, flow, at_us)
        flow.set(at_us, plus(flow.level(at_us), by[0]), plus(flow.rate, by[1]))

    def _close(self, name: str, flow: Flow, at_us: int) -> None:
        start = flow.at_us
        if at_us <= start:
            return
        segment = Segment(start, at_us, flow.level(start), flow.rate)
        flow.cut(at_us)
        for look in self.watch:
            look(name, segment)
