"""The EVSE of a Power Brain behind its register map. The map stands in the datasheet, the behaviour in ``box.py``.

Decisions where the maker's documents are silent:

- Every read and write that reaches the registers of this unit feeds the watchdog, also a refused one. The S0 meters on
  their own units and ports do not.
- 8093 below 6 A, 0 included, or above 63 A is refused with 03; above the model it is accepted and reads back clipped.
- 8080, 8085 and 8091 take 0 or at least 6 A, since less cannot be signalled; else 03.
- 8057 to 8069 are those of the attached meter; without one, any read that touches them is refused with 02.
- 8090 is 0 while no car is plugged in; 8095 is what the pilot says now, 0 without a pulse.
- 8087 and 8088 take a 1 only with a second relay (quirk ``second-relay`` or ``phase-switching``). 8087 is refused with 03
  while charging, unless the owner has released switching while plugged in (8113 bit 8, quirk ``phase-switching``); 8088
  is refused with 03 while the charging relay is closed, and drops when it closes.
- With the quirk ``fixed-failsafe``, 8083 and 8085 are refused with 03: they stay as they are, whatever a master wants.
- With the quirk ``manages-itself`` the box has a load management of its own that is on: every 20 s it sets 8093 and 8094 to
  8081 and 1. With ``not-enabled`` its owner has not enabled charging: 8094 takes a 1 and stays 0.
- 8113 shows a closed contact at an S0 input, through which current flows, as 1.
- 8040 keeps what is written; the unit goes on under its old id.
"""

from __future__ import annotations

from chargebench.datasheets.model import Datasheet
from chargebench.emulator.box import STEP_MA, Box
from chargebench.emulator.device import Refused
from chargebench.emulator.devices.registers import ADDRESS, Cell, Clock, Hooks, SheetDevice, constant, kept
from chargebench.emulator.flow import SECOND_US
from chargebench.emulator.meter import PhaseMeter
from chargebench.emulator.pilot import MINIMUM_MA, Pilot

PILOT_CODES = {Pilot.A: 0, Pilot.B: 1, Pilot.C: 2, Pilot.D: 3, Pilot.E: 4, Pilot.F: 5}
_RELEASED, _VALID, _SECOND, _OUTSIDE = 1 << 8, 1 << 9, 1 << 10, 1 << 11
_CURRENTS = ("current_l1", "current_l2", "current_l3")


def evse(sheet: Datasheet, box: Box, serial: str, meter: PhaseMeter | None, clock: Clock, hooks: Hooks) -> SheetDevice:
    """The device of one box; ``meter`` is the Modbus meter attached to it, if any."""
    cells = {
        "serial_no": constant(serial),
        "slave_id": kept(box.spec.unit),
        **_flash(box),
        **_working(box),
        **_measured(box, clock),
        **_hardware(box, clock),
        **_attached(meter, clock),
    }
    return SheetDevice(sheet, cells, clock, hooks)


def _signalled(current_ma: int) -> bool:
    return current_ma == 0 or current_ma >= MINIMUM_MA


def _flash(box: Box) -> dict[str, Cell]:
    def set_fixed(value: int) -> None:
        box.def_fixed_ma = value

    def set_limit(value: int) -> None:
        box.def_limit_ma = value

    def set_enable(value: int) -> None:
        box.def_enable = bool(value)

    def set_after(value: int) -> None:
        box.idle.after_us = value * SECOND_US

    def set_current(value: int) -> None:
        box.failsafe_ma = value

    def set_restarts(value: int) -> None:
        box.restarts = value

    fixed = "fixed-failsafe" in box.quirks

    return {
        "def_fixed_current": Cell(lambda: box.def_fixed_ma, set_fixed, _signalled),
        "def_charging_cur_limit": Cell(lambda: box.def_limit_ma, set_limit),
        "def_charging_enable": Cell(lambda: int(box.def_enable), set_enable),
        "fail_safe_duration": Cell(lambda: box.idle.after_us // SECOND_US, set_after, lambda _value: not fixed),
        "fail_safe_current": Cell(lambda: box.failsafe_ma, set_current, lambda ma: not fixed and _signalled(ma)),
        "count_restart": Cell(lambda: box.restarts, set_restarts),
    }


def _working(box: Box) -> dict[str, Cell]:
    def set_fixed(value: int) -> None:
        box.fixed_ma = value

    def set_limit(value: int) -> None:
        box.limit_ma = box.clip(value)

    def set_enable(value: int) -> None:
        box.enable = bool(value) and box.enabled

    return {
        "fixed_current": Cell(lambda: box.fixed_ma, set_fixed, _signalled),
        "charging_cur_limit": Cell(lambda: _stepped(box.limit_ma), set_limit),
        "charging_enable": Cell(lambda: int(box.enable), set_enable),
    }


def _measured(box: Box, clock: Clock) -> dict[str, Cell]:
    return {
        "disconnect_cp": Cell(
            lambda: box.cut_left_s(clock.now_us), lambda seconds: box.interrupt(clock.now_us, seconds)
        ),
        "cable_current": Cell(lambda: _stepped(box.cable_ma)),
        "charge_pilot_state": Cell(lambda: PILOT_CODES[box.pilot]),
        "charging_current": Cell(lambda: _stepped(box.pulse.offered_ma)),
    }


def _hardware(box: Box, clock: Clock) -> dict[str, Cell]:
    second = not {"second-relay", "phase-switching"}.isdisjoint(box.quirks)
    released = "phase-switching" in box.quirks

    def set_relay2(value: int) -> None:
        box.relay2 = value

    first, other = box.spec.contacts

    def inputs() -> int:
        closed = first.closed(clock.now_us) | other.closed(clock.now_us) << 1
        return closed | released * _RELEASED | second * (_VALID | _SECOND) | box.relay2 * _OUTSIDE

    def accepts_select(value: int) -> bool:
        return (second or not value) and (released or box.pilot is not Pilot.C or value == box.relay_select)

    return {
        "relay_select": Cell(
            lambda: box.relay_select, lambda value: box.select_relay(clock.now_us, value), accepts_select
        ),
        "relay2": Cell(
            lambda: box.relay2, set_relay2, lambda value: not value or (second and not box.contactor.closed)
        ),
        "s0_inputs": Cell(inputs),
    }


def _attached(meter: PhaseMeter | None, clock: Clock) -> dict[str, Cell]:
    if meter is None:
        cells = {name: Cell(_refuse) for name in ("meter_flags", "energy", "power", *_CURRENTS)}
        return {**cells, "has_meter": constant(0)}

    def current(k: int) -> Cell:
        return Cell(lambda: _stepped(meter.current_ma(clock.now_us)[k]))

    return {
        "has_meter": constant(1),
        "meter_flags": constant(1),
        "energy": Cell(lambda: meter.total_energy_wh(clock.now_us)),
        "power": Cell(lambda: meter.total_power_w(clock.now_us)),
        **{name: current(k) for k, name in enumerate(_CURRENTS)},
    }


def _refuse() -> int:
    raise Refused(ADDRESS)


def _stepped(current_ma: int) -> int:
    """Down to the 0.1 A of the registers."""
    return current_ma // STEP_MA * STEP_MA
