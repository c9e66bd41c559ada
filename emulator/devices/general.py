"""Any box behind its register map, by what its datasheet says of its states, its control, its watchdog and its meter.

What no block of the sheet names holds its default, or nothing. A state that the sheet does not know shows as the one of a
car that does not charge, or of no car.
"""

from __future__ import annotations

from dataclasses import replace

from chargebench.datasheets.behaviour import Letter, States
from chargebench.datasheets.codec import is_float
from chargebench.datasheets.model import Datasheet, Register
from chargebench.emulator.box import Box
from chargebench.emulator.devices.abl import own_cells
from chargebench.emulator.devices.measured import measured
from chargebench.emulator.devices.odd_cells import Odd, failing, odd_cells
from chargebench.emulator.devices.odd_devices import device_of
from chargebench.emulator.devices.orders import Orders
from chargebench.emulator.devices.quirks import at_work, named, usual
from chargebench.emulator.devices.registers import Cell, Clock, Hooks, constant
from chargebench.emulator.devices.shared_limit import SharedLimit
from chargebench.emulator.devices.shown import house, rest, seen, with_exponents
from chargebench.emulator.devices.strict import StrictDevice
from chargebench.emulator.devices.watchdog import Guard
from chargebench.emulator.flow import SECOND_US
from chargebench.emulator.manner import Manner
from chargebench.emulator.meter import PhaseMeter
from chargebench.emulator.pilot import MINIMUM_MA

FAULT_US = 10 * SECOND_US
LOOK_US = 1_000
_PULSE_STEP_MA, _DUTY_STEP_MA = 100, 60
_CAPS = (
    "max_charging_current",
    "max_supported_current",
    "max_hw_current",
    "max_evse_current",
    "max_cable_current",
    "hw_max_current",
)
_LEASTS = ("min_hw_current", "hw_min_current")


def refusal(sheet: Datasheet) -> str:
    """Why no box can be made of a sheet; "" where one can."""
    if sheet.kind != "evse":
        return f"{sheet.name} is no box"
    if sheet.states is None or sheet.control is None:
        return f"the datasheet of {sheet.name} tells neither its states nor how it is told a limit"
    return ""


def manner_of(sheet: Datasheet) -> Manner:
    """The ways of a box of this sheet."""
    dog = sheet.watchdog
    fault = dog is not None and (dog.then == "fault" or dog.zero == "fault")
    failsafe_ma = None if dog is None else dog.failsafe.value
    limits = dict(sheet.limits)
    return Manner(
        failsafe_us=0 if dog is None else dog.timeout.value or 0,
        failsafe_ma=limits.get("maximum_ma", 0) if failsafe_ma is None else failsafe_ma,
        look_us=LOOK_US,
        boots_first=True,
        fault_us=FAULT_US if fault else 0,
        quirks=named(sheet),
        usual=usual(sheet),
        step_ma=_pulse_step_ma(limits.get("step_ma", 0)),
        switch_us=_switch_us(sheet),
        latency_us=sheet.timing.latency_us,
        boot_us=sheet.timing.boot_us,
    )


def _switch_us(sheet: Datasheet) -> int | None:
    """How long a box does not charge that changes phases under a car; None where no source says that it does."""
    phases = sheet.control.phases if sheet.control is not None else None
    if phases is None or not (phases.takes_us or phases.during in {"any", "paused"}):
        return None
    return phases.takes_us


def _pulse_step_ma(step_ma: int) -> int:
    """In which steps the pulse follows a limit: 0.06 A where that is a duty cycle, else whole ones of 0.1 A."""
    return step_ma if step_ma == _DUTY_STEP_MA else max(_PULSE_STEP_MA, step_ma // _PULSE_STEP_MA * _PULSE_STEP_MA)


def evse(sheet: Datasheet, box: Box, serial: str, meter: PhaseMeter | None, clock: Clock, hooks: Hooks) -> StrictDevice:
    """The device of one box; ``meter`` is the one in its case."""
    sheet = _any_float(with_exponents(at_work(sheet, box.quirks)))
    assert sheet.states is not None, f"{sheet.name} tells no states"
    assert sheet.control is not None, f"{sheet.name} tells no control"
    guard, orders = Guard(sheet, box, clock, hooks), Orders(sheet, sheet.control, box, clock)

    def start() -> None:
        guard.recall()
        orders.start()

    box.before_boot = start
    box.restore()
    cells = {one.name: _other(one, box, serial) for one in sheet.registers}
    if meter is not None:
        cells |= measured(sheet, meter, clock)
    cells |= _states(sheet, sheet.states, box) | guard.cells() | orders.cells()
    cells |= own_cells(sheet, box, orders, cells)
    cells |= odd_cells(Odd(sheet, box, cells, clock, meter))
    device = device_of(box.quirks)(sheet, cells, clock, guard.hooks)
    device.after_read = guard.after_read
    if unit := sheet.control.limit.unit:
        device.also[unit] = SharedLimit(device, sheet.register(sheet.control.limit.registers[0]), box)
    device.fails = failing(box.quirks)
    return device


def _any_float(sheet: Datasheet) -> Datasheet:
    """The sheet with limits in floats that take what lies between two steps; the box then offers the lower one."""
    registers = tuple(replace(one, step=None) if is_float(one) else one for one in sheet.registers)
    return replace(sheet, registers=registers)


def _other(register: Register, box: Box, serial: str) -> Cell:
    """A register that no block names."""
    if register.name in {"serial_number", "serial_no"} and register.type == "str" and register.text != "hex":
        return constant(serial)
    if register.unit == "mA" and not register.writes and register.name in _CAPS + _LEASTS:
        return seen(register, lambda: box.spec.max_ma if register.name in _CAPS else MINIMUM_MA)
    return rest(register)


def _states(sheet: Datasheet, states: States, box: Box) -> dict[str, Cell]:
    """The registers that tell the state."""
    return {name: _state(sheet.register(name), states, box) for name in states.registers}


def _state(register: Register, states: States, box: Box) -> Cell:
    known_letters = [letter for letter, _ in states.cases]
    shift = states.mask & -states.mask if register.name == states.register and states.mask else 1

    def get() -> int | str:
        letter: Letter = box.pilot.value
        if letter not in known_letters:
            letter = "A" if box.car is None else "B"
        code = states.shows(letter, paused=not box.granted_ma).get(register.name)
        if code is None:
            return register.default if register.default is not None else "" if register.type == "str" else 0
        return code if isinstance(code, str) else house(register, code * shift)

    return Cell(get)
