"""The manager's log, for people: a sentence a line, with the day and the time of the master's own clock. Sans-IO.

That clock is set by hand where there is no internet. It may be years wrong and go back, so it stands here and nowhere else:
nothing that is decided or remembered has ever seen it.

What goes on and on is not told on and on: a link that cannot be reached once for each reason, until it can be; late answers
and skipped cycles the first time, the second, the fourth, the eighth.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime

from chargebench.manager.notes import Kind, Note
from chargebench.manager.sentences import sentence

RARELY: tuple[Kind, ...] = ("late answer", "skipped")


class Log:
    """Writes a line for each note that a person may want to read. ``civil`` is the master's clock, whatever it shows."""

    def __init__(self, civil: Callable[[], datetime], write: Callable[[str], None]) -> None:
        self._civil = civil
        self._write = write
        self._down: dict[str, str] = {}
        self._times: Counter[tuple[Kind, str]] = Counter()

    def note(self, note: Note) -> str | None:
        """Hear what the manager tells; the sentence that was written, if one was."""
        text = sentence(note)
        if text is None or not self._is_news(note):
            return None
        self.say(text)
        return text

    def say(self, text: str) -> None:
        """Write a sentence."""
        self._write(f"{self._civil().isoformat(' ', 'seconds')} {text}")

    def clock_was_set(self, before: datetime) -> None:
        """Somebody has set the clock; ``before`` is what it showed until now."""
        self.say(f"clock: set, was {before.isoformat(' ', 'seconds')}")

    def _is_news(self, note: Note) -> bool:
        if note.kind == "link down":
            why = str(note.get("why"))
            known, self._down[note.subject] = self._down.get(note.subject), why
            return why != known
        if note.kind == "link up":
            return self._down.pop(note.subject, None) is not None
        if note.kind in RARELY:
            self._times[note.kind, note.subject] += 1
            return self._times[note.kind, note.subject].bit_count() == 1
        return True
