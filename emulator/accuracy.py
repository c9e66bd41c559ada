"""What a meter sees of what flows, where it is only as good as its class: every unit of a make is wrong in its own way.

A class is a table of limits: so many percent at full currents, more at small ones and where not all of the current does
work. A unit's gain on each of its inputs is drawn once, from a stream named by the meter, as a share of that limit; each
sample of a current and of its power adds a little noise, drawn from the instant at which it is taken. Both together stay
inside the limit. Energies are the integral of the power with its gain, noise is nothing in the long run: they never go
back, and are exact in integers. A fixed percentage is a gain without noise, the same at all currents.

The limits are those of IEC 62053-21 (classes 1 and 2), IEC 62053-22 (0.2S, 0.5S) and EN 50470-3 (A, B, C) at reference
conditions, quoted from general knowledge: nobody has verified them against the standards. 0.2 and 0.5 are taken for
0.2S and 0.5S. The standards state limits at a power factor of 1 and between 0.5 inductive and 0.8 capacitive; the latter
hold here for everything that is not 1. Under operating conditions the European directive 2014/32/EU, annex V, allows more:
3.5, 2 and 0.7 % for A, B and C. No sheet tells a basic current, so 5 A is taken, usual for what is wired directly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from chargebench.emulator.flow import FAR, NA_PER_MA, ZERO, Flow, Triple, first_below, first_reaching
from chargebench.emulator.streams import Streams
from chargebench.emulator.tally import Tally

PPM: Final = 1_000_000
BASIC_MA: Final = 5_000
GAIN_PERMILLE: Final = 900
"""Of a limit; the rest is left for noise."""

_EVERYWHERE: Final = 0


class Limit(NamedTuple):
    """Below ``below_permille`` of the basic current ``low_ppm`` either way, else ``ppm``."""

    ppm: int
    below_permille: int = _EVERYWHERE
    low_ppm: int = 0

    @property
    def turn_na(self) -> int:
        """The current from which the tighter limit holds."""
        return self.below_permille * BASIC_MA * NA_PER_MA // 1000


class Limits(NamedTuple):
    """Of a class: where all of the current does work, and where not."""

    unity: Limit
    other: Limit


_FINE: Final = Limits(Limit(2_000, 50, 4_000), Limit(3_000, 100, 5_000))
_MEDIUM: Final = Limits(Limit(5_000, 50, 10_000), Limit(6_000, 100, 10_000))
CLASSES: Final[Mapping[str, Limits]] = {
    "0.2": _FINE,
    "0.2S": _FINE,
    "0.5": _MEDIUM,
    "0.5S": _MEDIUM,
    "1": Limits(Limit(10_000, 100, 15_000), Limit(10_000, 200, 15_000)),
    "2": Limits(Limit(20_000, 100, 25_000), Limit(20_000, 200, 25_000)),
    "A": Limits(Limit(20_000, 100, 25_000), Limit(20_000, 100, 25_000)),
    "B": Limits(Limit(10_000, 100, 15_000), Limit(10_000, 100, 15_000)),
    "C": Limits(Limit(5_000, 100, 10_000), Limit(5_000, 100, 10_000)),
}


class Errors(NamedTuple):
    """Of one unit. ``gains``: on each conductor, permille of the limit; ``noise`` likewise, of an instant and a conductor."""

    limits: Limits
    gains: Triple
    noise: Callable[[int, int], int] | None = None


def of_class(name: str, meter: str, streams: Streams) -> Errors:
    """The errors of the unit called ``meter``, which is of class ``name``; ``LookupError`` for a class that is unknown."""
    if name not in CLASSES:
        raise LookupError(f"no limits of error are known for {meter}, whose class is not told")
    gain, noise = streams.stream("meter", meter, "gain"), streams.stream("meter", meter, "noise")
    rest = 1000 - GAIN_PERMILLE
    gains = tuple(gain.at(k) % (2 * GAIN_PERMILLE + 1) - GAIN_PERMILLE for k in range(3))
    return Errors(
        CLASSES[name], (gains[0], gains[1], gains[2]), lambda us, k: noise.at(3 * us + k) % (2 * rest + 1) - rest
    )


def of_percentage(ppm: int) -> Errors:
    """The errors of a unit that is always wrong by so much, by more than the truth where that is above 0."""
    limit, gain = Limit(abs(ppm)), 1000 if ppm > 0 else -1000
    return Errors(Limits(limit, limit), (gain, gain, gain))


class SeenFlow:
    """``flow`` as a meter sees it that makes ``errors``; what was seen before is never seen otherwise later."""

    __slots__ = ("_errors", "_flow", "_noise", "_noise_us", "_seen")

    def __init__(self, flow: Flow, errors: Errors) -> None:
        self._flow, self._errors = flow, errors
        self._noise, self._noise_us = ZERO, -1
        start_us = flow.at_us
        # twice the charge and the active one that were seen, in millionths
        before = (*_times(flow.charge2(start_us), PPM), *_times(flow.active_charge2(start_us), PPM))
        self._seen = Tally(flow, self._seen_in, before)

    @property
    def at_us(self) -> int:
        return self._flow.at_us

    @property
    def leaving(self) -> list[Callable[[int], None]]:
        return self._flow.leaving

    @property
    def backward(self) -> bool:
        return self._flow.backward

    def level(self, at_us: int) -> Triple:
        """The current that a sample at ``at_us`` shows, nA."""
        return self._sampled(self._flow.level(at_us), at_us)

    def active(self, at_us: int) -> Triple:
        """The active current that a sample at ``at_us`` shows, nA."""
        return self._sampled(self._flow.active(at_us), at_us)

    def charge2(self, at_us: int) -> Triple:
        """Twice the charge that was seen until ``at_us``, nA*us."""
        return _whole(self._seen.until(at_us)[:3])

    def active_charge2(self, at_us: int) -> Triple:
        """Twice the charge of the active current that was seen until ``at_us``, nA*us."""
        return _whole(self._seen.until(at_us)[3:])

    def turns_us(self, k: int) -> int:
        """As of the flow: no error changes a direction."""
        return self._flow.turns_us(k)

    def _sampled(self, true: Triple, at_us: int) -> Triple:
        """With gain and noise, rounded towards 0."""
        noise, level = self._noise_at(at_us), self._flow.level(at_us)
        wrong = [self._ppm(k, level[k], noise[k]) for k in range(3)]
        return _whole((true[0] * wrong[0], true[1] * wrong[1], true[2] * wrong[2]))

    def _noise_at(self, at_us: int) -> Triple:
        noise = self._errors.noise
        if noise is not None and at_us != self._noise_us:
            self._noise, self._noise_us = (noise(at_us, 0), noise(at_us, 1), noise(at_us, 2)), at_us
        return self._noise

    def _ppm(self, k: int, na: int, noise: int = 0) -> int:
        """What is seen of a current on conductor ``k``, in millionths of it."""
        limit = self._limit(k)
        within = limit.ppm if abs(na) >= limit.turn_na else limit.low_ppm
        return PPM + within * (self._errors.gains[k] + noise) // 1000

    def _limit(self, k: int) -> Limit:
        """The limit on conductor ``k`` while the running piece lasts."""
        flow, limits = self._flow, self._errors.limits
        from_us = flow.at_us
        works = flow.level(from_us)[k] == flow.active(from_us)[k] and flow.rate[k] == flow.active_rate()[k]
        return limits.unity if works else limits.other

    def _seen_in(self, until_us: int) -> tuple[int, ...]:
        """Twice both charges that were seen in the running piece, in millionths."""
        charges = [0] * 6
        for k in range(3):
            for from_us, to_us in pairwise(self._turns(k, until_us)):
                ppm = self._ppm(k, self._flow.level(from_us)[k])
                for place, of in ((k, self._flow.charge2), (3 + k, self._flow.active_charge2)):
                    charges[place] += ppm * (of(to_us)[k] - of(from_us)[k])
        return tuple(charges)

    def _turns(self, k: int, until_us: int) -> list[int]:
        """The instants between which one limit holds on conductor ``k``, from the begin of the piece to ``until_us``."""
        flow = self._flow
        from_us, goal_na = flow.at_us, self._limit(k).turn_na
        na, rate = flow.level(from_us)[k], flow.rate[k]
        turn_us = (
            first_reaching(from_us, na, rate, goal_na) if na < goal_na else first_below(from_us, na, rate, goal_na)
        )
        return [from_us, turn_us, until_us] if from_us < turn_us < min(until_us, FAR) else [from_us, until_us]


def _times(values: Triple, by: int) -> Triple:
    return (values[0] * by, values[1] * by, values[2] * by)


def _whole(values: Sequence[int]) -> Triple:
    """Out of millionths, towards 0."""
    first, second, third = (value // PPM if value >= 0 else -(-value // PPM) for value in values)
    return (first, second, third)
