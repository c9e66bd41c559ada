"""What an installer types into the master, as frozen values; currents in mA per phase of the house connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, get_args

from chargebench.datasheets.model import Table

Mode = Literal["rtu", "ascii"]
"""The two transmission modes of a serial line."""


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """``192.168.2.151:4701``."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class SerialAddress:
    """``COM1,9600,8,n,1``; ``COM1,38400,8,e,1,ascii`` where the line speaks Modbus ASCII."""

    port: str
    baud: int
    bits: int
    parity: Literal["N", "E", "O"]
    stops: int
    mode: Mode = "rtu"

    def __str__(self) -> str:
        mode = "" if self.mode == "rtu" else f",{self.mode}"
        return f"{self.port},{self.baud},{self.bits},{self.parity.lower()},{self.stops}{mode}"


Address = TcpAddress | SerialAddress


@dataclass(frozen=True, slots=True)
class Fuse:
    """The fuse behind which the house lives, as the installer believes it to be."""

    rating_ma: int
    curve: Literal["gG", "SLS-E", "SLS-Cs", "B", "C"]


@dataclass(frozen=True, slots=True)
class Switched:
    """A limit per phase that an input of the master decides: one while it is on, another while it is off; 0 = stop."""

    input: int
    on_ma: int
    off_ma: int

    def stands_ma(self, inputs: tuple[int, ...], unknown: tuple[int, ...]) -> int:
        """What holds while ``inputs`` are on; the lower of both while nobody knows whether its own is."""
        if self.input in unknown:
            return min(self.on_ma, self.off_ma)
        return self.on_ma if self.input in inputs else self.off_ma


@dataclass(frozen=True, slots=True)
class SwitchedPhases:
    """Limits of L1..L3 that an input of the master decides; 0 = stop."""

    input: int
    on_ma: tuple[int, int, int]
    off_ma: tuple[int, int, int]

    def stands_ma(self, inputs: tuple[int, ...], unknown: tuple[int, ...]) -> tuple[int, int, int]:
        """What holds while ``inputs`` are on; on each phase the lower of both while nobody knows whether its own is."""
        if self.input in unknown:
            (a1, a2, a3), (b1, b2, b3) = self.on_ma, self.off_ma
            return min(a1, b1), min(a2, b2), min(a3, b3)
        return self.on_ma if self.input in inputs else self.off_ma


@dataclass(frozen=True, slots=True)
class SwitchedPower:
    """A power that an input of the master decides; 0 = stop."""

    input: int
    on_w: int
    off_w: int

    def stands_w(self, inputs: tuple[int, ...], unknown: tuple[int, ...]) -> int:
        """What holds while ``inputs`` are on; the lower of both while nobody knows whether its own is."""
        if self.input in unknown:
            return min(self.on_w, self.off_w)
        return self.on_w if self.input in inputs else self.off_w


@dataclass(frozen=True, slots=True)
class Input:
    """An input of the master: a contact, read as a bit of a register or as a coil or discrete input, whose bit is 0.

    It is on where the bit is 1, or where it is 0 if it is ``inverted``. ``box`` names the Power Brain whose S0 input it is,
    "" where it is on no box.
    """

    number: int
    address: Address
    unit: int
    table: Table
    register: int
    bit: int = 0
    inverted: bool = False
    box: str = ""


@dataclass(frozen=True, slots=True)
class Connection:
    """The house connection. ``limit_ma`` per phase is floor(max total power / (3 U)); ``evse_ma`` None = no limit of its own.

    ``reserve_ma`` is never given away. ``house_max_ma``: the house's greatest load, counted where no meter tells it. Where an
    input decides a limit (``limit_input``, ``evse_input``), ``limit_ma`` or ``evse_ma`` is the greater of both.
    """

    max_total_power_w: int
    limit_ma: int
    evse_ma: int | None = None
    reserve_ma: int = 0
    voltage_mv: int = 230_000
    house_max_ma: int = 0
    fuse: Fuse | None = None
    limit_input: Switched | None = None
    evse_input: Switched | None = None


@dataclass(frozen=True, slots=True)
class Circuit:
    """A sub-distribution with a limit per phase (L1..L3) of its own, fed by another circuit, or "" by the house connection.

    Where an input decides the limit (``switched``), ``limit_ma`` is the greater of both on each phase.
    """

    name: str
    limit_ma: tuple[int, int, int]
    fed_by: str = ""
    fuse: Fuse | None = None
    switched: SwitchedPhases | None = None


@dataclass(frozen=True, slots=True)
class Failsafe:
    """What a box does by itself when nobody speaks to it for ``after_us``: no more than ``current_ma``, 0 = stop."""

    after_us: int
    current_ma: int


@dataclass(frozen=True, slots=True)
class BoxMeter:
    """The meter attached to a box in the master ("pinned"): its own address and unit id, and how old what is read may be."""

    device: str
    address: Address
    unit: int
    memory_us: int = 0


@dataclass(frozen=True, slots=True)
class Box:
    """One EVSE. ``phases``: the house phase (0..2) at each of its terminals; ``internal``: the master's own.

    ``circuit`` names what feeds it, "" the house connection itself. ``enabled``: whether it is to charge at all; one that is not
    is told 0. ``observed``: it is read and never written. ``maximum_ma`` is no more than its cable carries. ``switch_us``: it
    may be told to charge on its first phase alone or on all three, and is not to charge for so long then; None: it may not.
    ``memory_us``: what is read of it may be so old, since a gateway answers from memory; 0: it answers itself.
    """

    name: str
    device: str
    address: Address
    unit: int
    phases: tuple[int, ...]
    internal: bool = False
    minimum_ma: int = 6_000
    maximum_ma: int = 16_000
    priority: int = 1
    meter: BoxMeter | None = None
    failsafe_us: int | None = None
    failsafe_ma: int | None = None
    boot_ma: int | None = None
    boot_enable: bool | None = None
    licensed: bool = True
    circuit: str = ""
    enabled: bool = True
    observed: bool = False
    switch_us: int | None = None
    memory_us: int = 0

    @property
    def failsafe(self) -> Failsafe | None:
        """What its failsafe is to be set to; None: it is left as it is."""
        if self.failsafe_us is None or self.failsafe_ma is None:
            return None
        return Failsafe(self.failsafe_us, self.failsafe_ma)


Role = Literal["grid supply", "consumption", "generation", "consumption of cars", "display"]
"""What a meter of the house measures: all, boxes included; the house without them; what it makes by itself; them alone."""


@dataclass(frozen=True, slots=True)
class HouseMeter:
    """A meter of the house. Those of generation count where none measures the grid supply, and never for more than the house takes.

    Those of cars and for display are read and shown, and nothing is decided by them.
    What it shows counts ``factor`` times: the ratio of its transformers, -1 where it shows what is drawn as fed in.
    """

    name: str
    device: str
    address: Address
    unit: int
    role: Role
    phases: tuple[int, ...] = (0, 1, 2)
    factor: int = 1
    memory_us: int = 0

    @property
    def tells_house(self) -> bool:
        """Whether it tells what the house draws; one that is read from a memory tells what it drew."""
        return self.role in {"grid supply", "consumption"} and not self.memory_us


Policy = Literal["fair", "original", "first-come", "equal-split", "rotation", "none"]
"""By whose rules a site is shared: ours, those that the original's pages tell, and others to compare them with."""

POLICIES: Final[tuple[Policy, ...]] = get_args(Policy)


class Hours(NamedTuple):
    """A part of each day, us since midnight, over midnight where it ends before it begins; none where both are the same."""

    from_us: int
    to_us: int


Surplus = tuple[tuple[int, int], ...]
"""From each time of the day on (us since midnight) so many W for the boxes together, in the order of the day."""


@dataclass(frozen=True, slots=True)
class Site:
    """A whole site, in the order of the file; ``boxes`` holds the internal EVSE too where there is one.

    ``licences``: how many boxes of other makers may be managed beyond those that are free. ``policy``: by whose rules.
    ``imbalance_ma``: by how much the boxes that do not use all phases may load one more than another. ``dimming``: that the
    grid operator may dim, and when that is so by itself; None where he may not. ``dimming_input``: his order is that this
    input is on. ``surplus_input``: what the roof has to spare, as an input tells it. ``inputs``: those that the master reads.
    """

    connection: Connection
    boxes: tuple[Box, ...]
    meters: tuple[HouseMeter, ...] = ()
    management: bool = True
    path: str = ""
    licences: int = 0
    policy: Policy = "fair"
    circuits: tuple[Circuit, ...] = ()
    imbalance_ma: int | None = None
    dimming: Hours | None = None
    surplus: Surplus = ()
    inputs: tuple[Input, ...] = ()
    dimming_input: int | None = None
    surplus_input: SwitchedPower | None = None
