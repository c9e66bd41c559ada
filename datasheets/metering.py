"""The blocks of a datasheet that say what a meter measures: ``meter``, and ``sunspec`` where its map must be searched.

A ``meter`` block names registers; each must exist, be readable and verified, and count in a unit of its quantity. Lists
have one register for each phase. A box with a meter of its own may have the block as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from chargebench.datasheets.errors import suggest
from chargebench.datasheets.forms import Duration, Form, RegisterName
from chargebench.datasheets.model import Accuracy, CurrentSign, Meter, PowerSign, Register, SunSpec
from chargebench.datasheets.quantity import got
from chargebench.datasheets.yamlfile import Loc

Broken = Iterator[tuple[Loc, str]]
Registers = Mapping[str, Register]

_UNITS: dict[str, tuple[str, ...]] = {
    "voltages": ("mV",),
    "currents": ("mA",),
    "powers": ("W", "VA"),
    "power": ("W", "VA"),
    "feed_in": ("W", "VA"),
    "imports": ("Wh", "VAh"),
    "imported": ("Wh", "VAh"),
    "exports": ("Wh", "VAh"),
    "exported": ("Wh", "VAh"),
    "total": ("Wh", "VAh"),
}
SUNS = 0x53756E53
_END = 0xFFFF

Names = tuple[RegisterName, ...]


class MeterForm(Form):
    """Which registers hold what is measured, and what their signs mean."""

    phases: Literal[1, 2, 3]
    voltages: Names = ()
    currents: Names = ()
    powers: Names = ()
    power: RegisterName | None = None
    feed_in: RegisterName | None = None
    imported: RegisterName | None = None
    imports: Names = ()
    exported: RegisterName | None = None
    exports: Names = ()
    total: RegisterName | None = None
    sign: PowerSign
    current_sign: CurrentSign = "unknown"
    interval: Duration | None = None
    accuracy: Accuracy | None = None

    def names(self) -> Iterator[tuple[Loc, str, str]]:
        """Every name with its place in the block and what it holds."""
        for what in _UNITS:
            value = getattr(self, what)
            if isinstance(value, tuple):
                yield from (((what, number), what, name) for number, name in enumerate(value))
            elif value is not None:
                yield (what,), what, value

    def meter(self) -> Meter:
        return Meter(
            phases=self.phases,
            voltages=self.voltages,
            currents=self.currents,
            powers=self.powers,
            power=self.power or "",
            feed_in=self.feed_in or "",
            imported=self.imported or "",
            imports=self.imports,
            exported=self.exported or "",
            exports=self.exports,
            total=self.total or "",
            sign=self.sign,
            current_sign=self.current_sign,
            interval_us=self.interval,
            accuracy=self.accuracy or "",
        )


class SunSpecForm(Form):
    """Where clients look for the map, the first being where the sheet has it, and the length of each model in order.

    ``alike`` are models of the same layout as the last, with their phases.
    """

    bases: Annotated[tuple[Annotated[int, Field(ge=0, le=0xFFFF)], ...], Field(min_length=1)]
    models: Annotated[dict[int, Annotated[int, Field(ge=1, le=0xFFFF)]], Field(min_length=1)]
    alike: dict[int, Literal[1, 2, 3]] = Field(default_factory=dict)

    def sunspec(self) -> SunSpec:
        return SunSpec(self.bases, tuple(self.models.items()), tuple(self.alike.items()))


def meter_faults(block: MeterForm, registers: Registers) -> Broken:
    """What ``block`` may not say of ``registers``, those of the part that it stands for."""
    for what in ("voltages", "currents", "powers", "imports", "exports"):
        listed = getattr(block, what)
        if listed and len(listed) != block.phases:
            yield (what,), f"expected one register for each phase, {block.phases}, got {len(listed)}"
    if not block.currents and block.power is None:
        yield (), "expected currents or power, or both, and they are missing"
    if block.feed_in is not None and block.sign != "none":
        yield ("sign",), f"expected none, as feed_in is a register of its own, got {block.sign}"
    for loc, what, name in block.names():
        for problem in _named(registers, name, what):
            yield loc, problem


def _named(registers: Registers, name: str, what: str) -> Iterator[str]:
    register = registers.get(name)
    if register is None:
        yield f"unknown register {got(name)}{suggest(name, registers)}"
        return
    if register.unit not in _UNITS[what]:
        yield f"expected a register in {' or '.join(_UNITS[what])}, and {name} is in {register.unit or 'no unit'}"
    if not register.readable:
        yield f"expected a register that can be read, and {name} cannot"
    if register.unverified:
        yield f"expected a verified register, and {name} is unverified"


def exponent_faults(register: Register, other: Register | None, known: Sequence[str]) -> Broken:
    """What is wrong with the exponent of ``register``, which is to stand in ``other``; ``known``: names of all registers."""
    if register.type in ("f32", "f64", "str", "bits"):
        yield ("exponent",), f"expected it with whole numbers only, not with {register.type}"
    if register.low is not None or register.step is not None or register.default is not None:
        yield ("exponent",), "expected neither range, step nor default with it: what they count is not known"
    if other is None:
        yield ("exponent",), f"unknown register {got(register.exponent)}{suggest(register.exponent, known)}"
    elif other.type != "i16" or other.scale != 1 or other.unit or other.exponent or not other.readable:
        yield ("exponent",), f"expected a plain i16 that can be read, and {other.name} is none"


def sunspec_faults(block: SunSpecForm, registers: Registers) -> Broken:
    """Where the registers of the sheet do not stand as ``block`` says: marker, then id and length of each model, then the end."""
    map_ = block.sunspec()
    due = [(map_.bases[0], "u32", SUNS)]
    for model, length in map_.models:
        start = map_.start(model)
        due += [(start, "u16", model), (start + 1, "u16", length)]
    due += [(map_.end, "u16", _END), (map_.end + 1, "u16", 0)]
    found = {one.at: one for one in registers.values() if one.table == "holding"}
    for at, kind, value in due:
        one = found.get(at)
        if one is None or (one.type, one.default) != (kind, value):
            yield ("models",), f"expected a holding register at {at} of type {kind} with the default {value}"
