"""Amounts in sentences, rounded as a person reads them. Nothing is computed from what stands here."""

from __future__ import annotations


def amperes(ma: int) -> str:
    """A current for a sentence: ``16 A``, ``14.7 A``, rounded to the nearest tenth of an ampere."""
    tenths = (abs(ma) + 50) // 100
    sign = "-" if ma < 0 and tenths else ""
    return f"{sign}{tenths // 10}.{tenths % 10} A" if tenths % 10 else f"{sign}{tenths // 10} A"


def kilowatts(w: int) -> str:
    """A power for a sentence: ``4.1 kW``, rounded down to the last hundred watts."""
    return f"{w // 1000}.{w % 1000 // 100} kW"


def kilowatt_hours(wh: int) -> str:
    """An energy for a sentence: ``4.2 kWh``, rounded down to the last hundred watt-hours."""
    return f"{wh // 1000}.{wh % 1000 // 100} kWh"


def lasted(us: int) -> str:
    """A length of time in words a person reads: ``8.3 s``, ``12 min 5 s``, ``3 h 20 min``."""
    if us < 60_000_000:
        tenths = us // 100_000
        return f"{tenths // 10}.{tenths % 10} s"
    seconds = us // 1_000_000
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s" if seconds % 60 else f"{seconds // 60} min"
    minutes = seconds // 60
    return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"
