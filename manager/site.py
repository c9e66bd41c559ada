"""What an installer types into the master, as frozen values; currents in mA per phase of the house connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """``192.168.2.151:4701``."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class SerialAddress:
    """``COM1,9600,8,n,1``."""

    port: str
    baud: int
    bits: int
    parity: Literal["N", "E", "O"]
    stops: int

    def __str__(self) -> str:
        return f"{self.port},{self.baud},{self.bits},{self.parity.lower()},{self.stops}"


Address = TcpAddress | SerialAddress


@dataclass(frozen=True, slots=True)
class Fuse:
    """The fuse behind which the house lives, as the installer believes it to be."""

    rating_ma: int
    curve: Literal["gG", "SLS-E", "SLS-Cs", "B", "C"]


@dataclass(frozen=True, slots=True)
class Connection:
    """The house connection. ``limit_ma`` per phase is floor(max total power / (3 U)); ``evse_ma`` None = no limit of its own.

    ``reserve_ma`` is never given away. ``house_max_ma``: the house's greatest load, counted where no meter tells it.
    """

    max_total_power_w: int
    limit_ma: int
    evse_ma: int | None = None
    reserve_ma: int = 0
    voltage_mv: int = 230_000
    house_max_ma: int = 0
    fuse: Fuse | None = None


@dataclass(frozen=True, slots=True)
class Failsafe:
    """What a box does by itself when nobody speaks to it for ``after_us``: no more than ``current_ma``, 0 = stop."""

    after_us: int
    current_ma: int


@dataclass(frozen=True, slots=True)
class BoxMeter:
    """The meter attached to a box in the master ("pinned"): its own address and unit id."""

    device: str
    address: Address
    unit: int


@dataclass(frozen=True, slots=True)
class Box:
    """One EVSE. ``phases``: the house phase (0..2) at each of its terminals; ``internal``: the master's own."""

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

    @property
    def failsafe(self) -> Failsafe | None:
        """What its failsafe is to be set to; None: it is left as it is."""
        if self.failsafe_us is None or self.failsafe_ma is None:
            return None
        return Failsafe(self.failsafe_us, self.failsafe_ma)


@dataclass(frozen=True, slots=True)
class HouseMeter:
    """A meter of the house: role "grid supply" (all, boxes included) or "consumption" (the house without boxes)."""

    name: str
    device: str
    address: Address
    unit: int
    role: Literal["grid supply", "consumption", "display"]
    phases: tuple[int, ...] = (0, 1, 2)


Policy = Literal["fair", "original"]
"""By whose rules a site is shared: ours, or those that the original's pages tell."""

POLICIES: Final[tuple[Policy, ...]] = get_args(Policy)


@dataclass(frozen=True, slots=True)
class Site:
    """A whole site, in the order of the file; ``boxes`` holds the internal EVSE too where there is one.

    ``licences``: how many boxes of other makers may be managed beyond those that are free. ``policy``: by whose rules.
    """

    connection: Connection
    boxes: tuple[Box, ...]
    meters: tuple[HouseMeter, ...] = ()
    management: bool = True
    path: str = ""
    licences: int = 0
    policy: Policy = "fair"
