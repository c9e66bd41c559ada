"""A slave that neither hears nor answers, while everything behind it goes on."""

from __future__ import annotations

from chargebench.emulator.faults.kind import FaultKind, loses

_begin, _end = loses("hearing")

SILENCE = FaultKind(
    name="silence",
    on=("box", "meter", "input module"),
    doc="The slave neither hears nor answers. Box, car and meter go on; a box's watchdog hears nothing either. "
    "A box takes the S0 meters in its own case with it.",
    begin=_begin,
    end=_end,
)
