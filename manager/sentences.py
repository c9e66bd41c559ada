"""What the manager tells, as sentences: a kind of note, a sentence. Sans-IO."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from chargebench.datasheets.words import amperes, lasted
from chargebench.manager.notes import Kind, Note


def sentence(note: Note) -> str | None:
    """What a note says, without a time and without a full stop; None where a person need not hear of it."""
    teller = _TELLERS.get(note.kind)
    return None if teller is None else teller(note)


def _ma(note: Note, name: str) -> str:
    return amperes(int(note.get(name)))


def _command(note: Note) -> str:
    limit_ma = int(note.get("limit_ma"))
    return f"{note.subject} is told {amperes(limit_ma)}" if limit_ma else f"{note.subject} is told to stop"


def _count(note: Note) -> str:
    return "one phase" if note.get("phases") == 1 else "three phases"


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


def _skipped(note: Note) -> str:
    skipped = int(note.get("skipped"))
    which = "the next cycle is" if skipped == 1 else f"the next {skipped} cycles are"
    return f"a round over the wires takes {lasted(int(note.get('took_us')))}: {which} skipped"


_TELLERS: Final[dict[Kind, Callable[[Note], str | None]]] = {
    "command": _command,
    "unanswered": lambda note: f"{note.subject} does not answer to {_ma(note, 'limit_ma')}: {note.get('why')}",
    "silent": lambda note: f"the master does not hear {note.subject}: {note.get('why')}",
    "back": _back,
    "link down": lambda note: f"{note.subject} cannot be reached: {note.get('why')}",
    "link up": lambda note: f"{note.subject} can be reached again",
    "late answer": lambda note: (
        f"{note.subject} answers too late, unit {note.get('unit')}: {note.get('late')} times so far"
    ),
    "skipped": _skipped,
    "refused": lambda note: f"{note.subject} refuses {_ma(note, 'limit_ma')} with exception {note.get('code')}",
    "unlicensed": lambda note: f"{note.subject} has no licence: it is read, never written, and counted at its maximum",
    "licensed": lambda note: f"{note.subject} has a licence now: it is managed like the others",
    "restarted": lambda note: f"{note.subject} has restarted, the master sees: start number {note.get('restarts')}",
    "failsafe": lambda note: (
        f"{note.subject} {_falls_back(note, 'current_ma', 'after_us')}, though the master has told it otherwise:"
        f" {_falls_back(note, 'wanted_ma', 'wanted_after_us')}"
    ),
    "impossible": lambda note: f"what {note.subject} answers cannot be: {note.get('why')}",
    "doubted": lambda note: f"what {note.subject} measures is not believed, {note.get('counted')}: {note.get('why')}",
    "believed": lambda note: f"what {note.subject} measures is believed again",
    "woken": lambda note: f"the pilot of {note.subject} is interrupted, since its car seems to sleep",
    "by itself": lambda note: (
        f"{note.subject} changes its limit by itself, now to {_ma(note, 'shows_ma')}: set its load management to"
        " Observation, or find who else writes to it; until then it is left alone and counted at its maximum"
    ),
    "foreign": lambda note: (
        f"somebody else writes to {note.subject}: its limit was changed {note.get('times')} times though the master told it"
        f" nothing, last to {_ma(note, 'shows_ma')} instead of {_ma(note, 'limit_ma')}"
    ),
    "disabled": lambda note: (
        f"{note.subject} takes its limit of {_ma(note, 'limit_ma')} and stays at 0 A: enable charging in its settings"
    ),
    "deaf": lambda note: (
        f"{note.subject} takes its limit of {_ma(note, 'limit_ma')} and goes on showing {_ma(note, 'shows_ma')}:"
        " it does not obey, or somebody else writes to it"
    ),
    "dumb": lambda note: (
        f"{note.subject} takes connections and has never given a reading ({note.get('why')}): look for Modbus and the id"
        " in its settings"
    ),
    "phases": lambda note: f"{note.subject} is told to charge on {_count(note)}: {note.get('why')}",
    "phases shown": lambda note: f"{note.subject} shows that it charges on {_count(note)} now",
    "phases refused": lambda note: (
        f"{note.subject} refuses to charge on another number of phases with exception {note.get('code')}"
    ),
    "phases fixed": lambda note: (
        f"the phases of {note.subject} may not be changed while a car is plugged in: have that released in its settings"
    ),
    "input": lambda note: f"{note.subject} is {'on' if note.get('on') else 'off'}",
    "input lost": lambda note: (
        f"{note.subject} was not read for {lasted(int(note.get('silent_us')))}: what is worst for the boxes holds"
    ),
    "input unread": lambda note: f"nothing reads {note.subject}: what is worst for the boxes holds",
    "remembers": _remembers,
    "forgotten": lambda note: f"the master remembers nothing: {note.get('why')}",
    "unsaved": lambda note: f"the master can keep nothing, so it raises nothing: {note.get('why')}",
}
