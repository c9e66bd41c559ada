"""What a slave serves: a device is anything that reads and writes registers and moves with the clock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from chargebench.datasheets.model import Table


class Refused(Exception):
    """The device refuses: ``args[0]`` is the Modbus exception code (1 function, 2 address, 3 value, 4 failure, 6 busy)."""

    @property
    def code(self) -> int:
        return int(self.args[0])


class Device(Protocol):
    """Registers behind one unit id. Addresses are PDU addresses; words are 0..65535 (coils 0 or 1)."""

    functions: tuple[int, ...]

    def read(self, table: Table, address: int, count: int) -> Sequence[int]:
        """``count`` words from ``address``; raises ``Refused(2)`` outside the map."""

    def write(self, table: Table, address: int, values: Sequence[int]) -> None:
        """All or nothing; raises ``Refused``."""

    def advance(self, now_us: int) -> int:
        """Move to ``now_us`` (never backwards), return when the device would next change by itself."""


@runtime_checkable
class Silent(Protocol):
    """What a device has that never answers: ``shares`` is the unit beside it whose wire it hears and whose fate it shares."""

    shares: int


@runtime_checkable
class Drowsy(Protocol):
    """What a device has that does not hear every request."""

    def hears(self, now_us: int) -> bool:
        """Whether it hears the request to it that has come now; the one that is not heard may wake it."""
