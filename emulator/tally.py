"""What has been brought by all pieces of a flow, where it is no charge of the flow itself."""

from __future__ import annotations

from collections.abc import Callable
from operator import add

from chargebench.emulator.flow import Flowing

Sums = tuple[int, ...]


class Tally:
    """Sums over the pieces of ``flow``, from ``start`` on; ``of_piece`` tells what the running piece has brought until then.

    A piece that ends counts as running until it has ended: others, who are told of the end as well, still ask for what lies
    in it.
    """

    __slots__ = ("_base", "_base_us", "_flow", "_next", "_next_us", "_of_piece")

    def __init__(self, flow: Flowing, of_piece: Callable[[int], Sums], start: Sums) -> None:
        self._flow, self._of_piece = flow, of_piece
        self._base = self._next = start
        self._base_us = self._next_us = flow.at_us
        flow.leaving.append(self._leave)

    def until(self, at_us: int) -> Sums:
        """What has come until ``at_us``, which lies in the running piece."""
        if self._flow.at_us != self._base_us:
            self._base, self._base_us = self._next, self._next_us
        return tuple(map(add, self._base, self._of_piece(at_us)))

    def _leave(self, at_us: int) -> None:
        self._next, self._next_us = self.until(at_us), at_us
