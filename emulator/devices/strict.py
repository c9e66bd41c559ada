"""A device that keeps to what its datasheet says of reading: gaps, single values, blocks, tables that are one.

Where nobody knows what a read across unused addresses gets, it is refused with 02, as by the strictest. A write that comes
sooner after another than its maker wants is taken, as the field shows, and counted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from chargebench.datasheets.model import Datasheet, Register, Table
from chargebench.emulator.device import Refused
from chargebench.emulator.devices.registers import ADDRESS, Cell, Clock, Hooks, SheetDevice

_WORDS: tuple[Table, ...] = ("holding", "input")


class _Pace:
    """Writes that are to be some time apart; None: any time will do."""

    def __init__(self, apart_us: int | None) -> None:
        self._apart_us = apart_us or 0
        self._last_us = -self._apart_us

    def early(self, at_us: int) -> bool:
        """Whether a write that comes now comes too early."""
        before_us, self._last_us = self._last_us, at_us
        return at_us < before_us + self._apart_us


class StrictDevice(SheetDevice):
    """``after_read`` (address, count) is called for each read that was answered. ``fails`` tells of a read that comes at an
    instant by which exception it is refused whatever it asks for, 0 for none.
    """

    def __init__(self, sheet: Datasheet, cells: Mapping[str, Cell], clock: Clock, hooks: Hooks) -> None:
        super().__init__(sheet, cells, clock, hooks)
        self.after_read: Callable[[int, int], None] | None = None
        self.fails: Callable[[int], int] | None = None
        self._any, self._limit = _Pace(sheet.timing.apart_us), _Pace(sheet.timing.limit_apart_us)
        self._limits = [sheet.register(name) for name in sheet.control.limit.registers] if sheet.control else []
        self._reading = sheet.reading
        if sheet.reading.shared:
            both = [*self._tables.get("holding", []), *self._tables.get("input", [])]
            both.sort(key=lambda one: one.at)
            for table in _WORDS:
                self._tables[table], self._starts[table] = both, [one.at for one in both]

    def read(self, table: Table, address: int, count: int) -> Sequence[int]:
        """``count`` words from ``address``; ``Refused``."""
        if self.fails is not None and (code := self.fails(self._clock.now_us)):
            self._hooks.heard(self._clock.now_us)
            raise Refused(code)
        words = super().read(table, address, count)
        if self.after_read is not None:
            self.after_read(address, count)
        return words

    def write(self, table: Table, address: int, values: Sequence[int]) -> None:
        """All of ``values`` from ``address`` on; ``Refused``."""
        super().write(table, address, values)
        now_us = self._clock.now_us
        early = self._any.early(now_us)
        if any(table == one.table and address <= one.at < address + len(values) for one in self._limits):
            early = self._limit.early(now_us) or early
        self.early_writes += early

    def _hit(self, table: Table, address: int, count: int) -> list[Register]:
        """The registers that a read touches; ``Refused`` where it may not be."""
        registers, end = self._tables.get(table, []), address + count
        hit = [one for one in registers if one.at < end and address < one.at + one.count]
        whole = self._reading.gaps in {"zero", "filled"}
        if not registers or not 0 < count <= self._sheet.max_read or end > 0x10000:
            raise Refused(ADDRESS)
        covered = sum(min(end, one.at + one.count) - max(address, one.at) for one in hit)
        if covered < count and not whole:
            raise Refused(ADDRESS)
        if table in _WORDS and not self._whole(hit, address, count):
            raise Refused(ADDRESS)
        return hit

    def _whole(self, hit: list[Register], address: int, count: int) -> bool:
        """Whether a read covers what must be read by itself, and as a whole."""
        blocks = self._reading.blocks
        if (address, count) in blocks:
            return True
        if any(address < at + words and at < address + count for at, words in blocks):
            return False
        return not self._reading.single or [(one.at, one.count) for one in hit] == [(address, count)]
