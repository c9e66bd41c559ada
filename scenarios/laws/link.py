"""The law ``link``: whether the manager hears a box."""

from __future__ import annotations

from typing import ClassVar, Literal

from chargebench.manager.notes import Note
from chargebench.scenarios.laws.law import Ears, Law, Scene, Tell


class Link(Law):
    """The manager takes ``box`` for ``answering`` or for ``silent``; until a request to it has failed, it answers.

    ``{box: yard, link: answering}``.
    """

    name: ClassVar[str] = "link"
    box: str
    link: Literal["answering", "silent"]

    def build(self, scene: Scene, tell: Tell) -> Ears:  # noqa: ARG002  (every law is built alike)
        def say(at_us: int, answering: bool) -> None:
            text = f"{self.box} answers" if answering else f"{self.box} does not answer"
            tell(at_us, answering == (self.link == "answering"), text)

        def note(told: Note) -> None:
            if told.subject == self.box and told.kind in ("back", "silent"):
                say(told.at_us, told.kind == "back")

        say(0, True)
        return Ears(note=note)
