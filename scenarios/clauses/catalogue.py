"""All clauses, those of the protocol and those of a box's behaviour, and the checking of one slave against them."""

from __future__ import annotations

from chargebench.scenarios.clauses import (
    ascii_mode,
    falling,
    feeding,
    hostile,
    limits,
    patterns,
    reading,
    rtu,
    services,
    starts,
    states,
    tcp,
    writing,
)
from chargebench.scenarios.clauses.end import End
from chargebench.scenarios.clauses.model import Clause, Outcome

PROTOCOL: tuple[Clause, ...] = (
    *reading.CLAUSES,
    *writing.CLAUSES,
    *services.CLAUSES,
    *tcp.CLAUSES,
    *rtu.CLAUSES,
    *ascii_mode.CLAUSES,
)
BEHAVIOUR: tuple[Clause, ...] = (
    *limits.CLAUSES,
    *states.CLAUSES,
    *falling.CLAUSES,
    *feeding.CLAUSES,
    *hostile.CLAUSES,
    *patterns.CLAUSES,
    *starts.CLAUSES,
)
CLAUSES = (*PROTOCOL, *BEHAVIOUR)


def clause(id_: str) -> Clause:
    """The clause with this id; ``LookupError`` where there is none."""
    for one in CLAUSES:
        if one.id == id_:
            return one
    raise LookupError(
        f"there is no clause {id_}; they are A01 to A51, B01 to B43, C01 to C05, R01 to R20 and T01 to T23"
    )


async def check_all(end: End, clauses: tuple[Clause, ...] = CLAUSES) -> dict[str, Outcome]:
    """Check one clause after the other; outcomes by clause id."""
    return {one.id: await one.check(end) for one in clauses}
