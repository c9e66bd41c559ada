"""The law ``limit_exceeded``: by how much the connection's limit is exceeded."""

from __future__ import annotations

from typing import ClassVar, Literal

from chargebench.emulator.events import Segment
from chargebench.scenarios.laws.law import Ears, Law, Scene, Tell, amperes
from chargebench.scenarios.laws.pieces import at, pieces
from chargebench.scenarios.laws.values import CurrentBound

Phase = Literal["L1", "L2", "L3"]
PHASES: tuple[Phase, ...] = ("L1", "L2", "L3")


class LimitExceeded(Law):
    """The current of a phase (of any, where none is named) exceeds the site's limit by ``limit_exceeded``.

    ``{limit_exceeded: above 1 A}``, ``{limit_exceeded: at least 15 A, phase: L2}``. Crossings are exact to the microsecond.
    """

    name: ClassVar[str] = "limit_exceeded"
    limit_exceeded: CurrentBound
    phase: Phase | None = None

    def build(self, scene: Scene, tell: Tell) -> Ears:
        watched = (0, 1, 2) if self.phase is None else (PHASES.index(self.phase),)
        limit_ma = scene.world.connection.limit_ma
        bound = self.limit_exceeded
        upper = bound.how in {"above", "at least"}
        inclusive = bound.how in {"at least", "below"}
        threshold_na = (limit_ma + bound.value) * 1_000_000 - (1 if inclusive else 0)

        def segment(piece: Segment) -> None:
            for part in pieces(piece, threshold_na, watched):
                currents = at(piece, part.from_us)
                tell(part.from_us, part.above == upper, describe(currents, watched, limit_ma))

        return Ears(segment=segment)


def describe(currents_na: tuple[int, int, int], watched: tuple[int, ...], limit_ma: int) -> str:
    """The most loaded of the watched phases against the limit, in words."""
    phase = max(watched, key=lambda p: (currents_na[p], -p))
    drawn_ma = currents_na[phase] // 1_000_000
    over = drawn_ma - limit_ma
    if over > 0:
        return f"L{phase + 1} carries {amperes(drawn_ma)}, {amperes(over)} above the limit of {amperes(limit_ma)}"
    return f"L{phase + 1} carries {amperes(drawn_ma)} of {amperes(limit_ma)}"
