"""What became of a request on a wire: an answer, or one of five kinds of none. Values; the links never raise them.

An exception response is an answer of its own kind: the device heard the request and refused it.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple, Protocol

from chargebench.manager.drivers.base import Read, Write

Request = Read | Write


class Answer(NamedTuple):
    """The right answer, arrived at ``at_us`` (loop time); ``words`` are empty for a write."""

    at_us: int
    words: tuple[int, ...] = ()

    def __str__(self) -> str:
        return "answered"


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Nothing came within the deadline, or a gateway said with exception ``code`` that nothing came behind it."""

    code: int = 0

    def __str__(self) -> str:
        return f"no answer, says the gateway before it with exception {self.code}" if self.code else "no answer"


@dataclass(frozen=True, slots=True)
class BadAnswer:
    """Something came that is not the answer: ``why`` says which rule it breaks. The peer or the wire is to blame."""

    why: str

    def __str__(self) -> str:
        return f"bad answer: {self.why}"


@dataclass(frozen=True, slots=True)
class LinkDown:
    """There is no way to the unit: port or connection cannot be opened, was lost, or is given up for this round."""

    why: str

    def __str__(self) -> str:
        return f"link down: {self.why}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """An exception response with its code, by the unit itself."""

    code: int

    def __str__(self) -> str:
        return f"refused with exception {self.code}"


@dataclass(frozen=True, slots=True)
class NotAsked:
    """The unit was silent and is left alone until ``until_us`` (loop time)."""

    until_us: int

    def __str__(self) -> str:
        return "not asked, it was silent"


LinkError = NoAnswer | BadAnswer | LinkDown | Refusal | NotAsked
Outcome = Answer | LinkError


class Rank(IntEnum):
    """What goes first on a link. ``PROBE`` is for units that were silent: nobody who answers waits for them."""

    CUT = 0
    RAISE = 1
    READ = 2
    PROBE = 3


class Asker(Protocol):
    """A link, as those see it who ask: one address or one serial line, with the units behind it."""

    @property
    def epoch(self) -> int:
        """Counts the connections made: whoever was greeted in an earlier one is to be greeted again."""

    def ask(self, unit: int, request: Request, rank: Rank) -> Awaitable[Outcome]:
        """Queue a request now; the outcome comes later, always."""

    def cast(self, unit: int, to: int, write: Write, rank: Rank) -> Awaitable[Outcome]:
        """Queue a write to unit ``to``, which nobody answers, for ``unit``: it is an answer that it was sent."""

    async def read(self, unit: int, request: Read) -> Outcome:
        """As ``ask`` with the rank of a read, begun when it is awaited."""

    async def knock(self) -> bool:
        """Try to connect and ask nothing: whether that works now and did not before, since something last answered."""

    def heard_us(self, unit: int) -> int | None:
        """The last instant (loop time) at which a request may have reached the unit; None: never."""
