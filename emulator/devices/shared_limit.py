"""A second unit of a box, to which one master sends the limits of all boxes on the line in one write, and none answers.

The words stand one behind the other from the register of the limit on, one for each node; the first node has unit 1. A node
takes the word that is its own, if there is one.
"""

from __future__ import annotations

from collections.abc import Sequence

from chargebench.datasheets.model import Register, Table
from chargebench.emulator.box import Box
from chargebench.emulator.device import Refused
from chargebench.emulator.devices.registers import ADDRESS, SheetDevice


class SharedLimit:
    """Takes the limit of ``box`` to its own ``device``, where ``limit`` is its register."""

    def __init__(self, device: SheetDevice, limit: Register, box: Box) -> None:
        self.functions = limit.writes
        self.shares = box.spec.unit
        self._device, self._limit, self._box = device, limit, box

    def read(self, table: Table, address: int, count: int) -> Sequence[int]:  # noqa: ARG002 there is nothing to read
        raise Refused(ADDRESS)

    def write(self, table: Table, address: int, values: Sequence[int]) -> None:
        """Take what is this node's; ``Refused``, which nobody hears."""
        place = self._limit.at + self.shares - 1 - address
        if table == self._limit.table and 0 <= place < len(values):
            self._device.write(table, self._limit.at, [values[place]])

    def advance(self, now_us: int) -> int:
        return self._device.advance(now_us)
