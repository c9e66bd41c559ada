"""What people order by a file while a manager runs: ``dimmed: on``, ``surplus: 5 kW`` and trips of cars. Asked at every cycle.

A trip leaves at the first such time of the day after the file was written, so it is the same after a restart of the manager.
What the civil clock is set to later moves no trip that is known already. A file that cannot be read or understood changes
nothing but is told of once, and what is said in it holds until the file says something else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from chargebench.datasheets.errors import suggest
from chargebench.datasheets.forms import Energy, Form, Name, Power, fill
from chargebench.datasheets.yamlfile import Document, Problems, read_yaml
from chargebench.manager.orders import Orders, Trip
from chargebench.manager.orders_file import TimeOfDay
from chargebench.manager.service.watched_file import WatchedFile
from chargebench.manager.site import Site

DAY: Final = timedelta(days=1)


class TripForm(Form):
    """A car is to have so much since it was plugged in, by this time."""

    box: Name
    leaves: TimeOfDay
    wants: Energy


class OrdersForm(Form):
    """A whole file of orders."""

    dimmed: Literal["on", "off"] = "off"
    surplus: Power | None = None
    trips: tuple[TripForm, ...] = ()


class OrdersFile:
    """The orders in the file at ``path``; ``Complaint`` where it cannot be understood at the start.

    ``civil`` is the clock of this machine, with its zone; ``now_us`` the loop's time, by which trips are counted.
    """

    def __init__(self, path: Path, site: Site, civil: Callable[[], datetime], now_us: Callable[[], int]) -> None:
        self._site, self._civil, self._now_us = site, civil, now_us
        self._file = WatchedFile(
            path,
            lambda at: _read(at, site),
            stays=lambda _: "orders stay as they were",
            changes=lambda form, _: f"orders are {_words(form)} now",
        )
        self._orders: Orders | None = None

    def start(self, say: Callable[[str], None]) -> None:
        """From now on what a person is to know is told."""
        self._file.start(say)

    def now(self) -> Orders:
        """What it says."""
        if self._file.look() or self._orders is None:
            self._orders = self._meant()
        return self._orders

    def _meant(self) -> Orders:
        """The orders that the form means, given when it was written and what time it is."""
        form, civil, now_us = self._file.value, self._civil(), self._now_us()
        stamp = self._file.stamp
        written = civil if stamp is None else datetime.fromtimestamp(stamp[0] / 1e9, civil.tzinfo)
        trips: list[Trip | None] = [None] * len(self._site.boxes)
        for one in form.trips:
            left = _next(written, one.leaves) - civil
            trips[_place(self._site, one.box)] = Trip(now_us + left // timedelta(microseconds=1), one.wants)
        return Orders(form.dimmed == "on", form.surplus, tuple(trips) if form.trips else ())


def _read(path: Path, site: Site) -> OrdersForm:
    document = read_yaml(path)
    form = fill(OrdersForm, document)
    _refuse(form, site, document)
    return form


def _refuse(form: OrdersForm, site: Site, document: Document) -> None:
    """``BadFile`` for orders that this site does not know."""
    problems = Problems(document)
    if form.dimmed == "on" and site.dimming is None:
        problems.add(("dimmed",), "expected only where the site may be dimmed (dimming: by order)")
    if form.surplus is not None and not site.surplus and site.surplus_input is None:
        problems.add(("surplus",), "expected only where the site goes by a surplus (surplus:)")
    names = [box.name for box in site.boxes]
    for k, trip in enumerate(form.trips):
        if trip.box not in names:
            problems.add(("trips", k, "box"), f"unknown box {trip.box!r}{suggest(trip.box, names)}")
        elif trip.box in [other.box for other in form.trips[:k]]:
            problems.add(("trips", k, "box"), f"expected each box once, and {trip.box} stands there twice")
    problems.raise_any()


def _next(after: datetime, day_us: int) -> datetime:
    """The first time of the day after an instant."""
    midnight = after.replace(hour=0, minute=0, second=0, microsecond=0)
    found = midnight + timedelta(microseconds=day_us)
    return found if found > after else found + DAY


def _place(site: Site, name: str) -> int:
    return next(k for k, box in enumerate(site.boxes) if box.name == name)


def _words(form: OrdersForm) -> str:
    parts: Sequence[str] = (
        "a dimming" if form.dimmed == "on" else "",
        "" if form.surplus is None else f"a surplus of {form.surplus} W",
        f"{len(form.trips)} trip{'' if len(form.trips) == 1 else 's'}" if form.trips else "",
    )
    return ", ".join(part for part in parts if part) or "none"
