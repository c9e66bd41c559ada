"""A Heidelberg Energy Control behind its register map. The map stands in the datasheet, what all boxes do in ``box.py``.

Decisions where the documents are silent:

- Every access that reaches the registers feeds the watchdog, also a refused one; it is looked at every millisecond.
- State F, by the watchdog with a failsafe current of 0 or by the remote lock, lasts until 10 s after its cause has ended.
- It falls asleep 5 min after the last request and the last car, whichever is later. A car wakes it, and so does a request,
  which gets no answer. Asleep it shows no state F.
- A request that comes less than 100 ms after the last one is not heard.
- 261 and 262 take 0 or 6 A to 16 A, else 03; a limit above the hardware's maximum reads back clipped. 261 starts at its
  boot limit, as after every start and standby.
- 258 takes 0 and 4, 259 takes 0 and 1, else 03; 260 reads 0.
- The quirk ``firmware-1-0-7`` is the older firmware: 258 and 259 are refused with 02 when read, and all settings fall back
  to their defaults at a start or standby. Without it, all but 261 are kept.
- The state is odd where the limit in force, or the failsafe current while that acts, lets a car charge: A2, B2, C2.
- 13 shows an external lock that is open; 9 shows 25 degrees.
"""

from __future__ import annotations

from collections.abc import Callable

from chargebench.datasheets.model import Datasheet
from chargebench.emulator.box import STEP_MA, Box
from chargebench.emulator.device import Refused
from chargebench.emulator.devices.registers import ADDRESS, Cell, Clock, DrowsyDevice, Hooks, constant
from chargebench.emulator.flow import SECOND_US
from chargebench.emulator.manner import Manner
from chargebench.emulator.meter import PhaseMeter
from chargebench.emulator.pilot import MINIMUM_MA, Pilot

OLD_FIRMWARE = "firmware-1-0-7"
MANNER = Manner(
    failsafe_us=15 * SECOND_US,
    failsafe_ma=0,
    look_us=1_000,
    boots_first=True,
    fault_us=10 * SECOND_US,
    standby_us=300 * SECOND_US,
    pause_us=100_000,
    quirks=(OLD_FIRMWARE,),
    forgets=OLD_FIRMWARE,
)

LAYOUT, OLD_LAYOUT = 0x108, 0x107
STATES = {Pilot.A: 2, Pilot.B: 4, Pilot.C: 6}
FAULT = 10
STANDBY_ALLOWED, STANDBY_OFF = 0, 4
_MS = 1_000  # us
_AMPERE = 1_000  # mA


def evse(sheet: Datasheet, box: Box, meter: PhaseMeter, clock: Clock, hooks: Hooks) -> DrowsyDevice:
    """The device of one box with the meter in its case."""
    old = OLD_FIRMWARE in box.quirks
    cells = {
        "layout_version": constant(OLD_LAYOUT if old else LAYOUT),
        "charging_state": Cell(lambda: _state(box)),
        "hw_max_current": constant(box.spec.max_ma // _AMPERE * _AMPERE),
        "hw_min_current": constant(MINIMUM_MA),
        **_measured(box, meter, clock),
        **_settings(box, old=old),
    }
    return DrowsyDevice(sheet, cells, clock, hooks)


def _state(box: Box) -> int:
    """The number of the pilot's state; one more where the box permits charging."""
    if box.pilot not in STATES:
        return FAULT
    return STATES[box.pilot] + (box.granted_ma > 0)


def _measured(box: Box, meter: PhaseMeter, clock: Clock) -> dict[str, Cell]:
    def now(of: Callable[[int], tuple[int, int, int]], k: int, step: int) -> Cell:
        return Cell(lambda: of(clock.now_us)[k] // step * step)

    currents = {f"current_l{k + 1}": now(meter.current_ma, k, STEP_MA) for k in range(3)}
    voltages = {f"voltage_l{k + 1}": now(lambda at: meter.sample(at).voltage_mv, k, 1_000) for k in range(3)}
    return {
        **currents,
        **voltages,
        "power": Cell(lambda: meter.total_apparent_va(clock.now_us)),
        "energy_since_power_on": Cell(lambda: meter.total_apparent_vah(clock.now_us, sum(box.boot_charge2))),
        "energy_since_installation": Cell(lambda: meter.total_apparent_vah(clock.now_us)),
    }


def _settings(box: Box, *, old: bool) -> dict[str, Cell]:
    def set_timeout(value: int) -> None:
        box.idle.after_us = value * _MS

    def set_standby(value: int) -> None:
        box.standby.allowed = value == STANDBY_ALLOWED

    def set_lock(value: int) -> None:
        box.locked = not value

    def set_limit(value: int) -> None:
        box.enable = value > 0
        if value:
            box.limit_ma = box.clip(value)

    def set_failsafe(value: int) -> None:
        box.failsafe_ma = value

    def shown(get: Callable[[], int]) -> Callable[[], int]:
        return _refuse if old else get

    return {
        "watchdog_timeout": Cell(lambda: box.idle.after_us // _MS, set_timeout),
        "standby_control": Cell(shown(lambda: STANDBY_ALLOWED if box.standby.allowed else STANDBY_OFF), set_standby),
        "remote_lock": Cell(shown(lambda: int(not box.locked)), set_lock),
        "current_limit": Cell(lambda: box.limit_ma // STEP_MA * STEP_MA if box.enable else 0, set_limit, _signalled),
        "failsafe_current": Cell(lambda: box.failsafe_ma // STEP_MA * STEP_MA, set_failsafe, _signalled),
    }


def _signalled(current_ma: int) -> bool:
    return current_ma == 0 or current_ma >= MINIMUM_MA


def _refuse() -> int:
    raise Refused(ADDRESS)
