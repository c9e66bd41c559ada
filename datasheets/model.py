"""What a datasheet says, as frozen values. Addresses are PDU addresses (from 0); values are integers in house units."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

Table = Literal["holding", "input", "coil", "discrete"]
Type = Literal["u16", "i16", "u32", "i32", "u64", "i64", "f32", "f64", "str", "bits"]
WORDS: dict[str, int] = {"u16": 1, "i16": 1, "bits": 1, "u32": 2, "i32": 2, "f32": 2, "u64": 4, "i64": 4, "f64": 4}

OWN_MAKER = "cFos"


@dataclass(frozen=True, slots=True)
class Register:
    """One line of a datasheet. ``value = raw * scale`` in ``unit`` (mA, mV, W, Wh, s, ms …), exact.

    ``part`` names the logical devices that have it ("" = all), ``writes`` the function codes that may write it,
    ``stores`` is "flash" where a write wears the device, ``low``/``high``/``step`` bound what may be written.
    ``values`` names raw numbers; of ``bits`` it names the bits.
    """

    name: str
    at: int
    table: Table
    type: Type
    count: int
    unit: str = ""
    scale: Fraction = Fraction(1)
    little: bool = False
    readable: bool = True
    writes: tuple[int, ...] = ()
    stores: Literal["", "volatile", "flash"] = ""
    low: int | None = None
    high: int | None = None
    step: int | None = None
    values: tuple[tuple[int, str], ...] = ()
    parts: tuple[str, ...] = ()
    default: int | str | None = None
    note: str = ""
    source: str = ""
    unverified: bool = False
    line: int = 0


@dataclass(frozen=True, slots=True)
class Golden:
    """A proof of one line: these words mean this value (house units), as printed in a source or seen on a wire."""

    register: str
    value: int | str
    words: tuple[int, ...]
    line: int = 0


@dataclass(frozen=True, slots=True)
class Datasheet:
    """One device, whole. ``part`` selects the logical device of a sheet with several ("" = the only one)."""

    name: str
    maker: str
    model: str
    kind: Literal["evse", "meter"]
    transports: tuple[str, ...]
    serial: str
    unit: int
    port: int
    reads: tuple[int, ...]
    writes: tuple[int, ...]
    max_read: int
    registers: tuple[Register, ...]
    golden: tuple[Golden, ...]
    part: str = ""
    sources: tuple[str, ...] = ()
    quirks: tuple[tuple[str, str], ...] = ()
    limits: tuple[tuple[str, int], ...] = ()
    checked: str = ""
    path: str = ""

    @property
    def own(self) -> bool:
        """Whether the maker of the Power Brain made it; else it is a third party's."""
        return self.maker == OWN_MAKER

    def register(self, name: str) -> Register:
        """The register called ``name``; ``LookupError`` where the sheet has none."""
        for one in self.registers:
            if one.name == name:
                return one
        raise LookupError(f"{self.name} has no register {name}")

    def limit(self, name: str) -> int:
        """A stated limit in house units, such as ``minimum_ma``, ``maximum_ma``, ``step_ma``."""
        return dict(self.limits)[name]
