"""Control pilot: the states that a box and a car agree on, and the duty cycle by which a box says how much it offers.

States (A no car, B car present, C charging, D charging with ventilation, E no power, F fault) and who causes a move:

    A -> B  a car is plugged in                 B -> A, C -> A  the plug is pulled
    B -> C  the car closes its switch, while the pilot offers current and the contactor can close
    C -> B  the car opens its switch, or the box has opened its contactor
    B -> D  the car asks for ventilation; a box without ventilation stays in B, so no move of ours goes there
    any -> E  the box loses its power or restarts; E -> A, E -> B  it is back
    any -> F  a fault of the box (residual current); F -> A, F -> B  it is cleared

Nothing goes from A straight to C: a car is seen before it is served, even if only for the same microsecond.

Duty cycle (IEC 61851-1, annex A), counted in 1/15,000 so that every step of 0.1 A is exact in both linear ranges:
10 % to 85 %: 0.6 A a percent; above 85 % to 96 %: (percent - 64) * 2.5 A; 8 % to 10 %: 6 A; 96 % to 97 %: 80 A; above
97 %: no charging; 3 % to 7 %: digital communication; all else is not allowed. Both directions round down: never up.
"""

from __future__ import annotations

from enum import Enum
from typing import Literal

DUTY_FULL = 15_000  # 100 %: a steady pilot, no pulse
MINIMUM_MA = 6_000
MAXIMUM_MA = 80_000
_PERCENT = DUTY_FULL // 100
_LINEAR_MA = 51_000  # at 85 %, where the first range ends

Signal = Literal["current", "digital", "stop", "not allowed"]


class Pilot(Enum):
    """Control pilot state."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"
    E = "E"
    F = "F"


MOVES: dict[Pilot, tuple[Pilot, ...]] = {
    Pilot.A: (Pilot.B, Pilot.E, Pilot.F),
    Pilot.B: (Pilot.A, Pilot.C, Pilot.D, Pilot.E, Pilot.F),
    Pilot.C: (Pilot.A, Pilot.B, Pilot.E, Pilot.F),
    Pilot.D: (Pilot.A, Pilot.B, Pilot.E, Pilot.F),
    Pilot.E: (Pilot.A, Pilot.B, Pilot.F),
    Pilot.F: (Pilot.A, Pilot.B, Pilot.E),
}


def path(was: Pilot, now: Pilot) -> tuple[Pilot, ...]:
    """The states to pass through on the way, ``now`` included: at most one lies between (B); empty when nothing moves."""
    if was is now:
        return ()
    if now in MOVES[was]:
        return (now,)
    ways = MOVES[Pilot.B] if Pilot.B in MOVES[was] else ()
    assert now in ways, f"no way from {was.value} to {now.value}"
    return (Pilot.B, now)


def duty_of(current_ma: int) -> int:
    """The duty cycle (1/15,000) that offers at most ``current_ma``; ``DUTY_FULL`` (no pulse) below 6 A."""
    if current_ma < MINIMUM_MA:
        return DUTY_FULL
    current_ma = min(current_ma, MAXIMUM_MA)
    high = 64 * _PERCENT + current_ma * _PERCENT // 2_500
    return high if high > 85 * _PERCENT else min(current_ma, _LINEAR_MA) * _PERCENT // 600


def signal_of(duty: int) -> Signal:
    """What a duty cycle (1/15,000) says."""
    if duty > 97 * _PERCENT:
        return "stop"
    if duty >= 8 * _PERCENT:
        return "current"
    if 3 * _PERCENT <= duty <= 7 * _PERCENT:
        return "digital"
    return "not allowed"


def offered_ma(duty: int) -> int:
    """The current in mA that a duty cycle (1/15,000) allows, rounded down; 0 where it allows none."""
    if signal_of(duty) != "current":
        return 0
    if duty < 10 * _PERCENT:
        return MINIMUM_MA
    if duty <= 85 * _PERCENT:
        return duty * 600 // _PERCENT
    if duty <= 96 * _PERCENT:
        return (duty - 64 * _PERCENT) * 2_500 // _PERCENT
    return MAXIMUM_MA
