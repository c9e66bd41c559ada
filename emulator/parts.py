"""The parts of a box that have one rule each: idle timer, standby, pulse, contactor. Values and time in, next instant out."""

from __future__ import annotations

from chargebench.emulator.flow import FAR, NA_PER_MA, SECOND_US
from chargebench.emulator.pilot import DUTY_FULL, MINIMUM_MA, duty_of, offered_ma

LOCKOUT_US = 5 * SECOND_US
OPEN_US = 100_000
STOP_US = 3 * SECOND_US
PATIENCE_US = 30 * SECOND_US
LOAD_NA = 1_000 * NA_PER_MA
OWN_US = 20 * SECOND_US
_LOWEST = duty_of(MINIMUM_MA)


class IdleTimer:
    """Failsafe by silence: after ``after_us`` without an access (0 = never) it is ``on`` until the next one.

    Silence is measured from the last access or from power-on, and looked at every ``look_us``, counted from power-on.
    ``attended``: somebody is known to speak often enough, though not every access is told.
    """

    __slots__ = ("_access_us", "_look_us", "_power_on_us", "after_us", "attended", "on")

    def __init__(self, after_us: int, look_us: int) -> None:
        self.after_us = -(-after_us // look_us) * look_us
        self.on = self.attended = False
        self._look_us = look_us
        self._power_on_us = self._access_us = 0

    def power_on(self, at_us: int) -> None:
        self.on = False
        self._power_on_us = self._access_us = at_us

    def heard(self, at_us: int) -> bool:
        """An access; True if it ends failsafe."""
        self._access_us = at_us
        was, self.on = self.on, False
        return was

    @property
    def power_on_us(self) -> int:
        """When the power last came on."""
        return self._power_on_us

    @property
    def next_us(self) -> int:
        """When failsafe begins, should nobody speak."""
        if self.on or not self.after_us or self.attended:
            return FAR
        idle_us = self._access_us + self.after_us - self._power_on_us
        return self._power_on_us + -(-idle_us // self._look_us) * self._look_us


class Standby:
    """Sleep: after ``after_us`` (0 = never) in which nothing stirs, where it is ``allowed``, until something does.

    ``attended``: something is known to stir often enough, though not all of it is told.
    """

    __slots__ = ("_after_us", "_stirred_us", "allowed", "asleep", "attended")

    def __init__(self, after_us: int) -> None:
        self.allowed, self.asleep, self.attended = True, False, False
        self._after_us = after_us
        self._stirred_us = 0

    def stir(self, at_us: int) -> bool:
        """Something happens; True if that wakes it."""
        self._stirred_us = at_us
        was, self.asleep = self.asleep, False
        return was

    @property
    def next_us(self) -> int:
        """When it falls asleep, should nothing stir."""
        if self.asleep or not self.allowed or not self._after_us or self.attended:
            return FAR
        return self._stirred_us + self._after_us


class OwnManager:
    """The load management of a box that should only observe: where ``active``, it has its way every 20 s, from power-on."""

    __slots__ = ("next_us",)

    def __init__(self, *, active: bool) -> None:
        self.next_us = OWN_US if active else FAR

    def looked(self, at_us: int) -> None:
        """It has had its way."""
        self.next_us = at_us + OWN_US


class Pulse:
    """The duty cycle on the control pilot; it changes at most every 5 s, but may always be dropped."""

    __slots__ = ("changed_us", "duty")

    def __init__(self) -> None:
        self.duty = DUTY_FULL
        self.changed_us = -LOCKOUT_US

    @property
    def on(self) -> bool:
        return self.duty != DUTY_FULL

    @property
    def offered_ma(self) -> int:
        return offered_ma(self.duty)

    def towards(self, allowed_ma: int, *, closed: bool) -> int:
        """The next duty cycle on the way to an allowed current: a running car is taken to 6 A before the pulse stops."""
        allowed = duty_of(allowed_ma)
        return _LOWEST if allowed == DUTY_FULL and closed and self.duty not in {DUTY_FULL, _LOWEST} else allowed

    def due_us(self, duty: int) -> int:
        """When it may change to ``duty``."""
        return FAR if duty == self.duty else self.changed_us + LOCKOUT_US

    def set(self, at_us: int, duty: int) -> bool:
        """True if that changes it."""
        if duty == self.duty:
            return False
        self.duty, self.changed_us = duty, at_us
        return True


class Contactor:
    """The main contactor, and what it has been through. ``asked``: the car's switch is closed, or since when it is not."""

    __slots__ = ("_released_us", "asked", "closed", "loaded_openings", "starts")

    def __init__(self) -> None:
        self.closed = self.asked = False
        self.starts = self.loaded_openings = 0
        self._released_us = 0

    def ask(self, at_us: int, asked: bool) -> bool:
        """The car's switch is as told; True if that is new."""
        if asked == self.asked:
            return False
        self.asked, self._released_us = asked, at_us
        return True

    def released_opens_us(self) -> int:
        """When it opens because the car has let go."""
        return FAR if self.asked else self._released_us + OPEN_US

    @staticmethod
    def stopped_opens_us(pulse_stopped_us: int, calm_us: int) -> int:
        """When it opens after the pulse has stopped: below 1 A (from ``calm_us``), after 3 s; or when patience ends."""
        return min(max(pulse_stopped_us + STOP_US, calm_us), pulse_stopped_us + PATIENCE_US)

    def close(self) -> None:
        self.closed = True
        self.starts += 1

    def open(self, drawn_na: int) -> None:
        self.closed = False
        self.loaded_openings += drawn_na >= LOAD_NA
