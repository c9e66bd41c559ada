"""What a datasheet may not say, although it has the right form: each rule yields where it is broken, and a sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations

from chargebench.datasheets.behaviour_rules import behaviour
from chargebench.datasheets.codec import decode, encode, is_float, raw_range, scaled
from chargebench.datasheets.errors import suggest
from chargebench.datasheets.metering import exponent_faults, meter_faults, sunspec_faults
from chargebench.datasheets.model import WORDS, Register
from chargebench.datasheets.quantity import got
from chargebench.datasheets.sheet import GoldenForm, RegisterForm, SheetForm
from chargebench.datasheets.yamlfile import Document, Loc, Problems

Broken = Iterator[tuple[Loc, str]]
RegisterRule = Callable[[Register, RegisterForm, SheetForm], Broken]

HOUSE_UNITS = (
    *("mA", "mV", "W", "VA", "var", "Wh", "VAh", "varh", "s", "ms", "mHz"),
    *("permille", "mdeg", "mdegC", "1/1000", "1/kWh"),
)
# What sources print, and how a line says it: the house unit, and the factor that its scale needs.
_INSTEAD: dict[str, tuple[str, int]] = {
    "A": ("mA", 1000),
    "V": ("mV", 1000),
    "kW": ("W", 1000),
    "kWh": ("Wh", 1000),
    "kVA": ("VA", 1000),
    "kvar": ("var", 1000),
    "kVAh": ("VAh", 1000),
    "kvarh": ("varh", 1000),
    "Hz": ("mHz", 1000),
    "min": ("s", 60),
    "%": ("permille", 10),
    "deg": ("mdeg", 1000),
    "degC": ("mdegC", 1000),
}
_READ_BY = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
_WRITTEN_BY = {"coil": (5, 15), "holding": (6, 16)}


def check(form: SheetForm, document: Document) -> None:
    """Raise ``BadFile`` with every rule that ``form``, read from ``document``, breaks."""
    problems = Problems(document)
    sound: dict[str, Register] = {}
    for name, line in form.registers.items():
        loc: Loc = ("registers", name)
        if not document.on_one_line(loc):
            problems.add(loc, "expected the whole register on one line, {…}", key=True)
        register = line.register(name)
        broken = [one for rule in _REGISTER_RULES for one in rule(register, line, form)]
        for field, problem in broken:
            problems.add((*loc, *field), problem)
        if not broken:
            sound[name] = register
    for where, problem in (
        *_parts(form),
        *_overlaps(form),
        *_golden(form, sound),
        *_blocks(form),
        *behaviour(form, sound),
    ):
        problems.add(where, problem, key=where[0] == "registers")
    problems.raise_any()


def _unit(register: Register, line: RegisterForm, _: SheetForm) -> Broken:
    if register.unit in _INSTEAD:
        house, factor = _INSTEAD[register.unit]
        yield ("unit",), f"expected a house unit, got {got(register.unit)}; write {house} and {factor} times the scale"
    elif register.unit and register.unit not in HOUSE_UNITS:
        yield ("unit",), f"expected a house unit, got {got(register.unit)}{suggest(register.unit, HOUSE_UNITS)}"
    if register.type == "str" and (register.unit or register.scale != 1 or line.range or line.step):
        yield ("type",), "expected neither unit, scale, range nor step with text"


def _words(register: Register) -> int | None:
    """How many words the type takes, None if any number; flags may take two or four words of registers."""
    if register.type == "bits" and register.table in ("holding", "input") and register.count in (2, 4):
        return register.count
    return WORDS.get(register.type)


def _size(register: Register, line: RegisterForm, form: SheetForm) -> Broken:
    due = _words(register)
    if due is None and line.count is None:
        yield ("count",), "expected a count of registers for text, and it is missing"
    if due is not None and register.count != due:
        yield ("count",), f"expected {due} for {register.type}, got {register.count}"
    if register.at + register.count > 0x10000:
        yield ("at",), f"expected all {register.count} words up to 65535, got {register.at}"
    if register.count > form.max_read:
        yield ("count",), f"expected no more than max_read, {form.max_read}, got {register.count}"
    if register.little and (register.type == "str" or register.count == 1):
        yield ("words",), "expected little only for numbers of several words"
    if line.absent is not None and (register.type == "str" or is_float(register)):
        yield ("absent",), f"expected it with whole numbers only, not with {register.type}"
    if register.type != "str" and line.text is not None:
        yield ("text",), f"expected it with str only, not with {register.type}"
    if register.table in ("coil", "discrete") and register.type != "bits":
        yield ("type",), f"expected bits in the table {register.table}, got {register.type}"


def _access(register: Register, line: RegisterForm, form: SheetForm) -> Broken:
    by = _READ_BY[register.table]
    if register.readable and by not in form.functions.read:
        yield ("in",), f"expected function {by} among the sheet's functions, which reads {register.table}"
    if not register.readable and not register.writes:
        yield ("read",), "expected a register that can be read or written"
    for number, code in enumerate(register.writes):
        if code not in form.functions.write or code not in _WRITTEN_BY.get(register.table, ()):
            yield ("write", number), f"expected a function of the sheet that writes {register.table}, got {code}"
        elif code == 6 and register.count > 1:
            yield ("write", number), f"expected 16 for {register.count} words, got 6, which writes one"
    for name in ("stores", "write_on", "range", "step"):
        if getattr(line, name) and not register.writes:
            yield (name,), "expected write as well: it is about what may be written"


def _values(register: Register, line: RegisterForm, _: SheetForm) -> Broken:
    yield from _absent(register)
    if register.type == "str" or is_float(register) or register.count != _words(register):
        return
    least, most = raw_range(register)
    held = f"{register.type} with scale {register.scale} holds {least * register.scale} to {most * register.scale}"
    for number, value in enumerate(line.range or ()):
        if not least * register.scale <= value <= most * register.scale:
            yield ("range", number), f"expected what the type can hold, got {value}; {held}"
    if line.step and line.step % register.scale:
        yield ("step",), f"expected a multiple of the scale {register.scale}, got {line.step}"
    last = 16 * register.count - 1 if register.type == "bits" else most
    for raw in line.values:
        if not (0 if register.type == "bits" else least) <= raw <= last:
            yield ("values", raw), f"expected a raw number up to {last}, got {raw}"


def _absent(register: Register) -> Broken:
    """What stands for no value must fit into the register."""
    most = (1 << 16 * register.count) - 1
    if register.absent is not None and register.absent > most:
        yield ("absent",), f"expected bits that {register.type} can hold, got {register.absent}"
    if register.absent is None and register.also_absent:
        yield ("also_absent",), "expected absent as well, to which it adds"
    for number, bits in enumerate(register.also_absent):
        if bits > most:
            yield ("also_absent", number), f"expected bits that {register.type} can hold, got {bits}"


def _order(_: Register, line: RegisterForm, __: SheetForm) -> Broken:
    if line.range and line.range[0] > line.range[1]:
        yield ("range",), f"expected the smaller number first, got {list(line.range)}"


def _default(register: Register, line: RegisterForm, _: SheetForm) -> Broken:
    if line.default is None or register.exponent or register.count != (_words(register) or register.count):
        return
    try:
        encode(register, line.default)
    except ValueError as error:
        yield ("default",), f"expected a value that the register can hold: {error}"


def _on_parts(_: Register, line: RegisterForm, form: SheetForm) -> Broken:
    for field, allowed in (("on", form.parts), ("write_on", line.on or form.parts)):
        for number, part in enumerate(getattr(line, field)):
            if part not in allowed:
                yield (field, number), f"expected a part that has the register, got {got(part)}{suggest(part, allowed)}"


def _exponent(register: Register, _: RegisterForm, form: SheetForm) -> Broken:
    if register.exponent:
        line = form.registers.get(register.exponent)
        other = line.register(register.exponent) if line else None
        yield from exponent_faults(register, other, tuple(form.registers))


_REGISTER_RULES: tuple[RegisterRule, ...] = (_unit, _size, _access, _values, _order, _exponent, _default, _on_parts)


def _parts(form: SheetForm) -> Broken:
    if (form.part or form.parts) and form.part not in form.parts:
        yield ("part",), f"expected one of the sheet's parts, got {got(form.part)}{suggest(form.part, form.parts)}"
    if form.serial is None and (line := next((one for one in form.transports if one != "tcp"), None)):
        yield ("serial",), f"expected serial parameters for a device that speaks {line}, and they are missing"
    if "tcp" in form.transports and not form.port:
        yield ("port",), "expected a port for a device that speaks tcp, and it is missing"


def _blocks(form: SheetForm) -> Broken:
    """What the blocks say of registers of the part that the sheet stands for."""
    own = {name: line.register(name) for name, line in form.registers.items() if line.is_on(form.part)}
    if form.meter:
        yield from ((("meter", *loc), problem) for loc, problem in meter_faults(form.meter, own))
    if form.sunspec:
        yield from ((("sunspec", *loc), problem) for loc, problem in sunspec_faults(form.sunspec, own))


def _overlaps(form: SheetForm) -> Broken:
    """Two registers of one table and one part on one address; each is told once, at the later line."""
    registers = [line.register(name) for name, line in form.registers.items()]
    for first, second in combinations(registers, 2):
        shared = not first.parts or not second.parts or any(part in second.parts for part in first.parts)
        if first.table != second.table or not shared:
            continue
        if first.at < second.at + second.count and second.at < first.at + first.count:
            has = f"{first.name} has {first.at} to {first.at + first.count - 1}"
            yield ("registers", second.name), f"expected addresses of its own, and {has}"


def _golden(form: SheetForm, sound: dict[str, Register]) -> Broken:
    for number, line in enumerate(form.golden):
        loc: Loc = ("golden", number)
        if line.name not in form.registers:
            yield (*loc, "register"), f"unknown register {got(line.name)}{suggest(line.name, form.registers)}"
        elif line.name in sound:
            yield from ((loc, problem) for problem in _proof(sound[line.name], line))


def _proof(register: Register, line: GoldenForm) -> Iterator[str]:
    """What does not hold of the words and the value of ``line`` meaning each other."""
    value, words = line.value, line.words
    if (line.exponent is None) != (not register.exponent):
        yield f"expected {'no ' if not register.exponent else 'an '}exponent in a proof of {register.name}"
        return
    if line.exponent is not None:
        register = scaled(register, line.exponent)
    try:
        read, written = decode(register, words), encode(register, value)
    except ValueError as error:
        yield f"expected a proof of the line: {error}"
        return
    if read != value:
        yield f"expected {' '.join(f'{word:04X}' for word in words)} to mean {got(value)}, and it means {got(read)}"
    if written != words:
        yield f"expected {got(value)} to be written {' '.join(f'{word:04X}' for word in written)}"
