"""All clauses, in the order of their ids, and the checking of one slave against them."""

from __future__ import annotations

from chargebench.scenarios.clauses import reading, rtu, services, tcp, writing
from chargebench.scenarios.clauses.end import End
from chargebench.scenarios.clauses.model import Clause, Outcome, beyond_reach

_NO_ASCII = beyond_reach("ASCII mode is not spoken here")
_ASCII = tuple(
    Clause(id_, text, reference, _NO_ASCII, severity="must" if must else "should", over=("rtu",))
    for id_, text, reference, must in (
        ("C01", "An ASCII frame with a good LRC is answered, ending in CR LF.", "SL 2.5.2", True),
        ("C02", "An ASCII frame with a wrong LRC or a character that is no digit is not answered.", "SL 2.5.2.2", True),
        ("C03", "A colon inside an ASCII frame begins it anew.", "SL 2.5.2.1", True),
        ("C04", "An ASCII frame with a pause of more than a second inside is discarded.", "SL 2.5.2.1", False),
        ("C05", "Lower-case digits in ASCII are accepted or not answered.", "SL 2.5.2", False),
    )
)

CLAUSES: tuple[Clause, ...] = (
    *reading.CLAUSES,
    *writing.CLAUSES,
    *services.CLAUSES,
    *tcp.CLAUSES,
    *rtu.CLAUSES,
    *_ASCII,
)


def clause(id_: str) -> Clause:
    """The clause with this id; ``LookupError`` where there is none."""
    for one in CLAUSES:
        if one.id == id_:
            return one
    raise LookupError(f"there is no clause {id_}; they are A01 to A51, T01 to T23, R01 to R20 and C01 to C05")


async def check_all(end: End, clauses: tuple[Clause, ...] = CLAUSES) -> dict[str, Outcome]:
    """Check one clause after the other; outcomes by clause id."""
    return {one.id: await one.check(end) for one in clauses}
