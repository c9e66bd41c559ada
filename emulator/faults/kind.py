"""What a kind of fault is, and what it may do to the world."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from chargebench.emulator.box import Box
from chargebench.emulator.meter import Meter
from chargebench.emulator.spec import FaultSpec

Target = Literal["box", "meter", "master"]


class Stage(Protocol):
    """The world as a fault sees it."""

    @property
    def boxes(self) -> Mapping[str, Box]: ...

    @property
    def meters(self) -> Mapping[str, Meter]: ...

    def mute(self, name: str, *, on: bool) -> None:
        """The slave of this box or meter neither hears nor answers while ``on``; several may ask for it at once."""


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter: what it is called in a scenario, the kind of quantity ("duration", "current" …), and what it means."""

    name: str
    quantity: str
    doc: str


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One kind. ``begin`` and ``end`` get the stage, the fault and the time; one that is over at once has no ``end``."""

    name: str
    on: tuple[Target, ...]
    doc: str
    begin: Callable[[Stage, FaultSpec, int], None]
    end: Callable[[Stage, FaultSpec, int], None] | None = None
    params: tuple[Param, ...] = ()
