"""When a limit may be exceeded, judged by what really happened and by the times that ``check`` tells for the site.

What a manager cannot prevent is a *cause*: the house rises, a box comes back at its boot values, a master starts and has
nobody's answer yet, one of several boxes that are out of reach falls back to more than it was told. From each cause it has
the site's reaction time. Where a box cannot be reached meanwhile, the excess lasts until that box's own failsafe has come,
which runs from the last request that it may have heard.
"""

from dataclasses import dataclass
from typing import NamedTuple

from chargebench.emulator.events import Event
from chargebench.manager.controller import METER_LOST_US
from chargebench.manager.rounds import PROBE_US
from chargebench.scenarios.checks.rounds import reaction_us
from chargebench.scenarios.describe import Scenario
from chargebench.scenarios.unpreventable import beyond
from tests.laws.witness import Over, Witness

LOOK_US = 1_000_000  # how often a box looks at its watchdog
LOSSES = ("silence", "one-way loss", "access point lost")
BACK_US = 60_000_000  # the most that a link rests before it tries again
DEADLINE_US = 2_000_000  # the last request that a box may have heard goes on so long after it was heard no more


class Span(NamedTuple):
    """From ``from_us`` to ``to_us``."""

    from_us: int
    to_us: int

    def meets(self, other: "Span") -> bool:
        return self.from_us <= other.to_us and other.from_us <= self.to_us


class Loss(NamedTuple):
    """These cannot be reached during ``span``, and may go on as they were for ``lasts_us`` from its beginning."""

    span: Span
    lasts_us: int
    names: tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    """``broken``: excesses that nothing excuses. ``unpreventable``: what would have prevented those that ``check`` had told of."""

    over: tuple[Over, ...]
    broken: tuple[Over, ...]
    unpreventable: tuple[str, ...]


def judge(scenario: Scenario, witness: Witness) -> Verdict:
    """What is to be said of a run."""
    windows = excused(scenario, witness.events)
    broken, sentences = [], []
    for over in witness.over:
        if _inside(over, windows):
            continue
        dangers = beyond(scenario, over.from_us)
        sentences += [one.sentence for one in dangers]
        broken += [] if dangers else [over]
    return Verdict(tuple(witness.over), tuple(broken), tuple(dict.fromkeys(sentences)))


def _inside(over: Over, windows: list[Span]) -> bool:
    """Whether a chain of windows covers it."""
    covered_us = over.from_us
    for window in sorted(windows):
        if window.from_us <= covered_us:
            covered_us = max(covered_us, window.to_us)
    return covered_us > over.from_us and covered_us >= over.to_us


def excused(scenario: Scenario, events: list[Event]) -> list[Span]:
    """The windows in which the limit may be exceeded."""
    reacts_us = reaction_us(scenario.site)
    blind = unreachable(scenario, events)
    found = causes(events) + [at_us for at_us, box in fallen(events) if _others_are_lost(at_us, box, blind)]
    if any(meter.role == "grid supply" for meter in scenario.site.meters):
        found += [at_us for at_us, box in unseen_starts(scenario, events) if _is_lost(at_us, box, blind)]
    return [_window(at_us, reacts_us, blind) for at_us in found]


def _window(at_us: int, reacts_us: int, blind: list[Loss]) -> Span:
    window = Span(at_us, at_us + reacts_us)
    for span, lasts_us, _ in sorted(blind):
        if window.meets(span):
            until_us = min(span.to_us, max(span.from_us, at_us) + lasts_us)
            window = Span(at_us, max(window.to_us, until_us + reacts_us))
    return window


def causes(events: list[Event]) -> list[int]:
    """The instants at which something happened that nobody could foresee."""
    found, house_ma = [], [0, 0, 0]
    for event in events:
        if event.kind == "house":
            now_ma = [int(event.get(f"l{phase}_ma")) for phase in (1, 2, 3)]
            if event.at_us and any(a > b for a, b in zip(now_ma, house_ma, strict=True)):
                found.append(event.at_us)
            house_ma = now_ma
        elif event.kind == "boot" or (event.channel == "master" and event.kind == "starts"):
            found.append(event.at_us)
    return found


def fallen(events: list[Event]) -> list[tuple[int, str]]:
    """When which box fell back to a current."""
    back = [one for one in events if one.kind == "failsafe" and one.get("on") and one.get("limit_ma")]
    return [(one.at_us, one.channel.removeprefix("box ")) for one in back]


def unseen_starts(scenario: Scenario, events: list[Event]) -> list[tuple[int, str]]:
    """When which box without a meter of the phases begins to charge.

    Its last car counts as drawing its whole limit on all phases, and is taken off the grid meter so. If nobody sees that
    another has come, which takes what the last one did not, only the grid meter tells.
    """
    blind = [box.name for box in scenario.world.boxes if not box.attached and box.device == "power-brain"]
    closed = [one for one in events if one.kind == "contactor" and one.get("closed")]
    return [(one.at_us, name) for one in closed if (name := one.channel.removeprefix("box ")) in blind]


def _is_lost(at_us: int, box: str, blind: list[Loss]) -> bool:
    """Whether it cannot be reached, or has not been heard again yet."""
    return any(box in loss.names and loss.span.from_us <= at_us <= loss.span.to_us + BACK_US for loss in blind)


def _others_are_lost(at_us: int, box: str, blind: list[Loss]) -> bool:
    here = [name for loss in blind if loss.span.from_us <= at_us <= loss.span.to_us for name in loss.names]
    return any(name != box for name in here)


def unreachable(scenario: Scenario, events: list[Event]) -> list[Loss]:
    """When boxes and meters do not hear or are not heard."""
    end_us = scenario.duration_us
    failsafe_us = {box.name: (box.failsafe_us or end_us) + LOOK_US + DEADLINE_US for box in scenario.world.boxes}
    found = []
    for number, event in enumerate(events):
        if event.channel == "master" and event.kind == "stops":
            span = Span(event.at_us, _ends_us(events[number:], "starts", (), end_us))
            found.append(Loss(span, max(failsafe_us.values()), tuple(failsafe_us)))
        elif event.channel == "fault" and event.kind == "begins" and event.get("fault") in LOSSES:
            span = Span(event.at_us, _ends_us(events[number:], "ends", event.data, end_us))
            names = str(event.get("on")).split(", ")
            longest_us = max(failsafe_us.get(name, METER_LOST_US) for name in names)
            found.append(Loss(span, longest_us + (0 if event.get("fault") == "silence" else PROBE_US), tuple(names)))
    return found


def _ends_us(later: list[Event], kind: str, data: tuple[tuple[str, int | str], ...], end_us: int) -> int:
    return next((one.at_us for one in later if one.kind == kind and one.data == data), end_us)
