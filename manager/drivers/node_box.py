"""A box that is a node of others: told its limit in one write for all on its line, and asking its master for leave.

The write holds a word for each node, and this driver knows of one: the others are told to stop. So there can be one such box
on a line, which is for those to see who lay it out.
"""

from __future__ import annotations

from chargebench.datasheets.behaviour import Leave
from chargebench.datasheets.codec import down_to_step, encode
from chargebench.datasheets.model import Datasheet
from chargebench.manager.drivers.base import Answers, Write
from chargebench.manager.drivers.fields import Fields
from chargebench.manager.drivers.orders import AMPS_MOST, raw_write, verified
from chargebench.manager.drivers.sheet_box import SheetBox


class ByBroadcast:
    """Its word among those of all nodes; a limit of 0 stops it."""

    def __init__(self, sheet: Datasheet) -> None:
        assert sheet.control is not None
        limit = sheet.control.limit
        if limit.zero != "stops" or not limit.shown:
            raise ValueError(f"{sheet.name}: nobody answers what it is told, and it does not show whether it has heard")
        if not 1 <= sheet.unit <= limit.nodes:
            raise ValueError(f"{sheet.name}: its unit id must be one of 1 to {limit.nodes}, got {sheet.unit}")
        self.names = (limit.shown,)
        self._register = verified(sheet, limit.registers[0])
        self._place, self._nodes = sheet.unit - 1, limit.nodes
        self._least_ma, self._most_ma = sheet.limit("minimum_ma"), sheet.limit("maximum_ma")
        self._step_ma = sheet.limit("step_ma")

    def writes(self, limit_ma: int) -> tuple[Write, ...]:
        """``ValueError`` for what is neither 0 nor at least the minimum."""
        if limit_ma and limit_ma < self._least_ma:
            raise ValueError(f"a limit is 0 or at least {self._least_ma} mA, got {limit_ma} mA")
        most_ma = min(limit_ma, self._most_ma)
        (word,) = encode(self._register, down_to_step(self._register, most_ma - most_ma % self._step_ma))
        words = tuple(word if place == self._place else 0 for place in range(self._nodes))
        return (Write(16, self._register.at, words),)

    def shown_ma(self, fields: Fields, answers: Answers) -> int:
        return fields.bounded(self.names[0], answers, 0, AMPS_MOST)


class NodeBox(SheetBox):
    """One such box."""

    def __init__(self, sheet: Datasheet) -> None:
        super().__init__(sheet, ByBroadcast(sheet))
        assert sheet.control is not None
        self.casts_to = sheet.control.limit.unit
        leave = sheet.control.leave
        self._asks = leave.register if leave is not None else ""
        self._answers = (
            {} if leave is None else {asked: _given(sheet, leave, answer) for asked, answer in leave.answers}
        )

    def grants(self, answers: Answers) -> tuple[Write, ...]:
        """The leave for which it asks."""
        raw = self._fields.raw(self._asks, answers) if self._asks else None
        return self._answers.get(raw, ()) if isinstance(raw, int) else ()


def _given(sheet: Datasheet, leave: Leave, answer: int) -> tuple[Write, ...]:
    """The writes that give leave: one, where all of it stands in a row."""
    writes = [raw_write(sheet, name, raw) for name, raw in ((leave.register, answer), *leave.also)]
    first, words = writes[0], tuple(word for one in writes for word in one.values)
    in_a_row = all(one.address == first.address + k for k, one in enumerate(writes))
    return (Write(16, first.address, words),) if in_a_row else tuple(writes)
