"""What a slave's end wants done on its wire, as plain values, and the seam where a fault may want something else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Send:
    """Put ``data`` on the wire, ``after_us`` from now."""

    data: bytes
    after_us: int = 0


@dataclass(frozen=True, slots=True)
class Close:
    """End the connection in good order, ``after_us`` from now."""

    after_us: int = 0


@dataclass(frozen=True, slots=True)
class Reset:
    """Drop the connection with a reset, ``after_us`` from now."""

    after_us: int = 0


Action = Send | Close | Reset


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request that a slave has answered. On a serial line ``transaction`` is None; ``number`` counts those of a connection."""

    at_us: int
    unit: int
    transaction: int | None
    request: bytes
    answer: bytes
    number: int = 0


Tamper = Callable[[Exchange, Sequence[Action]], Sequence[Action]]
"""Replaces the actions of one answered request: other bytes, other delays, none, several, a close. At most 8."""

TAMPERED_MAX = 8


def settle(tamper: Tamper | None, exchange: Exchange, sends: Sequence[Action]) -> list[Action]:
    """The actions of one answered request after whoever tampers with it has had their way."""
    if tamper is None:
        return list(sends)
    actions = list(tamper(exchange, sends))
    assert len(actions) <= TAMPERED_MAX, "an answer became more than 8 actions"
    return actions
