"""What a scenario file must look like: the forms of its world. The site's form is the manager's own."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated, Literal, NamedTuple

from pydantic import BeforeValidator, Field, PlainValidator

from chargebench.datasheets import quantity
from chargebench.datasheets.forms import Current, Duration, Energy, Form, Name, Phases, Power, between
from chargebench.datasheets.quantity import got
from chargebench.datasheets.sentences import Due
from chargebench.emulator.accuracy import PPM
from chargebench.emulator.car import DELAY_MAX_US
from chargebench.manager.site_file import UnitId
from chargebench.scenarios.moments import ClockField, DayField, Moment, MomentField
from chargebench.scenarios.tiers import TIERS, Tier

MODELS_MA: dict[str, int] = {"3.7 kW": 16_000, "7.4 kW": 32_000, "11 kW": 16_000, "22 kW": 32_000}
Switch = Literal["on", "off"]
Curve = Literal["gG", "SLS-E", "SLS-Cs", "B", "C"]
Verdict = Literal["must", "may", "never"]
Profile = Literal["chargebench", "power-brain", "mbusd", "closes-on-timeout", "cached"]
OWN_PROXY: Literal["chargebench"] = "chargebench"
_PERCENT = re.compile(r"([+-]\d{1,2}(?:\.\d{1,3})?) ?%", re.ASCII)
_FACTOR = re.compile(r"[01](?:\.\d{1,3})?")


def _load(text: object) -> tuple[Literal["W", "mA"], int]:
    for kind, unit in (("power", "W"), ("current", "mA")):
        try:
            amount = quantity.parse(text, kind)  # type: ignore[arg-type]  # the two kinds above
        except ValueError:
            continue
        if amount > MOST_LOAD:
            raise ValueError(f"expected at most {quantity.show(MOST_LOAD, unit)}, got {got(text)}")
        return unit, amount  # type: ignore[return-value]  # the two units above
    raise ValueError(
        f"expected a power for the whole house or a current per phase, such as 2 kW or 4 A, got {got(text)}"
    )


def _step(step: object) -> object:
    if not isinstance(step, list) or len(step) != 2:
        raise ValueError(f"expected a time and a load, such as [18:00, 2 kW], got {got(step)}")
    return step


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


def _accuracy(text: object) -> int | Literal["class"]:
    if text == "none":
        return 0
    if text == "class":
        return "class"
    found = _PERCENT.fullmatch(text) if isinstance(text, str) else None
    ppm = 0 if found is None else int(Fraction(found[1]) * PPM / 100)
    if found is None or abs(ppm) > MOST_WRONG:
        raise ValueError(
            f"expected class, none, or by how much it shows too little or too much, such as -1 %, of at most 20 %, got {got(text)}"
        )
    return ppm


MOST_WRONG = 200_000  # ppm: beyond it a meter is broken
MOST_LOAD = 100_000_000  # W or mA: more than any house takes
Load = Annotated[tuple[Literal["W", "mA"], int], PlainValidator(_load)]
MeterAccuracy = Annotated[int | Literal["class"], PlainValidator(_accuracy)]  # ppm
PulsesPerKwh = Annotated[int, Field(ge=1, le=100_000)]
PowerFactor = Annotated[int, PlainValidator(_factor)]  # permille
Ramp = Annotated[int, PlainValidator(_ramp)]
Cable = Annotated[Current, between(6_000, 80_000, "mA")]
Wait = Annotated[Duration, between(0, 60_000_000, "us")]  # within one exchange of a request and its answer
Delay = Annotated[Duration, between(0, DELAY_MAX_US, "us")]
Interval = Annotated[Duration, between(1_000, 3_600_000_000, "us")]
Hour = Annotated[Duration, between(0, 3_600_000_000, "us")]


class Switched(NamedTuple):
    """A quirk that is switched on or off; ``place`` is where it stands among the others."""

    name: str
    on: bool
    place: str | int


def _quirks(value: object) -> tuple[Switched, ...]:
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return tuple(Switched(name, True, index) for index, name in enumerate(value))
    if isinstance(value, dict) and all(isinstance(name, str) for name in value) and {*value.values()} <= {"on", "off"}:
        return tuple(Switched(name, how == "on", name) for name, how in value.items())
    raise ValueError(
        f"expected names of quirks that are on, such as [fails-in-bursts], or what is switched on and off, such as {{torn-numbers: off}}, got {got(value)}"
    )


Quirks = Annotated[tuple[Switched, ...], PlainValidator(_quirks)]


Step = tuple[Moment, tuple[Literal["W", "mA"], int]]
"""From when on, and how much."""


class FuseTruth(Form):
    """The fuse as it really is; what is left out is as in the site. ``opens``: whether it does when it may or must."""

    opens: Verdict = "must"
    rating: Current | None = None
    curve: Curve | None = None


class House(Form):
    """The house without its boxes: from each time on, its load on ``phases``; before the first time, none."""

    load: tuple[Annotated[tuple[MomentField, Load], BeforeValidator(_step)], ...]
    phases: Phases = (0, 1, 2)
    power_factor: PowerFactor = 1000


class Roof(Form):
    """What the roof makes: from each time on so much on ``phases``; before the first time, nothing."""

    makes: tuple[Annotated[tuple[MomentField, Load], BeforeValidator(_step)], ...]
    phases: Phases = (0, 1, 2)


class BoxTruth(Form):
    """How a box really is where that differs from the site, or where no installer knows."""

    at: str | None = None
    id: UnitId | None = None
    phases: Phases | None = None
    model: Literal["3.7 kW", "7.4 kW", "11 kW", "22 kW"] | None = None
    cable: Cable | None = None
    failsafe_ends: Literal["on-top", "overwrite"] = "on-top"
    fail_safe_duration: Duration | None = None
    fail_safe_current: Current | None = None
    def_charging_cur_limit: Current | None = None
    def_charging_enable: Switch | None = None
    attached_meter: Switch = "off"
    turnaround: Wait | None = None
    write_latency: Wait | None = None
    boot_time: Hour | None = None
    quirks: Quirks = ()


class MeterTruth(Form):
    """How a meter really is where that differs from the site. A box's own meter is called BOX-meter.

    It is exact unless ``accuracy`` says otherwise: ``class`` draws an error within the class of its sheet, a percentage is
    what it always shows too much (+) or too little (-). ``quirks`` switches those of its sheet.
    """

    at: str | None = None
    id: UnitId | None = None
    phases: Phases | None = None
    interval: Interval | None = None
    offset: Hour | None = None
    pulses_per_kwh: PulsesPerKwh | None = None
    turnaround: Wait | None = None
    accuracy: MeterAccuracy | None = None
    quirks: Quirks = ()


class AnyCar(Form):
    """A car that is in no list: how many phases it uses and what it takes at most."""

    phases: Literal[1, 2, 3]
    power: Power | None = None
    current: Current | None = None


class CarVisit(Form):
    """A car and its one visit: from ``at`` to ``leaves`` (to the end, where left out) it is plugged in at ``plugs``.

    One that ``sleeps`` takes nothing more once it was paused, until its pilot was interrupted.
    """

    car: str | AnyCar
    as_: Name | None = Field(default=None, alias="as")
    at: MomentField
    plugs: Name
    wants: Energy
    leaves: MomentField | None = None
    minimum: Current = 6_000
    below: Current = 500
    delay: Delay = 6_000_000
    ramp: Ramp = 4_000
    sleeps: Switch = "off"


class Sessions(Form):
    """Cars that come as a file of recorded sessions has it, each to the first box that is free, drawn from ``cars`` by the seed.

    ``day`` of the file (the day of the start, if left out) is played on the day of the start.
    """

    file: Annotated[str, Due("a file of sessions, such as caltech-2019-11-07.csv")]
    day: DayField | None = None
    energy: Literal["requested", "delivered"] = "requested"
    boxes: Literal["first free"] = "first free"
    cars: Annotated[tuple[str, ...], Field(min_length=1)] | None = None


class Network(Form):
    """The network between master and boxes: each packet takes ``latency`` and up to ``jitter`` more, drawn from the seed."""

    latency: Wait = 1_000
    jitter: Wait = 2_000


class ReaderForm(Form):
    """Somebody else's Modbus client, on a host of its own: it ``reads`` a box every so often, which feeds the box's watchdog.

    It asks for ``words`` words from ``register`` on; for the first register of the box, if left out.
    """

    name: Name
    reads: Name
    every: Duration
    register_: Name | None = Field(default=None, alias="register")
    words: Annotated[int, Field(ge=1, le=125)] | None = None


class GatewayForm(Form):
    """A gateway ``at`` an address of the network, before a serial ``line``: what the site looks for there is on that line.

    ``profile``: our own proxy (chargebench), or what another gateway is like. ``memory``: for how long one that is cached believes
    what it has once read. At the host of a box it sits in that box's case, and restarts with it.
    """

    at: str
    line: str
    profile: Profile = OWN_PROXY
    memory: Hour | None = None


class World(Form):
    """What is really there. ``access_points``: the boxes and meters behind each of them. ``clock``: what the master's shows."""

    fuse: FuseTruth = FuseTruth()
    house: House | None = None
    roof: Roof | None = None
    boxes: dict[Name, BoxTruth] = Field(default_factory=dict)
    meters: dict[Name, MeterTruth] = Field(default_factory=dict)
    cars: tuple[CarVisit, ...] = ()
    sessions: Sessions | None = None
    network: Network = Network()
    access_points: dict[Name, Annotated[tuple[Name, ...], Field(min_length=1)]] = Field(default_factory=dict)
    gateways: dict[Name, GatewayForm] = Field(default_factory=dict)
    readers: tuple[ReaderForm, ...] = ()
    clock: ClockField | None = None


class ChangeForm(Form):
    """What somebody changes at the master: ``{at: 18:10, on: master, licences: 1}``, or ``clock: 2026-01-12 03:00``.

    ``dimmed`` is the order of the grid operator, ``surplus`` what the roof has to spare, ``inputs`` those of the master that are
    on from then on, such as ``[2]``. On a box: when its car ``leaves``, and with how much more than it came with.
    """

    at: MomentField
    on: Name
    licences: Annotated[int, Field(ge=0, le=99)] | None = None
    clock: ClockField | None = None
    dimmed: Switch | None = None
    surplus: Power | None = None
    inputs: Annotated[tuple[Annotated[int, Field(ge=1, le=8)], ...], Field(max_length=8)] | None = None
    leaves: MomentField | None = None
    wants: Energy | None = None


class Outline(Form):
    """A whole scenario; ``site``, ``faults``, ``expect`` and ``variants`` are forms of their own, filled one by one."""

    scenario: str = Field(min_length=1, max_length=200)
    seed: int = Field(1, ge=0, le=2**63 - 1)
    start: ClockField
    for_: Duration = Field(alias="for")
    tiers: Annotated[tuple[Tier, ...], Field(min_length=1)] = TIERS
    manager: Switch = "on"
    site: str | dict[str, object]
    world: World = World()
    faults: tuple[dict[str, object], ...] = ()
    changes: tuple[ChangeForm, ...] = ()
    expect: tuple[dict[str, object], ...]
    variants: dict[Name, dict[str, object]] = Field(default_factory=dict)
