"""What the blocks about behaviour may not say, although they have the right form: each rule yields where, and a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from chargebench.datasheets.behaviour import Code, Codes, States
from chargebench.datasheets.behaviour_form import ControlForm
from chargebench.datasheets.codec import is_float, raw_range
from chargebench.datasheets.errors import suggest
from chargebench.datasheets.model import Register
from chargebench.datasheets.quantity import got
from chargebench.datasheets.sheet import SheetForm
from chargebench.datasheets.yamlfile import Loc

Broken = Iterator[tuple[Loc, str]]
_TIMES, _CURRENTS = ("s", "ms"), ("mA",)
_WRITTEN_TO = ("token", "toggle", "broadcast")  # watchdogs that a write to a register of its own feeds


def behaviour(form: SheetForm, sound: Mapping[str, Register]) -> Broken:
    """Every rule that the blocks of ``form`` break; ``sound`` are its registers that are right in themselves."""
    names = _Names(form, sound)
    yield from _kind(form)
    yield from _states(form, names)
    yield from _control(form, names)
    yield from _watchdog(form, names)
    yield from _connections(form, names)
    yield from _quirks(form)


@dataclass(frozen=True, slots=True)
class _Names:
    """The registers that the blocks may name."""

    form: SheetForm
    sound: Mapping[str, Register]

    def use(self, loc: Loc, name: str | None, *, write: bool = False, units: tuple[str, ...] = ()) -> Broken:
        """What is wrong with naming a register at ``loc`` to read or write it; None: none is named."""
        if name is None:
            return
        if name not in self.form.registers:
            yield loc, f"unknown register {got(name)}{suggest(name, self.form.registers)}"
        elif (one := self.sound.get(name)) is not None:
            if write and not one.writes:
                yield loc, f"expected a register that can be written, and {name} cannot"
            if not write and not one.readable:
                yield loc, f"expected a register that can be read, and {name} cannot"
            if units and one.unit not in units:
                yield loc, f"expected a register in {' or '.join(units)}, and {name} is in {one.unit or 'no unit'}"

    def writes(self, loc: Loc, writes: Mapping[str, int]) -> Broken:
        """What is wrong with raw numbers to be written to registers."""
        for name, raw in writes.items():
            yield from self.use((*loc, name), name, write=True)
            yield from self.holds((*loc, name), name, raw)

    def holds(self, loc: Loc, name: str, raw: int) -> Broken:
        one = self.sound.get(name)
        if one is None or one.type == "str" or is_float(one):
            return
        low, high = raw_range(one)
        if not low <= raw <= high:
            yield loc, f"expected a raw number that {name} can hold, {low} to {high}, got {raw}"


def _kind(form: SheetForm) -> Broken:
    for name in ("states", "control", "watchdog"):
        if form.kind != "evse" and getattr(form, name) is not None:
            yield (name,), f"expected it in the sheet of an evse only, and this is a {form.kind}"


def _states(form: SheetForm, names: _Names) -> Broken:
    block = form.states
    if block is None:
        return
    yield from names.use(("states", "register"), block.register_name)
    if block.register_name is None and (block.mask or block.paused):
        yield ("states",), "expected a register, to which mask and paused belong"
    states = block.states()
    wrong = False
    for letter, codes in states.cases:
        for one in codes:
            loc: Loc = ("states", letter, one.register) if one.register != states.register else ("states", letter)
            problems = list(_codes(one, loc, states, names))
            wrong = wrong or bool(problems)
            yield from problems
    if not wrong:
        yield from _told_apart(states)


def _codes(codes: Codes, loc: Loc, states: States, names: _Names) -> Broken:
    if not codes.register:
        yield loc, "expected codes of a register, such as {plugged: [1]}, or a register for the block"
        return
    if codes.register != states.register:
        yield from names.use(loc, codes.register)
    one = names.sound.get(codes.register)
    if one is None:
        return
    text = one.type == "str"
    for code in codes.among:
        if isinstance(code, str) != text:
            yield loc, f"expected {'text' if text else 'raw numbers'} as {one.name} holds, got {got(code)}"
        elif isinstance(code, int):
            yield from _in_mask(code, loc, one, states, names)


def _in_mask(code: int, loc: Loc, one: Register, states: States, names: _Names) -> Broken:
    if one.name == states.register and states.mask:
        most = states.mask // (states.mask & -states.mask)
        if code > most:
            yield loc, f"expected a code within the mask, 0 to {most}, got {code}"
    else:
        yield from names.holds(loc, one.name, code)


def _told_apart(states: States) -> Broken:
    """A box in a state must show codes that mean this state."""
    shift = states.mask & -states.mask or 1
    for letter, _ in states.cases:
        shown: list[tuple[Loc, dict[str, Code]]] = [(("states", letter), states.shows(letter))]
        if letter in dict(states.paused):
            shown.append((("states", "paused", letter), states.shows(letter, paused=True)))
        for loc, codes in shown:
            raw = {
                name: code * shift if name == states.register and isinstance(code, int) else code
                for name, code in codes.items()
            }
            meant = states.letter(raw)
            if meant != letter:
                text = ", ".join(f"{name} {got(code)}" for name, code in codes.items())
                yield loc, f"expected codes that mean {letter}, and {text} means {meant or 'no state'}"


def _control(form: SheetForm, names: _Names) -> Broken:
    if form.control is None:
        return
    limit = form.control.limit
    if (limit.register_name is None) == (limit.registers is None):
        yield ("control", "limit"), "expected either a register or three registers, one for each phase"
    at: Loc = ("control", "limit")
    yield from names.use((*at, "register"), limit.register_name, write=True, units=_CURRENTS)
    for number, name in enumerate(limit.registers or ()):
        yield from names.use((*at, "registers", number), name, write=True, units=_CURRENTS)
    yield from names.use((*at, "shown"), limit.shown, units=_CURRENTS)
    if limit.mask is not None:
        yield from _mask((*at, "mask"), limit.shown, limit.mask, names)
    yield from names.use((*at, "default"), limit.default, units=_CURRENTS)
    yield from names.writes(("control", "pause"), form.control.pause)
    yield from names.writes(("control", "resume"), form.control.resume)
    yield from names.writes(("control", "wake"), form.control.wake)
    yield from _node(form.control, names)
    yield from _phases(form.control, names)


def _node(control: ControlForm, names: _Names) -> Broken:
    """A box that is told with others, or asks for leave."""
    limit, leave = control.limit, control.leave
    if bool(limit.unit) != bool(limit.nodes):
        yield (
            ("control", "limit"),
            "expected both or none of unit and nodes, which tell how several boxes are told at once",
        )
    if leave is not None:
        at: Loc = ("control", "leave")
        yield from names.use((*at, "register"), leave.register_name)
        yield from names.use((*at, "register"), leave.register_name, write=True)
        for asked, answer in leave.answers.items():
            yield from names.holds((*at, "answers", asked), leave.register_name, max(asked, answer))
        yield from names.writes((*at, "also"), leave.also)


def _phases(control: ControlForm, names: _Names) -> Broken:
    phases = control.phases
    if phases is None:
        return
    at: Loc = ("control", "phases")
    yield from names.use((*at, "register"), phases.register_name, write=True)
    for field, raw in (("one", phases.one), ("three", phases.three)):
        yield from names.holds((*at, field), phases.register_name, raw)
    yield from names.writes((*at, "before"), phases.before)
    yield from names.writes((*at, "after"), phases.after)
    if phases.shown:
        yield from names.use((*at, "shown", "register"), phases.shown.register_name)
    if phases.released:
        yield from names.use((*at, "released", "register"), phases.released.register_name)
        yield from names.holds((*at, "released", "mask"), phases.released.register_name, phases.released.mask)


def _mask(loc: Loc, shown: str | None, mask: int, names: _Names) -> Broken:
    """Bits from bit 0 up, of the register that shows the limit."""
    if shown is None:
        yield loc, "expected the register that shows the limit, to which it belongs"
    else:
        yield from names.holds(loc, shown, mask)
    if mask & (mask + 1):
        yield loc, f"expected bits from bit 0 up, such as 0x0FFF, got {mask:#06x}"


def _watchdog(form: SheetForm, names: _Names) -> Broken:
    block = form.watchdog
    if block is None:
        return
    yield from _fed(form)
    at: Loc = ("watchdog",)
    yield from names.use((*at, "register"), block.register_name, write=True)
    if block.register_name and block.value is not None:
        yield from names.holds((*at, "value"), block.register_name, block.value)
    yield from names.use((*at, "timeout", "register"), block.timeout.register_name, units=_TIMES)
    yield from names.use((*at, "timeout", "write"), block.timeout.write, write=True, units=_TIMES)
    yield from names.use((*at, "failsafe", "register"), block.failsafe.register_name, units=_CURRENTS)
    yield from names.use((*at, "failsafe", "write"), block.failsafe.write, write=True, units=_CURRENTS)
    yield from names.use((*at, "left"), block.left, units=_TIMES)
    for number, name in enumerate(block.recovery):
        yield from names.use((*at, "recovery", number), name, write=True)
    yield from names.writes((*at, "store"), block.store)


def _fed(form: SheetForm) -> Broken:
    """What feeds the watchdog must be told, as its kind demands."""
    block = form.watchdog
    assert block is not None
    if block.kind in _WRITTEN_TO and block.register_name is None:
        yield ("watchdog", "register"), f"expected the register whose write feeds a watchdog of the kind {block.kind}"
    if block.kind in ("token", "toggle") and block.value is None:
        yield ("watchdog", "value"), "expected the number that feeds it"
    if (block.kind == "read") != (block.span is not None):
        yield ("watchdog", "span"), "expected the addresses whose read feeds it for the kind read, and only there"
    if block.kind == "limit" and form.control is None:
        yield ("watchdog", "kind"), "expected a control block, whose limit feeds it"
    if block.kind == "timeout" and not (block.timeout.register_name or block.timeout.write):
        yield ("watchdog", "timeout"), "expected the register of the time, whose write feeds it"


def _connections(form: SheetForm, names: _Names) -> Broken:
    if form.tcp is not None and "tcp" not in form.transports:
        yield ("tcp",), "expected tcp among the transports"
    if form.tcp is not None and form.tcp.lockout and form.watchdog is None:
        yield ("tcp", "lockout"), "expected a watchdog block, whose time it is"
    edges = {edge for one in names.sound.values() for edge in (one.at, one.at + one.count)}
    for number, (at, count) in enumerate(form.reads.blocks if form.reads else ()):
        if not {at, at + count} <= edges:
            yield ("reads", "blocks", number), f"expected whole registers, and {at} to {at + count - 1} cuts one"
        elif count > form.max_read:
            yield ("reads", "blocks", number), f"expected no more words than max_read, {form.max_read}, got {count}"


def _quirks(form: SheetForm) -> Broken:
    seen: set[str] = set()
    for number, one in enumerate(form.quirks):
        if one.name is not None and one.name in seen:
            yield ("quirks", number, "name"), f"expected a name of its own, and {one.name} is another quirk's"
        if one.rare and one.name is None:
            yield ("quirks", number, "rare"), "expected a name: what is rare must be switched on by it"
        seen.add(one.name or "")
