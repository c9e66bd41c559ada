"""Policy ``none``: no load management. Every box has its maximum, whatever the connection carries; all is still read.

It is there to show what load management is for, and what a site would do without. A box that does not show its maximum is
told, and told again after ``AGAIN_US`` at the earliest: one that cannot take as much would be written to for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from chargebench.manager.readings import BoxView, Command, View
from chargebench.manager.site import Site
from chargebench.manager.units import down_to_step

CYCLE_US: Final = 3_000_000
AGAIN_US: Final = 60_000_000
FAR: Final = 1 << 62


class Unmanaged:
    """One site. ``cycle(n, view)`` is to be called at cycle n (``n * cycle_us`` after the first), n only rising."""

    cycle_us = CYCLE_US

    def __init__(self, site: Site) -> None:
        self.site = site
        self.next_cycle = 0
        self._maxima: tuple[int, ...] = tuple(box.maximum_ma for box in site.boxes)
        self._told_us: list[int | None] = [None] * len(site.boxes)
        self._decided: tuple[tuple[bool, int], ...] = ()

    def in_steps(self, steps_ma: Sequence[int]) -> None:
        """In which steps each box takes its limit, before the first cycle."""
        boxes = zip(self.site.boxes, steps_ma, strict=True)
        self._maxima = tuple(down_to_step(box.maximum_ma, step) for box, step in boxes)

    def quiet(self, n: int, view: View) -> bool:
        """Whether cycle ``n`` would return nothing and change nothing: all shows what it showed, and nobody is due."""
        return n < self.next_cycle and self._shown(view) == self._decided

    def cycle(self, n: int, view: View) -> list[Command]:
        """A write for each box in reach that does not show its maximum."""
        return [] if self.quiet(n, view) else self._decide(n, view)

    def _decide(self, n: int, view: View) -> list[Command]:
        now_us = n * CYCLE_US
        shown = self._shown(view)
        commands: list[Command] = []
        due: list[int] = []
        for k, ((reached, limit_ma), maximum_ma) in enumerate(zip(shown, self._maxima, strict=True)):
            if limit_ma == maximum_ma:
                self._told_us[k] = None
            elif reached and self.site.management:
                told_us = self._told_us[k]
                if told_us is None or now_us >= told_us + AGAIN_US:
                    commands.append(Command(n, k, maximum_ma))
                    self._told_us[k] = told_us = now_us
                due.append(told_us + AGAIN_US)
        self.next_cycle = -(-min(due) // CYCLE_US) if due else FAR
        self._decided = shown
        return commands

    def _shown(self, view: View) -> tuple[tuple[bool, int], ...]:
        """Of each box: whether it can be told something, and its limit, -1 where it is not known."""
        return tuple(self._of_box(k, seen) for k, seen in enumerate(view.boxes))

    def _of_box(self, k: int, seen: BoxView) -> tuple[bool, int]:
        licensed = self.site.boxes[k].licensed if seen.licensed is None else seen.licensed
        if seen.reading is None:
            return False, -1
        return licensed and seen.silent_since_us is None, seen.reading.limit_ma
