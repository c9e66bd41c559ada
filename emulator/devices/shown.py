"""Values as a register can show them, and what stands in the registers that nobody gives a meaning.

A value is shown rounded towards 0 to what the register counts, and as the least or greatest that it holds where it is
beyond that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from chargebench.datasheets.codec import is_float, raw_range, scaled
from chargebench.datasheets.model import Datasheet, Register
from chargebench.emulator.devices.registers import Cell, constant, kept

_DIGITS_A_WORD = 4


def shown(register: Register, value: int) -> int:
    """The value nearest to ``value``, towards 0, that the register can show."""
    if is_float(register):
        return value
    scale = register.scale
    low, high = raw_range(register)
    raw = abs(value) * scale.denominator // scale.numerator
    raw = min(max(raw if value >= 0 else -raw, low), high)
    while (raw * scale.numerator) % scale.denominator:  # a raw number between two whole units
        raw -= 1 if raw > 0 else -1
    return raw * scale.numerator // scale.denominator


def seen(register: Register, get: Callable[[], int], put: Callable[[int], None] | None = None) -> Cell:
    """A cell that shows what ``get`` says, as the register can."""
    return Cell(lambda: shown(register, get()), put)


def house(register: Register, raw: int) -> int:
    """The value, in house units, of a raw number of a register that counts in whole ones."""
    return raw * register.scale.numerator // register.scale.denominator


def rest(register: Register) -> Cell:
    """What a register without a meaning holds: its default, else no value where it can show none, else 0 or no text.

    One that can be written keeps what is written.
    """
    if isinstance(register.default, str) or register.type == "str":
        empty = "0" * _DIGITS_A_WORD * register.count if register.text == "hex" else ""
        return constant(empty if register.default is None else register.default)
    start = _absent(register) if register.default is None else register.default
    return kept(start) if register.writes else constant(start)


def _absent(register: Register) -> int:
    """The value of the raw number that stands for none; 0 where there is no such, or it is between two whole units."""
    if register.absent is None or register.writes or is_float(register) or register.type == "bits":
        return 0
    low, high = raw_range(register)
    raw = register.absent if register.absent <= high else register.absent + 2 * low
    value = raw * register.scale
    return value.numerator if value.denominator == 1 else 0


def with_exponents(sheet: Datasheet) -> Datasheet:
    """The sheet with every exponent in its place: each stays as it leaves the factory."""
    exponents: Mapping[str, int | str | None] = {one.name: one.default for one in sheet.registers}

    def settled(one: Register) -> Register:
        exponent = exponents.get(one.exponent) or 0
        assert isinstance(exponent, int), f"{one.exponent} is a number"
        return scaled(one, exponent) if one.exponent else one

    return replace(sheet, registers=tuple(settled(one) for one in sheet.registers))
