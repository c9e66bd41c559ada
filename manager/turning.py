"""How the phases of one box are changed and read back, within its rounds. Sans-IO.

Whoever decides orders it only for a box that has stopped; here nothing is written any more as soon as the box is told a limit
again. What cannot be read counts as not known, and so as all phases.
"""

from __future__ import annotations

from chargebench.manager.drivers.base import Write
from chargebench.manager.drivers.phases import PhaseSwitch
from chargebench.manager.notes import Teller
from chargebench.manager.outcomes import Answer, Asker, LinkError, Rank, Refusal
from chargebench.manager.pacing import Pacing
from chargebench.manager.presence import read_all


class Turning:
    """One box, called ``name``, at ``unit``. ``shown``: on how many phases it charges, as it showed last; None: not known."""

    def __init__(self, name: str, unit: int, switch: PhaseSwitch, link: Asker, pacing: Pacing, teller: Teller) -> None:
        self.shown: int | None = None
        self._name, self._unit = name, unit
        self._switch, self._link, self._pacing, self._teller = switch, link, pacing, teller
        self._rest: list[Write] = []
        self._fixed = False

    @property
    def waits(self) -> bool:
        """Whether something has still to be written."""
        return bool(self._rest)

    def order(self, count: int, why: str) -> None:
        """It is to charge on so many phases."""
        self._rest = list(self._switch.writes(count))
        self._teller.tell("phases", self._name, phases=count, why=why)

    def forget(self) -> None:
        """Nothing is to be written any more: it is told a limit, or it is lost."""
        self._rest = []

    async def written(self) -> LinkError | None:
        """Write what was ordered, as far as it may go now; the error where the box did not answer."""
        while self._rest and self._pacing.may_feed((self._rest[0],), self._teller.now_us()):
            outcome = await self._link.ask(self._unit, self._rest[0], Rank.RAISE)
            self._pacing.went(self._teller.now_us())
            if isinstance(outcome, Refusal):
                self._teller.tell("phases refused", self._name, code=outcome.code)
                self._rest = []
            elif isinstance(outcome, Answer):
                del self._rest[0]
            else:
                return outcome
        return None

    async def read(self) -> LinkError | None:
        """Read on how many phases it charges; the error where the box did not answer."""
        heard = await read_all(self._link, self._unit, self._switch.reads)
        if isinstance(heard, Refusal):
            self.shown = None
        elif isinstance(heard, LinkError):
            return heard
        else:
            shown = self._switch.shown(heard.answers)
            if self.shown is not None and shown not in {None, self.shown}:
                self._teller.tell("phases shown", self._name, phases=shown or 0)
            self.shown = shown
            if not self._switch.released(heard.answers) and not self._fixed:
                self._fixed = True
                self._teller.tell("phases fixed", self._name)
        return None
