"""What a scenario file must look like: the forms of its world. The site's form is the manager's own."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import Field, PlainValidator

from chargebench.datasheets import quantity
from chargebench.datasheets.forms import Current, Duration, Energy, Form, Name, Phases, Power
from chargebench.datasheets.quantity import got
from chargebench.manager.site_file import UnitId
from chargebench.scenarios.moments import ClockField, MomentField

MODELS_MA: dict[str, int] = {"3.7 kW": 16_000, "7.4 kW": 32_000, "11 kW": 16_000, "22 kW": 32_000}
Switch = Literal["on", "off"]
Curve = Literal["gG", "SLS-E", "SLS-Cs", "B", "C"]
Verdict = Literal["must", "may", "never"]
_FACTOR = re.compile(r"[01](?:\.\d{1,3})?")


def _load(text: object) -> tuple[Literal["W", "mA"], int]:
    for kind, unit in (("power", "W"), ("current", "mA")):
        try:
            return unit, quantity.parse(text, kind)  # type: ignore[return-value, arg-type]  # the two kinds above
        except ValueError:
            continue
    raise ValueError(
        f"expected a power for the whole house or a current per phase, such as 2 kW or 4 A, got {got(text)}"
    )


def _factor(number: object) -> int:
    text = str(number)
    if isinstance(number, bool) or not _FACTOR.fullmatch(text) or not 100 <= Fraction(text) * 1000 <= 1000:
        raise ValueError(f"expected a power factor from 0.1 to 1, such as 0.95, got {got(number)}")
    return int(Fraction(text) * 1000)


def _ramp(text: object) -> int:
    words = str(text).strip()
    if not words.endswith("/s"):
        raise ValueError(f"expected a current each second, such as 4 A/s, got {got(text)}")
    try:
        found = quantity.parse(words.removesuffix("/s").strip(), "current")
    except ValueError:
        found = 0
    if found <= 0:
        raise ValueError(f"expected a current each second, such as 4 A/s, got {got(text)}")
    return found


Load = Annotated[tuple[Literal["W", "mA"], int], PlainValidator(_load)]
PulsesPerKwh = Annotated[int, Field(ge=1, le=100_000)]
PowerFactor = Annotated[int, PlainValidator(_factor)]  # permille
Ramp = Annotated[int, PlainValidator(_ramp)]


class FuseTruth(Form):
    """The fuse as it really is; what is left out is as in the site. ``opens``: whether it does when it may or must."""

    opens: Verdict = "must"
    rating: Current | None = None
    curve: Curve | None = None


class House(Form):
    """The house without its boxes: from each time on, its load on ``phases``; before the first time, none."""

    load: tuple[tuple[MomentField, Load], ...]
    phases: Phases = (0, 1, 2)
    power_factor: PowerFactor = 1000


class BoxTruth(Form):
    """How a box really is where that differs from the site, or where no installer knows."""

    at: str | None = None
    id: UnitId | None = None
    phases: Phases | None = None
    model: Literal["3.7 kW", "7.4 kW", "11 kW", "22 kW"] | None = None
    cable: Current | None = None
    failsafe_ends: Literal["on-top", "overwrite"] = "on-top"
    fail_safe_duration: Duration | None = None
    fail_safe_current: Current | None = None
    def_charging_cur_limit: Current | None = None
    def_charging_enable: Switch | None = None
    attached_meter: Switch = "off"
    turnaround: Duration | None = None
    write_latency: Duration | None = None
    boot_time: Duration | None = None
    quirks: tuple[Name, ...] = ()


class MeterTruth(Form):
    """How a meter really is where that differs from the site. A box's own meter is called BOX-meter."""

    at: str | None = None
    id: UnitId | None = None
    phases: Phases | None = None
    interval: Duration | None = None
    offset: Duration | None = None
    pulses_per_kwh: PulsesPerKwh | None = None
    turnaround: Duration | None = None


class AnyCar(Form):
    """A car that is in no list: how many phases it uses and what it takes at most."""

    phases: Literal[1, 2, 3]
    power: Power | None = None
    current: Current | None = None


class CarVisit(Form):
    """A car and its one visit: from ``at`` to ``leaves`` (to the end, where left out) it is plugged in at ``plugs``."""

    car: str | AnyCar
    as_: Name | None = Field(default=None, alias="as")
    at: MomentField
    plugs: Name
    wants: Energy
    leaves: MomentField | None = None
    minimum: Current = 6_000
    below: Current = 500
    delay: Duration = 6_000_000
    ramp: Ramp = 4_000


class Network(Form):
    """The network between master and boxes: each packet takes ``latency`` and up to ``jitter`` more, drawn from the seed."""

    latency: Duration = 1_000
    jitter: Duration = 2_000


class World(Form):
    """What is really there."""

    fuse: FuseTruth = FuseTruth()
    house: House | None = None
    boxes: dict[Name, BoxTruth] = Field(default_factory=dict)
    meters: dict[Name, MeterTruth] = Field(default_factory=dict)
    cars: tuple[CarVisit, ...] = ()
    network: Network = Network()


class Outline(Form):
    """A whole scenario; ``site``, ``faults``, ``expect`` and ``variants`` are forms of their own, filled one by one."""

    scenario: str = Field(min_length=1, max_length=200)
    seed: int = Field(1, ge=0, le=2**63 - 1)
    start: ClockField
    for_: Duration = Field(alias="for")
    tiers: tuple[Literal["wire"], ...] = ("wire",)
    manager: Switch = "on"
    site: str | dict[str, object]
    world: World = World()
    faults: tuple[dict[str, object], ...] = ()
    expect: tuple[dict[str, object], ...]
    variants: dict[Name, dict[str, object]] = Field(default_factory=dict)
