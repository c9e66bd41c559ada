"""What is wrong with wires and not with what is on them: noise on a line, an adapter pulled out, answers that come late.

Faults say it here; whoever has the wires listens, and does it to them. Several faults may do the same: noise adds up, the
latest answer is the one that counts, and an adapter is back when the last fault lets go of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable


class Disturbances:
    """All that is wrong now. ``listeners`` hear that something has changed."""

    def __init__(self) -> None:
        self.listeners: list[Callable[[], None]] = []
        self._noise: Counter[str] = Counter()
        self._late: list[tuple[str, int]] = []
        self._unplugged: Counter[str] = Counter()

    def noise_ppm(self, line: str) -> int:
        """Bit errors per million bits on a line."""
        return self._noise[line]

    def late_us(self, device: str) -> int:
        """How much later than else the answers of a device leave it."""
        return max((by_us for name, by_us in self._late if name == device), default=0)

    def unplugged(self, gateway: str) -> bool:
        """Whether the adapter by which a gateway reaches its line is out."""
        return self._unplugged[gateway] > 0

    def disturb(self, line: str, ppm: int) -> None:
        """So much more noise, or less."""
        self._noise[line] += ppm
        self._tell()

    def delay(self, device: str, by_us: int, *, on: bool) -> None:
        """Answers come later by so much, or no longer."""
        if on:
            self._late.append((device, by_us))
        else:
            self._late.remove((device, by_us))
        self._tell()

    def unplug(self, gateway: str, *, on: bool) -> None:
        """Pull an adapter out, or put it back."""
        self._unplugged[gateway] += 1 if on else -1
        self._tell()

    def _tell(self) -> None:
        for listen in list(self.listeners):
            listen()
