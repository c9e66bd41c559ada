"""What a run of the world comes to, in the units people read: A, s and Wh. Counted in integers, divided once, here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict

from chargebench.emulator.box import Box
from chargebench.emulator.connection import NAMES, PHASES, Connection, Verdict
from chargebench.emulator.flow import NA_PER_MA, SECOND_US


class LimitFigures(TypedDict):
    """``exceeded_a``: greatest excess of any phase; ``exceeded_s``: time with any phase above; ``longest_s``: at a stretch."""

    exceeded_a: float
    exceeded_s: float
    longest_s: float
    first_s: float | None


class FuseFigures(TypedDict):
    """One phase. ``verdict`` None: no fuse is known.

    ``margin_s``: towards the next worse verdict, the time that was left at the worst moment had that current stayed (None:
    it would never have come); ``margin_a``: the current from which on that verdict can come, less the peak.
    """

    verdict: Verdict | None
    peak_a: float
    margin_s: float | None
    margin_a: float | None
    may_s: float | None
    must_s: float | None


class CarFigures(TypedDict):
    """One car: what it got, and what it wanted."""

    energy_wh: int
    wanted_wh: int


class Figures(TypedDict):
    """All of them; ``fuse`` by phase (L1..L3), ``cars`` by car, the contactors by box, the writes by device: those to
    registers in a flash memory, and those sooner after another than the device wants.
    """

    limit: LimitFigures
    fuse: dict[str, FuseFigures]
    cars: dict[str, CarFigures]
    contactor_starts: dict[str, int]
    loaded_openings: dict[str, int]
    flash_writes: dict[str, int]
    early_writes: dict[str, int]


def limit_figures(connection: Connection) -> LimitFigures:
    limit = connection.limit
    return {
        "exceeded_a": _amps(limit.peak_na),
        "exceeded_s": limit.total_us / SECOND_US,
        "longest_s": limit.longest_us / SECOND_US,
        "first_s": _seconds(limit.first_us),
    }


def fuse_figures(connection: Connection) -> dict[str, FuseFigures]:
    return {NAMES[phase]: _phase(connection, phase) for phase in PHASES}


def _phase(connection: Connection, phase: int) -> FuseFigures:
    peak_na = connection.peak_na[phase]
    if connection.curve is None:
        return {
            "verdict": None,
            "peak_a": _amps(peak_na),
            "margin_s": None,
            "margin_a": None,
            "may_s": None,
            "must_s": None,
        }
    wear, verdict = connection.wear[phase], connection.verdict(phase)
    bound_ma = connection.curve.never_ma if verdict == "cannot" else connection.curve.surely_ma
    damage = wear.lower if verdict == "cannot" else wear.upper
    return {
        "verdict": verdict,
        "peak_a": _amps(peak_na),
        "margin_s": _seconds(damage.least_left_us),
        "margin_a": (bound_ma - -(-peak_na // NA_PER_MA)) / 1000,
        "may_s": _seconds(wear.may_us),
        "must_s": _seconds(wear.must_us),
    }


def contactor_starts(boxes: Iterable[Box]) -> dict[str, int]:
    return {box.spec.name: box.contactor.starts for box in boxes}


def loaded_openings(boxes: Iterable[Box]) -> dict[str, int]:
    return {box.spec.name: box.contactor.loaded_openings for box in boxes}


def _amps(na: int) -> float:
    """Rounded up to whole mA: what flowed is never shown as less."""
    return -(-na // NA_PER_MA) / 1000


def _seconds(us: int | None) -> float | None:
    return None if us is None else us / SECOND_US
