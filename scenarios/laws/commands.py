"""The law ``commands``: how often the manager sets limits."""

from __future__ import annotations

from typing import ClassVar

from chargebench.manager.notes import Note
from chargebench.scenarios.laws.law import Ears, Law, Scene, Tell
from chargebench.scenarios.laws.values import CountBound


class Commands(Law):
    """The manager has given as many commands to ``box`` (to all, where none is named) since ``from`` as the bound says.

    ``{commands: at most 200}``, ``{box: garage, commands: at least 1}``.
    """

    name: ClassVar[str] = "commands"
    commands: CountBound
    box: str | None = None

    def build(self, scene: Scene, tell: Tell) -> Ears:
        count = 0
        whom = "" if self.box is None else f" for {self.box}"

        def say(at_us: int) -> None:
            tell(at_us, self.commands.admits(count), f"{count} commands{whom}")

        def note(told: Note) -> None:
            nonlocal count
            if told.kind == "command" and self.box in (None, told.subject) and told.at_us >= scene.from_us:
                count += 1
                say(told.at_us)

        say(0)
        return Ears(note=note)
