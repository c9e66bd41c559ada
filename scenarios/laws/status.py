"""The law ``status``: the control pilot state of a box."""

from __future__ import annotations

from typing import ClassVar, Literal

from chargebench.emulator.events import Event
from chargebench.scenarios.laws.law import Ears, Law, Scene, Tell


class Status(Law):
    """The control pilot of ``box`` is in ``status``: A nothing plugged, B a car, C charging, D with ventilation, E, F fault.

    ``{box: garage, status: C}``.
    """

    name: ClassVar[str] = "status"
    box: str
    status: Literal["A", "B", "C", "D", "E", "F"]

    def build(self, scene: Scene, tell: Tell) -> Ears:  # noqa: ARG002  (every law is built alike)
        channel = f"box {self.box}"

        def say(at_us: int, state: str) -> None:
            tell(at_us, state == self.status, f"{self.box} is in state {state}")

        def event(happened: Event) -> None:
            if happened.channel == channel and happened.kind == "state":
                say(happened.at_us, str(happened.get("now")))

        say(0, "A")
        return Ears(event=event)
