"""What the house draws besides its boxes in a study: quarter hours in mA per phase, equal on all three.

A shape is a curve of hourly values in permille of its peak, one for working days and one for weekends, with up to a tenth of
chance on each quarter hour. A heat pump is on in so many of a month's quarter hours. A roof takes off what the sun gives by
hour and month, on days that are clear or not, and never more than the house draws: what is left over goes to the grid and
helps nobody here. Shapes, shares and sun are round numbers of ours for central Europe.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from chargebench.emulator.spec import HouseSpec
from chargebench.emulator.streams import Streams
from chargebench.scenarios.moments import DAY_US, Clock
from chargebench.scenarios.truth import house_ma

QUARTER_US: Final = 900_000_000
QUARTERS: Final = 96
_CHANCE = 100  # permille, up and down

# From midnight, hour by hour.
SHAPES: Final[Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]]] = {
    "household": (
        (250, 210, 190, 180, 190, 260, 450, 600, 560, 500, 480, 540, 640, 560, 480, 470, 540, 720, 920, 1000, 940, 780, 560, 360),
        (290, 240, 210, 200, 200, 220, 300, 450, 650, 780, 820, 900, 950, 820, 690, 640, 660, 780, 940, 1000, 920, 760, 560, 390),
    ),
    "office": (
        (220, 210, 200, 200, 210, 270, 450, 700, 900, 980, 1000, 990, 940, 970, 980, 940, 830, 640, 460, 360, 300, 270, 250, 230),
        (210, 200, 200, 200, 200, 200, 210, 220, 230, 240, 240, 240, 240, 240, 230, 230, 220, 220, 210, 210, 210, 210, 210, 210),
    ),
}  # fmt: skip
HEATING: Final = (620, 580, 450, 280, 120, 40, 30, 30, 90, 260, 440, 580)  # permille of the time, by month
SUN: Final = (300, 430, 580, 700, 780, 800, 790, 740, 630, 480, 330, 260)  # permille of the peak at noon of a clear day
DAYLIGHT: Final = (8, 10, 12, 14, 15, 16, 16, 14, 12, 11, 9, 8)  # hours
CLEAR: Final = (150, 250, 350, 500, 650, 750, 850, 950, 1000)  # permille of a clear day, equally likely


@dataclass(frozen=True, slots=True)
class Profile:
    """A file of loads: W by quarter hour. ``day`` None: one day, every day; else the ordinal of its first one, then over again."""

    watts: tuple[int, ...]
    day: int | None


@dataclass(frozen=True, slots=True)
class Load:
    """All that a house is made of; what is left out is not there."""

    shape: str | None = None
    peak_w: int = 0
    profile: Profile | None = None
    pv_w: int = 0
    heat_pump_w: int = 0

    def steps(self, seed: int, clock: Clock, duration_us: int, voltage_mv: int) -> HouseSpec:
        """The house of a run."""
        found: list[tuple[int, tuple[int, int, int]]] = []
        streams = Streams(seed)
        days = (clock.us + duration_us) // DAY_US
        for number in range(days + 1):
            for quarter, watts in enumerate(self._day(streams, clock.day + number, number)):
                at_us = number * DAY_US + quarter * QUARTER_US - clock.us
                each = house_ma(watts, 3, voltage_mv, 1000)
                if at_us <= 0:
                    found = [(0, (each, each, each))]
                elif at_us < duration_us and found[-1][1][0] != each:
                    found.append((at_us, (each, each, each)))
        return HouseSpec(tuple(found))

    def _day(self, streams: Streams, day: int, number: int) -> Sequence[int]:
        month = date.fromordinal(day).month - 1
        sky = CLEAR[streams.stream("whatif", "sky", str(number)).below(len(CLEAR))]
        chance = streams.stream("whatif", "house", str(number))
        heat = streams.stream("whatif", "heat pump", str(number))
        watts = []
        for quarter in range(QUARTERS):
            base = self._base(day, quarter) * (1000 - _CHANCE + chance.at(quarter) % (2 * _CHANCE + 1)) // 1000
            if self.profile is not None:
                base = self._base(day, quarter)
            on = heat.at(quarter) % 1000 < HEATING[month]
            sun = self.pv_w * SUN[month] * sky * _height(quarter, DAYLIGHT[month]) // 1_000_000_000
            watts.append(max(0, base + (self.heat_pump_w if on else 0) - sun))
        return watts

    def _base(self, day: int, quarter: int) -> int:
        if self.profile is not None:
            first = day if self.profile.day is None else self.profile.day
            return self.profile.watts[((day - first) * QUARTERS + quarter) % len(self.profile.watts)]
        if self.shape is None:
            return 0
        curve = SHAPES[self.shape][date.fromordinal(day).weekday() >= 5]
        hour, part = divmod(quarter, 4)
        low, high = curve[hour], curve[(hour + 1) % 24]
        return self.peak_w * (low * (4 - part) + high * part) // 4000


def _height(quarter: int, daylight_h: int) -> int:
    """How high the sun stands, in permille of noon: a parabola over the hours of daylight around 12:30."""
    off = abs(quarter * 15 + 7 - 750)  # minutes
    half = daylight_h * 30
    return 0 if off >= half else 1000 - 1000 * off * off // (half * half)
