"""What the house draws besides its boxes, and what its roof makes: steps per phase, from each time on until the next."""

from __future__ import annotations

from collections.abc import Callable

from chargebench.emulator.events import Event
from chargebench.emulator.flow import FAR, NA_PER_MA, ZERO, Flow, Triple, minus
from chargebench.emulator.spec import HouseSpec

Feed = Callable[[int, tuple[Triple, Triple], tuple[Triple, Triple] | None], None]


def fed_in(feed: Feed) -> Feed:
    """A feed by which less is drawn as more is made."""

    def less(at_us: int, by: tuple[Triple, Triple], working: tuple[Triple, Triple] | None) -> None:
        working = by if working is None else working
        feed(at_us, (minus(ZERO, by[0]), minus(ZERO, by[1])), (minus(ZERO, working[0]), minus(ZERO, working[1])))

    return less


class House:
    """The house load. ``feed`` gets what changes at the connection: (when, (nA, nA/us) per phase, its working part).

    ``what`` it is called where it tells of itself. ``beside``: what loses its phases with it.
    """

    def __init__(
        self,
        spec: HouseSpec,
        tell: Callable[[Event], None],
        feed: Feed,
        what: str = "house",
        beside: House | None = None,
    ) -> None:
        times = [at for at, _ in spec.steps]
        if times != sorted(set(times)) or any(at < 0 for at in times):
            raise ValueError(f"the times of house loads rise from 0 on, got {times}")
        if any(ma < 0 for _, load in spec.steps for ma in load):
            raise ValueError("a house load is 0 mA or more on each phase")
        if not 0 < spec.power_factor_permille <= 1000:
            raise ValueError(f"a power factor is 1 to 1000 permille, got {spec.power_factor_permille}")
        self.flow = Flow()
        self._spec, self._tell, self._feed = spec, tell, feed
        self._what, self._beside = what, beside
        self._step = 0
        self._dead = [False, False, False]
        self._load: Triple = ZERO

    @property
    def next_us(self) -> int:
        """When the load steps next."""
        steps = self._spec.steps
        return steps[self._step][0] if self._step < len(steps) else FAR

    def step(self, at_us: int) -> None:
        """Take the step that is due."""
        self._load = self._spec.steps[self._step][1]
        self._step += 1
        self._set(at_us)

    def draw(self, at_us: int, load: Triple) -> None:
        """Draw so much, in mA, until the next step."""
        self._load = load
        self._set(at_us)

    def lose(self, at_us: int, phases: tuple[int, ...]) -> None:
        """These phases are dead from now on; what hangs on them stops."""
        for phase in phases:
            self._dead[phase] = True
        self._set(at_us)
        if self._beside is not None:
            self._beside.lose(at_us, phases)

    def gain(self, at_us: int, phases: tuple[int, ...]) -> None:
        """These phases are alive again: what hangs on them goes on as if it had never stopped."""
        for phase in phases:
            self._dead[phase] = False
        self._set(at_us)
        if self._beside is not None:
            self._beside.gain(at_us, phases)

    def _set(self, at_us: int) -> None:
        first, second, third = (0 if dead else ma for ma, dead in zip(self._load, self._dead, strict=True))
        was, was_active = self.flow.level(at_us), self.flow.active(at_us)
        now = _scaled((first, second, third), NA_PER_MA)
        active = _scaled((first, second, third), NA_PER_MA * self._spec.power_factor_permille // 1000)
        if not self.flow.set(at_us, now, ZERO, (active, ZERO)):
            return
        self._feed(at_us, (minus(now, was), ZERO), (minus(active, was_active), ZERO))
        self._tell(Event(at_us, "connection", self._what, (("l1_ma", first), ("l2_ma", second), ("l3_ma", third))))


def _scaled(load: Triple, by: int) -> Triple:
    return (load[0] * by, load[1] * by, load[2] * by)
