"""The manager's log, for people: what it tells, a line each, with the day and the time of its own clock. Sans-IO.

That clock is set by hand where there is no internet. It may be years wrong and go back, so it stands here and nowhere else:
nothing that is decided or remembered has ever seen it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from chargebench.manager.notes import Kind, Note

LEFT_OUT: Final[tuple[Kind, ...]] = ("cycle", "answered", "confirmed")
"""What only says that all goes on as it should."""


class Log:
    """Writes a line for each note that a person may want to read. ``civil`` is the master's clock, whatever it shows."""

    def __init__(self, civil: Callable[[], datetime], write: Callable[[str], None]) -> None:
        self._civil = civil
        self._write = write

    def note(self, note: Note) -> None:
        """Hear what the manager tells."""
        if note.kind in LEFT_OUT:
            return
        data = ", ".join(f"{name} {value}" for name, value in note.data)
        at = self._civil().isoformat(" ", "seconds")
        self._write(f"{at} {note.subject}: {note.kind}{': ' if data else ''}{data}")

    def clock_was_set(self, before: datetime) -> None:
        """Somebody has set the clock; ``before`` is what it showed until now."""
        self._write(f"{self._civil().isoformat(' ', 'seconds')} clock: set, was {before.isoformat(' ', 'seconds')}")
