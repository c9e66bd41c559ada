"""What the manager notes, as sentences of the story."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from chargebench.manager.notes import Kind, Note
from chargebench.scenarios.laws.law import amperes
from chargebench.scenarios.moments import lasted

CAUSES: Final[tuple[Kind, ...]] = (
    "silent", "back", "refused", "failsafe", "impossible", "by itself", "disabled", "deaf", "dumb", "forgotten", "unsaved",
)  # fmt: skip
"""What may explain a violation that follows."""


def sentence(note: Note) -> str | None:
    """What the story says of a note; None where it says nothing."""
    teller = _TELLERS.get(note.kind)
    return None if teller is None else teller(note)


def _ma(note: Note, name: str) -> str:
    return amperes(int(note.get(name)))


def _back(note: Note) -> str | None:
    silent_us = int(note.get("silent_us"))
    return f"the master hears {note.subject} again after {lasted(silent_us)}" if silent_us else None


def _falls_back(note: Note, current: str, after: str) -> str:
    """``falls back to 6 A after 5 min``."""
    after_us = int(note.get(after))
    return f"falls back to {_ma(note, current)} after {lasted(after_us)}" if after_us else "never falls back"


def _remembers(note: Note) -> str:
    boxes = int(note.get("boxes"))
    return f"the master remembers {boxes} box{'' if boxes == 1 else 'es'} from before it started"


_TELLERS: Final[dict[Kind, Callable[[Note], str | None]]] = {
    "silent": lambda note: f"the master does not hear {note.subject}: {note.get('why')}",
    "back": _back,
    "refused": lambda note: f"{note.subject} refuses {_ma(note, 'limit_ma')} with exception {note.get('code')}",
    "unlicensed": lambda note: f"{note.subject} has no licence: it is read, never written, and counted at its maximum",
    "licensed": lambda note: f"{note.subject} has a licence now: it is managed like the others",
    "restarted": lambda note: f"{note.subject} has restarted, the master sees: start number {note.get('restarts')}",
    "failsafe": lambda note: (
        f"{note.subject} {_falls_back(note, 'current_ma', 'after_us')}, though the master has told it otherwise:"
        f" {_falls_back(note, 'wanted_ma', 'wanted_after_us')}"
    ),
    "impossible": lambda note: f"what {note.subject} answers cannot be: {note.get('why')}",
    "by itself": lambda note: (
        f"{note.subject} changes its limit by itself, now to {_ma(note, 'shows_ma')}: set its load management to"
        " Observation; until then it is left alone and counted at its maximum"
    ),
    "disabled": lambda note: (
        f"{note.subject} takes its limit of {_ma(note, 'limit_ma')} and stays at 0 A: enable charging in its settings"
    ),
    "deaf": lambda note: (
        f"{note.subject} takes its limit of {_ma(note, 'limit_ma')} and goes on showing {_ma(note, 'shows_ma')}"
    ),
    "dumb": lambda note: (
        f"{note.subject} takes connections and has never given a reading ({note.get('why')}): look for Modbus and the id"
        " in its settings"
    ),
    "remembers": _remembers,
    "forgotten": lambda note: f"the master remembers nothing: {note.get('why')}",
    "unsaved": lambda note: f"the master can keep nothing, so it raises nothing: {note.get('why')}",
}
