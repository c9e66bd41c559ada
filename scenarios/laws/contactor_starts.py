"""The law ``contactor_starts``: how often a contactor has closed."""

from __future__ import annotations

from typing import ClassVar

from chargebench.emulator.events import Event
from chargebench.scenarios.laws.law import Ears, Law, Scene, Tell
from chargebench.scenarios.laws.values import CountBound


class ContactorStarts(Law):
    """The contactor of ``box`` (of each box, where none is named) has closed as often since ``from`` as the bound says.

    ``{contactor_starts: at most 4}``, ``{box: yard, contactor_starts: 1}``.
    """

    name: ClassVar[str] = "contactor_starts"
    contactor_starts: CountBound
    box: str | None = None

    def build(self, scene: Scene, tell: Tell) -> Ears:
        starts = {f"box {box.name}": 0 for box in scene.world.boxes if self.box in (None, box.name)}

        def say(at_us: int) -> None:
            wrong = [name for name, count in starts.items() if not self.contactor_starts.admits(count)]
            text = " and ".join(f"{name.removeprefix('box ')} has closed {starts[name]} times" for name in wrong)
            tell(at_us, not wrong, text)

        def event(happened: Event) -> None:
            if happened.kind != "contactor" or happened.channel not in starts or happened.at_us < scene.from_us:
                return
            if happened.get("closed"):
                starts[happened.channel] += 1
                say(happened.at_us)

        say(0)
        return Ears(event=event)
