"""What a round does with one meter: find its registers where that must be done first, read them, understand them. Sans-IO."""

from __future__ import annotations

from collections.abc import Sequence

from chargebench.manager.drivers.base import Divisible, Elsewhere, MeterDriver, Sought
from chargebench.manager.notes import Teller
from chargebench.manager.outcomes import Asker, LinkError, Refusal
from chargebench.manager.presence import Heard, Presence, read_all, since
from chargebench.manager.readings import MeterReading, MeterView
from chargebench.manager.search import Search
from chargebench.manager.units import on_phases


class MeterPoll:
    """One meter, of the house or of a box. What it shows counts ``factor`` times."""

    def __init__(self, name: str, unit: int, driver: MeterDriver, link: Asker, teller: Teller, factor: int = 1) -> None:
        self.reading: MeterReading | None = None
        self.presence = Presence(name, teller)
        self._unit, self._factor = unit, factor
        self._driver = driver
        self._search = Search(driver) if isinstance(driver, Sought) else None
        self._link = link

    async def round(self) -> None:
        """Read it once; where its registers must be found first, look for them."""
        if self._search is not None and not await self._found(self._search):
            return
        heard = await read_all(self._link, self._unit, self._driver.reads())
        if isinstance(heard, Refusal) and isinstance(self._driver, Divisible):
            self._driver = self._driver.divided()
            heard = await read_all(self._link, self._unit, self._driver.reads())
        if not isinstance(heard, Heard):
            if self._search is not None and isinstance(heard, Refusal):
                self._search.forget()
            self.presence.lost(str(heard))
            return
        try:
            reading = self._driver.understand(heard.at_us, heard.answers)
            self.reading = reading if self._factor == 1 else reading.times(self._factor)
        except ValueError as error:
            if self._search is not None and isinstance(error, Elsewhere):
                self._search.forget()
            self.presence.impossible(str(error))
        else:
            self.presence.there()

    async def _found(self, search: Search) -> bool:
        """Whether it is known where it has its registers."""
        if search.driver is not None:
            return True
        try:
            found = await search.go_on(self._link, self._unit)
        except ValueError as nowhere:
            self.presence.impossible(str(nowhere))
            return False
        if isinstance(found, LinkError):
            self.presence.lost(str(found))
            return False
        self._driver = found
        return True

    def view(self, start_us: int, phases: Sequence[int]) -> MeterView:
        """The meter as a cycle sees it, times since ``start_us``, currents on the phases of the house."""
        reading = self.reading
        if reading is not None:
            measured = None if reading.phases_ma is None else on_phases(reading.phases_ma, phases)
            reading = MeterReading(reading.at_us - start_us, measured, reading.power_w, reading.energy_wh)
        return MeterView(reading, since(self.presence.silent_us, start_us))
