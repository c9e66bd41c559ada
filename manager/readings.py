"""What one control cycle may know: readings of boxes and meters, and the commands that it returns."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from chargebench.manager.orders import NO_ORDERS, Orders


class Pilot(Enum):
    """Control pilot state as the box reports it."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"
    E = "E"
    F = "F"


@dataclass(frozen=True, slots=True)
class BoxReading:
    """One answered round of one box. ``limit_ma``: what the box lets the car take (0 while charging is not enabled).

    ``phases_ma``: the current at the box's terminals t1..t3 as measured, None without a meter that knows phases;
    ``power_w``/``energy_wh``: its meter's total, None where unknown. ``at_us``: when the answer arrived (loop time).
    ``restarts``: how often its hardware has started, where it counts that. ``boot_ma``: the limit at which it starts, 0 if
    it starts disabled, None if it does not say. ``phases``: on how many it charges, 1 or 3, where it changes that and it is
    to be changed; None: that is not so, or it does not say. ``old``: all but the limit may be of some time ago.
    """

    at_us: int
    pilot: Pilot
    limit_ma: int
    offered_ma: int = 0
    phases_ma: tuple[int, int, int] | None = None
    power_w: int | None = None
    energy_wh: int | None = None
    failsafe_us: int | None = None
    failsafe_ma: int | None = None
    restarts: int | None = None
    boot_ma: int | None = None
    phases: int | None = None
    old: bool = False

    def since(self, start_us: int, meter: MeterReading | None) -> BoxReading:
        """The same, its time counted from ``start_us``; what a meter of its own measures in place of what it measures."""
        measures = self if meter is None else meter
        return BoxReading(
            self.at_us - start_us,
            self.pilot,
            self.limit_ma,
            self.offered_ma,
            measures.phases_ma,
            measures.power_w,
            measures.energy_wh,
            self.failsafe_us,
            self.failsafe_ma,
            self.restarts,
            self.boot_ma,
            self.phases,
            self.old,
        )


@dataclass(frozen=True, slots=True)
class Session:
    """What was known of the car at a box. Lengths of time in it are rounded down, and nothing in it is an instant.

    ``phases``: those of the house that it was seen to use; none where that is not known. ``energy_wh``: since plug-in.
    ``waited_us``: how long it has waited for its turn; ``left_us``: how much of its turn is left, None while it has none.
    """

    phases: tuple[int, ...] = ()
    energy_wh: int = 0
    waited_us: int = 0
    left_us: int | None = None


@dataclass(frozen=True, slots=True)
class Remembered:
    """What an earlier life of the manager knew of a box. Nothing in it is a time of a clock or of a loop: both start anew.

    ``top_ma``: the highest limit that its car may still be following, or that may still arrive. ``sent_ma``: the last one
    that it was sent, None if none was. ``session``: its car, where one was plugged in. The others as in ``BoxReading``.
    """

    top_ma: int
    sent_ma: int | None = None
    failsafe_us: int | None = None
    failsafe_ma: int | None = None
    boot_ma: int | None = None
    restarts: int | None = None
    session: Session | None = None


@dataclass(frozen=True, slots=True)
class MeterReading:
    """One answered round of a meter: currents of the house phases as wired in the site, + is drawn from the grid."""

    at_us: int
    phases_ma: tuple[int, int, int] | None
    power_w: int | None = None
    energy_wh: int | None = None

    def times(self, factor: int) -> MeterReading:
        """So many times what it says. Below 0 what was drawn is fed in, and of such an energy nothing is known."""
        return MeterReading(
            at_us=self.at_us,
            phases_ma=_times(self.phases_ma, factor),
            power_w=None if self.power_w is None else factor * self.power_w,
            energy_wh=None if self.energy_wh is None or factor < 0 else factor * self.energy_wh,
        )


def _times(amps: tuple[int, int, int] | None, factor: int) -> tuple[int, int, int] | None:
    return None if amps is None else (factor * amps[0], factor * amps[1], factor * amps[2])


@dataclass(frozen=True, slots=True)
class BoxView:
    """What a cycle sees of a box: the last reading (None: never reached) and since when requests fail (None: they do not).

    ``heard_us``: the last instant at which a request may have reached the box, the start of its watchdog's time.
    ``licensed``: whether it may be written now; None: as its site says. ``by_itself``: it changes its limit though nobody
    wrote one. ``remembered``: what was known of it before this start, until it is reached.
    """

    reading: BoxReading | None = None
    silent_since_us: int | None = None
    heard_us: int = 0
    licensed: bool | None = None
    by_itself: bool = False
    remembered: Remembered | None = None


@dataclass(frozen=True, slots=True)
class MeterView:
    """What a cycle sees of a meter of the house."""

    reading: MeterReading | None = None
    silent_since_us: int | None = None


@dataclass(frozen=True, slots=True)
class View:
    """A whole snapshot: one entry for each box and each house meter of the site, in its order.

    All times in it, those of its readings too, are us since the first cycle.
    """

    boxes: tuple[BoxView, ...]
    meters: tuple[MeterView, ...] = ()
    orders: Orders = NO_ORDERS


class Command(NamedTuple):
    """Cycle number, index of the box in the site, limit in mA (0 = stop).

    With ``phases``, 1 or 3, the box, which has stopped, is to charge on so many from now on, and its limit of 0 stays as it is;
    ``why`` says so to people.
    """

    cycle: int
    box: int
    limit_ma: int
    phases: int | None = None
    why: str = ""
