"""The truth of a run as plain values: what is really built, wired, plugged and broken. Times are us since the start."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Literal

from chargebench.datasheets.model import Table

Mode = Literal["rtu", "ascii"]
"""The two transmission modes of a serial line."""


@dataclass(frozen=True, slots=True)
class TcpAt:
    """A Modbus TCP address, ``192.168.2.151:4701``."""

    host: str
    port: int

    @property
    def internal(self) -> bool:
        """Whether it is in the master's own case."""
        return self.host == "localhost"


@dataclass(frozen=True, slots=True)
class LineAt:
    """A place on a serial line, ``COM1,9600,8,n,1``, or ``COM1,38400,8,e,1,ascii`` where the device speaks Modbus ASCII."""

    line: str
    baud: int = 9600
    bits: int = 8
    parity: str = "N"
    stops: int = 1
    mode: Mode = "rtu"


At = TcpAt | LineAt


@dataclass(frozen=True, slots=True)
class ContactSpec:
    """A contact that somebody else switches: open at first, then closed and open in turn, from each of ``turns_us`` on."""

    turns_us: tuple[int, ...] = ()

    def closed(self, at_us: int) -> bool:
        """Whether it is closed; what happens at an instant has happened then."""
        return bisect_right(self.turns_us, at_us) % 2 == 1


OPEN = ContactSpec()


@dataclass(frozen=True, slots=True)
class PointSpec:
    """Where a contact shows: the bit of a register, or a coil or discrete input, whose bit is 0."""

    table: Table
    register: int
    bit: int
    contact: ContactSpec


@dataclass(frozen=True, slots=True)
class ModuleSpec:
    """A module of inputs."""

    name: str
    at: At
    unit: int
    points: tuple[PointSpec, ...]
    turnaround_us: int = 5_000


ROOF = "the roof"
ALL_BOXES = "all boxes"
"""What a meter may measure that no box can be called."""


@dataclass(frozen=True, slots=True)
class MeterSpec:
    """A meter: ``measures`` is "connection" (grid supply), "house" (without boxes), ``ROOF``, ``ALL_BOXES`` or a box's name.

    ``wiring``: house phase (0..2) that each of the meter's inputs sees, in the order of its registers; for a box's meter
    it counts the box's own terminals. A sample is taken every ``interval_us``, first at ``offset_us``. ``accuracy``: "class"
    for an error within the class of its sheet, drawn from the seed, or what it always shows too much, in millionths.
    """

    name: str
    device: str
    at: At | None
    unit: int
    measures: str
    wiring: tuple[int, ...] = (0, 1, 2)
    interval_us: int = 1_000_000
    offset_us: int = 0
    pulses_per_kwh: int = 1000
    turnaround_us: int = 5_000
    accuracy: int | Literal["class"] = 0
    quirks: tuple[str, ...] = ()
    without: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BoxSpec:
    """One box as built. ``wiring``: the house phase (0..2) at each of its terminals t1.. ; one to three of them.

    ``failsafe_us`` 0 = never; ``failsafe_ma`` 0 = stop. ``profile`` is "on-top" or "overwrite". ``attached``: a Modbus meter
    answers through the box's own registers. ``quirks`` are those that it has beside the usual ones of its kind, ``without``
    the usual ones that it has not. ``contacts``: what is wired to its S0 inputs 1 and 2, where it has such.
    """

    name: str
    device: str
    at: At
    unit: int = 1
    wiring: tuple[int, ...] = (0, 1, 2)
    max_ma: int = 16_000
    cable_ma: int = 32_000
    failsafe_us: int = 300_000_000
    failsafe_ma: int = 6_000
    boot_limit_ma: int = 16_000
    boot_enable: bool = True
    profile: str = "on-top"
    attached: bool = False
    turnaround_us: int = 20_000
    write_latency_us: int = 200_000
    boot_us: int = 20_000_000
    quirks: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    contacts: tuple[ContactSpec, ContactSpec] = (OPEN, OPEN)


@dataclass(frozen=True, slots=True)
class CarSpec:
    """A car and its one visit. It draws ``below_ma`` less than offered, at most ``max_ma`` on each of its phases.

    ``taper``: (permille of the wanted energy, permille of max_ma) steps, a staircase; the last one is full. ``sleeps``: after
    a pause it takes nothing until its pilot was interrupted.
    """

    name: str
    box: str
    plugs_us: int
    leaves_us: int | None
    phases: int
    max_ma: int
    wanted_wh: int
    minimum_ma: int = 6_000
    below_ma: int = 500
    delay_us: int = 6_000_000
    ramp_ma_per_s: int = 4_000
    taper: tuple[tuple[int, int], ...] = ((950, 750), (970, 500), (980, 300), (990, 150))
    sleeps: bool = False


@dataclass(frozen=True, slots=True)
class HouseSpec:
    """House load: from each time on, this current per phase (mA), until the next; before the first, none.

    ``power_factor_permille``: active power is current * voltage * this (1000: all of the current does work).
    """

    steps: tuple[tuple[int, tuple[int, int, int]], ...] = ((0, (0, 0, 0)),)
    power_factor_permille: int = 1000


@dataclass(frozen=True, slots=True)
class ConnectionSpec:
    """The house connection. ``curve``: "gG", "SLS-E", "SLS-Cs", "B", "C". ``opens``: "must", "may" (earliest) or "never"."""

    limit_ma: int
    voltage_mv: int = 230_000
    rating_ma: int | None = None
    curve: str = "gG"
    opens: str = "must"


@dataclass(frozen=True, slots=True)
class CircuitSpec:
    """A sub-distribution: what may flow on L1..L3 of it, and every box that hangs on it, those of circuits below it too."""

    name: str
    limit_ma: tuple[int, int, int]
    boxes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FaultSpec:
    """A fault of the registry: ``kind`` on ``on`` and on ``also``, from ``at_us``, ``for_us`` long (None: for good), every ``every_us``."""

    kind: str
    on: str
    at_us: int
    for_us: int | None = None
    every_us: int | None = None
    params: tuple[tuple[str, int | str], ...] = ()
    also: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Everything that it is on."""
        return (self.on, *self.also)


@dataclass(frozen=True, slots=True)
class AccessPoint:
    """A part of the network: the boxes and meters that are reached over it."""

    name: str
    devices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReaderSpec:
    """Somebody else's Modbus client, on a host of its own: it reads ``count`` words of ``box`` every ``every_us``, for ever."""

    name: str
    box: str
    every_us: int
    table: Table
    address: int
    count: int


@dataclass(frozen=True, slots=True)
class GatewaySpec:
    """A gateway between clients at ``at`` and a serial line. ``profile``: what it is like. ``owner``: the box in whose case it sits,
    "" for none. ``memory_us`` None: as its profile says.
    """

    name: str
    at: TcpAt
    line: LineAt
    profile: str
    owner: str = ""
    memory_us: int | None = None


@dataclass(frozen=True, slots=True)
class WorldSpec:
    """Everything there is. Boxes, meters and cars keep the order of the file. ``roof``: what the house makes by itself."""

    connection: ConnectionSpec
    boxes: tuple[BoxSpec, ...]
    meters: tuple[MeterSpec, ...] = ()
    cars: tuple[CarSpec, ...] = ()
    house: HouseSpec = field(default_factory=HouseSpec)
    faults: tuple[FaultSpec, ...] = ()
    access_points: tuple[AccessPoint, ...] = ()
    readers: tuple[ReaderSpec, ...] = ()
    circuits: tuple[CircuitSpec, ...] = ()
    modules: tuple[ModuleSpec, ...] = ()
    roof: HouseSpec = field(default_factory=lambda: HouseSpec(()))
    gateways: tuple[GatewaySpec, ...] = ()


def lines_of(world: WorldSpec) -> dict[str, LineAt]:
    """The serial lines of a world by name, with the parameters of the gateway there, else of the first device."""
    at = (*(one.line for one in world.gateways), *(one.at for one in world.boxes), *(one.at for one in world.meters))
    found: dict[str, LineAt] = {}
    for place in (*at, *(one.at for one in world.modules)):
        if isinstance(place, LineAt):
            found.setdefault(place.line, place)
    return found
