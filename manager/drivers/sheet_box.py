"""Any EVSE whose datasheet says how it is told its limit and how its state is read.

What differs by make stands in the sheet's blocks; what differs in kind is a style of orders (``orders``), a watchdog
(``watch``) and what the box measures itself. A box that cannot show its limit says so, and what it was told counts.
"""

from __future__ import annotations

from typing import Final

from chargebench.datasheets.behaviour import States
from chargebench.datasheets.model import Datasheet, Meter
from chargebench.manager.drivers.base import Answers, Feed, Read, Write
from chargebench.manager.drivers.fields import Fields
from chargebench.manager.drivers.orders import AMPS_MOST, Style, lists, step_ma, style_of, waking
from chargebench.manager.drivers.sheet_meter import energies, gap_of
from chargebench.manager.drivers.watch import Watch
from chargebench.manager.readings import BoxReading, Pilot
from chargebench.manager.site import Failsafe
from chargebench.manager.units import NOTHING, Amps3

CURRENTS_IN_C_ONLY: Final = "currents-wrong-unless-charging"
SHOWS_E: Final = "shows-e-without-fault"
"""State E may stand for a car that waits, so one is taken to be there."""

WITHOUT_ENERGY: Final = "without-energy"
AMPS_NOISE: Final = 500
WATTS_MOST: Final = 70_000
WATTS_NOISE: Final = 100
"""A meter without load may show a little less than nothing; more than that is a meter wired the wrong way round."""


class SheetBox:
    """One box. Of what it measures it is asked for the currents, or for the power where it does not know them."""

    def __init__(self, sheet: Datasheet, style: Style | None = None) -> None:
        self._style = style or style_of(sheet)
        self._states = states_of(sheet)
        self._watch = Watch(sheet)
        self._meter = sheet.meter
        self._most_ma = sheet.limit("maximum_ma")
        self._boot = _boot(sheet)
        self.step_ma = step_ma(sheet)
        self.wakes = waking(sheet)
        self.latency_us = sheet.timing.latency_us or 0
        self.shows_limit = bool(self._style.names)
        self._in_c_only, self._e_may_wait = lists(sheet, CURRENTS_IN_C_ONLY), lists(sheet, SHOWS_E)
        slow = sheet.reading.single and "pause_us" in dict(sheet.limits)
        self._energies = () if slow or self._meter is None else energies(self._meter)
        apart = self._energies if lists(sheet, WITHOUT_ENERGY) else ()
        with_others = () if apart else self._energies
        names = (*self._states.registers, *self._style.names, *_flows(self._meter), *with_others)
        self._fields = Fields(sheet, tuple(dict.fromkeys(names)), max_gap=gap_of(sheet))
        self._apart = Fields(sheet, apart) if apart else None

    def greet(self) -> tuple[Read, ...]:
        """Its watchdog's settings, what it starts with, and what it may not have."""
        boot = self._boot[0].reads if isinstance(self._boot, tuple) else ()
        return (*self._watch.greet(), *boot, *(self._apart.reads if self._apart is not None else ()))

    def prepares(self, greeted: Answers, failsafe: Failsafe | None) -> tuple[Write, ...]:
        """Its failsafe, where it can be set."""
        return self._watch.prepares(greeted, failsafe)

    def feeds(self, greeted: Answers) -> Feed | None:
        """What its watchdog wants to be written."""
        return self._watch.feeds(greeted)

    def reads(self, greeted: Answers) -> tuple[Read, ...]:
        """State, limit and what it measures."""
        if self._apart is None or any(one not in greeted for one in self._apart.reads):
            return self._fields.reads
        return (*self._fields.reads, *self._apart.reads)

    def understand(self, at_us: int, greeted: Answers, answers: Answers) -> BoxReading:
        """A state that the sheet does not know counts as a fault of the box."""
        raw = {name: self._fields.raw(name, answers) for name in self._states.registers}
        letter = self._states.letter(raw)
        if self._e_may_wait and raw.get(self._states.register) == "E":
            letter = "B"
        pilot = Pilot.F if letter is None else Pilot(letter)
        charging = pilot in (Pilot.C, Pilot.D)
        limit_ma = self._style.shown_ma(self._fields, answers) if self.shows_limit else self._most_ma
        failsafe_us, failsafe_ma = self._watch.falls_back(greeted)
        return BoxReading(
            at_us=at_us,
            pilot=pilot,
            limit_ma=limit_ma,
            offered_ma=limit_ma if self.shows_limit and charging else 0,
            phases_ma=self._phases(answers) if charging or not self._in_c_only else NOTHING,
            power_w=self._power(answers),
            energy_wh=self._energy(answers),
            failsafe_us=failsafe_us,
            failsafe_ma=failsafe_ma,
            boot_ma=self._boot_ma(greeted),
        )

    def writes(self, limit_ma: int) -> tuple[Write, ...]:
        """The limit, and the release where the box has one."""
        return self._style.writes(limit_ma)

    def _phases(self, answers: Answers) -> Amps3 | None:
        names = self._meter.currents if self._meter is not None else ()
        if not names or not all(self._fields.there(name, answers) for name in names):
            return None
        amounts = [max(0, self._fields.bounded(name, answers, -AMPS_NOISE, AMPS_MOST)) for name in names]
        l1, l2, l3 = (*amounts, 0, 0)[:3]
        return l1, l2, l3

    def _power(self, answers: Answers) -> int | None:
        name = self._meter.power if self._meter is not None and not self._meter.currents else ""
        if not name or not self._fields.there(name, answers):
            return None
        return max(0, self._fields.bounded(name, answers, -WATTS_NOISE, WATTS_MOST))

    def _energy(self, answers: Answers) -> int | None:
        fields = self._apart or self._fields
        if not self._energies or not all(fields.there(name, answers) for name in self._energies):
            return None
        return sum(fields.bounded(name, answers, 0, 10_000_000_000) for name in self._energies)

    def _boot_ma(self, greeted: Answers) -> int | None:
        """Where it starts after a restart; what cannot be is as good as unknown, since no limit is set by it."""
        if not isinstance(self._boot, tuple):
            return self._boot
        fields, name = self._boot
        try:
            return fields.bounded(name, greeted, 0, AMPS_MOST)
        except ValueError:
            return None


def states_of(sheet: Datasheet) -> States:
    """How its state is read; ``ValueError`` where nobody knows."""
    if sheet.states is None:
        raise ValueError(f"{sheet.name}: how its state is read is not known")
    return sheet.states


def _flows(meter: Meter | None) -> tuple[str, ...]:
    if meter is None:
        return ()
    return meter.currents or ((meter.power,) if meter.power else ())


def _boot(sheet: Datasheet) -> tuple[Fields, str] | int | None:
    """Where it starts: a register that tells, 0 where it starts stopped, None where nobody knows."""
    assert sheet.control is not None
    limit = sheet.control.limit
    if limit.default:
        return Fields(sheet, [limit.default]), limit.default
    return 0 if limit.starts == "stopped" else None
