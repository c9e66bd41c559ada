"""Values of a law: a quantity or a count, alone or after ``at least``, ``at most``, ``above``, ``below``. Nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import PlainValidator

from chargebench.datasheets import quantity

How = Literal["exactly", "at least", "at most", "above", "below"]
_PERCENT = re.compile(r"([0-9]{1,3})(?:\.([0-9]))? ?%", re.ASCII)
_HOWS: tuple[How, ...] = ("at least", "at most", "above", "below")


@dataclass(frozen=True, slots=True)
class Bound:
    """What a value may be: ``how`` it stands to ``value`` (mA, Wh, us or a count, as its law says)."""

    how: How
    value: int
    text: str

    def admits(self, value: int) -> bool:
        """Whether ``value`` is as the bound says."""
        if self.how == "at least":
            return value >= self.value
        if self.how == "at most":
            return value <= self.value
        if self.how == "above":
            return value > self.value
        if self.how == "below":
            return value < self.value
        return value == self.value

    def __str__(self) -> str:
        return self.text


def bound(text: object, read: Callable[[str], int], example: str) -> Bound:
    """Read ``at least 4 kWh`` or ``4 kWh``; ``ValueError`` says what was expected."""
    words = str(text).strip()
    for how in _HOWS:
        if words.startswith(how + " "):
            return Bound(how, read(words.removeprefix(how).strip()), words)
    try:
        return Bound("exactly", read(words), words)
    except ValueError:
        raise ValueError(
            f"expected at least, at most, above or below, and a quantity, such as {example}; got {words}"
        ) from None


def count(text: object) -> Bound:
    """Read ``at most 4`` or ``4``."""
    return bound(text, _whole, "at most 4")


def percent(text: object) -> Bound:
    """Read ``at least 80 %`` in permille, in steps of a tenth of a percent."""
    return bound(text, _permille, "at least 80 %")


def _permille(words: str) -> int:
    found = _PERCENT.fullmatch(words)
    if found is None or (permille := int(found[1]) * 10 + int(found[2] or 0)) > 1000:
        raise ValueError(f"expected a share from 0 % to 100 %, such as at least 80 %, got {words}")
    return permille


def _quantity(kind: quantity.Kind, example: str) -> PlainValidator:
    return PlainValidator(lambda text: bound(text, lambda words: quantity.parse(words, kind), example))


def _whole(words: str) -> int:
    if not words.isdecimal() or len(words) > 9:
        raise ValueError(f"expected a count such as at most 4, got {words}")
    return int(words)


CurrentBound = Annotated[Bound, _quantity("current", "at most 6 A")]
EnergyBound = Annotated[Bound, _quantity("energy", "at least 4 kWh")]
DurationBound = Annotated[Bound, _quantity("duration", "at most 35 min")]
CountBound = Annotated[Bound, PlainValidator(count)]
PercentBound = Annotated[Bound, PlainValidator(percent)]  # permille
