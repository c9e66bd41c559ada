"""A plain device for tests: four tables of values, some addresses read-only, some values refused, an identity."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from chargebench.datasheets.model import Table
from chargebench.emulator.device import Refused

ALL_FUNCTIONS = (1, 2, 3, 4, 5, 6, 8, 15, 16, 17, 22, 23, 43)
IDENTITY = {
    0: b"chargebench",
    1: b"bank",
    2: b"1.0",
    3: b"https://bank.example",
    4: b"Bank",
    5: b"B1",
    0x80: b"x" * 120,
    0x81: b"y" * 120,
}


class Bank:
    """``first`` and ``size`` bound every table; ``most`` is the greatest value that a holding register takes."""

    def __init__(
        self,
        first: int = 100,
        size: int = 400,
        *,
        functions: Iterable[int] = ALL_FUNCTIONS,
        read_only: Iterable[int] = (),
        most: Mapping[int, int] | None = None,
        identity: Mapping[int, bytes] | None = None,
    ) -> None:
        self.first, self.size = first, size
        self.functions = tuple(functions)
        self.identity = dict(IDENTITY if identity is None else identity)
        self.read_only, self.most = tuple(read_only), dict(most or {})
        self.now_us = 0
        self.calls: list[str] = []
        self.tables: dict[Table, list[int]] = {
            "holding": [(7 * at) & 0xFFFF for at in range(size)],
            "input": [(11 * at) & 0xFFFF for at in range(size)],
            "coil": [int(at % 3 == 0) for at in range(size)],
            "discrete": [int(at % 5 == 0) for at in range(size)],
        }

    def advance(self, now_us: int) -> int:
        assert now_us >= self.now_us, "a device was taken back in time"
        self.now_us = now_us
        return now_us + 1_000_000

    def read(self, table: Table, address: int, count: int) -> Sequence[int]:
        self.calls.append("read")
        place = self._place(address, count)
        return self.tables[table][place : place + count]

    def write(self, table: Table, address: int, values: Sequence[int]) -> None:
        self.calls.append("write")
        place = self._place(address, len(values))
        for at, value in enumerate(values, address):
            if table == "holding" and at in self.read_only:
                raise Refused(2)
            if table == "holding" and value > self.most.get(at, 0xFFFF):
                raise Refused(3)
        self.tables[table][place : place + len(values)] = list(values)

    def _place(self, address: int, count: int) -> int:
        place = address - self.first
        if place < 0 or place + count > self.size:
            raise Refused(2)
        return place
