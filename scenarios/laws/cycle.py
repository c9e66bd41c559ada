"""The law ``cycle``: how long the manager's cycles last."""

from __future__ import annotations

from typing import ClassVar

from chargebench.datasheets.words import lasted
from chargebench.manager.notes import Note
from chargebench.scenarios.laws.law import Ears, Law, Scene, Tell
from chargebench.scenarios.laws.values import DurationBound


class Cycle(Law):
    """The manager's cycles last as long as the bound says, from the beginning of one to the beginning of the next.

    ``{cycle: at most 6 s}``. It is the last whole cycle that counts, until the present one lasts longer: a round that does
    not fit skips cycles and makes the one that it began longer, and a manager that has stopped makes it longer and longer.
    """

    name: ClassVar[str] = "cycle"
    cycle: DurationBound

    def problem(self) -> str | None:
        return (
            "expected at least, at most, above or below, such as at most 6 s" if self.cycle.how == "exactly" else None
        )

    def build(self, scene: Scene, tell: Tell) -> Ears:  # noqa: ARG002  (every law is built alike)
        machine = _Cycles(self, tell)
        return Ears(note=machine.note, finish=machine.until)


class _Cycles:
    """Begun when, and how long the one before lasted, in us."""

    def __init__(self, law: Cycle, tell: Tell) -> None:
        self._bound, self._tell = law.cycle, tell
        self._begun_us: int | None = None
        self._last_us = 0
        self._say(0, 0)

    def note(self, note: Note) -> None:
        if note.kind != "cycle":
            return
        self.until(note.at_us)
        if self._begun_us is not None:
            self._last_us = note.at_us - self._begun_us
            self._say(note.at_us, self._last_us)
        self._begun_us = note.at_us

    def until(self, at_us: int) -> None:
        """The present cycle goes on up to ``at_us``: it may have become too long, or long enough, on the way."""
        if self._begun_us is None:
            return
        turn_us = self._bound.value + (self._bound.how in ("at most", "above"))
        if self._last_us < turn_us <= at_us - self._begun_us:
            self._say(self._begun_us + turn_us, turn_us)

    def _say(self, at_us: int, value_us: int) -> None:
        self._tell(at_us, self._bound.admits(value_us), f"a cycle of the manager lasts {lasted(value_us)}")
