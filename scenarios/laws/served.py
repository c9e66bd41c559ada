"""The law ``served``: how much the cars have got of what they could have got."""

from __future__ import annotations

from typing import ClassVar, Literal

from chargebench.datasheets.words import kilowatt_hours
from chargebench.emulator.spec import CarSpec
from chargebench.scenarios.laws.law import Ears, Law, Sample, Scene, Tell
from chargebench.scenarios.laws.values import PercentBound

HOUR_US = 3_600_000_000


class Served(Law):
    """The energy of all cars together is, of what they could have got, a share as the bound says; or that of ``each`` car.

    ``{served: at least 80 %}``, ``{served: at least 25 %, of: each}``. A car could have got what it wanted, but no more than
    its charger could take in at its box since it plugged in; looked at every minute and at every deadline.
    """

    name: ClassVar[str] = "served"
    served: PercentBound
    of: Literal["all", "each"] = "all"

    def build(self, scene: Scene, tell: Tell) -> Ears:
        world = scene.world
        box_ma = {box.name: min(box.max_ma, box.cable_ma) for box in world.boxes}
        cars = [(car, min(car.max_ma, box_ma[car.box])) for car in world.cars]

        def could(car: CarSpec, most_ma: int, now_us: int) -> int:
            until_us = now_us if car.leaves_us is None else min(now_us, car.leaves_us)
            stay_us = max(0, until_us - car.plugs_us)
            most_uw = most_ma * car.phases * world.connection.voltage_mv
            return min(car.wanted_wh, most_uw * stay_us // (1_000_000 * HOUR_US))

        def sample(now: Sample) -> None:
            got = dict(now.energy_wh)
            each = [(car.name, got.get(car.name, 0), could(car, most_ma, now.at_us)) for car, most_ma in cars]
            if self.of == "all":
                each = [("all cars", sum(one[1] for one in each), sum(one[2] for one in each))]
            wrong = [one for one in each if one[2] and not self.served.admits(min(1000, one[1] * 1000 // one[2]))]
            tell(now.at_us, not wrong, " and ".join(_text(*one) for one in wrong or each[:1]))

        tell(0, True, "nobody could have got anything yet")
        return Ears(sample=sample)


def _text(name: str, got_wh: int, could_wh: int) -> str:
    return f"{name} got {kilowatt_hours(got_wh)} of {kilowatt_hours(could_wh)}"
