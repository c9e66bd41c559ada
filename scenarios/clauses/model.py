"""What a clause is, what comes out when it is checked, and what must be told of a device so that it can be checked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from chargebench.datasheets.model import Table

if TYPE_CHECKING:
    from chargebench.scenarios.clauses.end import End

Transport = Literal["tcp", "rtu", "ascii", "pdu"]
Verdict = Literal["kept", "broken", "not applicable"]
Severity = Literal["must", "should"]
LINES: tuple[Transport, ...] = ("rtu", "ascii")
WIRES: tuple[Transport, ...] = ("tcp", *LINES)
ANY: tuple[Transport, ...] = (*WIRES, "pdu")


class NotApplicable(Exception):
    """The clause says nothing about this device or cannot be seen on this wire; ``args[0]`` is the reason."""


class Broken(Exception):
    """The device does not keep the clause: ``args`` are what was sent, what was expected and what came instead."""


def beyond_reach(reason: str) -> Callable[[End], Awaitable[None]]:
    """The body of a clause that is listed for completeness: bytes on this bench's wires cannot show it."""

    async def body(_end: End) -> None:
        raise NotApplicable(reason)

    return body


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one check; bytes are written in hexadecimal."""

    verdict: Verdict
    sent: str = ""
    expected: str = ""
    got: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Clause:
    """One checkable sentence of a specification. ``unverified``: its reference was written from memory.

    ``body`` returns where the clause is kept and raises ``Broken`` or ``NotApplicable`` elsewhere.
    """

    id: str
    text: str
    reference: str
    body: Callable[[End], Awaitable[None]]
    severity: Severity = "must"
    over: tuple[Transport, ...] = WIRES
    unverified: bool = True

    async def check(self, end: End) -> Outcome:
        """Check it on a slave's end: from a fresh start, and leaving the device as it was found."""
        if end.transport not in self.over:
            return Outcome("not applicable", reason=f"said of {' and '.join(self.over).upper()} only")
        await end.start_afresh()
        try:
            await self.body(end)
        except NotApplicable as none:
            return Outcome("not applicable", reason=str(none))
        except Broken as broken:
            sent, expected, got = broken.args
            return Outcome("broken", sent, expected, got)
        return Outcome("kept")


@dataclass(frozen=True, slots=True)
class Area:
    """What is known of one table of a device. Addresses are PDU addresses.

    ``first``, ``run``: a stretch that can be read as a whole; ``last``: the highest address there is, readable by itself.
    ``writable``: an address from which values can be written and read back, ``rows``: two different rows of values for it.
    ``refused``: a value that ``writable`` does not take; ``read_only``: an address that can be read and not written.
    """

    first: int = 0
    run: int = 1
    last: int = 0
    writable: int | None = None
    rows: tuple[tuple[int, ...], tuple[int, ...]] = ((0,), (1,))
    refused: int | None = None
    read_only: int | None = None


@dataclass(frozen=True, slots=True)
class Wide:
    """A value of two or more words. ``halves``: what reading a part of it gives by the device's manual.

    ``rows``: two values that may be written, as words, each all unlike the other; None where it cannot be written.
    """

    table: Table
    address: int
    words: int = 2
    halves: Literal["data", "refused", "not said"] = "not said"
    rows: tuple[tuple[int, ...], tuple[int, ...]] | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """A value that the device must show: words in the order of the wire."""

    table: Table
    address: int
    words: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """What the maker of a device says of it, and how patient a check is.

    ``functions``: the function codes it has. ``strangers``: what it does over TCP with a unit id that it does not know:
    "silence", "gateway" (exception 0x0A or 0x0B) or "answers" (it looks at no unit id). ``itself``: it answers units 0 and
    255 over TCP. ``dead_unit``: behind a gateway, a unit that does not answer. ``clients``: TCP connections at a time.
    ``busy``: a request after which the device is busy for a while. ``server_id_octets``: length of the id in function 0x11.
    ``lines``: serial settings that it offers, such as ``19200,8,e,1``.
    ``timeout_us``: silence means no answer for so long; ``stall_us``: half a message may rot for so long; ``idle_us``: how
    long a connection is left idle; ``gap_us``: pause between exchanges on a line; ``latency_us``: the slowest answer.
    """

    functions: tuple[int, ...]
    unit: int = 1
    holding: Area | None = None
    input: Area | None = None
    coil: Area | None = None
    discrete: Area | None = None
    wide: Wide | None = None
    known: tuple[Known, ...] = ()
    stranger: int = 99
    strangers: Literal["silence", "gateway", "answers"] = "silence"
    itself: bool = False
    dead_unit: int | None = None
    clients: int = 4
    busy: bytes | None = None
    server_id_octets: int = 1
    lines: tuple[str, ...] = ()
    timeout_us: int = 1_000_000
    stall_us: int = 10_000_000
    idle_us: int = 300_000_000
    gap_us: int = 20_000
    latency_us: int = 100_000

    def area(self, table: Table, function: int) -> Area:
        """The table, where the function that needs it exists; a blank one where exception 01 is due whatever is asked."""
        if function not in self.functions:
            return Area()
        area: Area | None = getattr(self, table)
        if area is None:
            raise NotApplicable(f"no {table} table is described")
        return area
