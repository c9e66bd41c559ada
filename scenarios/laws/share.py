"""The law ``share``: what the car that got least has got."""

from __future__ import annotations

from typing import ClassVar

from chargebench.datasheets.words import kilowatt_hours
from chargebench.scenarios.laws.law import Ears, Law, Sample, Scene, Tell
from chargebench.scenarios.laws.values import EnergyBound


class Share(Law):
    """Each car of the world has got an energy as the bound says, or all that it wanted where that is less.

    ``{share: at least 5 kWh}``; looked at every minute and at every deadline.
    """

    name: ClassVar[str] = "share"
    share: EnergyBound

    def build(self, scene: Scene, tell: Tell) -> Ears:
        wanted = {car.name: car.wanted_wh for car in scene.world.cars}

        def say(at_us: int, energy_wh: dict[str, int]) -> None:
            short = [name for name in wanted if not self._enough(energy_wh.get(name, 0), wanted[name])]
            got = " and ".join(f"{name} has got {kilowatt_hours(energy_wh.get(name, 0))}" for name in short)
            tell(at_us, not short, got)

        def sample(now: Sample) -> None:
            say(now.at_us, dict(now.energy_wh))

        say(0, {})
        return Ears(sample=sample)

    def _enough(self, energy_wh: int, wanted_wh: int) -> bool:
        satisfied = self.share.how in {"at least", "above"} and energy_wh >= wanted_wh
        return satisfied or self.share.admits(energy_wh)
