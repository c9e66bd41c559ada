"""The operators that stand outside a law: always, never, within, finally.

A law turns what happens into truth over time: it tells ``(instant, true or false, because)`` in the order of time, and
what it tells holds until it tells again. A judge cuts that into stretches ``[from, to)`` and asks of each what its
operator asks. What happens at an instant counts as happened at it; several changes at one instant are one, the last.
So a judge is exact to the microsecond and independent of how often anybody looked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

_NEVER_US = 1 << 62


class Stretch(NamedTuple):
    """The condition was ``truth`` from ``from_us`` until before ``to_us``; the last one of a run includes its end.

    ``because`` says what was the case when it began, ``at_look`` what was when the operator began to look, if it lies here.
    """

    from_us: int
    to_us: int
    truth: bool
    because: str
    at_look: str
    last: bool

    def holds(self, at_us: int) -> bool:
        """Whether ``at_us`` lies in it."""
        return self.from_us <= at_us < self.to_us or (self.last and at_us == self.to_us)


class Break(NamedTuple):
    """The first instant at which an expectation was broken, and what was the case then."""

    at_us: int
    because: str


class Operator(Protocol):
    """Asks each stretch in turn. ``look_us`` is the instant at which it begins to look."""

    @property
    def look_us(self) -> int: ...

    def __call__(self, stretch: Stretch, /) -> Break | None: ...


@dataclass(frozen=True, slots=True)
class Always:
    """The condition is true at every instant from ``from_us`` to ``to_us``."""

    from_us: int
    to_us: int

    @property
    def look_us(self) -> int:
        return self.from_us

    def __call__(self, stretch: Stretch) -> Break | None:
        if stretch.truth:
            return None
        return _first(stretch, self.from_us, self.to_us, 0)


@dataclass(frozen=True, slots=True)
class Never:
    """The condition is true at no instant from ``from_us`` to ``to_us``, or never for longer than ``longer_us`` at a time."""

    from_us: int
    to_us: int
    longer_us: int = 0

    @property
    def look_us(self) -> int:
        return self.from_us

    def __call__(self, stretch: Stretch) -> Break | None:
        if not stretch.truth:
            return None
        return _first(stretch, self.from_us, self.to_us, self.longer_us)


@dataclass(frozen=True, slots=True)
class Within:
    """The condition is true at ``by_us`` at the latest, and from then until ``to_us``."""

    by_us: int
    to_us: int

    @property
    def look_us(self) -> int:
        return self.by_us

    def __call__(self, stretch: Stretch) -> Break | None:
        if stretch.truth:
            return None
        return _first(stretch, self.by_us, self.to_us, 0)


@dataclass(frozen=True, slots=True)
class Finally:
    """The condition is true when the run ends."""

    @property
    def look_us(self) -> int:
        return _NEVER_US

    def __call__(self, stretch: Stretch) -> Break | None:
        return Break(stretch.to_us, stretch.at_look) if stretch.last and not stretch.truth else None


def _first(stretch: Stretch, low_us: int, high_us: int, longer_us: int) -> Break | None:
    begins, ends = max(stretch.from_us, low_us), min(stretch.to_us, high_us)
    because = stretch.because if begins == stretch.from_us else stretch.at_look
    if longer_us:
        return Break(begins + longer_us, because) if ends - begins > longer_us else None
    return Break(begins, because) if begins <= high_us and stretch.holds(begins) else None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one expectation. ``first_us`` is the first instant at which it was broken, None while kept."""

    name: str
    kept: bool
    first_us: int | None
    because: str


@dataclass(slots=True)
class Judge:
    """Listens to one law for one expectation. ``on_break`` hears of the first violation as soon as it is certain."""

    name: str
    operator: Operator
    on_break: Callable[[str, Break], None] | None = None
    broken: Break | None = None
    _since_us: int = 0
    _truth: bool | None = None
    _because: str = ""
    _latest: str = ""
    _at_look: str | None = None
    _next: tuple[int, bool, str] | None = field(default=None)

    def tell(self, at_us: int, truth: bool, because: str) -> None:
        """The condition is ``truth`` from ``at_us`` on. Never called with an earlier instant than before."""
        if self._next is not None and self._next[0] < at_us:
            self._settle()
        self._next = (at_us, truth, because)

    def finish(self, end_us: int) -> Verdict:
        """The run has ended at ``end_us``: the last stretch counts, and the verdict is final."""
        self._settle()
        assert self._truth is not None, f"{self.name}: the law never said anything"
        at_look = self._latest if self._at_look is None else self._at_look
        self._ask(Stretch(self._since_us, end_us, self._truth, self._because, at_look, last=True))
        if self.broken is None:
            return Verdict(self.name, kept=True, first_us=None, because="")
        return Verdict(self.name, kept=False, first_us=self.broken.at_us, because=self.broken.because)

    def _settle(self) -> None:
        if self._next is None:
            return
        at_us, truth, because = self._next
        self._next = None
        if self._at_look is None and at_us > self.operator.look_us:
            self._at_look = self._latest
        self._latest = because
        if truth == self._truth:
            return
        if self._truth is not None and at_us > self._since_us:
            self._ask(Stretch(self._since_us, at_us, self._truth, self._because, self._at_look or "", last=False))
        self._since_us, self._truth, self._because = at_us, truth, because

    def _ask(self, stretch: Stretch) -> None:
        if self.broken is None:
            self.broken = self.operator(stretch)
            if self.broken is not None and self.on_break is not None:
                self.on_break(self.name, self.broken)
