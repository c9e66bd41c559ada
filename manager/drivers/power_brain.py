"""Power Brain, as an EVSE: its limit and its enable are two registers side by side, a meter is there if it says so."""

from __future__ import annotations

from typing import Final

from chargebench.datasheets.codec import down_to_step, encode
from chargebench.datasheets.model import Datasheet
from chargebench.manager.drivers.base import Answers, Feed, Read, Write
from chargebench.manager.drivers.fields import METER_ENERGY_MOST, Fields
from chargebench.manager.drivers.orders import waking
from chargebench.manager.readings import BoxReading, Pilot
from chargebench.manager.site import Failsafe
from chargebench.manager.units import Amps3

VENDOR: Final = 0xCF05
STATES: Final = {0: Pilot.A, 1: Pilot.B, 2: Pilot.C, 3: Pilot.D, 4: Pilot.E, 5: Pilot.F}
INDIVIDUAL_PHASES: Final = 0b1
AMPS_MOST: Final = 80_000
WATTS_MOST: Final = 60_000
WATTS_NOISE: Final = 100
"""A meter without load may show a little less than nothing; more than that is a meter wired the wrong way round."""

METER: Final = ("meter_flags", "energy", "power", "current_l1", "current_l2", "current_l3")


class PowerBrain:
    """The EVSE on unit 1. A meter "has phases" only if its flags say so; else its currents are computed and not used."""

    shows_limit: Final = True
    latency_us: Final = 0

    def __init__(self, sheet: Datasheet) -> None:
        self.step_ma = sheet.limit("step_ma")
        self._minimum_ma = sheet.limit("minimum_ma")
        self.wakes = waking(sheet)
        self._hello = Fields(
            sheet,
            [
                "vendor_id",
                "def_fixed_current",
                "def_charging_cur_limit",
                "def_charging_enable",
                "fail_safe_duration",
                "fail_safe_current",
                "has_meter",
                "count_restart",
            ],
        )
        self._state = Fields(sheet, ["charge_pilot_state", "charging_cur_limit", "charging_enable", "charging_current"])
        self._meter = Fields(sheet, METER)
        self._after, self._current = sheet.register("fail_safe_duration"), sheet.register("fail_safe_current")
        self._limit = sheet.register("charging_cur_limit")
        self._enable = sheet.register("charging_enable")
        if self._enable.at != self._limit.at + 1 or 16 not in self._limit.writes:
            raise ValueError(f"{sheet.name}: limit and enable cannot be written in one request")
        if self._current.at != self._after.at + self._after.count:
            raise ValueError(f"{sheet.name}: time and current of the failsafe cannot be written in one request")

    def greet(self) -> tuple[Read, ...]:
        """Identity, boot and failsafe registers, whether there is a meter, restarts so far."""
        return self._hello.reads

    def prepares(self, greeted: Answers, failsafe: Failsafe | None) -> tuple[Write, ...]:
        """Time and current of its failsafe, in one request where both differ."""
        after_us, current_ma = self._failsafe(greeted)
        if failsafe is None or after_us is None:
            return ()
        seconds = down_to_step(self._after, failsafe.after_us // 1_000_000)
        current = down_to_step(self._current, failsafe.current_ma)
        after_words, current_words = encode(self._after, seconds), encode(self._current, current)
        if after_us == seconds * 1_000_000:
            return () if current == current_ma else (Write(16, self._current.at, current_words),)
        return (Write(16, self._after.at, after_words if current == current_ma else after_words + current_words),)

    def feeds(self, greeted: Answers) -> Feed | None:
        """Nothing: any request feeds it."""
        del greeted
        return None

    def reads(self, greeted: Answers) -> tuple[Read, ...]:
        """State and limit; the meter's block where there is a meter."""
        vendor = self._hello.words("vendor_id", greeted)
        if vendor is not None and vendor[0] != VENDOR:
            raise ValueError(f"no Power Brain: its vendor is {vendor[0]:04x}, not {VENDOR:04x}")
        return self._state.reads + (self._meter.reads if self._metered(greeted) else ())

    def understand(self, at_us: int, greeted: Answers, answers: Answers) -> BoxReading:
        """``limit_ma`` is 0 while charging is not enabled; failsafe 0 us means that it never comes."""
        state = self._state.words("charge_pilot_state", answers)
        enabled = self._state.bounded("charging_enable", answers, 0, 1)
        limit_ma = self._state.bounded("charging_cur_limit", answers, 0, AMPS_MOST)
        metered = self._metered(greeted)
        failsafe_us, failsafe_ma = self._failsafe(greeted)
        return BoxReading(
            at_us=at_us,
            pilot=STATES.get(state[0], Pilot.F) if state is not None else Pilot.F,
            limit_ma=limit_ma if enabled else 0,
            offered_ma=self._state.bounded("charging_current", answers, 0, AMPS_MOST),
            phases_ma=phases(self._meter, answers, AMPS_MOST) if metered else None,
            power_w=power(self._meter, answers, WATTS_MOST) if metered else None,
            energy_wh=energy(self._meter, answers) if metered else None,
            failsafe_us=failsafe_us,
            failsafe_ma=failsafe_ma,
            restarts=self._restarts(greeted),
            boot_ma=self._boot(greeted),
        )

    def writes(self, limit_ma: int) -> tuple[Write, ...]:
        """Limit and enable at once. To stop, the limit goes to its least first: 0 is not a limit that a box knows."""
        if limit_ma and limit_ma < self._minimum_ma:
            raise ValueError(f"a limit is 0 or at least {self._minimum_ma} mA, got {limit_ma} mA")
        down_ma = down_to_step(self._limit, limit_ma or self._minimum_ma)
        values = encode(self._limit, down_ma) + encode(self._enable, int(limit_ma > 0))
        return (Write(16, self._limit.at, values),)

    def _metered(self, greeted: Answers) -> bool:
        has_meter = self._hello.words("has_meter", greeted)
        return has_meter is not None and has_meter[0] == 1

    def _restarts(self, greeted: Answers) -> int | None:
        known = self._hello.words("count_restart", greeted) is not None
        return self._hello.number("count_restart", greeted) if known else None

    def _boot(self, greeted: Answers) -> int | None:
        """Where it starts after a restart; what cannot be is as good as unknown, since no limit is set by it."""
        try:
            enabled = self._hello.bounded("def_charging_enable", greeted, 0, 1)
            return self._hello.bounded("def_charging_cur_limit", greeted, 0, AMPS_MOST) if enabled else 0
        except ValueError:
            return None

    def _failsafe(self, greeted: Answers) -> tuple[int | None, int | None]:
        if self._hello.words("fail_safe_current", greeted) is None:
            return None, None
        seconds = self._hello.number("fail_safe_duration", greeted)
        return seconds * 1_000_000, self._hello.bounded("fail_safe_current", greeted, 0, AMPS_MOST)


def phases(meter: Fields, answers: Answers, most_ma: int) -> Amps3 | None:
    """The meter's three currents; None where it does not measure each phase by itself."""
    if not meter.number("meter_flags", answers) & INDIVIDUAL_PHASES:
        return None
    l1, l2, l3 = (meter.bounded(name, answers, 0, most_ma) for name in METER[3:])
    return l1, l2, l3


def power(meter: Fields, answers: Answers, most_w: int) -> int | None:
    """The meter's total power; None while it has no value (-1)."""
    watts = meter.number("power", answers)
    if watts == -1:
        return None
    return max(0, meter.bounded("power", answers, -WATTS_NOISE, most_w))


def energy(meter: Fields, answers: Answers) -> int:
    """The meter's counter in Wh; more than 10 GWh is not a counter's reading."""
    return meter.bounded("energy", answers, 0, METER_ENERGY_MOST)
