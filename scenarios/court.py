"""The court of a run: every expectation with its law and its judge, fed with all that happens while it happens."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from chargebench.emulator.events import Event, Segment
from chargebench.emulator.spec import WorldSpec
from chargebench.manager.notes import Note
from chargebench.scenarios.expectations import Expectation
from chargebench.scenarios.laws.judge import Break, Judge, Verdict
from chargebench.scenarios.laws.law import Ears, Sample, Scene


class Court:
    """Judges a run while it goes. ``instants`` are those at which it wants a sample of the cars' energies."""

    def __init__(
        self,
        world: WorldSpec,
        expectations: Iterable[Expectation],
        on_break: Callable[[str, Break], None] | None = None,
    ) -> None:
        self._judges: list[Judge] = []
        self._ears: list[Ears] = []
        instants: list[int] = []
        for expectation in expectations:
            judge = Judge(expectation.name, expectation.operator, on_break)
            self._judges.append(judge)
            self._ears.append(expectation.law.build(Scene(world, expectation.from_us), judge.tell))
            instants.extend(expectation.instants)
        self.instants = tuple(sorted(dict.fromkeys(instants)))
        self._events = [ears.event for ears in self._ears if ears.event is not None]
        self._segments = [ears.segment for ears in self._ears if ears.segment is not None]
        self._circuits = [ears.circuit for ears in self._ears if ears.circuit is not None]
        self._samples = [ears.sample for ears in self._ears if ears.sample is not None]
        self._notes = [ears.note for ears in self._ears if ears.note is not None]

    @property
    def samples(self) -> bool:
        """Whether any law looks at samples."""
        return bool(self._samples)

    def event(self, event: Event) -> None:
        """Something happened in the world."""
        for hear in self._events:
            hear(event)

    def segment(self, segment: Segment) -> None:
        """A piece of the connection's currents has ended."""
        for hear in self._segments:
            hear(segment)

    def circuit(self, name: str, segment: Segment) -> None:
        """A piece of a circuit's currents has ended."""
        for hear in self._circuits:
            hear(name, segment)

    def sample(self, sample: Sample) -> None:
        """The cars' energies as they stand."""
        for hear in self._samples:
            hear(sample)

    def note(self, note: Note) -> None:
        """The manager told something."""
        for hear in self._notes:
            hear(note)

    def finish(self, end_us: int) -> tuple[Verdict, ...]:
        """The run has ended: the verdicts, in the order of the file."""
        for ears in self._ears:
            if ears.finish is not None:
                ears.finish(end_us)
        return tuple(judge.finish(end_us) for judge in self._judges)
