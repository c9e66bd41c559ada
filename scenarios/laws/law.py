"""What every law is: a form with its parameters, and a machine that turns what happens into truth over time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Protocol, Self

from pydantic import model_validator

from chargebench.datasheets.forms import Form
from chargebench.emulator.events import Event, Segment
from chargebench.emulator.spec import WorldSpec
from chargebench.manager.notes import Note


class Tell(Protocol):
    """Takes the truth of a condition from an instant on; instants never go back."""

    def __call__(self, at_us: int, truth: bool, because: str, /) -> None: ...


class Sample(NamedTuple):
    """The energy of each car that has plugged in so far, in Wh, as it stands at an instant."""

    at_us: int
    energy_wh: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Scene:
    """What a law may know beforehand: the world as built, and the window in which its operator looks."""

    world: WorldSpec
    from_us: int = 0


@dataclass(frozen=True, slots=True)
class Ears:
    """What a law listens to, in the order of time; ``finish`` hears the instant at which the run ends."""

    event: Callable[[Event], None] | None = None
    segment: Callable[[Segment], None] | None = None
    circuit: Callable[[str, Segment], None] | None = None
    sample: Callable[[Sample], None] | None = None
    note: Callable[[Note], None] | None = None
    finish: Callable[[int], None] | None = None


class Law(Form):
    """The parameters of one law, as written in a scenario. Subclasses are the closed list of ``laws.registry``.

    ``name`` is the parameter by which a scenario chooses the law; the docstring is its documentation.
    """

    name: ClassVar[str]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (problem := self.problem()) is not None:
            raise ValueError(problem)
        return self

    def problem(self) -> str | None:
        """What is wrong with the parameters as a whole, as a sentence; None where nothing is."""
        return None

    def build(self, scene: Scene, tell: Tell) -> Ears:
        """Start the machine: it tells the condition's truth at instant 0 and whenever it changes."""
        raise NotImplementedError
