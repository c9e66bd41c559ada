"""A slave that hears and acts, and whose answers are lost.

So it is on a line where the slave's driver or its pair is dead, and behind a gateway or proxy that gets no answer through:
connections stay up and new ones come about. Where the network itself lets nothing back, TCP soon lets nothing there either;
that is ``access point lost`` with ``way: answers``.
"""

from __future__ import annotations

from chargebench.emulator.faults.kind import FaultKind, loses

_begin, _end = loses("answers")

ONE_WAY_LOSS = FaultKind(
    name="one-way loss",
    on=("box", "meter"),
    doc="Requests arrive and are carried out, and each feeds the box's watchdog; the answers are lost. Connections stay up. "
    "A box takes the S0 meters in its own case with it.",
    begin=_begin,
    end=_end,
)
