"""Amounts per phase, and the only roundings of the manager: down for what is allowed, up for what is counted as drawn."""

from __future__ import annotations

from collections.abc import Sequence

Amps3 = tuple[int, int, int]
"""A current on each of three phases in mA: the house's L1..L3 or a box's terminals t1..t3, as the name beside it says."""

NOTHING: Amps3 = (0, 0, 0)


def add(one: Amps3, other: Amps3) -> Amps3:
    """The sum on each phase."""
    return one[0] + other[0], one[1] + other[1], one[2] + other[2]


def minus(one: Amps3, other: Amps3) -> Amps3:
    """The difference on each phase."""
    return one[0] - other[0], one[1] - other[1], one[2] - other[2]


def down_to_step(ma: int, step_ma: int) -> int:
    """The highest multiple of ``step_ma`` that is not above ``ma``: what a box is allowed is never rounded up."""
    return ma - ma % step_ma


def up_to_step(ma: int, step_ma: int) -> int:
    """The lowest multiple of ``step_ma`` that is not below ``ma``: minimums and what is counted as drawn."""
    return -(-ma // step_ma) * step_ma


def per_phase_ma(power_w: int, voltage_mv: int) -> int:
    """A three-phase power as a current on each phase, floor(P / (3 U)): 14.5 kW at 230 V are 21,014 mA."""
    return power_w * 1_000_000 // (3 * voltage_mv)


def worst_phase_ma(power_w: int, voltage_mv: int, cap_ma: int) -> int:
    """The most that a total power can mean on a single phase, P / U rounded up, at most ``cap_ma`` and at least 0.

    A meter that knows only the sum may hide 16 A on one phase behind what looks like 5.3 A on each of three.
    """
    return min(max(0, -(-power_w * 1_000_000 // voltage_mv)), cap_ma)


def on_phases(amounts: Sequence[int], phases: Sequence[int]) -> Amps3:
    """Each amount on the house phase (0..2) that ``phases`` names at its place; 0 where none is."""
    out = [0, 0, 0]
    for amount, phase in zip(amounts, phases, strict=False):
        out[phase] = amount
    return out[0], out[1], out[2]
