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
    "restarted",
    "failsafe",
    "licensed",
    "by itself",
    "foreign",
    "disabled",
    "deaf",
    "dumb",
    "remembers",
    "forgotten",
    "unsaved",
    "doubted",
    "believed",
    "woken",
    "phases",
    "phases shown",
    "phases refused",
    "phases fixed",
    "input",
    "input lost",
    "input unread",
]


@dataclass(frozen=True, slots=True)
class Note:
    """One thing told at ``at_us`` (loop time) of ``subject``: "manager", a box, a meter or the address of a link.

    Kinds and data: manager: ``cycle`` (cycle, commands) · ``skipped`` (cycle, skipped, took_us) · ``remembers`` (boxes): so
    many are known from an earlier life · ``forgotten`` (why): none are, though some should be · ``unsaved`` (why): what is to
    be remembered cannot be kept, so nothing is raised.
    box: ``command`` (cycle, limit_ma, rank) · ``answered`` (limit_ma): its write was · ``unanswered`` (limit_ma, why) ·
    ``refused`` (limit_ma, code) · ``confirmed`` (limit_ma): read back · ``unlicensed``: it is read and never written ·
    ``licensed``: it may be written from now on · ``restarted`` (restarts): its hardware has, so its boot values held ·
    ``failsafe`` (after_us, current_ma, wanted_after_us, wanted_ma): it keeps this one, though it was to have another.
    box, of its settings: ``by itself`` (limit_ma, shows_ma): it changes its limit though nobody wrote · ``disabled`` and
    ``deaf`` (limit_ma, shows_ma): it takes a limit and goes on showing 0, or more than that · ``dumb`` (why): it takes
    connections and has never given a reading · ``foreign`` (times, limit_ma, shows_ma): so often within an hour it showed
    another limit though it was told none.
    box or meter: ``silent`` (why): it stopped giving readings · ``back`` (silent_us) · ``impossible`` (why): what it
    answered cannot be · ``doubted`` (why, counted): what its meter shows is not believed, and how it is counted meanwhile ·
    ``believed``: it is again. box: ``woken``: its pilot was interrupted, since its car seems to sleep ·
    ``phases`` (phases, why): it is told to charge on so many · ``phases shown`` (phases): it shows another number than before ·
    ``phases refused`` (code) · ``phases fixed``: its owner does not let them be changed. input: ``silent`` and
    ``back`` as above · ``input`` (on): it is on from now on, or off · ``input lost`` (silent_us): the worst is taken to hold ·
    ``input unread``: nothing reads it, so that holds always. link: ``late answer`` (unit, answers so far) · ``link down`` (why) · ``link up`` (connections so far).
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
