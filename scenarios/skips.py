"""Rounds that do not fit into a cycle, as sentences of the story: the first, each that skips more, and how many in all."""

from __future__ import annotations

from collections.abc import Callable

from chargebench.datasheets.words import lasted
from chargebench.manager.notes import Note


class Skips:
    """Listens to the manager's notes; ``say`` takes an instant and a sentence."""

    def __init__(self, say: Callable[[int, str], None]) -> None:
        self._say = say
        self._cycles = self._skipped = self._most = 0
        self._last_us = 0

    def note(self, note: Note) -> None:
        """Hear what the manager tells."""
        if note.kind == "cycle":
            self._cycles += 1
        elif note.kind == "skipped":
            skipped, took_us = int(note.get("skipped")), int(note.get("took_us"))
            self._skipped += skipped
            self._last_us = note.at_us
            if skipped > self._most:
                self._most = skipped
                which = "the next cycle is" if skipped == 1 else f"the next {skipped} cycles are"
                self._say(note.at_us, f"a round over the wires takes {lasted(took_us)}: {which} skipped")

    def finish(self) -> None:
        """The run has ended."""
        if self._skipped > self._most:
            due = self._cycles + self._skipped
            self._say(
                self._last_us, f"by now {self._skipped} of {due} cycles have been skipped, because rounds took too long"
            )
