"""When writes may go to a box whose maker wants time between them. Sans-IO.

Three times, each of them 0 for most boxes: between any two writes, between two of the limit, and for which a limit is to stand
before it may rise again. A cut never waits for the last. What may not go yet is the rest of an order: it goes later, in its
order, unless another order takes its place.
"""

from __future__ import annotations

from collections.abc import Sequence

from chargebench.datasheets.model import Datasheet
from chargebench.manager.drivers.base import Write

Writes = tuple[Write, ...]


class Pacing:
    """One box. ``limits``: the addresses of the registers of its limit. All times are the loop's."""

    def __init__(
        self, apart_us: int = 0, limit_apart_us: int = 0, settle_us: int = 0, limits: frozenset[int] = frozenset()
    ) -> None:
        self._apart_us, self._limit_apart_us, self._settle_us = apart_us, limit_apart_us, settle_us
        self._limits = limits
        self._whole: Writes = ()
        self._rest: Writes = ()
        self._gone: Writes = ()
        self._free_us = self._limit_free_us = 0
        self._told_ma: int | None = None
        self._told_us = 0
        self._feeds_until_us = 0

    @classmethod
    def of(cls, sheet: Datasheet) -> Pacing:
        """As its datasheet says."""
        timing, control = sheet.timing, sheet.control
        names = control.limit.registers if control is not None else ()
        limits = frozenset(sheet.register(name).at for name in names)
        return cls(timing.apart_us or 0, timing.limit_apart_us or 0, timing.settle_us or 0, limits)

    @property
    def waits(self) -> bool:
        """Whether the rest of an order has still to go."""
        return bool(self._rest)

    def due(self, writes: Writes, limit_ma: int, now_us: int) -> Writes:
        """Those of an order for ``limit_ma`` that may go now, the first that has not gone first."""
        if writes != self._whole or not self._rest:
            self._whole = self._rest = writes
        rises = self._told_ma is not None and limit_ma > self._told_ma
        if rises and now_us < max(self._feeds_until_us, self._told_us + self._settle_us):
            self._gone = ()
            return ()
        taken = 0
        while taken < len(self._rest) and self._may(self._rest[taken], now_us):
            self._count(self._rest[taken], now_us)
            taken += 1
        self._gone, self._rest = self._rest[:taken], self._rest[taken:]
        if self._gone and limit_ma != self._told_ma and not self._rest:
            self._told_ma, self._told_us = limit_ma, now_us
        return self._gone

    def went(self, now_us: int) -> None:
        """What was due has been answered, or given up: only now can its time begin."""
        for one in self._gone:
            self._count(one, now_us)

    def bounds(self, limit_ma: int) -> bool:
        """Whether what has gone keeps the box at ``limit_ma`` or below, whatever the rest of the order is."""
        if not limit_ma:
            return self._rest != self._whole
        return not any(one.address in self._limits for one in self._rest)

    def may_feed(self, writes: Writes, now_us: int) -> bool:
        """Whether its watchdog may be fed now; if not, no raise takes the next place from that."""
        may = all(self._may(one, now_us) for one in writes)
        if may:
            self._gone = writes
        self._feeds_until_us = 0 if may else now_us + 2 * max(self._apart_us, self._limit_apart_us)
        return may

    def forget(self) -> None:
        """It is silent, or no longer ours: the next order goes as a whole."""
        self._whole = self._rest = ()

    def _may(self, one: Write, now_us: int) -> bool:
        return now_us >= self._free_us and (one.address not in self._limits or now_us >= self._limit_free_us)

    def _count(self, one: Write, now_us: int) -> None:
        self._free_us = max(self._free_us, now_us + self._apart_us) if self._apart_us else 0
        if one.address in self._limits and self._limit_apart_us:
            self._limit_free_us = max(self._limit_free_us, now_us + self._limit_apart_us)


def apart_most_us(sheets: Sequence[Datasheet]) -> int:
    """For how long a cut may have to wait behind another write, at one of these boxes."""
    return max((max(one.timing.apart_us or 0, one.timing.limit_apart_us or 0) for one in sheets), default=0)
