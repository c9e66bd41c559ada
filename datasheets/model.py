"""What a datasheet says, as frozen values. Addresses are PDU addresses (from 0); values are integers in house units."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from chargebench.datasheets.behaviour import Control, Quirk, Reading, States, Tcp, Timing, Watchdog

Table = Literal["holding", "input", "coil", "discrete"]
Text = Literal["ascii", "wide", "hex"]
Type = Literal["u16", "i16", "u32", "i32", "u64", "i64", "f32", "f64", "str", "bits"]
WORDS: dict[str, int] = {"u16": 1, "i16": 1, "bits": 1, "u32": 2, "i32": 2, "f32": 2, "u64": 4, "i64": 4, "f64": 4}

PowerSign = Literal["import", "export", "none", "unknown"]
CurrentSign = Literal["own", "none", "unknown"]
Accuracy = Literal["0.2", "0.2S", "0.5", "0.5S", "1", "2", "A", "B", "C"]
_PERMILLE: dict[str, int] = {"0.2": 2, "0.2S": 2, "0.5": 5, "0.5S": 5, "1": 10, "2": 20, "A": 20, "B": 10, "C": 5}

OWN_MAKER = "cFos"


@dataclass(frozen=True, slots=True)
class Register:
    """One line of a datasheet. ``value = raw * scale`` in ``unit`` (mA, mV, W, Wh, s, ms …), exact.

    ``exponent`` names the register that holds e where ``value = raw * scale * 10**e`` ("" = there is none).

    ``part`` names the logical devices that have it ("" = all), ``writes`` the function codes that may write it,
    ``stores`` is "flash" where a write wears the device, ``low``/``high``/``step`` bound what may be written.
    ``values`` names raw numbers; of ``bits`` it names the bits. ``absent``: bits that stand for no value, as a number, and
    ``also_absent`` others that do.
    ``swapped``: the low byte of each word comes first.
    ``text`` is how ``str`` is held: two characters a word, one (wide), or any bytes, told in hexadecimal digits (hex).
    """

    name: str
    at: int
    table: Table
    type: Type
    count: int
    unit: str = ""
    scale: Fraction = Fraction(1)
    exponent: str = ""
    little: bool = False
    swapped: bool = False
    text: Text = "ascii"
    readable: bool = True
    writes: tuple[int, ...] = ()
    stores: Literal["", "volatile", "flash"] = ""
    low: int | None = None
    high: int | None = None
    step: int | None = None
    values: tuple[tuple[int, str], ...] = ()
    parts: tuple[str, ...] = ()
    default: int | str | None = None
    absent: int | None = None
    also_absent: tuple[int, ...] = ()
    note: str = ""
    source: str = ""
    unverified: bool = False
    line: int = 0


@dataclass(frozen=True, slots=True)
class Golden:
    """A proof of one line: these words mean this value (house units), as printed in a source or seen on a wire.

    ``exponent``: what the register of that name held then, where the line has one.
    """

    register: str
    value: int | str
    words: tuple[int, ...]
    line: int = 0
    exponent: int | None = None


@dataclass(frozen=True, slots=True)
class Meter:
    """Which registers, by name, hold what is measured; lists have one for each phase, or are empty; "" = there is none.

    ``sign``: what a power above 0 is: drawn (import) or fed in (export); "none": powers are without sign, and ``feed_in``,
    where there is one, holds what ``power`` does not. ``current_sign``: "none" where only the power tells the direction of
    a current. ``imported``, ``exported`` and the lists are energies of one direction, ``total`` of both as the meter
    counts them. ``interval_us``: how often it measures anew. ``accuracy``: class of its active energy.
    """

    phases: int
    sign: PowerSign
    current_sign: CurrentSign = "unknown"
    voltages: tuple[str, ...] = ()
    currents: tuple[str, ...] = ()
    powers: tuple[str, ...] = ()
    power: str = ""
    feed_in: str = ""
    imported: str = ""
    imports: tuple[str, ...] = ()
    exported: str = ""
    exports: tuple[str, ...] = ()
    total: str = ""
    interval_us: int | None = None
    accuracy: Accuracy | Literal[""] = ""

    @property
    def accuracy_permille(self) -> int | None:
        """Greatest error of the class at its reference conditions; None where no class is known."""
        return _PERMILLE.get(self.accuracy)


@dataclass(frozen=True, slots=True)
class SunSpec:
    """A map that a client must search: a marker of two words at one of ``bases``, then ``models`` (id, length), one by one.

    Each begins with two words, id and length; the length counts what follows them. The sheet's registers stand as at
    the first base. An id of 0xFFFF and a length of 0 end the map. ``alike``: models with the layout of the last one, and how
    many phases each has.
    """

    bases: tuple[int, ...]
    models: tuple[tuple[int, int], ...]
    alike: tuple[tuple[int, int], ...] = ()

    def start(self, model: int) -> int:
        """Address of the id of ``model``, as the sheet has it; ``LookupError`` if it has none."""
        at = self.bases[0] + 2
        for one, length in self.models:
            if one == model:
                return at
            at += 2 + length
        raise LookupError(f"there is no model {model}")

    @property
    def end(self) -> int:
        """Address of the id that ends the map."""
        return self.bases[0] + 2 + sum(2 + length for _, length in self.models)


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
    quirks: tuple[Quirk, ...] = ()
    limits: tuple[tuple[str, int], ...] = ()
    meter: Meter | None = None
    sunspec: SunSpec | None = None
    states: States | None = None
    control: Control | None = None
    watchdog: Watchdog | None = None
    tcp: Tcp = field(default_factory=Tcp)
    reading: Reading = field(default_factory=Reading)
    timing: Timing = field(default_factory=Timing)
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
