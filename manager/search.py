"""Finds out where a meter has its registers, where that must be asked first, and remembers what was heard until it knows."""

from __future__ import annotations

from chargebench.manager.drivers.base import MeterDriver, Read, Sought
from chargebench.manager.outcomes import Answer, Asker, LinkError, NoAnswer, Refusal


class Search:
    """The search for one meter; ``driver`` is that of the place where it was found, None until then.

    Where a request is refused, or nobody answers it, the search goes on elsewhere: some say nothing to an address that they
    do not have.
    """

    def __init__(self, sought: Sought) -> None:
        self.driver: MeterDriver | None = None
        self._sought = sought
        self._heard: dict[Read, tuple[int, ...]] = {}

    def forget(self) -> None:
        """It is not where it was."""
        self.driver, self._heard = None, {}

    async def go_on(self, link: Asker, unit: int) -> MeterDriver | LinkError:
        """Search until it is found, or until nobody answers; ``ValueError`` says why there is nothing to be found."""
        while True:
            try:
                read = self._sought.seek(self._heard)
            except ValueError:
                self.forget()
                raise
            if read is None:
                self.driver = self._sought.placed(self._heard)
                return self.driver
            outcome = await link.read(unit, read)
            if isinstance(outcome, Answer):
                self._heard[read] = outcome.words
                continue
            if isinstance(outcome, Refusal | NoAnswer):
                self._heard[read] = ()
            if not isinstance(outcome, Refusal):
                return outcome
