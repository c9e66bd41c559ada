"""The law ``charging``: whether a car charges, or how many do."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import PlainValidator

from chargebench.emulator.events import Event
from chargebench.scenarios.laws.law import Ears, Law, Scene, Tell
from chargebench.scenarios.laws.values import Bound, count

Answer = Literal["yes", "no"]


def _wanted(text: object) -> Bound | Answer:
    if isinstance(text, bool):
        return "yes" if text else "no"
    if text in ("yes", "no"):
        return "yes" if text == "yes" else "no"
    try:
        return count(text)
    except ValueError:
        raise ValueError(
            f"expected yes or no with a car, or a number of cars such as at most 2, got {text!r}"
        ) from None


class Charging(Law):
    """``car`` charges (yes or no), or as many boxes charge at once as the bound says. Charging is control pilot C or D.

    ``{car: zoe, charging: yes}``, ``{charging: at most 2}``.
    """

    name: ClassVar[str] = "charging"
    charging: Annotated[Bound | Answer, PlainValidator(_wanted)]
    car: str | None = None

    def problem(self) -> str | None:
        if self.car is None and not isinstance(self.charging, Bound):
            return "expected the car that charges, or a number of cars such as charging: at most 2"
        if self.car is not None and isinstance(self.charging, Bound):
            return f"expected yes or no, since {self.car} is one car"
        return None

    def build(self, scene: Scene, tell: Tell) -> Ears:
        boxes = dict.fromkeys((f"box {box.name}" for box in scene.world.boxes), "A")
        own = next((f"box {car.box}" for car in scene.world.cars if car.name == self.car), "")
        plugged = False

        def say(at_us: int) -> None:
            if isinstance(self.charging, Bound):
                running = [name.removeprefix("box ") for name, state in boxes.items() if state in "CD"]
                text = f"{len(running)} charge: {', '.join(running)}" if running else "none charges"
                tell(at_us, self.charging.admits(len(running)), text)
            else:
                charges = plugged and boxes[own] in "CD"
                text = f"{self.car} charges" if charges else f"{self.car} does not charge"
                tell(at_us, charges == (self.charging == "yes"), text)

        def event(happened: Event) -> None:
            nonlocal plugged
            if happened.channel in boxes and happened.kind == "state":
                boxes[happened.channel] = str(happened.get("now"))
            elif happened.channel == f"car {self.car}" and happened.kind in ("plugged", "unplugged"):
                plugged = happened.kind == "plugged"
            else:
                return
            say(happened.at_us)

        say(0)
        return Ears(event=event)
