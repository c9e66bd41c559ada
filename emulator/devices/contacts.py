"""A module of inputs: contacts that are read as registers, coils or discrete inputs, and nothing else.

It answers the function of its table alone. Where it has no contact, an address is refused with 02. A bit without a contact is 0.
"""

from __future__ import annotations

from collections.abc import Sequence

from chargebench.datasheets.model import Table
from chargebench.emulator.device import Refused
from chargebench.emulator.devices.registers import ADDRESS, Clock
from chargebench.emulator.spec import ModuleSpec

FUNCTIONS: dict[Table, int] = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}


class ContactDevice:
    """The device of one module."""

    def __init__(self, spec: ModuleSpec, clock: Clock) -> None:
        self.functions = tuple(dict.fromkeys(FUNCTIONS[one.table] for one in spec.points))
        self._points = spec.points
        self._clock = clock

    def advance(self, now_us: int) -> int:
        """Move the whole world to ``now_us``."""
        return self._clock.advance(now_us)

    def read(self, table: Table, address: int, count: int) -> Sequence[int]:
        """``count`` words, coils or inputs from ``address``; ``Refused``."""
        return [self._word(table, at) for at in range(address, address + count)]

    def write(self, table: Table, address: int, values: Sequence[int]) -> None:
        """Nothing can be written."""
        del table, address, values
        raise Refused(ADDRESS)

    def _word(self, table: Table, at: int) -> int:
        here = [one for one in self._points if (one.table, one.register) == (table, at)]
        if not here:
            raise Refused(ADDRESS)
        return sum(one.contact.closed(self._clock.now_us) << one.bit for one in here)
