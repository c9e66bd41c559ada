"""The law ``writes``: how often registers of a box are written."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from chargebench.emulator.events import Event
from chargebench.scenarios.laws.law import Ears, Law, Scene, Tell
from chargebench.scenarios.laws.values import CountBound


class Writes(Law):
    """The registers written at ``box`` (at any, where none is named) since ``from`` are as many as the bound says.

    ``{box: garage, writes: at most 40}``, ``{writes: 0, register: fail_safe_current}``; each register of a request counts.
    """

    name: ClassVar[str] = "writes"
    writes: CountBound
    box: str | None = None
    register_: str | None = Field(default=None, alias="register")

    def build(self, scene: Scene, tell: Tell) -> Ears:
        count = 0
        channel = None if self.box is None else f"box {self.box}"
        where = "" if self.box is None else f" at {self.box}"

        def say(at_us: int) -> None:
            what = "registers" if self.register_ is None else f"times {self.register_}"
            tell(at_us, self.writes.admits(count), f"{count} {what} written{where}")

        def event(happened: Event) -> None:
            nonlocal count
            if happened.kind != "write" or happened.at_us < scene.from_us:
                return
            if channel in (None, happened.channel) and self.register_ in (None, happened.get("register")):
                count += 1
                say(happened.at_us)

        say(0)
        return Ears(event=event)
