"""The minutes of a run: all that happens goes into the trace (hashed), to the court (judged) and to the story (told)."""

from __future__ import annotations

from chargebench.emulator.events import Event
from chargebench.emulator.trace import Trace
from chargebench.emulator.world import World
from chargebench.manager.notes import Note
from chargebench.scenarios.court import Court
from chargebench.scenarios.describe import Scenario
from chargebench.scenarios.laws.judge import Verdict
from chargebench.scenarios.laws.law import Sample
from chargebench.scenarios.plain import plain
from chargebench.scenarios.record import commands_hash
from chargebench.scenarios.result import HAPPENED, Commanded, Happened, Result, commanded
from chargebench.scenarios.spool import Spool
from chargebench.scenarios.story import Story
from chargebench.scenarios.tiers import Tier
from chargebench.scenarios.unpreventable import unpreventable

SAMPLE_US = 60_000_000  # how often the cars' energies are looked at, besides every deadline
_LAST_TRACE = 12


class Minutes:
    """Those of one run. ``closed`` once it has ended: what comes then is no part of it.

    ``brief``: nothing is kept but commands, verdicts and figures.
    """

    def __init__(self, scenario: Scenario, trace: Trace, tier: Tier, *, brief: bool = False) -> None:
        self.scenario, self.court = scenario, Court(scenario.world, scenario.expectations)
        self.closed, self._brief = False, brief
        self._trace, self._tier = trace, tier
        self.story = Story(scenario)
        self._happened: Spool[Happened] = Spool(HAPPENED)
        self._commands: Spool[Commanded] = Spool(commanded([box.name for box in scenario.site.boxes]))
        self._verdicts: tuple[Verdict, ...] = ()
        self._hash = ""
        self._channels: tuple[tuple[str, int, str], ...] = ()
        self._checkpoints: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def watch(self, world: World) -> None:
        """Look at the pieces of its currents, too."""
        world.watch.append(self.court.segment)
        if not self._brief:
            world.watch.append(self.story.segment)
        world.circuits.watch.append(self.court.circuit)

    def event(self, event: Event) -> None:
        """Something happened in the world."""
        if not self._brief:
            self._record(event.at_us, event.channel, event.kind, event.data)
        self.court.event(event)
        if not self._brief:
            self.story.event(event)

    def note(self, note: Note) -> None:
        """The manager told something."""
        if not self._brief:
            self._record(note.at_us, f"manager {note.subject}", note.kind, note.data)
        self.court.note(note)
        if not self._brief:
            self.story.note(note)
        if note.kind == "command":
            cycle, limit_ma = int(note.get("cycle")), int(note.get("limit_ma"))
            self._commands.add(Commanded(note.at_us, cycle, note.subject, limit_ma))

    def _record(self, at_us: int, channel: str, kind: str, data: tuple[tuple[str, int | str], ...]) -> None:
        if self.closed:
            return
        self._happened.add((at_us, channel, kind, data))
        self._trace.record(channel, at_us, kind, plain(data).encode())

    def sample(self, world: World, now_us: int) -> None:
        """Look at the energies of the cars, where somebody minds."""
        if not self.closed and self.court.samples:
            cars = world.cars.items()
            self.court.sample(Sample(now_us, tuple((name, car.energy_wh(now_us)) for name, car in cars)))

    def close(self, world: World, now_us: int) -> None:
        """The run ends now."""
        world.finish(now_us)
        self.sample(world, now_us)
        self.story.finish()
        self._verdicts = self.court.finish(now_us)
        channels = self._trace.channels()
        self._channels = tuple((one.name, one.count, one.hexdigest()) for one in channels)
        self._checkpoints = tuple((one.name, tuple(one.checkpoints)) for one in channels)
        self._hash = self._trace.hexdigest()
        self.closed = True

    def result(self, world: World, again: str, wall_s: float, log: str) -> Result:
        """What has come of it; ``again``: the command that repeats it."""
        passed = all(verdict.kept for verdict in self._verdicts)
        broken = [verdict.first_us for verdict in self._verdicts if verdict.first_us is not None]
        return Result(
            scenario=self.scenario,
            seed=self.scenario.seed,
            verdicts=self._verdicts,
            figures=world.figures(),
            hash=self._hash,
            commands_hash=commands_hash((one.cycle, one.box, one.limit_ma) for one in self._commands),
            channels=self._channels,
            checkpoints=self._checkpoints,
            happened=self._happened,
            commands=self._commands,
            story=self.story.text(),
            log=log,
            why="" if passed else self._why(min(broken)),
            again="" if passed else again,
            wall_s=round(wall_s, 3),
            tier=self._tier,
        )

    def _why(self, first_us: int) -> str:
        causes, beyond = self.story.why(first_us), unpreventable(self.scenario, self._verdicts)
        return "; ".join(one for one in (causes, beyond) if one)

    def explain(self, error: Exception, instant: object, again: str) -> None:
        """Have an error of our own say where it happened, and how to see it once more."""
        error.add_note(f"seed {self.scenario.seed}, at {instant}; the last of the trace:")
        for record in self._trace.last(_LAST_TRACE):
            error.add_note(f"  {record}")
        error.add_note(f"again: {again}")
