"""What people do at the master while a run goes: licences that come and go, its clock set by hand, orders and trips.

Read from ``changes:``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from chargebench.emulator.faults.kind import MASTER
from chargebench.manager.inputs import numbers
from chargebench.manager.orders import Trip
from chargebench.manager.site import Site
from chargebench.scenarios.errors import Errors
from chargebench.scenarios.form import ChangeForm
from chargebench.scenarios.moments import Clock

OF_MASTER = ("licences", "clock", "dimmed", "surplus", "inputs")
LAST_DAY = date(9998, 1, 1).toordinal()  # a run lasts less than the year that is left


@dataclass(frozen=True, slots=True)
class Change:
    """At ``at_us`` the master has so many ``licences``, or its clock shows ``clock``; None: that is left as it is.

    So it is with a dimming order, the surplus of the roof, which inputs are on, and the trip of the car at the box of this place in the site.
    """

    at_us: int
    licences: int | None = None
    clock: Clock | None = None
    dimmed: bool | None = None
    surplus_w: int | None = None
    trip: tuple[int, Trip] | None = None
    inputs: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """What the master's clock shows when the run begins, and all changes in the order of the file."""

    clock: Clock
    changes: tuple[Change, ...] = ()


class CivilClock:
    """The master's clock: it goes as time does, from wherever somebody has set it."""

    def __init__(self, clock: Clock, now_us: int) -> None:
        self.set(clock, now_us)

    def set(self, clock: Clock, now_us: int) -> None:
        """From now on it shows ``clock``."""
        self._shown = datetime.fromordinal(clock.day) + timedelta(microseconds=clock.us)
        self._at_us = now_us

    def shows(self, now_us: int) -> datetime:
        """What it shows."""
        return self._shown + timedelta(microseconds=now_us - self._at_us)


class Reader:
    """Reads the changes of a scenario; what cannot be goes to ``errors``."""

    def __init__(self, site: Site, clock: Clock, end_us: int, errors: Errors) -> None:
        self._site = site
        self._clock = clock
        self._end_us = end_us
        self._errors = errors

    def read(self, shown: Clock | None, forms: Sequence[ChangeForm]) -> Desk:
        """The desk that the forms mean."""
        if shown is not None and shown.day >= LAST_DAY:
            self._errors.add(("world", "clock"), _too_late())
        return Desk(shown or self._clock, tuple(self._change(form, k) for k, form in enumerate(forms)))

    def _change(self, form: ChangeForm, k: int) -> Change:
        at_us = self._clock.since_start(form.at)
        if problem := self._clock.misses(at_us, self._end_us):
            self._errors.add(("changes", k, "at"), problem)
        if form.on != MASTER:
            return self._trip(form, k, at_us)
        given = [name for name in OF_MASTER if getattr(form, name) is not None]
        if len(given) != 1 or form.leaves is not None or form.wants is not None:
            self._errors.add(("changes", k), f"expected one of {', '.join(OF_MASTER[:-1])} and {OF_MASTER[-1]}")
        if form.clock is not None and form.clock.day >= LAST_DAY:
            self._errors.add(("changes", k, "clock"), _too_late())
        if form.dimmed is not None and self._site.dimming is None:
            self._errors.add(("changes", k, "dimmed"), "expected only where the site may be dimmed (dimming: by order)")
        if form.surplus is not None and not self._site.surplus and self._site.surplus_input is None:
            self._errors.add(("changes", k, "surplus"), "expected only where the site goes by a surplus (surplus:)")
        dimmed = None if form.dimmed is None else form.dimmed == "on"
        return Change(at_us, form.licences, form.clock, dimmed, form.surplus, inputs=self._inputs(form, k))

    def _inputs(self, form: ChangeForm, k: int) -> tuple[int, ...] | None:
        """Those that are on, each once; they must be such as a limit of the site goes by."""
        known = numbers(self._site)
        for number in form.inputs or ():
            if number not in known:
                due = " or ".join(f"{one}" for one in known) or "none, since no limit of the site goes by one"
                self._errors.add(("changes", k, "inputs"), f"expected {due}, got {number}")
        return None if form.inputs is None else tuple(dict.fromkeys(sorted(form.inputs)))

    def _trip(self, form: ChangeForm, k: int, at_us: int) -> Change:
        """What somebody says of the car at a box."""
        names = [box.name for box in self._site.boxes]
        if form.on not in names or any(getattr(form, name) is not None for name in OF_MASTER):
            known = "" if form.on in names else f", or one of the boxes {', '.join(names)}"
            self._errors.add(("changes", k, "on"), f"expected master{known}, got {form.on!r}")
            return Change(at_us)
        if form.leaves is None or form.wants is None:
            self._errors.add(("changes", k), "expected both leaves and wants")
            return Change(at_us)
        leaves_us = self._clock.since_start(form.leaves)
        if leaves_us <= at_us:
            self._errors.add(("changes", k, "leaves"), "expected a time after it is said")
        return Change(at_us, trip=(names.index(form.on), Trip(leaves_us, form.wants)))


def _too_late() -> str:
    return f"expected a day before {date.fromordinal(LAST_DAY).isoformat()}"
