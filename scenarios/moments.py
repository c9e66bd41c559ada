"""Civil times of a scenario: read from a file, turned into microseconds since the start, written into a story."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from pydantic import PlainValidator

from chargebench.datasheets.quantity import got
from chargebench.datasheets.sentences import Due

DAY_US = 86_400_000_000
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIME = re.compile(r"(?:(\d{4}-\d{2}-\d{2})[ T])?(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?")


@dataclass(frozen=True, slots=True)
class Moment:
    """A time as a person writes it: ``18:12``, ``18:12:05.5`` or, with its day, ``2026-01-13 07:00``."""

    day: int | None
    us: int


@dataclass(frozen=True, slots=True)
class Clock:
    """The civil time at which a run starts: ``day`` as a proleptic ordinal, ``us`` since its midnight."""

    day: int
    us: int

    def since_start(self, moment: Moment) -> int:
        """Microseconds from the start to ``moment``; one without a day that lies before the start means the next day."""
        if moment.day is not None:
            return (moment.day - self.day) * DAY_US + moment.us - self.us
        return (moment.us - self.us) % DAY_US

    def misses(self, at_us: int, end_us: int) -> str:
        """What is wrong with an instant outside a run of ``end_us``, or nothing."""
        if at_us < 0:
            return f"expected a time within the run, which begins on {date.fromordinal(self.day)} at {self.show(0)}"
        return f"expected a time within the run, from {self.show(0)} to {self.show(end_us)}" if at_us > end_us else ""

    def show(self, at_us: int, *, exact: bool = False) -> str:
        """``18:12:06``, to the ms or, where need be, us if ``exact``; on another day than the start's the date stands first."""
        total = self.us + at_us
        days, rest = divmod(total, DAY_US)
        seconds, us = divmod(rest, 1_000_000)
        text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        if exact:
            text += f".{us:06}" if us % 1000 else f".{us // 1000:03}"
        return text if days == 0 else f"{date.fromordinal(self.day + days).isoformat()} {text}"


def moment(text: object) -> Moment:
    """Read a time of day, or a day and a time; ``ValueError`` says what was expected."""
    found = _TIME.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError(f"expected a time such as 18:12 or 18:12:05, got {got(text)}")
    day, hour, minute, second, fraction = found.groups()
    if int(hour) > 23 or int(minute) > 59 or int(second or 0) > 59:
        raise ValueError(f"expected a time between 00:00:00 and 23:59:59, got {text}")
    us = (int(hour) * 3600 + int(minute) * 60 + int(second or 0)) * 1_000_000
    us += int((fraction or "0").ljust(6, "0"))
    return Moment(None if day is None else _ordinal(day), us)


def clock(text: object) -> Clock:
    """Read the start of a run, ``2026-01-12 18:00``; ``ValueError`` says what was expected."""
    try:
        found = moment(text)
    except ValueError:
        found = None
    if found is None or found.day is None:
        raise ValueError(f"expected a day and a time such as 2026-01-12 18:00, got {got(text)}")
    return Clock(found.day, found.us)


def day(text: object) -> int:
    """Read a day, ``2026-01-12``, as a proleptic ordinal; ``ValueError`` says what was expected."""
    if not isinstance(text, str) or not _DAY.fullmatch(text):
        raise ValueError(f"expected a day such as 2026-01-12, got {got(text)}")
    return _ordinal(text)


def _ordinal(text: str) -> int:
    try:
        return date.fromisoformat(text).toordinal()
    except ValueError:
        raise ValueError(f"expected a day of the calendar such as 2026-01-12, got {text}") from None


MomentField = Annotated[Moment, PlainValidator(moment), Due("a time such as 18:12")]
ClockField = Annotated[Clock, PlainValidator(clock), Due("a day and a time such as 2026-01-12 18:00")]
DayField = Annotated[int, PlainValidator(day), Due("a day such as 2026-01-12")]
