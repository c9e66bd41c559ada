"""What a meter measures, sampled on its own grid and held until the next instant of the grid; energies are exact.

A reading is a function of the last grid instant, not of the moment at which somebody asks. It is taken from the linear
piece in which that instant lies: from the running one, or, where the source has changed since, from what was kept when
that piece ended. Events at an instant count as happened when a meter samples at that instant.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, Protocol, TypeVar

from chargebench.emulator.flow import NA_PER_MA, ZERO, Flowing, Triple, energy_wh, plus
from chargebench.emulator.spec import MeterSpec
from chargebench.emulator.tally import Tally

T = TypeVar("T")
_NA_MV = 10**12  # in a watt


class SampleHold(Generic[T]):
    """``measure(instant)`` taken at ``offset_us + k * interval_us`` and held; ``first`` before there is any."""

    __slots__ = ("_first", "_flow", "_frozen", "_interval_us", "_kept", "_measure", "_offset_us", "_taken", "_taken_us")

    def __init__(self, spec: MeterSpec, flow: Flowing, measure: Callable[[int], T], first: T) -> None:
        if spec.interval_us <= 0 or spec.offset_us < 0:
            raise ValueError(f"meter {spec.name}: samples every 1 us or more, first at 0 or later")
        self._interval_us, self._offset_us = spec.interval_us, spec.offset_us
        self._flow, self._measure, self._first = flow, measure, first
        self._kept = self._taken = first
        self._taken_us = -1
        self._frozen: list[T] = []
        flow.leaving.append(self._keep)

    def instant(self, at_us: int) -> int:
        """The last instant of the grid at or before ``at_us``; below 0 where there was none."""
        if at_us < self._offset_us:
            return -1
        return at_us - (at_us - self._offset_us) % self._interval_us

    def held(self, at_us: int) -> T:
        """What the meter shows at ``at_us``."""
        if self._frozen:
            return self._frozen[0]
        instant = -1 if at_us < self._offset_us else at_us - (at_us - self._offset_us) % self._interval_us
        if instant < self._flow.at_us:
            return self._kept
        if instant == self._taken_us:
            return self._taken
        sample = self._measure(instant)
        if instant < at_us:  # at the instant itself more may happen, later nothing can
            self._taken_us, self._taken = instant, sample
        return sample

    def freeze(self, at_us: int) -> None:
        """Go on showing what is shown now."""
        self._frozen = [self.held(at_us)]

    def thaw(self) -> None:
        self._frozen = []

    def _keep(self, at_us: int) -> None:
        """The source's piece ends at ``at_us``: keep its last sample."""
        instant = self.instant(at_us - 1)
        if instant >= self._flow.at_us:
            self._kept = self._measure(instant)


class Meter(Protocol):
    """What the world and its faults know of any meter."""

    @property
    def spec(self) -> MeterSpec: ...

    def freeze(self, at_us: int) -> None:
        """Go on showing the last sample."""

    def thaw(self) -> None:
        """Measure again."""


@dataclass(frozen=True, slots=True)
class Source:
    """A place where currents flow. ``dead(phase, instant)`` tells whether the house phase of an input has no voltage."""

    flow: Flowing
    voltage_mv: int
    wiring: tuple[int, ...]
    dead: Callable[[int, int], bool]


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample, per input: voltage mV, current and active current nA, charge and active charge (twice, nA*us).

    Currents below 0 flow back. Active charges are what was drawn less what was fed in, ``fed_charge2`` the latter alone.
    """

    voltage_mv: Triple
    na: Triple
    active_na: Triple
    charge2: Triple
    active_charge2: Triple
    fed_charge2: Triple = ZERO


Lie = Callable[[Sample], Sample]
"""What a meter shows in place of what it measured."""


class PhaseMeter:
    """A meter that knows each of its inputs. ``spec.wiring[k]``: the conductor of the source that input k sees."""

    def __init__(self, spec: MeterSpec, source: Source) -> None:
        check_wiring(spec)
        self.spec, self._source = spec, source
        self._straight = spec.wiring == (0, 1, 2)
        self._known_na = self._known_ma = ZERO
        self._lie: Lie | None = None
        self._fed = Tally(source.flow, self._fed_in, ZERO)
        self._hold = SampleHold(spec, source.flow, self._measure, Sample(self._voltages(-1), ZERO, ZERO, ZERO, ZERO))

    def freeze(self, at_us: int) -> None:
        self._hold.freeze(at_us)

    def thaw(self) -> None:
        self._hold.thaw()

    def tell(self, lie: Lie | None) -> None:
        """Show what ``lie`` makes of each sample; None: what was measured."""
        self._lie = lie

    def sample(self, at_us: int) -> Sample:
        """What it shows at ``at_us``."""
        held = self._hold.held(at_us)
        return held if self._lie is None else self._lie(held)

    def current_ma(self, at_us: int) -> Triple:
        """Current per input, mA, rounded towards 0; below 0 where it flows back."""
        na = self.sample(at_us).na
        if na is not self._known_na:
            self._known_na = na
            self._known_ma = (_whole(na[0], NA_PER_MA), _whole(na[1], NA_PER_MA), _whole(na[2], NA_PER_MA))
        return self._known_ma

    def amount_ma(self, at_us: int) -> Triple:
        """Current per input whatever its direction, mA, rounded down."""
        ma = self.current_ma(at_us)
        if ma[0] >= 0 and ma[1] >= 0 and ma[2] >= 0:
            return ma
        return _amounts(ma)

    def power_w(self, at_us: int) -> Triple:
        """Active power per input, W, rounded towards 0; below 0 where it is fed in."""
        sample = self.sample(at_us)
        return _each(sample.active_na, sample.voltage_mv)

    def apparent_va(self, at_us: int) -> Triple:
        """Apparent power per input, VA, rounded down."""
        sample = self.sample(at_us)
        return _each(_amounts(sample.na), sample.voltage_mv)

    def total_power_w(self, at_us: int) -> int:
        """Active power of all inputs, W, rounded towards 0 once."""
        sample = self.sample(at_us)
        return _sum(sample.active_na, sample.voltage_mv)

    def total_apparent_va(self, at_us: int) -> int:
        """Apparent power of all inputs, VA, rounded down once."""
        sample = self.sample(at_us)
        return _sum(_amounts(sample.na), sample.voltage_mv)

    def energy_wh(self, at_us: int) -> Triple:
        """Energy drawn, per input, whole Wh."""
        sample = self.sample(at_us)
        return self._energies(plus(sample.active_charge2, sample.fed_charge2))

    def fed_wh(self, at_us: int) -> Triple:
        """Energy fed in, per input, whole Wh."""
        return self._energies(self.sample(at_us).fed_charge2)

    def total_energy_wh(self, at_us: int) -> int:
        """Energy drawn by all inputs, whole Wh, rounded once."""
        sample = self.sample(at_us)
        return energy_wh(sum(sample.active_charge2) + sum(sample.fed_charge2), self._source.voltage_mv)

    def total_fed_wh(self, at_us: int) -> int:
        """Energy fed in by all inputs, whole Wh, rounded once."""
        return energy_wh(sum(self.sample(at_us).fed_charge2), self._source.voltage_mv)

    def total_apparent_vah(self, at_us: int, since2: int = 0) -> int:
        """Apparent energy of all inputs, whole VAh, rounded once; ``since2``: beyond this charge (twice, nA*us)."""
        return energy_wh(max(0, sum(self.sample(at_us).charge2) - since2), self._source.voltage_mv)

    def _energies(self, charge2: Triple) -> Triple:
        voltage_mv = self._source.voltage_mv
        first, second, third = (energy_wh(one, voltage_mv) for one in charge2)
        return (first, second, third)

    def _fed_until(self, instant: int) -> Triple:
        first, second, third = self._fed.until(instant)
        return (first, second, third)

    def _fed_in(self, until_us: int) -> Triple:
        """Twice the active charge, per conductor, that has flowed back in the running piece."""
        flow = self._source.flow
        if not flow.backward and min(flow.active(until_us)) >= 0:
            return ZERO
        first, second, third = (_back(flow, k, until_us) for k in range(3))
        return (first, second, third)

    def _measure(self, instant: int) -> Sample:
        flow = self._source.flow
        active = flow.active(instant)
        back = flow.backward or active[0] < 0 or active[1] < 0 or active[2] < 0
        return Sample(
            self._voltages(instant),
            self._wired(flow.level(instant)),
            self._wired(active),
            self._wired(flow.charge2(instant)),
            self._wired(flow.active_charge2(instant)),
            self._wired(self._fed_until(instant)) if back else ZERO,
        )

    def _wired(self, values: Triple) -> Triple:
        if self._straight:
            return values
        first, second, third = (*(values[k] for k in self.spec.wiring), 0, 0)[:3]
        return (first, second, third)

    def _voltages(self, instant: int) -> Triple:
        source = self._source
        alive = [
            source.voltage_mv if k < len(source.wiring) and not source.dead(source.wiring[k], instant) else 0
            for k in self.spec.wiring
        ]
        first, second, third = (*alive, 0, 0)[:3]
        return (first, second, third)


def _each(na: Triple, mv: Triple) -> Triple:
    first, second, third = na[0] * mv[0], na[1] * mv[1], na[2] * mv[2]
    if first >= 0 and second >= 0 and third >= 0:
        return (first // _NA_MV, second // _NA_MV, third // _NA_MV)
    return (_whole(first, _NA_MV), _whole(second, _NA_MV), _whole(third, _NA_MV))


def _sum(na: Triple, mv: Triple) -> int:
    return _whole(na[0] * mv[0] + na[1] * mv[1] + na[2] * mv[2], _NA_MV)


def _whole(value: int, of: int) -> int:
    """So many whole parts, towards 0."""
    return value // of if value >= 0 else -(-value // of)


def _amounts(values: Triple) -> Triple:
    return (abs(values[0]), abs(values[1]), abs(values[2]))


def _back(flow: Flowing, k: int, until_us: int) -> int:
    """Twice the active charge that has flowed back on conductor ``k`` in the running piece."""
    from_us, turn_us = flow.at_us, flow.turns_us(k)
    instants = (from_us, turn_us, until_us) if from_us < turn_us < until_us else (from_us, until_us)
    charges = [flow.active_charge2(at_us)[k] for at_us in instants]
    return sum(max(0, before - after) for before, after in pairwise(charges))


def check_wiring(spec: MeterSpec) -> None:
    if not 1 <= len(spec.wiring) <= 3 or sorted({*spec.wiring} & {0, 1, 2}) != sorted(spec.wiring):
        raise ValueError(f"meter {spec.name}: one to three different inputs of 0..2, got {spec.wiring}")
