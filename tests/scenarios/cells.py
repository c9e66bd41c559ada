"""A device of plain cells for tests of links, and ways to break what it answers."""

from __future__ import annotations

from collections.abc import Sequence

from chargebench.datasheets.model import Table
from chargebench.emulator.actions import Send
from chargebench.emulator.device import Refused


class Cells:
    """A device of plain cells that tells when it was asked for what; register 666 is refused."""

    def __init__(self) -> None:
        self.functions: tuple[int, ...] = (1, 2, 3, 4, 6, 16)
        self.words = {8093: 100}
        self.heard: list[tuple[int, str, int, object]] = []
        self.now_us = 0

    def advance(self, now_us: int) -> int:
        self.now_us = now_us
        return now_us

    def read(self, table: Table, address: int, count: int) -> list[int]:
        self.heard.append((self.now_us, table, address, count))
        if address == 666:
            raise Refused(2)
        bits = table in {"coil", "discrete"}
        return [
            (self.words.get(address + k, k) + self.now_us // 1_000_000) & (1 if bits else 0xFFFF) for k in range(count)
        ]

    def write(self, table: Table, address: int, values: Sequence[int]) -> None:
        self.heard.append((self.now_us, table, address, tuple(values)))
        self.words |= {address + k: value for k, value in enumerate(values)}


def later(_exchange, sends):
    return [Send(one.data, one.after_us + 1_200_000) for one in sends]


def twice(_exchange, sends):
    return [*sends, *sends]


def bent(_exchange, sends):
    return [Send(one.data[:-1] + bytes((one.data[-1] ^ 0x55,)), one.after_us) for one in sends]


TAMPERS = {"answers late": later, "answers twice": twice, "answers bent": bent, "answers well": None}
