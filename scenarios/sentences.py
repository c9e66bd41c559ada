"""Which of the manager's notes the story tells, and which of them may explain a violation."""

from __future__ import annotations

from typing import Final

from chargebench.manager import sentences
from chargebench.manager.notes import Kind, Note

CAUSES: Final[tuple[Kind, ...]] = (
    "silent", "back", "refused", "failsafe", "impossible", "by itself", "foreign", "disabled", "deaf", "dumb", "forgotten",
    "unsaved", "input lost",
)  # fmt: skip
"""What may explain a violation that follows."""

TOLD: Final[tuple[Kind, ...]] = (
    *CAUSES, "unlicensed", "licensed", "restarted", "remembers", "phases", "phases refused", "phases fixed",
)  # fmt: skip


def sentence(note: Note) -> str | None:
    """What the story says of a note; None where it says nothing."""
    return sentences.sentence(note) if note.kind in TOLD else None
