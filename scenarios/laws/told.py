"""The law ``told``: what the manager has found out about a box or a meter."""

from __future__ import annotations

from typing import ClassVar, Literal

from chargebench.manager.notes import Note
from chargebench.scenarios.laws.law import Ears, Law, Scene, Tell

Finding = Literal[
    "by itself",
    "disabled",
    "deaf",
    "dumb",
    "unlicensed",
    "licensed",
    "refused",
    "restarted",
    "failsafe",
    "impossible",
    "doubted",
    "believed",
    "woken",
    "phases",
    "phases refused",
    "phases fixed",
]


class Told(Law):
    """The manager has told this of ``box``, or of a ``meter`` of the house, since ``from``, once or more.

    ``{box: garage, told: by itself}``: it changes its limit though nobody wrote. ``disabled``, ``deaf``: it takes a limit and
    goes on showing 0, or more. ``dumb``: it takes connections and answers nothing. Also ``unlicensed``, ``licensed``,
    ``refused``, ``restarted``, ``failsafe`` (it keeps another one than it was to have), ``impossible``, ``woken`` (its pilot
    was interrupted for a car that seems to sleep), ``doubted`` (what it measures is not believed) and ``believed`` (again),
    ``phases`` (it is told to charge on another number of phases), ``phases refused`` and ``phases fixed`` (its owner forbids it).
    """

    name: ClassVar[str] = "told"
    told: Finding
    box: str | None = None
    meter: str | None = None

    def problem(self) -> str | None:
        return "expected a box or a meter of which it is told" if (self.box is None) == (self.meter is None) else None

    def build(self, scene: Scene, tell: Tell) -> Ears:
        subject = self.box or self.meter

        def note(one: Note) -> None:
            if one.subject == subject and one.kind == self.told and one.at_us >= scene.from_us:
                tell(one.at_us, True, f"the manager has told {self.told} of {subject}")

        tell(0, False, f"the manager has not told {self.told} of {subject}")
        return Ears(note=note)
