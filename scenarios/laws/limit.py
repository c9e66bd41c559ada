"""The law ``limit``: what a box lets its car take."""

from __future__ import annotations

from typing import ClassVar

from chargebench.datasheets.words import amperes
from chargebench.emulator.events import Event
from chargebench.scenarios.laws.law import Ears, Law, Scene, Tell
from chargebench.scenarios.laws.values import CurrentBound


class Limit(Law):
    """The limit in force at ``box`` (0 A while charging is not enabled there) is as the bound says.

    ``{box: garage, limit: at most 6 A}``. It is the box's own limit, as written by whomever or fallen back to, not the
    one that the manager believes in.
    """

    name: ClassVar[str] = "limit"
    box: str
    limit: CurrentBound

    def build(self, scene: Scene, tell: Tell) -> Ears:
        box = next(one for one in scene.world.boxes if one.name == self.box)
        channel = f"box {self.box}"

        def say(at_us: int, limit_ma: int) -> None:
            tell(at_us, self.limit.admits(limit_ma), f"the limit of {self.box} is {amperes(limit_ma)}")

        def event(happened: Event) -> None:
            if happened.channel != channel:
                return
            if happened.kind == "limit":
                say(happened.at_us, int(happened.get("limit_ma")) if happened.get("enable") else 0)

        say(0, min(box.boot_limit_ma, box.max_ma) if box.boot_enable else 0)
        return Ears(event=event)
