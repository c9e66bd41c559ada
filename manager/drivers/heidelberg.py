"""Heidelberg Energy Control: one register holds its limit, 0 stops charging; its meter is in its case.

Any request feeds its watchdog, whose factory time is 15 s, so the reads of a cycle do. While it may go to standby it loses
the first request after idleness, and its limit with it: it is told once to stay awake.
"""

from __future__ import annotations

from typing import Final

from chargebench.datasheets.codec import down_to_step, encode
from chargebench.datasheets.model import Datasheet
from chargebench.manager.drivers.base import Answers, Feed, Read, Write
from chargebench.manager.drivers.fields import Fields
from chargebench.manager.readings import BoxReading, Pilot
from chargebench.manager.site import Failsafe

LAYOUT: Final = 1
"""Major version of the register map, in the high byte of its version."""

STATES: Final = {
    2: Pilot.A,
    3: Pilot.A,
    4: Pilot.B,
    5: Pilot.B,
    6: Pilot.C,
    7: Pilot.C,
    8: Pilot.C,
    9: Pilot.E,
    10: Pilot.F,
    11: Pilot.F,
}
PERMITTED: Final = (3, 5, 7, 8)
"""States in which the pilot may offer current; in no register stands how much, so it is taken to be the limit."""

STAY_AWAKE: Final = 4
AMPS_MOST: Final = 80_000
WATTS_MOST: Final = 60_000
US_PER_MS: Final = 1_000
CURRENTS: Final = ("current_l1", "current_l2", "current_l3")


class Heidelberg:
    """One box. Settings that an older firmware does not show are greeted one by one, so that the others are known."""

    shows_limit: Final = True
    latency_us: Final = 0

    def __init__(self, sheet: Datasheet) -> None:
        self.step_ma = sheet.limit("step_ma")
        self._minimum_ma = sheet.limit("minimum_ma")
        self._layout = Fields(sheet, ["layout_version"])
        self._watchdog = Fields(sheet, ["watchdog_timeout"])
        self._standby = Fields(sheet, ["standby_control"])
        self._failsafe = Fields(sheet, ["failsafe_current"])
        self._state = Fields(
            sheet, ["charging_state", *CURRENTS, "power", "energy_since_installation", "current_limit"]
        )
        self._limit = sheet.register("current_limit")
        self._stay_awake = sheet.register("standby_control")
        self._timeout, self._current = sheet.register("watchdog_timeout"), sheet.register("failsafe_current")

    def greet(self) -> tuple[Read, ...]:
        """Version of the map, watchdog, standby, failsafe current."""
        hello = (self._layout, self._watchdog, self._standby, self._failsafe)
        return tuple(read for fields in hello for read in fields.reads)

    def prepares(self, greeted: Answers, failsafe: Failsafe | None) -> tuple[Write, ...]:
        """Keep it awake, unless it says that it stays so; then its watchdog and its failsafe current."""
        writes = []
        if self._standby.words("standby_control", greeted) != (STAY_AWAKE,):
            writes.append(Write(6, self._stay_awake.at, encode(self._stay_awake, STAY_AWAKE)))
        after_us, current_ma = self._fallen_back(greeted)
        if failsafe is None or after_us is None:
            return tuple(writes)
        timeout = down_to_step(self._timeout, failsafe.after_us // US_PER_MS)
        current = down_to_step(self._current, failsafe.current_ma)
        if timeout != after_us // US_PER_MS:
            writes.append(Write(6, self._timeout.at, encode(self._timeout, timeout)))
        if current != current_ma:
            writes.append(Write(6, self._current.at, encode(self._current, current)))
        return tuple(writes)

    def feeds(self, greeted: Answers) -> Feed | None:
        """Nothing: any request feeds it."""
        del greeted
        return None

    def reads(self, greeted: Answers) -> tuple[Read, ...]:
        """State, measured values and limit."""
        layout = self._layout.words("layout_version", greeted)
        if layout is not None and layout[0] >> 8 != LAYOUT:
            raise ValueError(f"no Energy Control: the version of its registers is {layout[0]:04x}, not {LAYOUT:02x}..")
        return self._state.reads

    def understand(self, at_us: int, greeted: Answers, answers: Answers) -> BoxReading:
        """``power_w`` is apparent power, which is never less than what is drawn; failsafe 0 us means that it never comes."""
        state = self._state.number("charging_state", answers)
        limit_ma = self._state.bounded("current_limit", answers, 0, AMPS_MOST)
        l1, l2, l3 = (self._state.bounded(name, answers, 0, AMPS_MOST) for name in CURRENTS)
        failsafe_us, failsafe_ma = self._fallen_back(greeted)
        return BoxReading(
            at_us=at_us,
            pilot=STATES.get(state, Pilot.F),
            limit_ma=limit_ma,
            offered_ma=limit_ma if state in PERMITTED else 0,
            phases_ma=(l1, l2, l3),
            power_w=self._state.bounded("power", answers, 0, WATTS_MOST),
            energy_wh=self._state.number("energy_since_installation", answers),
            failsafe_us=failsafe_us,
            failsafe_ma=failsafe_ma,
        )

    def writes(self, limit_ma: int) -> tuple[Write, ...]:
        """The limit in its register; 0 stops charging."""
        if limit_ma and limit_ma < self._minimum_ma:
            raise ValueError(f"a limit is 0 or at least {self._minimum_ma} mA, got {limit_ma} mA")
        return (Write(6, self._limit.at, encode(self._limit, down_to_step(self._limit, limit_ma))),)

    def _fallen_back(self, greeted: Answers) -> tuple[int | None, int | None]:
        """When it falls back, and to what; of the time every word is one, also those that stand for "no value" elsewhere."""
        timeout = self._watchdog.words("watchdog_timeout", greeted)
        if timeout is None or self._failsafe.words("failsafe_current", greeted) is None:
            return None, None
        return timeout[0] * US_PER_MS, self._failsafe.bounded("failsafe_current", greeted, 0, AMPS_MOST)
