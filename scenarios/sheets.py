"""Datasheets for a person and for a program: what ``devices show`` prints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Final

from chargebench.datasheets.behaviour import Codes, Control, Phases, Setting, States, Watchdog, Writes
from chargebench.datasheets.model import Datasheet, Meter, Register, SunSpec
from chargebench.datasheets.quantity import decimal, show
from chargebench.manager.drivers.registry import unfit, unwoken
from chargebench.scenarios import render

_FED_BY: Final = {
    "none": "there is none: the last limit stays",
    "request": "fed by any request",
    "read": "fed by a read",
    "limit": "fed by a write of the limit",
    "timeout": "fed by a write of its time",
    "token": "fed by a token",
    "toggle": "fed by a bit that the box clears",
    "broadcast": "fed by a broadcast",
    "unknown": "what feeds it is not known",
}
_THEN: Final = {
    "limit": "then the failsafe current holds",
    "stop": "then charging stops",
    "fault": "then it shows a fault",
    "unknown": "",
}
_ZERO: Final = {
    "stops": "0 stops",
    "no limit": "0 is no limit",
    "refused": "0 is refused",
    "unknown": "what 0 does is not known",
}
_EXCESS: Final = {
    "refuse": "one more is refused",
    "queue": "one more waits until another has gone",
    "replace": "one more takes the place of the oldest",
    "crash": "one more crashes it",
    "unknown": "",
}
_SIGN: Final = {
    "import": "power above 0 is drawn",
    "export": "power above 0 is fed in",
    "none": "power without sign",
    "unknown": "what the sign of a power means is not known",
}
_GAPS: Final = {
    "refused": "unused addresses are refused",
    "zero": "unused addresses read 0",
    "filled": "unused addresses read as no value",
    "unknown": "",
}


def as_text(sheet: Datasheet) -> str:
    """What the device is, how it behaves, every register in the order of the file, and what nobody has checked."""
    head = f"{sheet.name}: {sheet.maker} {sheet.model}, {sheet.kind}, by {' or '.join(sheet.transports)}"
    about = render.table([(label, text) for label, text in _about(sheet) if text])
    quirks = [f"  {_quirk_head(one.name, rare=one.rare)}{one.says} ({one.source})" for one in sheet.quirks]
    rows = [("address", "table", "name", "type", "unit", "access", "note"), *(_row(one) for one in sheet.registers)]
    parts = [head, about, *(["quirks", *quirks] if quirks else []), render.table(rows), "sources"]
    return "\n".join((*parts, *(f"  {one}" for one in sheet.sources), f"checked: {sheet.checked}"))


def as_page(sheet: Datasheet) -> str:
    """The same as a page of Markdown."""
    kind = "a box" if sheet.kind == "evse" else "a meter"
    head = [("address", "table", "name", "type", "unit", "access", "note")]
    about = [(label, text) for label, text in _about(sheet) if text]
    quirks = [f"- {_quirk_head(one.name, rare=one.rare)}{one.says} ({one.source})" for one in sheet.quirks]
    parts = [
        f"# {sheet.maker} {sheet.model}",
        f"`{sheet.name}`, {kind}, by {' or '.join(sheet.transports)}. Made from `{sheet.path}` by `nox -s pages`.",
        _grid([("", ""), *about]),
        *(["## Quirks", "\n".join(map(_literal, quirks))] if quirks else []),
        "## Registers",
        _grid([*head, *(_row(one) for one in sheet.registers)]),
        "## Sources",
        "\n".join(f"- {_literal(one)}" for one in sheet.sources),
        f"Checked: {sheet.checked}." if sheet.checked else "",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _grid(rows: Sequence[Sequence[str]]) -> str:
    """A table of Markdown; the first row is its head."""
    lines = ["| " + " | ".join(_literal(cell).replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join((lines[0], "|" + " --- |" * len(rows[0]), *lines[1:]))


def _literal(text: str) -> str:
    """Text in which nothing means anything to Markdown."""
    for sign in ("\\", "*", "<", "`"):
        text = text.replace(sign, f"\\{sign}")
    return text


def as_json(sheet: Datasheet) -> dict[str, object]:
    """The same for a program: integers in mA, us and house units; what is not said is null or empty."""
    blocks = ("states", "control", "watchdog", "tcp", "reading", "timing", "meter", "sunspec")
    found = {name: getattr(sheet, name) for name in blocks}
    return {
        "name": sheet.name,
        "kind": sheet.kind,
        "maker": sheet.maker,
        "model": sheet.model,
        "transports": list(sheet.transports),
        "serial": sheet.serial,
        "unit": sheet.unit,
        "port": sheet.port,
        "limits": dict(sheet.limits),
        **{name: None if block is None else asdict(block) for name, block in found.items()},
        "quirks": [asdict(one) for one in sheet.quirks],
        "not_driven": undriven(sheet),
        "sources": list(sheet.sources),
        "checked": sheet.checked,
        "registers": [_register(one) for one in sheet.registers],
    }


def _quirk_head(name: str, *, rare: bool) -> str:
    return f"{name}{', off unless asked for' if rare else ''}: " if name else ""


def _about(sheet: Datasheet) -> Iterator[tuple[str, str]]:
    port = f", port {sheet.port}" if sheet.port else ""
    yield "address", f"unit {sheet.unit}{port}" + (f", {sheet.serial}" if sheet.serial else "")
    yield "functions", f"reads by {_listed(sheet.reads)}, writes by {_listed(sheet.writes) or 'none'}; {_reads(sheet)}"
    yield (
        "limits",
        ", ".join(
            f"{name.rpartition('_')[0]} {show(value, name.rpartition('_')[2].replace('ma', 'mA'))}"
            for name, value in sheet.limits
        ),
    )
    if sheet.states:
        yield "states", _states(sheet.states)
    if sheet.control:
        yield from _control(sheet.control)
    if sheet.watchdog:
        yield "watchdog", _watchdog(sheet.watchdog)
    yield "connections", _tcp(sheet)
    yield "times", _times(sheet)
    if sheet.meter:
        yield "measures", _meter(sheet.meter)
    if sheet.sunspec:
        yield "map", _sunspec(sheet.sunspec)
    yield "unverified", ", ".join(one.name for one in sheet.registers if one.unverified)
    yield "wakes no car", unwoken(sheet)
    yield "not driven", undriven(sheet)


def undriven(sheet: Datasheet) -> str:
    """Why the manager has no driver for a device; "" where it has one."""
    return unfit(sheet).partition(": ")[2]


def _listed(numbers: tuple[int, ...]) -> str:
    return " and ".join(map(str, numbers))


def _reads(sheet: Datasheet) -> str:
    reading = sheet.reading
    return "; ".join(
        part
        for part in (
            f"at most {sheet.max_read} words a read",
            "one value a request" if reading.single else "",
            _GAPS[reading.gaps],
            "functions 3 and 4 read the same" if reading.shared else "",
            *(f"{at} to {at + count - 1} only as a whole" for at, count in reading.blocks),
        )
        if part
    )


def _states(states: States) -> str:
    masked = f" (bits {states.mask:#06x} of {states.register})" if states.mask else ""
    found = sorted(states.cases)
    return (
        "; ".join(f"{letter}: {' and '.join(_codes(one, states) for one in codes)}" for letter, codes in found) + masked
    )


def _codes(codes: Codes, states: States) -> str:
    if codes.among:
        hexed = states.mask and codes.register == states.register
        listed = (f"{one:#x}" if hexed and isinstance(one, int) else str(one) for one in codes.among)
        return f"{codes.register} {', '.join(listed)}"
    bounds = (
        f"from {codes.low}" if codes.low is not None else "",
        f"to {codes.high}" if codes.high is not None else "",
    )
    return f"{codes.register} {' '.join(part for part in bounds if part)}"


def _control(control: Control) -> Iterator[tuple[str, str]]:
    limit = control.limit
    to = f" to unit {limit.unit}, as one of {limit.nodes} words, without an answer" if limit.unit else ""
    bits = f" (bits {limit.mask:#06x})" if limit.mask else ""
    shown = f"; in force: {limit.shown}{bits}" if limit.shown else ""
    yield "limit", f"{', '.join(limit.registers)}{to}; {_ZERO[limit.zero]}{shown}"
    if control.pause:
        resume = f"; resume: {_writes(control.resume)}" if control.resume else ""
        yield "pause", f"{_writes(control.pause)}{resume}"
    if control.wake:
        yield "wakes a car by", _writes(control.wake)
    if control.leave:
        answers = ", ".join(f"{asked} is answered by {answer}" for asked, answer in control.leave.answers)
        also = f" and {_writes(control.leave.also)}" if control.leave.also else ""
        yield "leave", f"{control.leave.register}: {answers}{also}"
    if control.phases:
        yield "phases", _phases(control.phases)


def _phases(phases: Phases) -> str:
    parts = [f"{phases.register}: {phases.one} one, {phases.three} three"]
    parts += [f"before that {_writes(phases.before)}"] if phases.before else []
    parts += [f"after that {_writes(phases.after)}"] if phases.after else []
    parts += [f"only while {phases.during}"] if phases.during in ("paused", "unplugged") else []
    parts += [f"in a pause too where {phases.released} has {phases.released_mask:#x}"] if phases.released else []
    parts += [f"takes {show(phases.takes_us, 'us')}"] if phases.takes_us else []
    return "; ".join(parts)


def _writes(writes: Writes) -> str:
    return ", ".join(f"{name} {raw}" for name, raw in writes)


def _watchdog(watchdog: Watchdog) -> str:
    fed = _FED_BY[watchdog.kind]
    fed += f" of {watchdog.span[0]} to {watchdog.span[1]}" if watchdog.span else ""
    fed += f", {watchdog.register}" if watchdog.register else ""
    fed += f" {watchdog.value:#x}" if watchdog.value is not None else ""
    parts = [
        fed,
        _setting("after", watchdog.timeout, "us"),
        _THEN[watchdog.then],
        _setting("failsafe current", watchdog.failsafe, "mA"),
        f"left by writing {', '.join(watchdog.recovery)}" if watchdog.recovery else "",
        f"settings {watchdog.keeps}" if watchdog.keeps != "unknown" else "",
        "not checked by anybody" if watchdog.unverified else "",
    ]
    return "; ".join(part for part in parts if part)


def _setting(label: str, setting: Setting, unit: str) -> str:
    """A time of 0 never comes."""
    never = unit == "us" and setting.value == 0
    value = "" if setting.value is None else "never" if never else show(setting.value, unit)
    where = setting.register + (f", written to {setting.write}" if setting.write else "")
    if not where:
        return f"{label} {value}" if value else ""
    return f"{label} {where}" + (f" (from the factory {value})" if value else "")


def _tcp(sheet: Datasheet) -> str:
    tcp = sheet.tcp
    parts = [
        "" if tcp.clients is None else f"{tcp.clients} client{'s' if tcp.clients > 1 else ''}",
        _EXCESS[tcp.excess],
        "" if tcp.idle_close_us is None else f"closes a silent one after {show(tcp.idle_close_us, 'us')}",
        "takes no new one until the watchdog's time has passed" if tcp.lockout else "",
    ]
    return "; ".join(part for part in parts if part)


def _times(sheet: Datasheet) -> str:
    timing = sheet.timing
    named = (
        ("between writes", timing.apart_us),
        ("between writes of the limit", timing.limit_apart_us),
        ("for a limit to stay", timing.settle_us),
        ("until a limit is obeyed", timing.latency_us),
        ("to boot", timing.boot_us),
    )
    return ", ".join(f"{show(value, 'us')} {name}" for name, value in named if value is not None)


def _meter(meter: Meter) -> str:
    """What is measured by name, what a sign means, how well and how often."""
    named = (*meter.currents, meter.power, meter.feed_in, meter.imported or meter.total, meter.exported)
    parts = [
        ", ".join(name for name in named if name),
        _SIGN[meter.sign],
        "currents without sign" if meter.currents and meter.current_sign == "none" else "",
        f"class {meter.accuracy}" if meter.accuracy else "",
        f"anew every {show(meter.interval_us, 'us')}" if meter.interval_us is not None else "",
    ]
    return "; ".join(part for part in parts if part)


def _sunspec(sunspec: SunSpec) -> str:
    models = ", ".join(f"{model} at {sunspec.start(model)}" for model, _ in sunspec.models)
    elsewhere = ", ".join(map(str, sunspec.bases[1:]))
    alike = ", ".join(f"{model} ({phases} phase{'s' if phases > 1 else ''})" for model, phases in sunspec.alike)
    parts = [
        f"at {sunspec.bases[0]}" + (f", on others at {elsewhere}" if elsewhere else ""),
        f"models {models}",
        f"of the same layout: {alike}" if alike else "",
    ]
    return "; ".join(part for part in parts if part)


def _row(register: Register) -> tuple[str, ...]:
    access = ("r" if register.readable else "") + ("w" if register.writes else "")
    unit = register.unit if register.scale == 1 or not register.unit else f"{_scale(register)} {register.unit}"
    unit += f" * 10^{register.exponent}" if register.exponent else ""
    named = ", ".join(f"{raw} {text}" for raw, text in register.values)
    mark = "unverified" if register.unverified else ""
    note = "; ".join(part for part in (named, register.note, mark) if part)
    return (str(register.at), register.table, register.name, register.type, unit, access, note)


def _scale(register: Register) -> str:
    """The scale as a decimal, or as a fraction where it has no end."""
    return decimal(register.scale) or str(register.scale)


def _register(register: Register) -> dict[str, object]:
    return {
        "name": register.name,
        "address": register.at,
        "table": register.table,
        "type": register.type,
        "count": register.count,
        "unit": register.unit,
        "scale": str(register.scale),
        "exponent": register.exponent,
        "little": register.little,
        "readable": register.readable,
        "writable": bool(register.writes),
        "values": {str(raw): text for raw, text in register.values},
        "absent": register.absent,
        "also_absent": list(register.also_absent),
        "note": register.note,
        "source": register.source,
        "unverified": register.unverified,
    }
