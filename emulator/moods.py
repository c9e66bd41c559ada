"""What boxes with quirks do by themselves: sans-IO, one small machine a quirk, beside the box that it belongs to.

``seen`` is called whenever something has happened at the box, ``act`` when ``next_us`` has come. Where no source tells how
long a box takes to it, the times stand here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from chargebench.emulator.box import Box, Feed
from chargebench.emulator.car import Car
from chargebench.emulator.events import Event
from chargebench.emulator.flow import FAR, SECOND_US
from chargebench.emulator.manner import Manner, quirks_of
from chargebench.emulator.pilot import MINIMUM_MA
from chargebench.emulator.spec import BoxSpec

ASKS_LEAVE: Final = "asks-leave"
FORGETS_US = 300 * SECOND_US
PAUSES = 5
NEAR_MA, WELL_ABOVE_MA = 6_500, 8_000
DROPS_US = 10 * SECOND_US
SWITCH_US: Final = 5 * SECOND_US
"""How long the pilot of a box is interrupted that changes its phases by itself."""


class Mood(Protocol):
    """One quirk of one box."""

    next_us: int

    def seen(self, at_us: int, box: MoodyBox) -> None: ...
    def act(self, at_us: int, box: MoodyBox) -> None: ...


class ForgetsStop:
    """Some time after it was stopped a box goes on at its failsafe current, though nobody told it to."""

    def __init__(self) -> None:
        self.next_us = FAR

    def seen(self, at_us: int, box: MoodyBox) -> None:
        if box.enable or box.dark:
            self.next_us = FAR
        elif self.next_us == FAR:
            self.next_us = at_us + FORGETS_US

    def act(self, at_us: int, box: MoodyBox) -> None:
        self.next_us = FAR
        box.limit_ma, box.enable = box.clip(max(box.failsafe_ma, MINIMUM_MA)), True
        box.written(at_us)


class FaultsAfterPauses:
    """A car that was paused so many times finds a fault instead of its charge, until the box is restarted."""

    def __init__(self) -> None:
        self.next_us = FAR
        self._pauses = 0
        self._paused = False

    def seen(self, at_us: int, box: MoodyBox) -> None:
        if box.dark or box.car is None:
            self._pauses, self._paused = 0, False
            return
        paused = not box.granted_ma
        if self._paused and not paused and self._pauses >= PAUSES:
            self.next_us = at_us
        self._pauses += paused and not self._paused
        self._paused = paused

    def act(self, at_us: int, box: MoodyBox) -> None:
        self.next_us, self._pauses = FAR, 0
        box.break_down(at_us)


class DropsToOnePhase:
    """A limit near the least current has a box go to one phase after a while, one well above it back to three."""

    def __init__(self) -> None:
        self.next_us = FAR
        self._wants: int | None = None

    def seen(self, at_us: int, box: MoodyBox) -> None:
        may_ma = 0 if box.car is None else box.granted_ma
        wants = 1 if 0 < may_ma <= NEAR_MA else 0 if may_ma >= WELL_ABOVE_MA else box.relay_select
        if wants == box.relay_select:
            self._wants, self.next_us = None, FAR
        elif wants != self._wants:
            self._wants, self.next_us = wants, at_us + DROPS_US

    def act(self, at_us: int, box: MoodyBox) -> None:
        wants, self._wants, self.next_us = self._wants, None, FAR
        if wants is not None:
            box.select_relay(at_us, wants)


class AsksLeave:
    """A car is taken in, and charges, only by the leave of the master, which it asks for by codes of its state.

    ``give`` takes the answer: leave for a car to be there holds until it leaves, leave to charge until it stops.
    """

    HERE = 4
    CHARGE = 6

    def __init__(self) -> None:
        self.next_us = FAR
        self._here = self._charge = self._closed = False

    def seen(self, at_us: int, box: MoodyBox) -> None:  # noqa: ARG002 it does not depend on when
        if box.dark or box.car is None:
            self._here = self._charge = False
        elif self._closed and not box.contactor.closed:
            self._charge = False
        self._closed = box.contactor.closed
        box.leave = self._charge

    def act(self, at_us: int, box: MoodyBox) -> None:
        """It does nothing by itself."""

    def asks(self, box: Box) -> int | None:
        """The code by which it asks now; None where it asks nothing."""
        if box.dark or box.car is None:
            return None
        if not self._here:
            return self.HERE
        return self.CHARGE if box.contactor.asked and not self._charge else None

    def give(self, code: int, box: Box) -> None:
        """The master's answer is one more than what was asked; any other is none."""
        asked = self.asks(box)
        self._here = self._here or (asked == self.HERE and code == asked + 1)
        self._charge = self._charge or (asked == self.CHARGE and code == asked + 1)
        box.leave = self._charge


MOODS: Final[Mapping[str, Callable[[], Mood]]] = {
    "forgets-stop": ForgetsStop,
    "faults-after-pauses": FaultsAfterPauses,
    "drops-to-one-phase": DropsToOnePhase,
    ASKS_LEAVE: AsksLeave,
}


class MoodyBox(Box):
    """A box and its moods. ``break_down`` gives it a fault that only a restart ends; ``node`` is the one that asks leave."""

    def __init__(
        self,
        spec: BoxSpec,
        cars: Sequence[Car],
        tell: Callable[[Event], None],
        feed: Feed,
        down: Callable[[], None],
        manner: Manner,
    ) -> None:
        super().__init__(spec, cars, tell, feed, down, manner)
        self._moods: list[Mood] = [MOODS[name]() for name in self.quirks if name in MOODS]
        self.node = next((mood for mood in self._moods if isinstance(mood, AsksLeave)), None)
        self.leave = self.node is None
        self._broken = False
        if "drops-to-one-phase" in self.quirks:
            self.switch_us = SWITCH_US

    @property
    def next_us(self) -> int:
        return min(super().next_us, *(mood.next_us for mood in self._moods))

    def step(self, at_us: int) -> None:
        for mood in self._moods:
            if mood.next_us <= at_us:
                mood.act(at_us, self)
        super().step(at_us)

    def break_down(self, at_us: int) -> None:
        self._broken = True
        self._review_fault(at_us)
        self._settle(at_us)

    def _review_fault(self, at_us: int) -> None:
        if self._broken and not self.dark:
            self._faulted = True
            self._cut_until(at_us, FAR)
        else:
            super()._review_fault(at_us)

    def _go_dark(self, at_us: int) -> None:
        self._broken = False
        super()._go_dark(at_us)

    def _settle(self, at_us: int) -> None:
        super()._settle(at_us)
        for mood in self._moods:
            mood.seen(at_us, self)


def box_of(
    spec: BoxSpec,
    cars: Sequence[Car],
    tell: Callable[[Event], None],
    feed: Feed,
    down: Callable[[], None],
    manner: Manner,
) -> Box:
    """The box of a spec, with its moods if it has any."""
    moody = any(name in MOODS for name in quirks_of(spec, manner))
    return (MoodyBox if moody else Box)(spec, cars, tell, feed, down, manner)
