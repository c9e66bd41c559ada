"""What the manager tells while it runs, for logs and records. Nothing is decided by it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Value = int | str

Kind = Literal[
    "cycle",
    "command",
    "answered",
    "unanswered",
    "refused",
    "confirmed",
    "silent",
    "back",
    "impossible",
    "late answer",
    "link down",
    "link up",
    "skipped",
    "unlicensed",
]


@dataclass(frozen=True, slots=True)
class Note:
    """One thing told at ``at_us`` (loop time) of ``subject``: "manager", a box, a meter or the address of a link.

    Kinds and data: manager: ``cycle`` (cycle, commands) · ``skipped`` (cycle, skipped, took_us).
    box: ``command`` (cycle, limit_ma, rank) · ``answered`` (limit_ma): its write was · ``unanswered`` (limit_ma, why) ·
    ``refused`` (limit_ma, code) · ``confirmed`` (limit_ma): read back.
    box or meter: ``silent`` (why): it stopped giving readings · ``back`` (silent_us) · ``impossible`` (why): what it
    answered cannot be. box: ``unlicensed``: it is read and never written. link: ``late answer`` (unit, answers so far) · ``link down`` (why) · ``link up`` (connections so far).
    """

    at_us: int
    kind: Kind
    subject: str
    data: tuple[tuple[str, Value], ...] = ()

    def get(self, name: str) -> Value:
        return dict(self.data)[name]


class Teller:
    """Stamps notes with the loop's time and hands them on."""

    def __init__(self, note: Callable[[Note], None], now_us: Callable[[], int]) -> None:
        self._note = note
        self.now_us = now_us

    def tell(self, kind: Kind, subject: str, **data: Value) -> None:
        self._note(Note(self.now_us(), kind, subject, tuple(data.items())))
