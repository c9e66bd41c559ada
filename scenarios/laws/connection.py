"""The law ``connection``: what the house connection carries."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import PlainValidator

from chargebench.datasheets import quantity
from chargebench.emulator.events import Segment
from chargebench.scenarios.laws.law import Ears, Law, Scene, Tell
from chargebench.scenarios.laws.limit_exceeded import PHASES, Phase, describe
from chargebench.scenarios.laws.pieces import at, pieces
from chargebench.scenarios.laws.values import Bound, bound

INSIDE = "inside limit"


def _state(text: object) -> Bound | None:
    if text == INSIDE:
        return None
    try:
        found = bound(text, lambda words: quantity.parse(words, "current"), "at most 50 A")
    except ValueError:
        found = None
    if found is None or found.how == "exactly":
        raise ValueError(f"expected inside limit, or a current such as at most 50 A, got {text!r}")
    return found


class Connection(Law):
    """Each phase of the house connection (or the one named) is ``inside limit`` or as the bound says.

    ``{connection: inside limit}``, ``{connection: at most 50 A, phase: L1}``; ``above`` and ``at least`` ask for one phase.
    """

    name: ClassVar[str] = "connection"
    connection: Annotated[Bound | None, PlainValidator(_state)]
    phase: Phase | None = None

    def build(self, scene: Scene, tell: Tell) -> Ears:
        watched = (0, 1, 2) if self.phase is None else (PHASES.index(self.phase),)
        limit_ma = scene.world.connection.limit_ma
        wanted = self.connection or Bound("at most", limit_ma, INSIDE)
        upper = wanted.how in {"above", "at least"}
        threshold_na = wanted.value * 1_000_000 - (1 if wanted.how in {"at least", "below"} else 0)

        def segment(piece: Segment) -> None:
            for part in pieces(piece, threshold_na, watched):
                tell(part.from_us, part.above == upper, describe(at(piece, part.from_us), watched, limit_ma))

        return Ears(segment=segment)
