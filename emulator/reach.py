"""What gets through between the wires and the devices, and why it does not: power, silence, answers lost, a network cut.

Several faults may take the same thing from a device; it has it back when the last of them lets go. A meter in the case of
a box shares its box's fate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from chargebench.emulator.plant import Member

Loss = Literal["power", "hearing", "answers", "way there", "way back"]


@dataclass(frozen=True, slots=True)
class Reach:
    """What of a device works now.

    ``powered``: it runs; without, whatever connections it had are forgotten. ``hears``: requests on its wire are taken in.
    ``speaks``: its answers leave it. ``way_there``, ``way_back``: the network carries packets to its address, and from it.
    """

    powered: bool = True
    hears: bool = True
    speaks: bool = True
    way_there: bool = True
    way_back: bool = True

    @property
    def mute(self) -> bool:
        """It neither hears nor answers, whatever the network does."""
        return not (self.powered and self.hears)


Listener = Callable[[str, Reach], None]


class Reaches:
    """The reach of every device by name. ``dark`` tells of a box whether it is off; ``listeners`` hear of every change."""

    def __init__(self, members: Sequence[Member], dark: Callable[[str], bool]) -> None:
        self.listeners: list[Listener] = []
        self._members = tuple(members)
        self._owners = {one.name: one.owner for one in members}
        self._dark = dark
        self._lost: Counter[tuple[str, Loss]] = Counter()
        self._told = {one.name: Reach() for one in members}

    def of(self, name: str) -> Reach:
        """The reach of a device now."""
        owner = self._owners.get(name, name)

        def has(what: Loss) -> bool:
            return not (self._lost[name, what] or self._lost[owner, what])

        powered = has("power") and not self._dark(owner)
        return Reach(powered, has("hearing"), has("answers"), has("way there"), has("way back"))

    def lose(self, name: str, what: Loss, *, on: bool) -> None:
        """Take something from a device, or give it back."""
        self._lost[name, what] += 1 if on else -1
        self.review()

    def review(self) -> None:
        """Tell of everything that has changed, in the order of the file."""
        for member in self._members:
            now = self.of(member.name)
            if now != self._told[member.name]:
                self._told[member.name] = now
                for listen in list(self.listeners):
                    listen(member.name, now)
