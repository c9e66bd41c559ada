"""The law ``told``: what the manager has found out about a box."""

from __future__ import annotations

from typing import ClassVar, Literal

from chargebench.manager.notes import Note
from chargebench.scenarios.laws.law import Ears, Law, Scene, Tell

Finding = Literal[
    "by itself", "disabled", "deaf", "dumb", "unlicensed", "licensed", "refused", "restarted", "failsafe", "impossible"
]


class Told(Law):
    """The manager has told this of ``box`` since ``from``, once or more.

    ``{box: garage, told: by itself}``: it changes its limit though nobody wrote. ``disabled``, ``deaf``: it takes a limit and
    goes on showing 0, or more. ``dumb``: it takes connections and answers nothing. Also ``unlicensed``, ``licensed``,
    ``refused``, ``restarted``, ``failsafe`` (it keeps another one than it was to have) and ``impossible``.
    """

    name: ClassVar[str] = "told"
    told: Finding
    box: str

    def build(self, scene: Scene, tell: Tell) -> Ears:
        def note(one: Note) -> None:
            if one.subject == self.box and one.kind == self.told and one.at_us >= scene.from_us:
                tell(one.at_us, True, f"the manager has told {self.told} of {self.box}")

        tell(0, False, f"the manager has not told {self.told} of {self.box}")
        return Ears(note=note)
