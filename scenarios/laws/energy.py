"""The law ``energy``: what a car has got."""

from __future__ import annotations

from typing import ClassVar

from chargebench.datasheets.words import kilowatt_hours
from chargebench.scenarios.laws.law import Ears, Law, Sample, Scene, Tell
from chargebench.scenarios.laws.values import EnergyBound


class Energy(Law):
    """``car`` has got an ``energy`` as the bound says, counted from plugging in; looked at every minute and at every deadline.

    ``{car: id3, energy: at least 4 kWh}``.
    """

    name: ClassVar[str] = "energy"
    car: str
    energy: EnergyBound

    def build(self, scene: Scene, tell: Tell) -> Ears:  # noqa: ARG002  (every law is built alike)
        def say(at_us: int, energy_wh: int) -> None:
            tell(at_us, self.energy.admits(energy_wh), f"{self.car} has got {kilowatt_hours(energy_wh)}")

        def sample(now: Sample) -> None:
            say(now.at_us, dict(now.energy_wh).get(self.car, 0))

        say(0, 0)
        return Ears(sample=sample)
