"""Who is next: a heap of the times at which actors would act. Ties go to the actor that stands first in the list."""

from __future__ import annotations

from heapq import heapify, heappop, heappush

from chargebench.emulator.flow import FAR


class Agenda:
    """Next times of ``actors`` actors, by number. Times that no longer hold stay in the heap and are passed over."""

    __slots__ = ("_armed", "_heap")

    def __init__(self, actors: int) -> None:
        self._armed = [FAR] * actors
        self._heap: list[tuple[int, int]] = []

    def arm(self, actor: int, when_us: int) -> None:
        """From now on this actor acts next at ``when_us``."""
        if self._armed[actor] == when_us:
            return
        self._armed[actor] = when_us
        if when_us < FAR:
            heappush(self._heap, (when_us, actor))
        if len(self._heap) > 8 * len(self._armed) + 64:
            self._heap = [(when, number) for number, when in enumerate(self._armed) if when < FAR]
            heapify(self._heap)

    @property
    def next_us(self) -> int:
        """When somebody acts next."""
        while self._heap and self._armed[self._heap[0][1]] != self._heap[0][0]:
            heappop(self._heap)
        return self._heap[0][0] if self._heap else FAR

    def due(self, until_us: int) -> list[int]:
        """All that act by ``until_us``."""
        return [actor for actor, when_us in enumerate(self._armed) if when_us <= until_us]

    def take(self, until_us: int) -> tuple[int, int] | None:
        """The next one due by ``until_us`` (when, actor), no longer armed; None if there is none."""
        if self.next_us > until_us:
            return None
        when_us, actor = heappop(self._heap)
        self._armed[actor] = FAR
        return when_us, actor
