"""A run that is watched: what really flowed and happened, and every view and command of its manager."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from chargebench.emulator.events import Event
from chargebench.manager.policies.registry import controller_for
from chargebench.manager.readings import Command, View
from chargebench.manager.site import Site
from chargebench.scenarios.describe import Scenario, read_scenario
from chargebench.scenarios.expectations import Expectation
from chargebench.scenarios.laws.judge import Finally
from chargebench.scenarios.laws.law import Ears
from chargebench.scenarios.laws.pieces import at, pieces
from chargebench.scenarios.progress import Tick
from chargebench.scenarios.run import run
from chargebench.scenarios.tiers import Tier

Watch = Callable[[int, View, list[Command]], None]


@dataclass(frozen=True)
class Over:
    """From ``from_us`` until before ``to_us`` some phase carried more than the limit, up to ``most_ma``."""

    from_us: int
    to_us: int
    most_ma: int


@dataclass
class Witness:
    """Listens to a run as a law does. ``over``: when the limit was exceeded; ``events``: all that the world told."""

    limit_ma: int
    over: list[Over] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    story: str = ""

    def build(self, _scene: object, tell: Callable[[int, bool, str], None]) -> Ears:
        tell(0, True, "")
        return Ears(event=self.keep, segment=self._segment)

    def keep(self, event: Event) -> None:
        """Remember what the world tells."""
        self.events.append(event)

    def _segment(self, segment: Any) -> None:
        for piece in pieces(segment, self.limit_ma * 1_000_000):
            if not piece.above:
                continue
            most_ma = max(*at(segment, piece.from_us), *at(segment, piece.to_us)) // 1_000_000
            if self.over and self.over[-1].to_us == piece.from_us:
                before = self.over.pop()
                self.over.append(Over(before.from_us, piece.to_us, max(before.most_ma, most_ma)))
            else:
                self.over.append(Over(piece.from_us, piece.to_us, most_ma))


def scenario_of(text: str) -> Scenario:
    """The scenario that a text means, read as a file is."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "drawn.yaml"
        path.write_text(text, "utf-8")
        return read_scenario(path)


class Watched:
    """A controller whose cycles somebody else sees too."""

    def __init__(self, decides: Any, watch: Watch) -> None:
        self._decides = decides
        self._watch = watch
        self.cycle_us = decides.cycle_us

    def cycle(self, n: int, view: View) -> list[Command]:
        commands = list(self._decides.cycle(n, view))
        self._watch(n, view, commands)
        return commands


def watched(
    scenario: Scenario,
    new_watch: Callable[[Any], Watch],
    *,
    witness: Witness | None = None,
    tier: Tier = "wire",
    tick: Tick | None = None,
) -> Witness:
    """Run it; each controller that is started, also after the master stopped, gets a watch of its own by ``new_watch``."""
    witness = witness or Witness(scenario.world.connection.limit_ma)
    law: Any = witness
    alone = replace(scenario, expectations=(Expectation("witness", law, Finally(), 0, ()),))

    def controller(site: Site) -> Watched:
        decides = controller_for(site.policy)(site)
        return Watched(decides, new_watch(decides))

    witness.story = run(alone, controller=controller, tier=tier, tick=tick).story
    return witness
