"""What every poll has: whether something gives readings, and the answers of one round."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from chargebench.manager.drivers.base import Answers, Read
from chargebench.manager.notes import Teller
from chargebench.manager.outcomes import Answer, Asker, LinkError


class Presence:
    """Whether something gives readings, and since when it does not; tells when that changes."""

    def __init__(self, name: str, teller: Teller) -> None:
        self.name = name
        self.teller = teller
        self.silent_us: int | None = None

    def lost(self, why: str) -> None:
        if self.silent_us is None:
            self.silent_us = self.teller.now_us()
            self.teller.tell("silent", self.name, why=why)

    def impossible(self, why: str) -> None:
        """What was answered cannot be."""
        if self.silent_us is None:
            self.teller.tell("impossible", self.name, why=why)
        self.lost(why)

    def there(self) -> None:
        if self.silent_us is not None:
            self.teller.tell("back", self.name, silent_us=self.teller.now_us() - self.silent_us)
            self.silent_us = None


class Heard(NamedTuple):
    """The answers to all reads of a round, and when the last of them arrived."""

    at_us: int
    answers: Answers


async def read_all(link: Asker, unit: int, reads: Sequence[Read]) -> Heard | LinkError:
    """All the answers, or the first error."""
    answers: dict[Read, tuple[int, ...]] = {}
    at_us = 0
    for read in reads:
        outcome = await link.read(unit, read)
        if not isinstance(outcome, Answer):
            return outcome
        answers[read], at_us = outcome.words, outcome.at_us
    return Heard(at_us, answers)


def since(at_us: int | None, start_us: int) -> int | None:
    return None if at_us is None else at_us - start_us
