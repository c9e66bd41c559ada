"""A play under way: the world on the clock of this machine, its slaves on ports, and, where it is judged, its court.

The world stands at each instant that the court asks for exactly, however late the loop's timers come, so a verdict does not
depend on how quick this machine is. What the masters do is theirs: nothing is hashed, for no two such runs are alike.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from chargebench.datasheets.errors import BadInput
from chargebench.datasheets.load import load
from chargebench.emulator.events import Event, Segment
from chargebench.emulator.hand import Hand
from chargebench.emulator.plant import Server
from chargebench.emulator.ports import Ports, open_ports
from chargebench.emulator.pump import Pump
from chargebench.emulator.spec import LineAt
from chargebench.emulator.streams import Streams
from chargebench.emulator.world import World
from chargebench.scenarios.court import Court
from chargebench.scenarios.describe import Scenario
from chargebench.scenarios.emulate.places import Place, Wish, listens, places, ttys
from chargebench.scenarios.emulate.play import Play
from chargebench.scenarios.expectations import Expectation
from chargebench.scenarios.laws.answers import Answers, Mixed
from chargebench.scenarios.laws.judge import Verdict
from chargebench.scenarios.laws.law import Sample, Scene
from chargebench.scenarios.minutes import SAMPLE_US
from chargebench.scenarios.result import Happened, Result
from chargebench.scenarios.story import Story
from chargebench.scenarios.unpreventable import unpreventable


class Trial:
    """What judges a scenario: told of all that happens, it gives the verdicts in the end."""

    def __init__(self, scenario: Scenario, again: str) -> None:
        judged = tuple(
            one for one in scenario.expectations if not (about_our_manager(one, scenario) or of_a_gateway(one))
        )
        self.unjudged = tuple(one.name for one in scenario.expectations if one not in judged)
        self._scenario, self._again = scenario, again
        self._court, self._story = Court(scenario.world, judged), Story(scenario)
        self._happened: list[Happened] = []

    @property
    def instants(self) -> list[int]:
        """When it wants to see the cars' energies."""
        return sorted({*self._court.instants, *range(0, self._scenario.duration_us, SAMPLE_US)})

    def event(self, event: Event) -> None:
        """Something happened in the world."""
        self._happened.append((event.at_us, event.channel, event.kind, event.data))
        self._court.event(event)
        self._story.event(event)

    def segment(self, segment: Segment) -> None:
        """A piece of the connection's currents has ended."""
        self._court.segment(segment)
        self._story.segment(segment)

    def circuit(self, name: str, segment: Segment) -> None:
        """A piece of a circuit's currents has ended."""
        self._court.circuit(name, segment)

    def written(self, event: Event) -> None:
        """A request to write has come, whether or not anybody minds."""
        self._court.event(event)

    def sample(self, world: World, at_us: int) -> None:
        """Look at the cars."""
        self._court.sample(Sample(at_us, tuple((name, car.energy_wh(at_us)) for name, car in world.cars.items())))

    def finish(self, world: World, at_us: int, wall_s: float) -> Result:
        """The end has come."""
        self._story.finish()
        verdicts = self._court.finish(at_us)
        broken = [one.first_us for one in verdicts if one.first_us is not None]
        return Result(
            scenario=self._scenario,
            seed=self._scenario.seed,
            verdicts=verdicts,
            figures=world.figures(),
            hash="",
            commands_hash="",
            channels=(),
            checkpoints=(),
            happened=self._happened,
            commands=(),
            story=self._story.text(),
            log="",
            why=self._why(verdicts, min(broken)) if broken else "",
            again=self._again if broken else "",
            wall_s=round(wall_s, 3),
        )

    def _why(self, verdicts: tuple[Verdict, ...], first_us: int) -> str:
        causes, beyond = self._story.why(first_us), unpreventable(self._scenario, verdicts)
        return "; ".join(one for one in (causes, beyond) if one)


class Live:
    """One play; ``BadInput`` for a world that cannot be. ``open`` begins it; ``ended`` is done when it is judged or has failed."""

    def __init__(self, play: Play, wish: Wish, speed: float, trial: Trial | None = None) -> None:
        self.play, self.speed, self.trial = play, speed, trial
        try:
            self.world = World(play.world, Streams(play.seed), self._tell, load)
        except (LookupError, ValueError) as error:
            raise BadInput(play.label, "", str(error)) from error
        self.hand = Hand(self.world)
        self.result: Result | None = None
        self.places: list[Place] = []
        self._wish = wish
        self._over = False
        self._begun_s = 0.0
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[None] = self._loop.create_future()
        self.pump: Pump
        self.ports: Ports

    @property
    def servers(self) -> Iterable[Server]:
        return self.world.servers()

    @property
    def wires(self) -> dict[str, list[str]]:
        """The devices on each line, and at each TCP address of the site."""
        found: dict[str, list[str]] = {}
        for server in self.servers:
            at = server.at
            wire = at.line if isinstance(at, LineAt) else f"{at.host}:{at.port}"
            found.setdefault(wire, []).extend(member.name for member in server.members)
        return found

    async def open(self) -> None:
        """Open every port and set the world going; ``Complaint`` where that cannot be, and then nothing is left open."""
        if self.trial is not None:
            self.world.watch.append(self.trial.segment)
            self.world.circuits.watch.append(self.trial.circuit)
        self.pump = Pump(self.world, self._loop, self.speed, held=True)
        self.pump.ended.add_done_callback(self._pumped)
        ttys_, listens_ = ttys(self._wish, self.servers), listens(self._wish, self.servers)
        self.ports = await open_ports(self.pump, ttys=ttys_, tcp=listens_)
        self.places = places(self.play.world, self.servers, self.ports, self._wish)
        if self.trial is not None:
            self.ports.on_write = self.trial.written
            assert self.play.scenario is not None
            self.pump.at(self.play.scenario.duration_us, self._judge)
            for at_us in self.trial.instants:
                self.pump.at(at_us, self._sample)
        self._begun_s = self._loop.time()
        self.pump.begin()

    async def close(self) -> None:
        """Give every port back."""
        self.ports.close()
        await self.ports.wait_closed()
        self._over = True
        if not self.pump.ended.done():
            self.pump.stop()

    def _tell(self, event: Event) -> None:
        if self.trial is not None and not self._over:
            self.trial.event(event)

    def _sample(self, at_us: int) -> None:
        if self.trial is not None and not self._over:
            self.trial.sample(self.world, at_us)

    def _judge(self, at_us: int) -> None:
        assert self.trial is not None
        self.world.finish(at_us)
        self._sample(at_us)
        self._over = True
        self.world.watch.clear()
        self.world.circuits.watch.clear()
        self.ports.on_write = None
        self.result = self.trial.finish(self.world, at_us, self._loop.time() - self._begun_s)
        if not self.ended.done():
            self.ended.set_result(None)

    def _pumped(self, ended: asyncio.Future[None]) -> None:
        """A world that breaks ends the play with it."""
        error = ended.exception()
        if error is not None and not self.ended.done():
            self.ended.set_exception(error)


def of_a_gateway(expectation: Expectation) -> bool:
    """Whether this is about what a gateway gives to those who ask it, where there is none."""
    return isinstance(expectation.law, Answers | Mixed)


def about_our_manager(expectation: Expectation, scenario: Scenario) -> bool:
    """Whether this is about what our own manager tells, which no other does."""
    ears = expectation.law.build(Scene(scenario.world, expectation.from_us), lambda _at_us, _truth, _because: None)
    return ears.note is not None
