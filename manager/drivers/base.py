"""The driver Protocol: what to read, what the answers mean, what to write for a limit. Sans-IO, one small file a family."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol, runtime_checkable

from chargebench.datasheets.model import Table
from chargebench.manager.readings import BoxReading, MeterReading
from chargebench.manager.site import Failsafe


class Read(NamedTuple):
    """One read request: table, PDU address, number of registers."""

    table: Table
    address: int
    count: int  # type: ignore[assignment]  # a tuple's own method gives way


ON: Final = 0xFF00
"""What function 5 writes to switch a coil on; 0 switches it off."""


class Write(NamedTuple):
    """One write request (function 6 for one value, 16 for several, 5 for a coil: ``ON`` or 0)."""

    function: int
    address: int
    values: tuple[int, ...]


class Feed(NamedTuple):
    """What keeps a box's watchdog quiet, at least every ``every_us``. Without ``writes`` it is the limit itself, written anew."""

    every_us: int
    writes: tuple[Write, ...] = ()


Answers = Mapping[Read, tuple[int, ...]]


class BoxDriver(Protocol):
    """One EVSE. ``greeted`` are the answers to ``greet``: a read that the box refused is missing in them.

    They are asked for anew after every connect and whenever the box was lost, since it may be another box by then.
    """

    @property
    def step_ma(self) -> int:
        """The step in which the box takes limits."""

    @property
    def shows_limit(self) -> bool:
        """Whether the limit can be read back. Where not, the limit of a reading is its greatest, and means nothing."""

    @property
    def latency_us(self) -> int:
        """How long the box may go on following an old limit after it has taken a new one."""

    def greet(self) -> tuple[Read, ...]:
        """What to read once after each connect."""

    def prepares(self, greeted: Answers, failsafe: Failsafe | None) -> tuple[Write, ...]:
        """What to write once after ``greet``: what keeps the box within reach, and ``failsafe`` where it shows another one.

        Never a limit. Nothing is written that is there already, since most of it wears a flash memory; and nothing that the
        box did not show, or cannot be. None: its failsafe is left as it is.
        """

    def feeds(self, greeted: Answers) -> Feed | None:
        """What to write again and again so that its watchdog stays quiet; None where the reads of a cycle do that."""

    def reads(self, greeted: Answers) -> tuple[Read, ...]:
        """What to read every cycle, given the answers to ``greet``; ``ValueError`` if they are those of another device."""

    def understand(self, at_us: int, greeted: Answers, answers: Answers) -> BoxReading:
        """What the answers of one cycle mean; ``ValueError`` where they cannot be."""

    def writes(self, limit_ma: int) -> tuple[Write, ...]:
        """The writes, in order, that bring the box to ``limit_ma`` (0 = stop charging), down to its step."""


class MeterDriver(Protocol):
    """One meter of the house or of a box."""

    def reads(self) -> tuple[Read, ...]:
        """What to read every cycle."""

    def understand(self, at_us: int, answers: Answers) -> MeterReading:
        """What the answers of one cycle mean, in the meter's own phase order; ``ValueError`` where they cannot be."""


@runtime_checkable
class Wakeable(Protocol):
    """The driver of a box that can wake a car: by ``wakes`` its pilot is interrupted for some seconds."""

    @property
    def wakes(self) -> tuple[Write, ...]: ...


@runtime_checkable
class Node(Protocol):
    """The driver of a box that is told its limit together with others, and charges by its master's leave.

    ``casts_to`` is the unit to which its limit is sent, and nobody answers: what it shows tells whether it has heard.
    """

    @property
    def casts_to(self) -> int: ...

    def grants(self, answers: Answers) -> tuple[Write, ...]:
        """What gives it the leave for which it asks by the answers of a cycle; nothing where it asks for none."""


@runtime_checkable
class Divisible(Protocol):
    """A meter of which some refuse to tell so much at once."""

    def divided(self) -> MeterDriver:
        """One that asks for it in smaller reads."""


class Elsewhere(ValueError):
    """What was found by a search does not stand there any more."""


@runtime_checkable
class Sought(Protocol):
    """A meter whose registers must be found before they can be read. ``heard`` are the answers so far.

    A read that was refused, or that got no answer, is in it without words.
    """

    def seek(self, heard: Answers) -> Read | None:
        """What to ask next; None where it is found. ``ValueError`` says why it cannot be."""

    def placed(self, heard: Answers) -> MeterDriver:
        """The driver of what was found; it raises ``Elsewhere`` for answers that come from something else."""
