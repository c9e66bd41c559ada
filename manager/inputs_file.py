"""Limits of a site file that an input of the master may decide: ``14.5 kW`` or ``{input: 2, on: 25 kW, off: stop}``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, NamedTuple

from pydantic import BeforeValidator

from chargebench.datasheets.forms import between
from chargebench.datasheets.quantity import expectation, got, parse
from chargebench.datasheets.sentences import Due
from chargebench.manager.site import Switched
from chargebench.manager.units import per_phase_ma

INPUTS_MOST: Final = 8
_SWITCHED_DUE: Final = (
    "an input, a power while it is on and another while it is off, such as {input: 2, on: 25 kW, off: stop}"
)
_KEYS: Final = {"input", "off", "on"}
_BOUNDS: Final = between(0, 100_000_000, "W")


class Total(NamedTuple):
    """A power in W while ``input`` is on, and while it is off; the same for both where ``input`` is 0, which is none."""

    input: int
    on_w: int
    off_w: int

    @property
    def most_w(self) -> int:
        """The greater of both."""
        return max(self.on_w, self.off_w)

    def switched(self, voltage_mv: int) -> Switched | None:
        """What the input decides; None where none does."""
        if not self.input:
            return None
        return Switched(self.input, per_phase_ma(self.on_w, voltage_mv), per_phase_ma(self.off_w, voltage_mv))


def _total(value: object) -> Total:
    if not isinstance(value, Mapping):
        power_w = _power_w(value)
        return Total(0, power_w, power_w)
    if {*value} != _KEYS:
        raise ValueError(f"expected {_SWITCHED_DUE}, got {', '.join(str(key) for key in value)}")
    number = value["input"]
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= INPUTS_MOST:
        raise ValueError(f"expected the number of an input from 1 to {INPUTS_MOST}, got {got(number)}")
    on_w, off_w = (0 if value[key] == "stop" else _power_w(value[key]) for key in ("on", "off"))
    return Total(number, on_w, off_w)


def _power_w(value: object) -> int:
    return int(_BOUNDS.func(parse(value, "power")))  # type: ignore[call-arg]


TotalPower = Annotated[Total, BeforeValidator(_total), Due(expectation("power"))]
