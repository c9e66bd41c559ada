"""The house connection: boxes and house summed per phase, held against a limit and against a fuse, which are two things.

A new linear piece begins whenever anything changes; the piece before it goes to the watchers as a ``Segment``. The fuse is
asked when its next verdict would fall due, so that "may trip", "must trip" and the trip itself happen at their microsecond.
After a trip a gG fuse has opened the phase that reached its curve, any other device all three.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from chargebench.emulator.curves import Curve, curve
from chargebench.emulator.events import Event, Segment
from chargebench.emulator.flow import FAR, Flow, Triple, plus
from chargebench.emulator.fuse import PhaseWear, Piece
from chargebench.emulator.limit import LimitWatch
from chargebench.emulator.spec import ConnectionSpec

PHASES = (0, 1, 2)
NAMES = ("L1", "L2", "L3")
Verdict = Literal["cannot", "may", "must"]


class Connection:
    """The connection as built.

    ``watch``: called with each closed segment. ``tripped``: called (when, phases) once a fuse has opened them.
    """

    def __init__(
        self,
        spec: ConnectionSpec,
        tell: Callable[[Event], None],
        watch: list[Callable[[Segment], None]],
        tripped: Callable[[int, tuple[int, ...]], None],
    ) -> None:
        if spec.opens not in {"must", "may", "never"}:
            raise ValueError(f"a fuse opens when it must, when it may or never, got {spec.opens}")
        self.spec = spec
        self.flow = Flow()
        self.limit = LimitWatch(spec.limit_ma)
        self.curve: Curve | None = None if spec.rating_ma is None else curve(spec.curve, spec.rating_ma)
        self.wear = () if self.curve is None else tuple(PhaseWear(self.curve) for _ in PHASES)
        self.peak_na = [0, 0, 0]
        self.opened_us: list[int | None] = [None, None, None]
        self._tell, self._watch, self._tripped = tell, watch, tripped
        self._counted_us = 0
        self._verdicts: list[Verdict] = ["cannot", "cannot", "cannot"]
        self._next_us: int | None = FAR

    @property
    def next_us(self) -> int:
        """When a fuse would next have something to say."""
        if self._next_us is None:
            self._next_us = min(self.wear[phase].next_us(self._piece(phase)) for phase in PHASES)
        return self._next_us

    def verdict(self, phase: int) -> Verdict:
        return self._verdicts[phase]

    def open_at(self, phase: int, at_us: int) -> bool:
        """Whether this phase was dead at ``at_us``."""
        opened = self.opened_us[phase]
        return opened is not None and opened <= at_us

    def add(self, at_us: int, by: tuple[Triple, Triple], working: tuple[Triple, Triple] | None = None) -> None:
        """From ``at_us`` on so much more flows: (nA, nA/us) per phase; ``working``: the active part of it, else all."""
        flow = self.flow
        self.close(at_us)
        work = by if working is None else working
        flow.set(
            at_us,
            plus(flow.level(at_us), by[0]),
            plus(flow.rate, by[1]),
            (plus(flow.active(at_us), work[0]), plus(flow.active_rate(), work[1])),
        )
        self._next_us = None if self.wear else FAR

    def close(self, at_us: int) -> None:
        """End the running piece at ``at_us``: count it and show it to the watchers."""
        flow = self.flow
        start = flow.at_us
        if at_us <= start:
            return
        segment = Segment(start, at_us, flow.level(start), flow.rate)
        last = flow.level(at_us - 1)
        for phase in PHASES:
            self.peak_na[phase] = max(self.peak_na[phase], segment.na[phase], last[phase])
        self.limit.feed(segment)
        self._count(at_us)
        flow.cut(at_us)
        for look in self._watch:
            look(segment)

    def step(self, at_us: int) -> None:
        """The instant that ``next_us`` named has come: say what the fuse has become, and open it where it does."""
        self._count(at_us)
        self._next_us = None
        opens: list[int] = []
        for phase, wear in enumerate(self.wear):
            now: Verdict = "must" if wear.must_us is not None else "may" if wear.may_us is not None else "cannot"
            if now != self._verdicts[phase]:
                self._say(at_us, phase, now)
            opens_now = self.spec.opens == now or (self.spec.opens, now) == ("may", "must")
            if opens_now and self.opened_us[phase] is None:
                opens.append(phase)
        if opens:
            self._open(at_us, opens)

    def _piece(self, phase: int) -> Piece:
        counted, flow = self._counted_us, self.flow
        return Piece(counted, flow.level(counted)[phase], flow.rate[phase])

    def _count(self, at_us: int) -> None:
        """Bring the fuse's damage to ``at_us``."""
        for phase, wear in enumerate(self.wear):
            wear.run(self._piece(phase), at_us)
        self._counted_us = at_us

    def _say(self, at_us: int, phase: int, now: Verdict) -> None:
        data = (("phase", NAMES[phase]), ("was", self._verdicts[phase]), ("now", now))
        self._verdicts[phase] = now
        self._tell(Event(at_us, "connection", "verdict", data))

    def _open(self, at_us: int, due: list[int]) -> None:
        assert self.curve is not None
        phases = tuple(due) if self.curve.kind == "gG" else tuple(p for p in PHASES if self.opened_us[p] is None)
        for phase in phases:
            self.opened_us[phase] = at_us
        by = f"{self.curve.kind} {self.curve.rating_ma} mA"
        self._tell(Event(at_us, "connection", "tripped", (("phases", " ".join(NAMES[p] for p in phases)), ("by", by))))
        self._tripped(at_us, phases)
