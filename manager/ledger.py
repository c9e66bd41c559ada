"""What the manager must still know of its boxes after it was restarted: kept in a store, before it can become true. Sans-IO.

A box that is not reached after a restart may do what it was told before. So whatever raises what it may draw is in the store
before the command leaves; what lowers it may come later, and does so once the box has shown it for as long as its car may
take to follow. A manager that was killed at any instant is therefore remembered as at least what it had given away.

Boxes are known by their name, device, address and unit: what is remembered of another box is nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from chargebench.manager.readings import BoxReading, Command, Remembered, Session, View
from chargebench.manager.site import Box, Site

SETTLED_US: Final = 16_000_000
"""A box waits up to 5 s with its pulse, cars were seen to take 11 s."""

States = Mapping[str, Remembered]
"""By ``name_of`` a box."""


class Unusable(Exception):
    """A store that cannot be read or written; ``args[0]`` says why, in words for a person."""


class Store(Protocol):
    """Where it is kept. Whoever opens one has it alone."""

    def load(self) -> States:
        """What was saved last, nothing if nothing was; ``Unusable`` if it is there and cannot be understood."""

    def save(self, states: States) -> None:
        """Keep ``states`` in place of all that was kept, whole or not at all, before this returns; ``Unusable``."""


class MemoryStore:
    """Keeps it as long as the process lives."""

    def __init__(self) -> None:
        self._states: dict[str, Remembered] = {}

    def load(self) -> States:
        return dict(self._states)

    def save(self, states: States) -> None:
        self._states = dict(states)


def name_of(box: Box) -> str:
    """What a box is known by."""
    return f"{box.name}: {box.device} at {box.address}, unit {box.unit}"


@dataclass(slots=True)
class _Page:
    """One box: what is kept, what its car may follow as last seen, and since when that has not been more."""

    kept: Remembered | None = None
    most_ma: int = 0
    since_us: int = 0
    sent_ma: int | None = None


class Ledger:
    """All boxes of a site, in its order."""

    def __init__(self, site: Site, store: Store, remembered: States) -> None:
        self._names = [name_of(box) for box in site.boxes]
        self._store = store
        self._pages = [_Page(remembered.get(name)) for name in self._names]
        self._saved: dict[str, Remembered] = dict(remembered)

    def remembered(self) -> list[Remembered | None]:
        """What an earlier life knew of each box, as long as this one has not changed it."""
        return [page.kept for page in self._pages]

    def take(
        self, view: View, commands: Sequence[Command], now_us: int, sessions: Sequence[Session | None] | None = None
    ) -> None:
        """Note what the boxes show and what they are about to be told, and save it where it is news; ``Unusable``.

        ``sessions``: what is known of the car at each box; None where that is not asked for.
        """
        told = {one.box: one.limit_ma for one in commands}
        for k, (page, seen) in enumerate(zip(self._pages, view.boxes, strict=True)):
            page.sent_ma = told.get(k, page.sent_ma)
            if seen.reading is not None:
                session = None if sessions is None else sessions[k]
                _read(page, seen.reading, session, silent=seen.silent_since_us is not None, now_us=now_us)
            elif page.kept is not None and k in told:
                page.kept = replace(page.kept, top_ma=max(page.kept.top_ma, told[k]), sent_ma=told[k])
        states = {name: page.kept for name, page in zip(self._names, self._pages, strict=True) if page.kept is not None}
        if states != self._saved:
            self._store.save(states)
            self._saved = states


def _read(page: _Page, reading: BoxReading, session: Session | None, *, silent: bool, now_us: int) -> None:
    """Bring a page up to date with the last reading of its box."""
    most_ma = max(reading.limit_ma, reading.offered_ma, page.sent_ma or 0)
    if most_ma != page.most_ma or silent:
        page.most_ma, page.since_us = most_ma, now_us
    known = page.kept
    settled = known is None or now_us >= page.since_us + SETTLED_US
    page.kept = Remembered(
        top_ma=most_ma if known is None or settled else max(most_ma, known.top_ma),
        sent_ma=page.sent_ma,
        failsafe_us=reading.failsafe_us,
        failsafe_ma=reading.failsafe_ma,
        boot_ma=reading.boot_ma,
        restarts=reading.restarts,
        session=session,
    )
