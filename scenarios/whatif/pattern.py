"""When cars come, how long they stay and what they want: fitted to recorded sessions, or given, and drawn by seeds.

How many come is drawn from the recorded days of that weekday, zeros included; at which second, from the arrivals of that
weekday; how long they stay, from the stays of those who came at about that hour; what they want, from all, for stay and
energy are nearly independent of each other. Between two recorded values one is drawn between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from chargebench.emulator.streams import Stream, Streams
from chargebench.scenarios.moments import DAY_US, Clock
from chargebench.scenarios.sessions import Session, local, offset_of

SECOND_US = 1_000_000
DAY_S = 86_400
_FINE = 1 << 20  # steps between two recorded values
_ENOUGH = 25  # stays that make a distribution; with fewer of them the hours around are taken in
_WORKING = range(5)


class Coming(NamedTuple):
    """A car that wants to charge: when it comes and goes, since the start of the run, and what it wants."""

    name: str
    comes_us: int
    goes_us: int
    wanted_wh: int


@dataclass(frozen=True, slots=True)
class Pattern:
    """``counts`` and ``arrivals_s`` by weekday (Monday first), ``stays_s`` by hour of arrival, each sorted."""

    counts: tuple[tuple[int, ...], ...]
    arrivals_s: tuple[tuple[int, ...], ...]
    stays_s: tuple[tuple[int, ...], ...]
    energies_wh: tuple[int, ...]

    def draw(self, seed: int, clock: Clock, duration_us: int, cars_per_day: int | None) -> tuple[Coming, ...]:
        """Everybody who comes within the run, in the order of time. A day is the same in longer runs.

        ``cars_per_day``: so many come on a working day, in the mean; None: as many as in the pattern.
        """
        streams = Streams(seed)
        last = (clock.us + duration_us) // DAY_US
        found = [
            one
            for number in range(last + 1)
            for one in self._day(streams, clock, number, cars_per_day)
            if 0 <= one.comes_us < duration_us
        ]
        return tuple(sorted(found, key=lambda one: (one.comes_us, one.name)))

    def _day(self, streams: Streams, clock: Clock, number: int, cars_per_day: int | None) -> list[Coming]:
        stream = streams.stream("whatif", "day", str(number))
        weekday = date.fromordinal(clock.day + number).weekday()
        counts, arrivals_s = self.counts[weekday], self.arrivals_s[weekday]
        count = counts[stream.below(len(counts))]
        if cars_per_day is not None:
            total = sum(sum(self.counts[day]) for day in _WORKING)
            count = _parted(stream, count * cars_per_day * sum(len(self.counts[day]) for day in _WORKING), total)
        found = []
        for k in range(count if arrivals_s else 0):
            at_s = between(stream, arrivals_s)
            stay_s = max(60, between(stream, self.stays_s[at_s // 3600]))
            comes_us = number * DAY_US + at_s * SECOND_US - clock.us
            wanted_wh = between(stream, self.energies_wh)
            found.append(Coming(f"{number + 1}-{k + 1}", comes_us, comes_us + stay_s * SECOND_US, wanted_wh))
        return found


def fit(sessions: Sequence[Session]) -> Pattern:
    """The pattern of recorded sessions, of which there is at least one."""
    offset = offset_of(sessions)
    times = [local(one, offset) for one in sessions]
    first, last = (pick(arrival.toordinal() for arrival, _ in times) for pick in (min, max))
    by_day = dict.fromkeys(range(first, last + 1), 0)
    arrivals: list[list[int]] = [[] for _ in range(7)]
    stays: list[list[int]] = [[] for _ in range(24)]
    for arrival, departure in times:
        by_day[arrival.toordinal()] += 1
        at_s = arrival.hour * 3600 + arrival.minute * 60 + arrival.second
        arrivals[arrival.weekday()].append(at_s)
        stays[arrival.hour].append(int((departure - arrival).total_seconds()))
    counts: list[list[int]] = [[] for _ in range(7)]
    for day, count in by_day.items():
        counts[date.fromordinal(day).weekday()].append(count)
    return Pattern(
        counts=tuple(tuple(sorted(one)) or (0,) for one in counts),
        arrivals_s=tuple(tuple(sorted(one)) for one in arrivals),
        stays_s=tuple(_around(stays, hour) for hour in range(24)),
        energies_wh=tuple(sorted(one.energy_wh for one in sessions)),
    )


def recorded(sessions: Sequence[Session], clock: Clock, duration_us: int, day: int | None) -> tuple[Coming, ...]:
    """Recorded sessions that begin within the run, in the order of time; ``day`` None: the first that is recorded."""
    offset = offset_of(sessions)
    times = [(*local(one, offset), one) for one in sessions]
    first = min(arrival.toordinal() for arrival, _, _ in times) if day is None else day
    found = []
    for arrival, departure, one in times:
        comes_us, goes_us = (
            (moment.toordinal() - first) * DAY_US
            + (moment.hour * 3600 + moment.minute * 60 + moment.second) * SECOND_US
            - clock.us
            for moment in (arrival, departure)
        )
        if 0 <= comes_us < duration_us and goes_us > comes_us:
            found.append(Coming(one.name, comes_us, goes_us, one.energy_wh))
    return tuple(sorted(found, key=lambda one: (one.comes_us, one.name)))


def between(stream: Stream, values: Sequence[int]) -> int:
    """A value as these sorted ones are spread: anywhere between two neighbours, each pair equally likely."""
    if len(values) == 1:
        return values[0]
    at = stream.below((len(values) - 1) * _FINE)
    low, high = values[at // _FINE], values[at // _FINE + 1]
    return low + (high - low) * (at % _FINE) // _FINE


def _parted(stream: Stream, numerator: int, denominator: int) -> int:
    """The quotient, rounded up or down by chance, so that it is right in the mean."""
    if denominator == 0:
        return 0
    whole, rest = divmod(numerator, denominator)
    return whole + (stream.below(denominator) < rest)


def _around(stays: Sequence[Sequence[int]], hour: int) -> tuple[int, ...]:
    """The stays of those who came in this hour; with the hours around it where they are few."""
    for reach in range(24):
        found = [one for near in range(hour - reach, hour + reach + 1) for one in _hour(stays, near)]
        if len(found) >= _ENOUGH:
            return tuple(sorted(found))
    return tuple(sorted(one for hours in stays for one in hours))


def _hour(stays: Sequence[Sequence[int]], hour: int) -> Sequence[int]:
    return stays[hour] if 0 <= hour < 24 else ()
