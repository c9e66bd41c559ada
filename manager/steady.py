"""What a house is counted with while it moves: where it rises at once, where it falls only after a while. Sans-IO.

A hob switches every 20 s. Whoever gives each of its pauses to the cars has to take it back 20 s later, and until they have
followed the limit is exceeded: cuts must be quick, so raises must be slow. A raise that waits for longer than a cut takes to
become current cannot make the loop swing; one step after a wait is one command, where a small step each cycle would be
twenty.

Only the house is waited for. What a car leaves when it goes is known from its box, and given on as soon as it is physical.
"""

from __future__ import annotations

from typing import Final

from chargebench.manager.units import NOTHING, Amps3

STEADY_US: Final = 60_000_000
"""So long a house must have been down before that is given away: a hob or an oven that switches comes back sooner."""


SMALL_MA: Final = 1_000
"""A fall by less counts at once: raises that small wait anyway."""


class Steady:
    """The house behind one meter. To be asked at decisions only; ``due`` gets the instants at which it may fall."""

    def __init__(self) -> None:
        self._counted: Amps3 | None = None
        self._down_us: list[int | None] = [None] * 3
        self._peak = list(NOTHING)

    def forget(self) -> None:
        """Nobody measures it any more."""
        self._counted = None

    def count(self, now: Amps3, now_us: int, due: list[int]) -> Amps3:
        """What it counts with, given what it takes now."""
        if self._counted is None:
            self._counted, self._down_us = now, [None] * 3
            return now
        first, second, third = (self._phase(k, was, now[k], now_us, due) for k, was in enumerate(self._counted))
        self._counted = first, second, third
        return self._counted

    def _phase(self, k: int, counted: int, now: int, now_us: int, due: list[int]) -> int:
        down_us = self._down_us[k]
        if down_us is not None and now_us >= down_us + STEADY_US:
            counted, down_us = self._peak[k], None
        if now > counted - SMALL_MA:
            self._down_us[k] = None
            return now
        if down_us is None:
            down_us, self._peak[k] = now_us, now
        self._down_us[k], self._peak[k] = down_us, max(self._peak[k], now)
        due.append(down_us + STEADY_US)
        return counted
