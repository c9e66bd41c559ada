"""What a check of a box's behaviour has beside the wire: the box's datasheet, a car, a meter, a switch.

In a simulated world all of it is there; on a desk some of it is not, and what needs it then does not apply.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from chargebench.datasheets.model import Datasheet

Currents = tuple[int, int, int]


class Socket(Protocol):
    """Where a car can be plugged in that takes all it is offered, at once, on three phases, and is never full."""

    async def plug(self) -> None: ...

    async def unplug(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Bench:
    """One box, and what is around it; None stands for what is not there or not known.

    ``max_ma``: the most that this box may give. ``drawn``: measures what flows to the car now, mA at each terminal.
    ``peak``: the most that has flowed there since it was asked last. ``restart``: takes its power away and gives it back. ``wear``: how many writes have worn its flash so far.
    ``below_ma``: how much less than it is offered the car may take. ``failsafe_us``, ``failsafe_ma``, ``boot_ma``: what it was
    set to when it was put up, where no register tells.
    """

    sheet: Datasheet
    max_ma: int
    car: Socket | None = None
    drawn: Callable[[], Awaitable[Currents]] | None = None
    peak: Callable[[], Awaitable[Currents]] | None = None
    restart: Callable[[], Awaitable[None]] | None = None
    wear: Callable[[], int] | None = None
    below_ma: int = 0
    failsafe_us: int | None = None
    failsafe_ma: int | None = None
    boot_ma: int | None = None
