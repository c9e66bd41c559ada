"""Register words to integers in house units and back; pure, and exact: no float is ever calculated with.

A value is ``raw * scale``; a line whose scale hangs on another register is read and written through ``scaled``. Integer
types take exactly the values that have a raw number; floats take the nearest float, and what is read is the nearest
house unit (a tie goes to the even one). Words are 0..65535, in the order of the wire.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from math import ceil, floor

from chargebench.datasheets.model import Register, Text
from chargebench.datasheets.quantity import show

_HEX = re.compile(r"([0-9a-f]{2})+", re.ASCII)
_SIGNED = ("i16", "i32", "i64")
# How a float and its bits are packed, and the bits of infinity, above which lies no number.
_FLOATS = {"f32": (">f", ">I", 0x7F80_0000), "f64": (">d", ">Q", 0x7FF0_0000_0000_0000)}


def is_float(register: Register) -> bool:
    return register.type in _FLOATS


def decode(register: Register, words: Sequence[int]) -> int | str | None:
    """What ``words`` mean: an integer in ``register.unit``, or text. None for what can be no value.

    No value is: a float that is no number or not finite, text that is not printable ASCII, what the sheet says stands
    for no value. ``ValueError`` if the words are not those of one whole register, or its exponent is open.
    """
    if register.exponent:
        raise _open(register)
    try:
        form = f"{'<' if register.swapped else '>'}{register.count}H"
        data = struct.pack(form, *(reversed(words) if register.little else words))
    except struct.error:
        raise ValueError(f"{register.name} is {register.count} words of 16 bits, got {list(words)}") from None
    if register.type == "str":
        return _READERS[register.text](data)
    if register.type in _FLOATS:
        return _from_float(register, data)
    if register.absent is not None:
        bits = int.from_bytes(data, "big")
        if bits == register.absent or bits in register.also_absent:
            return None
    raw, scale = int.from_bytes(data, "big", signed=register.type in _SIGNED), register.scale
    if scale.denominator == 1:
        return raw * scale.numerator
    return _nearest(raw * scale.numerator, scale.denominator)


def absence(register: Register) -> tuple[int, ...]:
    """The words that stand for no value, the first where several do; ``LookupError`` if the sheet does not say."""
    if register.absent is None:
        raise LookupError(f"{register.name} always has a value")
    form = f"{'<' if register.swapped else '>'}{register.count}H"
    words = struct.unpack(form, register.absent.to_bytes(2 * register.count, "big"))
    return words[::-1] if register.little else words


def scaled(register: Register, exponent: int) -> Register:
    """``register`` as it is while its exponent register holds ``exponent``; ``ValueError`` beyond -10..10."""
    if not -10 <= exponent <= 10:
        raise ValueError(f"{register.name} has an exponent from -10 to 10, got {exponent}")
    return replace(register, scale=register.scale * Fraction(10) ** exponent, exponent="")


def _open(register: Register) -> ValueError:
    return ValueError(f"{register.name} cannot be read or written before {register.exponent} is known")


def _nearest(numerator: int, denominator: int) -> int:
    """The whole number nearest to a fraction, a tie to the even one; ``Fraction`` says the same, at five times the price."""
    whole, rest = divmod(numerator, denominator)
    up = 2 * rest > denominator or (2 * rest == denominator and whole % 2 == 1)
    return whole + up


def _ascii(data: bytes) -> str | None:
    text = data.split(b"\0", 1)[0]
    return text.decode("ascii") if all(0x20 <= byte < 0x7F for byte in text) else None


def _wide(data: bytes) -> str | None:
    text = data.decode("utf-16-be", "replace").split("\0", 1)[0]
    return text if text.isascii() and text.isprintable() else None


# Text of a register by how it is held, and back; all of it with zeros behind, hexadecimal digits without.
_READERS: dict[Text, Callable[[bytes], str | None]] = {"ascii": _ascii, "wide": _wide, "hex": bytes.hex}
_WRITERS: dict[Text, Callable[[str], bytes]] = {
    "ascii": lambda text: text.encode("ascii", "replace"),
    "wide": lambda text: text.encode("utf-16-be", "replace"),
    "hex": lambda text: bytes.fromhex(text) if _HEX.fullmatch(text) else b"",
}
_HOLDS: dict[Text, tuple[int, str]] = {
    "ascii": (2, "at most {} printable ASCII characters"),
    "wide": (1, "at most {} printable ASCII characters"),
    "hex": (4, "{} hexadecimal digits"),
}


def _from_float(register: Register, data: bytes) -> int | None:
    form, _, _ = _FLOATS[register.type]
    (number,) = struct.unpack(form, data)
    try:
        numerator, denominator = number.as_integer_ratio()
    except (ValueError, OverflowError):  # no number, or infinite
        return None
    return _nearest(numerator * register.scale.numerator, denominator * register.scale.denominator)


def encode(register: Register, value: int | str) -> tuple[int, ...]:
    """The words that mean ``value``; ``ValueError`` if the register cannot hold it, or its exponent is open."""
    if register.exponent:
        raise _open(register)
    if isinstance(value, str) != (register.type == "str"):
        raise ValueError(f"{register.name} holds {'text' if register.type == 'str' else 'a number'}, got {value!r}")
    if isinstance(value, str):
        data = _from_text(register, value)
    elif register.type in _FLOATS:
        data = _to_float(register, value)
    else:
        data = _to_integer(register, value)
    words = struct.unpack(f"{'<' if register.swapped else '>'}{len(data) // 2}H", data)
    return words[::-1] if register.little else words


def _from_text(register: Register, text: str) -> bytes:
    room = 2 * register.count
    data = _WRITERS[register.text](text)
    if len(data) > room or _READERS[register.text](data) != text or (register.text == "hex" and len(data) < room):
        each, holds = _HOLDS[register.text]
        raise ValueError(f"{register.name} holds {holds.format(each * register.count)}, got {text!r}")
    return data.ljust(room, b"\0")


def _to_integer(register: Register, value: int) -> bytes:
    raw, rest = divmod(value * register.scale.denominator, register.scale.numerator)
    if rest:
        raise ValueError(f"{register.name} counts in steps of {_step_text(register)}, got {_shown(value, register)}")
    low, high = raw_range(register)
    if not low <= raw <= high:
        raise ValueError(f"{register.name} cannot hold {_shown(value, register)}: {raw} is not in {low}..{high}")
    return raw.to_bytes(2 * register.count, "big", signed=low < 0)


def _step_text(register: Register) -> str:
    scale = register.scale
    return show(scale.numerator, register.unit) if scale.denominator == 1 else f"{scale} {register.unit}"


def raw_range(register: Register) -> tuple[int, int]:
    """Smallest and largest raw number of an integer register."""
    bits = 16 * register.count
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if register.type in _SIGNED else (0, (1 << bits) - 1)


def _to_float(register: Register, value: int) -> bytes:
    """The float nearest to the exact quotient, found among the neighbours of a first guess; a tie goes to the even one."""
    form, pattern, infinite = _FLOATS[register.type]
    quotient = value / register.scale
    numerator, denominator = abs(quotient.numerator), quotient.denominator
    try:
        (guess,) = struct.unpack(pattern, struct.pack(form, numerator / denominator))
    except OverflowError as error:
        raise ValueError(f"{register.name} cannot hold {_shown(value, register)}") from error
    near = [(one, *_ratio(one, form, pattern)) for one in (guess - 1, guess, guess + 1) if 0 <= one < infinite]
    finest = max(below for _, _, below in near)  # a power of two, as all of them

    def distance(candidate: tuple[int, int, int]) -> tuple[int, int]:
        bits, above, below = candidate
        return abs(above * denominator - numerator * below) * (finest // below), bits % 2

    best, _, _ = min(near, key=distance)
    minus = 1 << 16 * register.count - 1
    return struct.pack(pattern, best | minus if quotient < 0 else best)


def _ratio(bits: int, form: str, pattern: str) -> tuple[int, int]:
    """A float as the ratio of two integers, the second a power of two."""
    (number,) = struct.unpack(form, struct.pack(pattern, bits))
    above, below = number.as_integer_ratio()
    return above, below


def down_to_step(register: Register, value: int) -> int:
    """The largest value, not above ``value``, that may be written: on the register's step and not above its range.

    ``ValueError`` below the range, where nothing can be written that is not more than ``value``.
    """
    low, high = value_range(register)
    top = value if high is None else min(value, high)
    step = register.step or (1 if register.type in _FLOATS else register.scale.numerator)
    down = top // step * step
    if low is not None and down < low:
        raise ValueError(f"{register.name} takes no less than {_shown(low, register)}, got {_shown(value, register)}")
    return down


def value_range(register: Register) -> tuple[int | None, int | None]:
    """Smallest and largest value that may be written, in house units: as stated, else as the type holds it."""
    low, high = register.low, register.high
    if register.type not in _FLOATS:
        least, most = raw_range(register)
        low = ceil(least * register.scale) if low is None else low
        high = floor(most * register.scale) if high is None else high
    return low, high


def _shown(value: int, register: Register) -> str:
    return show(value, register.unit)
