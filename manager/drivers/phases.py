"""How a box is told to change between one phase and three, and how it shows on how many it charges; sans-IO.

All of it stands in the ``phases`` block of its datasheet, whoever else drives the box. Only boxes are driven that show their
number of phases, and that change it while a car is plugged in: nothing may hang on a change that nobody can read back.
"""

from __future__ import annotations

from typing import Final

from chargebench.datasheets.behaviour import Phases
from chargebench.datasheets.model import Datasheet
from chargebench.manager.drivers.base import Answers, Write
from chargebench.manager.drivers.fields import Fields
from chargebench.manager.drivers.orders import raw_writes

SWITCH_US: Final = 120_000_000
"""So long nothing flows where no source tells how long it takes: what the pilot is interrupted for by careful boxes."""


class PhaseSwitch:
    """The switch of one box; ``ValueError`` where it cannot be used. ``takes_us``: how long it is not to charge after it was told."""

    def __init__(self, sheet: Datasheet) -> None:
        phases = _usable(sheet)
        names = (phases.shown, phases.released) if phases.released else (phases.shown,)
        self._sheet, self._phases = sheet, phases
        self._fields = Fields(sheet, names)
        self.writes(1)
        self.reads = self._fields.reads
        self.takes_us = phases.takes_us or SWITCH_US

    def shown(self, answers: Answers) -> int | None:
        """3 or 1; None where its owner does not allow it, or what it shows stands for neither. ``ValueError`` if it did not come."""
        if not self.released(answers):
            return None
        raw = self._fields.raw(self._phases.shown, answers)
        return {self._phases.shown_one: 1, self._phases.shown_three: 3}.get(raw) if isinstance(raw, int) else None

    def released(self, answers: Answers) -> bool:
        """Whether its owner allows it."""
        phases = self._phases
        if not phases.released:
            return True
        raw = self._fields.raw(phases.released, answers)
        return isinstance(raw, int) and bool(raw & phases.released_mask)

    def writes(self, count: int) -> tuple[Write, ...]:
        """What tells it to charge on one phase (1) or on three, in order."""
        phases = self._phases
        told = (phases.register, phases.one if count == 1 else phases.three)
        return raw_writes(self._sheet, (*phases.before, told, *phases.after))


def _usable(sheet: Datasheet) -> Phases:
    phases = sheet.control.phases if sheet.control is not None else None
    if phases is None:
        raise ValueError(f"nobody knows how {sheet.name} changes its phases")
    if phases.during == "unplugged" and not phases.released:
        raise ValueError(f"{sheet.name} changes its phases only while no car is plugged in")
    if not phases.shown:
        raise ValueError(f"{sheet.name} does not show on how many phases it charges")
    return phases


def unswitchable(sheet: Datasheet) -> str:
    """Why the phases of a device cannot be switched; nothing if they can."""
    try:
        PhaseSwitch(sheet)
    except ValueError as error:
        return str(error)
    return ""
