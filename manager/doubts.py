"""Meters that lie: what a meter shows and cannot be, or has stopped to be, is taken out of a view before anybody decides.

A box whose meter is not believed counts as one without a meter, at its limit; a house whose meter is not believed counts at
its maximum. Both are told, with the reason, and again when the meter is believed.

What cannot be, at once: a current far beyond what the connection or the box could carry; a box, or a house without its
boxes, that feeds in; a current at a box without a car. What is frozen: the same values, to the last digit, while the power
that they tell would have moved the meter's own counter of energy several steps on; or, where no such counter was seen to
move, a house or a roof that stays the same for half an hour; or a grid meter that stays the same to the last digit while boxes
have come to take another current. And two times in a row of a grid meter that moves by as much
as the boxes do, but the other way, or on other phases: its sign or its order is wrong. As soon as the grid moves with the
boxes, its meter is believed again.

A house that stands still is no proof, nor is one movement that fits nothing: the house may have moved meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from chargebench.datasheets.words import amperes
from chargebench.manager.notes import Teller
from chargebench.manager.readings import BoxReading, BoxView, MeterReading, MeterView, Pilot, View
from chargebench.manager.site import Box, HouseMeter, Site
from chargebench.manager.units import NOTHING, Amps3, minus

TIMES: Final = 4
"""A house meter that shows so many times the largest of limit, fuse and house is no meter of this house."""

BEYOND_MA: Final = 2_000
"""A box that shows twice its maximum and so much more is not measured."""

FEEDS_MA: Final = 1_000
"""What only takes may seem to feed in so much: an offset of the meter."""

LEFT_US: Final = 30_000_000
"""So long after a car has left its meter may still show it."""

FROZEN_WH: Final = 20
FROZEN_STEPS: Final = 2
"""A counter of energy that stands still while so much, and so many of its steps, should have been counted, is frozen."""

CALM_MA: Final = 400
CALM_VIEWS: Final = 3
"""Boxes are calm that have moved by no more than this for so many views."""

SLOW_VIEWS: Final = 5
SLOW_UNMEASURED: Final = 10
"""After so many calm views a grid meter that lives has shown what the boxes did, measured or told."""

MOVE_MA: Final = 4_000
"""A movement of the boxes by less proves nothing."""

FITS_MA: Final = 1_500
"""The grid fits what the boxes did within so much."""

TWICE: Final = 2
"""So many movements in a row must tell the same of a sign or an order; one does where the grid is fed as well."""

UNMOVED_US: Final = 1_800_000_000
"""No house with a load stays the same to the last digit for so long: where no counter of energy tells, it is the meter."""

UNMOVED: Final = "it stays the same to the last digit for 30 min"
FROZEN: Final = "its power says that energy is counted, and none is"
STILL: Final = "it stays the same to the last digit while boxes come to take another current"
SIGN: Final = "it moves against the boxes: its sign is wrong"
ORDER: Final = "it moves on other phases than the boxes: its order is wrong"

FAR: Final = 1 << 62


class Counter:
    """Whether a meter's own counter of energy goes on as its power says. ``due_us``: from when on it is frozen if it has not.

    ``unmoved_us``: so long what it shows may stay the same where its counter tells nothing; None: for ever.
    """

    __slots__ = ("due_us", "energy_wh", "phases_ma", "power_w", "step_wh", "unmoved_us")

    def __init__(self, unmoved_us: int | None = None) -> None:
        self.unmoved_us = unmoved_us
        self.phases_ma: Amps3 = NOTHING
        self.power_w: int | None = None
        self.energy_wh: int | None = None
        self.step_wh = 0
        self.due_us = FAR

    def stands(self, reading: BoxReading | MeterReading) -> bool:
        """Whether it shows the same as before, to the last digit; what it shows now is kept."""
        phases_ma, power_w, energy_wh = reading.phases_ma, reading.power_w, reading.energy_wh
        if phases_ma == self.phases_ma and power_w == self.power_w and energy_wh == self.energy_wh:
            return True
        if energy_wh is not None and self.energy_wh is not None and energy_wh > self.energy_wh:
            self.step_wh = max(self.step_wh, energy_wh - self.energy_wh)
        self.phases_ma, self.power_w, self.energy_wh = phases_ma or NOTHING, power_w, energy_wh
        self.due_us = FAR
        if energy_wh is not None and power_w is not None and power_w > 0 and self.step_wh:
            due_wh = FROZEN_WH + FROZEN_STEPS * self.step_wh
            self.due_us = reading.at_us - -due_wh * 3_600_000_000 // power_w
        elif self.unmoved_us is not None and max(self.phases_ma) >= FEEDS_MA:
            self.due_us = reading.at_us + self.unmoved_us
        return False


class Movements:
    """Whether a grid meter moves with the boxes: what they take from one calm stretch to the next, against what it shows."""

    def __init__(self) -> None:
        self._last: Amps3 = NOTHING
        self._calm = 0
        self._boxes: Amps3 | None = None
        self._grid: Amps3 = NOTHING
        self._still = self._sure = True
        self._hint, self._times = "", 0

    def judge(self, boxes: Amps3, grid: Amps3, *, sure: bool) -> str | None:
        """Why the meter is wrong, "" where it is right, None where nothing follows. ``sure``: all that is said of the
        boxes was measured.
        """
        self._calm = self._calm + 1 if _within(boxes, self._last, CALM_MA) else 0
        self._last = boxes
        self._still = self._still and grid == self._grid
        self._sure = self._sure and sure
        if self._calm < CALM_VIEWS:
            return None
        was, before = self._boxes, self._grid
        if was is None:
            self._anchor(grid, sure=sure)
            return None
        moved, seen = minus(boxes, was), minus(grid, before)
        if max(abs(ma) for ma in moved) < MOVE_MA:
            if seen != NOTHING:  # that was the house: what comes is compared with now
                self._anchor(grid, sure=sure)
            return None
        still, known = self._still, self._sure
        if still and self._calm < (SLOW_VIEWS if known else SLOW_UNMEASURED):
            return None
        self._anchor(grid, sure=sure)
        if still:
            return STILL
        return self._compared(moved, seen, fed=min(grid) < -FEEDS_MA) if known else None

    def _anchor(self, grid: Amps3, *, sure: bool) -> None:
        self._boxes, self._grid = self._last, grid
        self._still, self._sure = True, sure

    def _compared(self, moved: Amps3, seen: Amps3, *, fed: bool) -> str | None:
        if _within(moved, seen, FITS_MA):
            self._hint, self._times = "", 0
            return ""
        hint = _hint(moved, seen)
        self._times = self._times + 1 if hint and hint == self._hint else 1
        self._hint = hint
        enough = 1 if fed and hint == SIGN else TWICE
        return hint if hint and self._times >= enough else None


def _hint(moved: Amps3, seen: Amps3) -> str:
    """What a movement speaks for."""
    if _within(minus(NOTHING, moved), seen, FITS_MA):
        return SIGN
    l1, l2, l3 = moved
    others = ((l2, l3, l1), (l3, l1, l2), (l2, l1, l3), (l1, l3, l2), (l3, l2, l1))
    return ORDER if any(_within(other, seen, FITS_MA) for other in others) else ""


def tells_late(box: Box) -> bool:
    """Whether what a box takes is counted by pulses: they tell it a minute or two after it has gone."""
    return box.meter is not None and box.meter.device == "power-brain-s0"


def _within(one: Amps3, other: Amps3, ma: int) -> bool:
    return max(abs(difference) for difference in minus(one, other)) <= ma


@dataclass(slots=True)
class _OfBox:
    """``most_ma``: more than this it cannot show, given its limit ``limit_ma``."""

    counter: Counter
    limit_ma: int = -1
    most_ma: int = 0
    left_us: int | None = None
    why: str = ""


@dataclass(slots=True)
class _OfHouse:
    counter: Counter
    movements: Movements
    wrong: str = ""
    why: str = ""


class Doubts:
    """All meters of a site. ``believable`` is to be called at every cycle, with what has arrived by then."""

    def __init__(self, site: Site, teller: Teller) -> None:
        self._site, self._teller = site, teller
        connection = site.connection
        fuse_ma = 0 if connection.fuse is None else connection.fuse.rating_ma
        self._most_ma = TIMES * max(connection.limit_ma, fuse_ma, connection.house_max_ma)
        self._boxes = [(box, _OfBox(Counter())) for box in site.boxes]
        self._meters = [
            _OfHouse(Counter(UNMOVED_US if meter.role in ("consumption", "generation") else None), Movements())
            for meter in site.meters
        ]
        self._generates = any(str(meter.role) == "generation" for meter in site.meters)
        self._grid = any(meter.role == "grid supply" for meter in site.meters)

    def believable(self, view: View) -> View:
        """The view without what is not believed."""
        boxes = tuple([self._box(*known, seen) for known, seen in zip(self._boxes, view.boxes, strict=True)])
        if not view.meters:
            return View(boxes)
        drawn, sure = self._drawn(boxes) if self._grid else (NOTHING, False)
        meters = tuple(
            self._meter(meter, known, seen, drawn, sure=sure)
            for meter, known, seen in zip(self._site.meters, self._meters, view.meters, strict=True)
        )
        return View(boxes, meters)

    # -- boxes -----------------------------------------------------------------------------------------------------------

    def _box(self, box: Box, known: _OfBox, seen: BoxView) -> BoxView:
        reading = seen.reading
        if reading is None or reading.phases_ma is None or seen.silent_since_us is not None:
            return seen
        stands = known.counter.stands(reading)
        calm = stands and not known.why and reading.limit_ma == known.limit_ma and reading.pilot is not Pilot.A
        if calm and reading.at_us < known.counter.due_us:
            return seen  # nothing that could have become wrong
        why = self._why_of_box(box, known, reading, stands=stands)
        if bool(why) != bool(known.why):
            known.why = why
            self._tell(box.name, why, "it is counted at its limit")
        return replace(seen, reading=replace(reading, phases_ma=None, power_w=None, energy_wh=None)) if why else seen

    def _why_of_box(self, box: Box, known: _OfBox, reading: BoxReading, *, stands: bool) -> str:
        t1, t2, t3 = reading.phases_ma or NOTHING
        if reading.limit_ma != known.limit_ma:
            known.limit_ma, known.most_ma = reading.limit_ma, 2 * max(box.maximum_ma, reading.limit_ma) + BEYOND_MA
        if reading.pilot is not Pilot.A:
            known.left_us = None
        elif known.left_us is None:
            known.left_us = reading.at_us
        if stands and reading.at_us >= known.counter.due_us:
            return FROZEN
        if t1 < -FEEDS_MA or t2 < -FEEDS_MA or t3 < -FEEDS_MA:
            return f"it shows that {amperes(-min(t1, t2, t3))} flow out of a car"
        most_ma = known.most_ma
        if t1 > most_ma or t2 > most_ma or t3 > most_ma:
            return f"it shows {amperes(max(t1, t2, t3))} where {amperes(box.maximum_ma)} are the most"
        left_us = known.left_us
        if left_us is not None and reading.at_us >= left_us + LEFT_US and max(t1, t2, t3) > FEEDS_MA:
            return f"it shows {amperes(max(t1, t2, t3))} and no car is there"
        return ""

    def _drawn(self, boxes: Sequence[BoxView]) -> tuple[Amps3, bool]:
        """What the boxes take on the phases of the house, and whether all of it was measured."""
        total = [0, 0, 0]
        sure = True
        for (box, _), seen in zip(self._boxes, boxes, strict=True):
            reading = seen.reading
            if reading is None or seen.silent_since_us is not None or tells_late(box):
                sure = False
                continue
            measured = reading.phases_ma
            if measured is None:
                charges = reading.pilot is Pilot.C or reading.pilot is Pilot.D
                sure = sure and not charges
                measured = (reading.limit_ma,) * 3 if charges else NOTHING
            k = 0
            for phase in box.phases:
                total[phase] += measured[k]
                k += 1  # noqa: SIM113 quicker than a zip for each box
        return (total[0], total[1], total[2]), sure

    # -- meters of the house ---------------------------------------------------------------------------------------------

    def _meter(self, meter: HouseMeter, known: _OfHouse, seen: MeterView, drawn: Amps3, *, sure: bool) -> MeterView:
        reading = seen.reading
        tells = meter.tells_house or meter.role == "generation"
        if not tells or reading is None or reading.phases_ma is None or seen.silent_since_us is not None:
            return seen
        why = self._why_of_house(meter, known, reading, drawn, sure=sure)
        if bool(why) != bool(known.why):
            known.why = why
            self._tell(meter.name, why, "the house is counted at its maximum")
        return MeterView() if why else seen

    def _why_of_house(
        self, meter: HouseMeter, known: _OfHouse, reading: MeterReading, drawn: Amps3, *, sure: bool
    ) -> str:
        phases = reading.phases_ma or NOTHING
        stands = known.counter.stands(reading)
        if stands and reading.at_us >= known.counter.due_us:
            return FROZEN if known.counter.step_wh else UNMOVED
        if max(abs(ma) for ma in phases) > self._most_ma:
            return f"it shows {amperes(max(abs(ma) for ma in phases))}, more than this house could carry"
        if meter.role == "generation":
            return ""
        if meter.role == "consumption":
            return "" if min(phases) >= -FEEDS_MA or self._generates else "it shows that the house feeds in"
        if not stands and known.wrong == STILL:
            known.wrong = ""
        found = known.movements.judge(drawn, phases, sure=sure)
        known.wrong = known.wrong if found is None else found
        return known.wrong

    def _tell(self, name: str, why: str, counted: str) -> None:
        if why:
            self._teller.tell("doubted", name, why=why, counted=counted)
        else:
            self._teller.tell("believed", name)
