"""What can be seen of one line: how often who was asked by whom, how that ended, and how long it took. Sans-IO.

Clients are numbers here, and forgotten once they have gone; of units there are 256 at the most, so nothing grows.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final, Literal

RECENT: Final = 100
"""Of so many requests it is remembered how long they took."""

Ending = Literal["answered", "silent", "garbled", "refused"]
"""An answer; nothing; bytes that are no answer; an exception of the proxy's own, without asking the unit."""


@dataclass(slots=True)
class Side:
    """One unit, one client, or a whole line. ``took_us``: from a client's request to its answer, of the last ``RECENT``.

    ``silent`` and ``garbled`` count tries, the others requests.
    """

    asked: int = 0
    answered: int = 0
    silent: int = 0
    garbled: int = 0
    refused: int = 0
    took_us: deque[int] = field(default_factory=lambda: deque(maxlen=RECENT))

    def note(self, how: Ending) -> None:
        if how == "answered":
            self.answered += 1
        elif how == "silent":
            self.silent += 1
        elif how == "garbled":
            self.garbled += 1
        else:
            self.refused += 1

    def percentiles_us(self, *percents: int) -> tuple[int | None, ...]:
        """So many of a hundred took no longer than that; None before the first."""
        if not self.took_us:
            return (None,) * len(percents)
        took = sorted(self.took_us)
        return tuple(took[(len(took) * percent + 99) // 100 - 1] for percent in percents)


class Watch:
    """Counts for a whole line, for each of its units and for each client that is there."""

    def __init__(self) -> None:
        self.line = Side()
        self.units: dict[int, Side] = {}
        self.clients: dict[int, Side] = {}

    def asked(self, client: int, unit: int) -> None:
        """A client has asked."""
        for side in self._of(client, unit):
            side.asked += 1

    def tried(self, client: int, unit: int, how: Ending) -> None:
        """A try without an answer, or a request that is refused; ``client`` 0: it has gone."""
        for side in self._of(client, unit):
            side.note(how)

    def answered(self, client: int, unit: int, took_us: int) -> None:
        """A unit has answered, so long after its client had asked."""
        for side in self._of(client, unit):
            side.answered += 1
            side.took_us.append(took_us)

    def gone(self, client: int) -> None:
        """A client has gone."""
        self.clients.pop(client, None)

    def _of(self, client: int, unit: int) -> tuple[Side, ...]:
        of_unit = self.units.get(unit)
        if of_unit is None:
            of_unit = self.units[unit] = Side()
        if not client:
            return self.line, of_unit
        of_client = self.clients.get(client)
        if of_client is None:
            of_client = self.clients[client] = Side()
        return self.line, of_unit, of_client
