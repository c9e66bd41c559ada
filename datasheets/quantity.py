"""Quantities with their units, as people write them, to integers in house units and back; exact, no float anywhere."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Literal

Kind = Literal["current", "power", "energy", "voltage", "duration", "time"]

# Per kind: what a person sees when the text is refused, the house unit, and every unit that may be written.
_EXAMPLES: dict[Kind, str] = {
    "current": "16 A",
    "power": "14.5 kW",
    "energy": "30 kWh",
    "voltage": "230 V",
    "duration": "3 min",
    "time": "18:00 or 18:00:05",
}
_HOUSE: dict[Kind, str] = {
    "current": "mA",
    "power": "W",
    "energy": "Wh",
    "voltage": "mV",
    "duration": "us",
    "time": "s",
}
_UNITS: dict[Kind, dict[str, int]] = {
    "current": {"A": 1000, "mA": 1},
    "power": {"MW": 1_000_000, "kW": 1000, "W": 1},
    "energy": {"MWh": 1_000_000, "kWh": 1000, "Wh": 1},
    "voltage": {"kV": 1_000_000, "V": 1000, "mV": 1},
    "duration": {
        "d": 86_400_000_000,
        "h": 3_600_000_000,
        "min": 60_000_000,
        "s": 1_000_000,
        "ms": 1000,
        "us": 1,
    },
    "time": {},
}
_ZERO: dict[Kind, str] = {"current": "A", "power": "W", "energy": "Wh", "voltage": "V", "duration": "s"}
_PIECE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]+)", re.ASCII)
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?", re.ASCII)
_LONGEST = 60  # characters of a quantity; beyond it nobody means what stands there
_LARGEST = 2**63 - 1


def expectation(kind: Kind) -> str:
    """What is due, for a sentence: ``a current with its unit, such as 16 A``."""
    if kind == "time":
        return f"a time of day, such as {_EXAMPLES[kind]}"
    article = "an" if kind == "energy" else "a"
    return f"{article} {kind} with its unit, such as {_EXAMPLES[kind]}"


def got(value: object) -> str:
    """What was found instead, short and on one line."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case dict():
            return "a mapping"
        case list() | tuple():
            return "a list"
        case str():
            return repr(value if len(value) <= _LONGEST else value[:_LONGEST] + "…")
    text = str(value)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def parse(text: object, kind: Kind, *, signed: bool = False) -> int:
    """``text`` in house units: mA, W, Wh, mV, us; a time of day in seconds since midnight.

    A duration may have several pieces, largest first: ``1 h 30 min``. ``ValueError`` says in one sentence what was
    expected: for a bare number, an unknown unit, a part of a house unit, a negative amount unless ``signed``.
    """
    if not isinstance(text, str) or len(text) > _LONGEST:
        raise _refused(kind, text)
    if kind == "time":
        return _time_of_day(text)
    body = text.strip()
    negative = body.startswith("-")
    amount = _amount(body[negative:], kind, text)
    if negative and not signed:
        raise ValueError(f"expected {expectation(kind)}, and not negative, got {got(text)}")
    if amount.denominator != 1:
        raise ValueError(f"expected a whole number of {_HOUSE[kind]}, got {got(text)}")
    if amount > _LARGEST:
        raise ValueError(f"expected {expectation(kind)}, got {got(text)}, which is beyond all bounds")
    return -int(amount) if negative else int(amount)


def _amount(body: str, kind: Kind, text: str) -> Fraction:
    pieces = list(_PIECE.finditer(body))
    if not pieces or _PIECE.sub("", body).strip():
        raise _refused(kind, text)
    if len(pieces) > 1 and kind != "duration":
        raise _refused(kind, text)
    total, before = Fraction(0), None
    for number, unit in (piece.groups() for piece in pieces):
        factor = _factor(unit, kind, text)
        if before is not None and factor >= before:
            raise ValueError(f"expected the larger unit first, such as 1 h 30 min, got {got(text)}")
        total, before = total + Fraction(number) * factor, factor
    return total


def _factor(unit: str, kind: Kind, text: str) -> int:
    units = _UNITS[kind]
    if unit in units:
        return units[unit]
    meant = [one for one in units if one.lower() == unit.lower()]
    hint = f"; did you mean {meant[0]}?" if len(meant) == 1 else f"; units are {', '.join(units)}"
    raise ValueError(f"expected {expectation(kind)}, got {got(text)}{hint}")


def _time_of_day(text: str) -> int:
    found = _CLOCK.fullmatch(text.strip())
    if not found:
        raise _refused("time", text)
    hour, minute, second = (int(part or 0) for part in found.groups())
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError(f"expected a time of day from 00:00 to 23:59:59, got {got(text)}")
    return hour * 3600 + minute * 60 + second


def _refused(kind: Kind, value: object) -> ValueError:
    return ValueError(f"expected {expectation(kind)}, got {got(value)}")


def show(value: int, unit: str) -> str:
    """``value``, counted in ``unit``, in the shortest exact text: 16000 mA is ``16 A``, 14500 W is ``14.5 kW``.

    Of two texts of one length the larger unit wins. A unit outside the kinds above is left as it is.
    """
    for kind, house in _HOUSE.items():
        if house == unit and _UNITS[kind]:
            return min(_spellings(value, kind), key=len)
    return f"{value} {unit}" if unit else str(value)


def _spellings(value: int, kind: Kind) -> list[str]:
    """Every exact decimal text of ``value``, largest unit first."""
    if value == 0:
        return [f"0 {_ZERO[kind]}"]
    texts = []
    for unit, factor in _UNITS[kind].items():
        number = decimal(Fraction(value, factor))
        if number is not None:
            texts.append(f"{number} {unit}")
    return texts


def decimal(number: Fraction) -> str | None:
    """``number`` as a decimal text without trailing zeros; None where it has no end."""
    rest, places = number.denominator, 0
    for prime in (2, 5):
        power = 0
        while rest % prime == 0:
            rest, power = rest // prime, power + 1
        places = max(places, power)
    if rest != 1:
        return None
    digits = str(abs(number.numerator) * 10**places // number.denominator).rjust(places + 1, "0")
    whole, part = digits[: len(digits) - places], digits[len(digits) - places :]
    sign = "-" if number < 0 else ""
    return f"{sign}{whole}.{part}" if part else f"{sign}{whole}"
