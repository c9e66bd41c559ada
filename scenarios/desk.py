"""What people do at the master while a run goes: licences that come and go, its clock set by hand. Read from ``changes:``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from chargebench.scenarios.errors import Errors
from chargebench.scenarios.form import ChangeForm
from chargebench.scenarios.moments import Clock

LAST_DAY = date(9998, 1, 1).toordinal()  # a run lasts less than the year that is left


@dataclass(frozen=True, slots=True)
class Change:
    """At ``at_us`` the master has so many ``licences``, or its clock shows ``clock``; None: that is left as it is."""

    at_us: int
    licences: int | None
    clock: Clock | None


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


def read_desk(shown: Clock | None, forms: Sequence[ChangeForm], clock: Clock, end_us: int, errors: Errors) -> Desk:
    """The desk that the forms mean; what cannot be goes to ``errors``."""
    if shown is not None and shown.day >= LAST_DAY:
        errors.add(("world", "clock"), _too_late())
    return Desk(shown or clock, tuple(_change(form, k, clock, end_us, errors) for k, form in enumerate(forms)))


def _change(form: ChangeForm, k: int, clock: Clock, end_us: int, errors: Errors) -> Change:
    at_us = clock.since_start(form.at)
    if problem := clock.misses(at_us, end_us):
        errors.add(("changes", k, "at"), problem)
    if (form.licences is None) == (form.clock is None):
        errors.add(("changes", k), "expected one of licences and clock")
    if form.clock is not None and form.clock.day >= LAST_DAY:
        errors.add(("changes", k, "clock"), _too_late())
    return Change(at_us, form.licences, form.clock)


def _too_late() -> str:
    return f"expected a day before {date.fromordinal(LAST_DAY).isoformat()}"
