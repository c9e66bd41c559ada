"""The law ``failsafe``: whether a box has fallen back because nobody spoke to it."""

from __future__ import annotations

from typing import ClassVar, Literal

from chargebench.emulator.events import Event
from chargebench.scenarios.laws.law import Ears, Law, Scene, Tell


class FailsafeActs(Law):
    """The failsafe of ``box`` is ``on``: nothing has spoken to it for as long as its own watchdog waits; or ``off``.

    ``{box: garage, failsafe: on}``.
    """

    name: ClassVar[str] = "failsafe"
    box: str
    failsafe: Literal["on", "off"]

    def build(self, scene: Scene, tell: Tell) -> Ears:  # noqa: ARG002  (every law is built alike)
        channel = f"box {self.box}"

        def say(at_us: int, on: bool) -> None:
            text = f"the failsafe of {self.box} {'acts' if on else 'does not act'}"
            tell(at_us, on == (self.failsafe == "on"), text)

        def event(happened: Event) -> None:
            if happened.channel != channel:
                return
            if happened.kind == "failsafe":
                say(happened.at_us, happened.get("on") == 1)
            elif happened.kind in {"boot", "standby"}:
                say(happened.at_us, False)

        say(0, False)
        return Ears(event=event)
