"""Answers that leave a slave later than it would give them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from chargebench.emulator.actions import Action, Exchange, Tamper


def late_answers(late_us: Mapping[int, int], before: Tamper | None) -> Tamper | None:
    """What becomes of answers by unit id, beside what becomes of them anyway; that alone where none is late."""
    if not any(late_us.values()):
        return before

    def later(exchange: Exchange, actions: Sequence[Action]) -> Sequence[Action]:
        by_us = late_us.get(exchange.unit, 0)
        done = actions if before is None else before(exchange, actions)
        return [replace(one, after_us=one.after_us + by_us) for one in done]

    return later
