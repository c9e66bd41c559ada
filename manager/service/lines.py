"""What a manager says to a program: one JSON object a line. ``docs/manage.md`` describes them. Sans-IO but for its ``write``.

First comes ``ready``; then, as things happen, a line for each ``note`` that a person would read in the log, and one for each
cycle at which the site stands differently; at last ``ended``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from chargebench.manager.notes import Note
from chargebench.manager.site import Site
from chargebench.manager.status import BoxStatus, Status


class Lines:
    """Writes them; ``civil`` is the clock of this machine, with its zone."""

    def __init__(self, civil: Callable[[], datetime], write: Callable[[str], object]) -> None:
        self._civil = civil
        self._write = write
        self._last: Status | None = None

    def ready(
        self, site: Site, store: str, pid: int, dangers: Sequence[str], windows: Mapping[str, str | None]
    ) -> None:
        """It begins now. ``windows``: where it can be looked at."""
        boxes = [
            {"name": one.name, "device": one.device, "unit": one.unit, "at": str(one.address)} for one in site.boxes
        ]
        meters = [
            {"name": one.name, "device": one.device, "unit": one.unit, "at": str(one.address), "role": one.role}
            for one in site.meters
        ]
        self._line(
            ready={
                "site": site.path,
                "pid": pid,
                "policy": site.policy,
                "manages": site.management,
                "store": store,
                "boxes": boxes,
                "meters": meters,
                "dangers": list(dangers),
                **windows,
            }
        )

    def note(self, note: Note, says: str) -> None:
        """Something happened."""
        self._line(note={"kind": note.kind, "of": note.subject, **dict(note.data)}, says=says)

    def said(self, says: str) -> None:
        """Something is to be known that is of no box and no meter."""
        self._line(note={"kind": "service", "of": "manager"}, says=says)

    def status(self, status: Status) -> None:
        """How the site stands, where that is news."""
        if not status.same(self._last):
            self._last = status
            self._line(**status.as_json())

    def ended(self, by: str, left: Sequence[BoxStatus], says: Sequence[str]) -> None:
        """It is over; these boxes are left with these limits."""
        boxes = [
            {"name": one.name, "limit_ma": one.limit_ma, "failsafe_ma": one.failsafe_ma, "failsafe_us": one.failsafe_us}
            for one in left
        ]
        self._line(ended={"by": by, "left": boxes}, says="; ".join(says))

    def _line(self, **fields: object) -> None:
        at = self._civil().isoformat(timespec="milliseconds")
        self._write(json.dumps({"at": at, **fields}, ensure_ascii=False) + "\n")
