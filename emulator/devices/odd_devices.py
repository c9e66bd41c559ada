"""Devices that are asked otherwise than others: one that makes words as they are read, one that dozes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from chargebench.datasheets.codec import encode
from chargebench.datasheets.model import Datasheet, Register, Table
from chargebench.emulator.devices.registers import Cell, Clock, Hooks
from chargebench.emulator.devices.strict import StrictDevice
from chargebench.emulator.flow import SECOND_US

AWAKE_US: Final = 10 * SECOND_US
"""So long a dozing device stays awake. Its clients send everything twice at all times, so no source tells how long it is."""


class WordwiseDevice(StrictDevice):
    """The first word of a number makes all of it anew, the others are as last made: one that is read alone is an old one."""

    def __init__(self, sheet: Datasheet, cells: Mapping[str, Cell], clock: Clock, hooks: Hooks) -> None:
        super().__init__(sheet, cells, clock, hooks)
        self._made: dict[str, tuple[int, ...]] = {}

    def read(self, table: Table, address: int, count: int) -> Sequence[int]:
        words = list(super().read(table, address, count))
        for one in self._hit(table, address, count):
            if one.readable and one.count > 1 and one.type != "str":
                self._word_by_word(one, words, address)
        return words

    def _word_by_word(self, one: Register, words: list[int], address: int) -> None:
        if one.at >= address:
            self._made[one.name] = encode(one, self._cells[one.name].get())
        made = self._made.get(one.name, (0,) * one.count)
        for place in range(max(one.at, address), min(one.at + one.count, address + len(words))):
            words[place - address] = made[place - one.at]


class DozingDevice(StrictDevice):
    """The request that wakes it is lost; then it stays awake for a while."""

    def __init__(self, sheet: Datasheet, cells: Mapping[str, Cell], clock: Clock, hooks: Hooks) -> None:
        super().__init__(sheet, cells, clock, hooks)
        self._heard_us = -AWAKE_US

    def hears(self, now_us: int) -> bool:
        """Whether it hears the request that has come now."""
        awake = now_us < self._heard_us + AWAKE_US
        self._heard_us = now_us
        return awake


_DEVICES: Final = {"torn-numbers": WordwiseDevice, "loses-first-request": DozingDevice}
NAMES: Final = tuple(_DEVICES)


def device_of(quirks: Sequence[str]) -> type[StrictDevice]:
    """What a device with these quirks is."""
    return next((_DEVICES[name] for name in quirks if name in _DEVICES), StrictDevice)
