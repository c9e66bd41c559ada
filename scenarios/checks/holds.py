"""What boxes and lines can hold: an amount that no register or port carries is wrong before the first byte, not at it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from chargebench.datasheets.codec import encode
from chargebench.datasheets.load import load, names
from chargebench.datasheets.model import Datasheet
from chargebench.datasheets.quantity import show
from chargebench.datasheets.yamlfile import field_text
from chargebench.emulator.spec import BoxSpec
from chargebench.emulator.wires.uart import BYTE_BITS
from chargebench.manager.site import Box, SerialAddress
from chargebench.scenarios.checks.finding import Finding, Found, Ground
from chargebench.scenarios.describe import Scenario
from chargebench.scenarios.truth import LEAST_BAUD

_DURATION: Final = ("fail_safe_duration", "watchdog_timeout")
_CURRENT: Final = ("fail_safe_current", "failsafe_current")
_BOOT: Final = ("def_charging_cur_limit",)
_US: Final = {"s": 1_000_000, "ms": 1_000}


def registers_hold(ground: Ground) -> Iterator[Found]:
    """Failsafe and boot limit fit the registers of the box, and its range lies in what the device allows."""
    for k, box in enumerate(ground.site.boxes):
        if box.device not in names():
            continue
        sheet = load(box.device)
        for field, wrong in _range(sheet, box):
            yield Found("error", ground.box(k, field), wrong)
        kept = (
            (("failsafe", "after"), refused_us(sheet, box.failsafe_us)),
            (("failsafe", "current"), refused_ma(sheet, _CURRENT, box.failsafe_ma)),
            (("boot", "limit"), refused_ma(sheet, _BOOT, box.boot_ma)),
        )
        for path, wrong in kept:
            if wrong:
                yield Found("error", ground.box(k, *path), wrong)


def lines_run(ground: Ground) -> Iterator[Found]:
    """A line has a speed at which something arrives, and room for a byte in each character where that is needed."""
    for one in ground.devices:
        if isinstance(one.address, SerialAddress) and one.address.baud < LEAST_BAUD:
            sentence = f"expected a line of at least {LEAST_BAUD} baud, got {one.address.baud}"
            yield Found("error", (*one.loc, "at"), sentence)
        if isinstance(one.address, SerialAddress) and one.address.mode == "rtu" and one.address.bits < BYTE_BITS:
            sentence = f"expected {BYTE_BITS} data bits, which Modbus RTU needs, got {one.address.bits}"
            yield Found("error", (*one.loc, "at"), sentence)


def truth_holds(scenario: Scenario) -> Iterator[Finding]:
    """The same for what the world says of a box."""
    document = scenario.source.document
    for box in scenario.world.boxes:
        for field, wrong in _truth(box):
            loc = ("world", "boxes", box.name, field)
            if wrong and loc in document.places:
                yield Finding("error", document.where(loc), field_text(loc), wrong)


def _truth(box: BoxSpec) -> tuple[tuple[str, str], ...]:
    sheet = load(box.device)
    return (
        ("fail_safe_duration", refused_us(sheet, box.failsafe_us)),
        ("fail_safe_current", refused_ma(sheet, _CURRENT, box.failsafe_ma)),
        ("def_charging_cur_limit", refused_ma(sheet, _BOOT, box.boot_limit_ma)),
    )


def refused_us(sheet: Datasheet, us: int | None) -> str:
    """Why the box cannot keep this duration of its failsafe; nothing where it can, or has no such register."""
    for register in sheet.registers:
        if us is not None and register.name in _DURATION:
            value, rest = divmod(us, _US[register.unit])
            if rest:
                return f"{register.name} counts in steps of 1 {register.unit}, got {show(us, 'us')}"
            return _refused(sheet, register.name, value)
    return ""


def refused_ma(sheet: Datasheet, registers: tuple[str, ...], ma: int | None) -> str:
    """Why the one of ``registers`` that the box has cannot keep this current; nothing where it can."""
    found = next((one.name for one in sheet.registers if one.name in registers), None)
    return "" if found is None or ma is None else _refused(sheet, found, ma)


def _refused(sheet: Datasheet, name: str, value: int) -> str:
    try:
        encode(sheet.register(name), value)
    except ValueError as error:
        return str(error)
    return ""


def _range(sheet: Datasheet, box: Box) -> Iterator[tuple[str, str]]:
    limits = dict(sheet.limits)
    least, most = limits.get("minimum_ma", 0), limits.get("maximum_ma", box.maximum_ma)
    for field, ma in (("minimum", box.minimum_ma), ("maximum", box.maximum_ma)):
        if ma < least:
            yield field, f"expected at least {show(least, 'mA')}, the least of {sheet.name}, got {show(ma, 'mA')}"
        if ma > most:
            yield field, f"expected at most {show(most, 'mA')}, the most of {sheet.name}, got {show(ma, 'mA')}"
