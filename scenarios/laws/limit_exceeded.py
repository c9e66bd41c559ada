"""The law ``limit_exceeded``: by how much the limit of the connection, or of a circuit, is exceeded."""

from __future__ import annotations

from typing import ClassVar, Literal

from chargebench.datasheets.forms import Name
from chargebench.datasheets.words import amperes
from chargebench.emulator.events import Segment
from chargebench.scenarios.laws.law import Ears, Law, Scene, Tell
from chargebench.scenarios.laws.pieces import at, pieces
from chargebench.scenarios.laws.values import CurrentBound

Phase = Literal["L1", "L2", "L3"]
PHASES: tuple[Phase, ...] = ("L1", "L2", "L3")


class LimitExceeded(Law):
    """The current of a phase (of any, where none is named) exceeds the limit of the site, or of ``circuit``, by ``limit_exceeded``.

    ``{limit_exceeded: above 1 A}``, ``{limit_exceeded: at least 15 A, phase: L2}``, ``{limit_exceeded: above 1 A, circuit: row-b}``.
    Crossings are exact to the microsecond.
    """

    name: ClassVar[str] = "limit_exceeded"
    limit_exceeded: CurrentBound
    phase: Phase | None = None
    circuit: Name | None = None

    def build(self, scene: Scene, tell: Tell) -> Ears:
        watched = (0, 1, 2) if self.phase is None else (PHASES.index(self.phase),)
        limits_ma = (scene.world.connection.limit_ma,) * 3
        if self.circuit is not None:
            limits_ma = next(one.limit_ma for one in scene.world.circuits if one.name == self.circuit)
        bound = self.limit_exceeded
        upper = bound.how in {"above", "at least"}
        inclusive = bound.how in {"at least", "below"}
        threshold_na = bound.value * 1_000_000 - (1 if inclusive else 0)
        where = "" if self.circuit is None else f" of {self.circuit}"

        def segment(piece: Segment) -> None:
            for part in pieces(_beyond(piece, limits_ma), threshold_na, watched):
                tell(part.from_us, part.above == upper, _say(at(piece, part.from_us), watched, limits_ma, where))

        def circuit(name: str, piece: Segment) -> None:
            if name == self.circuit:
                segment(piece)

        return Ears(segment=segment) if self.circuit is None else Ears(circuit=circuit)


def _beyond(piece: Segment, limits_ma: tuple[int, int, int]) -> Segment:
    """What flows beyond the limits."""
    n1, n2, n3 = (na - ma * 1_000_000 for na, ma in zip(piece.na, limits_ma, strict=True))
    return Segment(piece.from_us, piece.to_us, (n1, n2, n3), piece.rate)


def describe(currents_na: tuple[int, int, int], watched: tuple[int, ...], limit_ma: int) -> str:
    """The most loaded of the watched phases against the limit, in words."""
    return _say(currents_na, watched, (limit_ma,) * 3, "")


def _say(
    currents_na: tuple[int, int, int], watched: tuple[int, ...], limits_ma: tuple[int, int, int], where: str
) -> str:
    phase = max(watched, key=lambda p: (currents_na[p] - limits_ma[p] * 1_000_000, -p))
    limit_ma = limits_ma[phase]
    drawn_ma = currents_na[phase] // 1_000_000
    over = drawn_ma - limit_ma
    if over > 0:
        return (
            f"L{phase + 1}{where} carries {amperes(drawn_ma)}, {amperes(over)} above the limit of {amperes(limit_ma)}"
        )
    return f"L{phase + 1}{where} carries {amperes(drawn_ma)} of {amperes(limit_ma)}"
