"""What outlives a restart of a car at a box: what is worth knowing of it, and how it is taken up again. Sans-IO.

Nobody can know whether the car that is found at a start is the one that was there before, so nothing is booked by what is
remembered of it. Phases are a guess, which makes a draw that confirms them count sooner. Energy and waiting decide only who
is next. A turn goes on where the box still lets its car charge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chargebench.manager.readings import BoxReading, Session

if TYPE_CHECKING:
    from chargebench.manager.memory import Memory

STEP_WH: Final = 1_000
STEP_US: Final = 300_000_000
"""What is kept is kept in such steps: each is a write to a disk."""


def session_of(memory: Memory, now_us: int) -> Session | None:
    """What is worth keeping of the car at a box; None where there is none."""
    if not memory.plugged:
        return None
    known = memory.phases if memory.phases != memory.box.phases else memory.guess
    waited_us = 0 if memory.running or memory.idle else now_us - memory.waits_us
    left_us = max(0, memory.hold_us - now_us) // STEP_US * STEP_US if memory.running else None
    energy_wh = max(0, memory.energy_wh()) // STEP_WH * STEP_WH
    return Session(tuple(sorted(known)), energy_wh, waited_us // STEP_US * STEP_US, left_us)


def take_up(memory: Memory, reading: BoxReading, now_us: int) -> None:
    """Go on with what was known of the car at a box, at its first reading after a start."""
    was, memory.earlier = memory.earlier, None
    if was is None or not memory.plugged:
        return
    memory.guess = tuple(phase for phase in memory.box.phases if phase in was.phases)
    memory.before_wh = was.energy_wh
    memory.waits_us = now_us - was.waited_us
    if was.left_us is not None and reading.limit_ma >= memory.box.minimum_ma:
        memory.running, memory.hold_us = True, now_us + was.left_us
