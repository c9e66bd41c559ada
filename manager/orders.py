"""What a manager is told beside what it reads: trips of cars, a dimming order, how much sun there is to spare. Sans-IO.

Each of them holds until something else is said, so a view with the same orders is no news. What goes by the time of day is
worked out from the site's plan and the civil clock by ``planned``, which also says when that changes next.

*Dimming* is the order of a grid operator after §14a EnWG (Germany; Festlegung BK6-22-300 of the Bundesnetzagentur): the boxes
together may draw no more than ``dimmed_w``, the least that must be left to so many devices behind one management. *Surplus*
is a limit for the boxes together, as much as the roof has to spare. Both are powers over all phases.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from chargebench.manager.site import Hours, Site, Surplus

DAY_US: Final = 86_400_000_000
DEVICE_W: Final = 4_200
TOGETHER: Final = (0, 100, 80, 75, 70, 65, 60, 55, 50, 45)
"""Percent of ``DEVICE_W`` for each further device, by how many there are; from nine on as for nine."""


@dataclass(frozen=True, slots=True)
class Trip:
    """What somebody wants for the car at a box: ``wants_wh`` since it was plugged in, by ``leaves_us``."""

    leaves_us: int
    wants_wh: int


@dataclass(frozen=True, slots=True)
class Orders:
    """What holds now. ``surplus_w`` None: no such limit. ``trips``: one for each box of the site, or none at all.

    ``inputs``: the numbers of those inputs of the master that are on; ``unknown``: of those of which nobody knows.
    """

    dimmed: bool = False
    surplus_w: int | None = None
    trips: tuple[Trip | None, ...] = ()
    inputs: tuple[int, ...] = ()
    unknown: tuple[int, ...] = ()

    def since(self, start_us: int) -> Orders:
        """The same with its times counted from ``start_us``."""
        trips = tuple(one and Trip(one.leaves_us - start_us, one.wants_wh) for one in self.trips)
        return Orders(self.dimmed, self.surplus_w, trips, self.inputs, self.unknown)


NO_ORDERS: Final = Orders()


def of_the_day(at: datetime) -> int:
    """How much of its day has gone at a civil time, us: what ``planned`` goes by."""
    return ((at.hour * 60 + at.minute) * 60 + at.second) * 1_000_000 + at.microsecond


def dimmed_w(devices: int) -> int:
    """What the boxes of a site may draw together under a dimming order: 4.2 kW for one, 26.88 kW for 13."""
    percent = TOGETHER[min(devices, len(TOGETHER) - 1)]
    return DEVICE_W + (devices - 1) * DEVICE_W * percent // 100 if devices else 0


def planned(site: Site, day_us: int) -> tuple[bool, int | None, int]:
    """Whether the plan dims at this time of day, its surplus, and how long until either changes (a day, if never)."""
    dimmed, until_us = _within(site.dimming, day_us)
    surplus_w, later_us = _stands(site.surplus, day_us)
    return dimmed, surplus_w, min(until_us, later_us)


def _within(hours: Hours | None, day_us: int) -> tuple[bool, int]:
    if hours is None or hours.from_us == hours.to_us:
        return False, DAY_US
    inside = (day_us - hours.from_us) % DAY_US < (hours.to_us - hours.from_us) % DAY_US
    edge_us = hours.to_us if inside else hours.from_us
    return inside, (edge_us - day_us - 1) % DAY_US + 1


def _stands(surplus: Surplus, day_us: int) -> tuple[int | None, int]:
    """The last step before now; before the first of the day, the last of the day before."""
    if not surplus:
        return None, DAY_US
    past = [power_w for at_us, power_w in surplus if at_us <= day_us]
    stands_w = past[-1] if past else surplus[-1][1]
    return stands_w, min((at_us - day_us - 1) % DAY_US + 1 for at_us, _ in surplus)


class Desk:
    """Where orders come from: ``told`` by people and the grid operator, and the plan of the site by ``day_us``, the time of day.

    A surplus that was told counts in place of the planned one; a dimming order counts whoever gives it.
    """

    def __init__(
        self, site: Site, told: Callable[[], Orders] | None = None, day_us: Callable[[], int] | None = None
    ) -> None:
        self._site = site
        self._told = told
        self._day_us = day_us if site.dimming is not None or site.surplus else None

    def now(self) -> Orders:
        """What holds now; times as in what was told."""
        told = NO_ORDERS if self._told is None else self._told()
        if self._day_us is None:
            return told
        dimmed, surplus_w, _ = planned(self._site, self._day_us())
        surplus_w = surplus_w if told.surplus_w is None else told.surplus_w
        return Orders(told.dimmed or dimmed, surplus_w, told.trips, told.inputs, told.unknown)
