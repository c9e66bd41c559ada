"""The limits that boxes share, as nodes: three phases each of the house connection, of the boxes' own supply, of each circuit.

A circuit is a sub-distribution with a limit of its own; circuits nest, and a box weighs on all that feed it. Nodes are numbered:
0..2 the house connection, then the boxes' own supply where there is one, then the circuits in the order of the site, L1 first.
Only the house flows on the connection beside the boxes; whatever else hangs on a circuit is to be left out of its limit.
"""

from __future__ import annotations

from typing import Any, Final, Self

from chargebench.manager.site import Site
from chargebench.manager.units import Amps3

PHASES: Final = ("L1", "L2", "L3")
NO_LIMIT_MA: Final = 1 << 40


class Circuits:
    """The nodes of a site. ``limits_ma``: what may be given on each; ``names``: each in words.

    Last stand, where the site has them, ``ordered``, one node on which each box weighs once for each of its phases, since what
    is ordered is a power of all boxes and phases together, and ``uneven``, three for those that do not use all phases; the
    first of them is ``first_ordered``.
    """

    def __init__(self, site: Site) -> None:
        connection = site.connection
        limits = [connection.limit_ma - connection.reserve_ma] * 3
        names = list(PHASES)
        common = [0]
        if connection.evse_ma is not None:
            limits += [connection.evse_ma] * 3
            names += [f"the boxes' supply on {phase}" for phase in PHASES]
            common.append(3)
        first = len(limits)
        for circuit in site.circuits:
            limits += circuit.limit_ma
            names += [f"{phase} of {circuit.name}" for phase in PHASES]
        self._own = {circuit.name: first + 3 * k for k, circuit in enumerate(site.circuits)}
        self.first_ordered = len(limits)
        self.ordered: int | None = None
        if site.dimming is not None or site.surplus or site.surplus_input is not None:
            self.ordered = len(limits)
            limits.append(NO_LIMIT_MA)
            names.append("what was ordered")
        self.uneven: int | None = None
        if site.imbalance_ma is not None:
            self.uneven = len(limits)
            limits += [site.imbalance_ma] * 3
            names += [f"the imbalance of {phase}" for phase in PHASES]
        feeds = {circuit.name: circuit.fed_by for circuit in site.circuits}
        self.limits_ma: tuple[int, ...] = tuple(limits)
        self.names: tuple[str, ...] = tuple(names)
        self._places: dict[str, tuple[int, ...]] = {"": tuple(common)}
        for name in feeds:
            above, at = list(common), name
            while at:
                above.append(self._own[at])
                at = feeds[at]
            self._places[name] = tuple(sorted(above))
        self._nodes: dict[tuple[str, tuple[int, ...]], tuple[int, ...]] = {}
        self._switched = [(0, connection.limit_input, connection.reserve_ma), (3, connection.evse_input, 0)]
        self._by_input = [(self._own[one.name], one.switched) for one in site.circuits if one.switched is not None]

    def __deepcopy__(self, _memo: dict[int, Any]) -> Self:
        return self  # it never changes: what it keeps are answers

    def limits_at(self, inputs: tuple[int, ...], unknown: tuple[int, ...] = ()) -> tuple[int, ...]:
        """``limits_ma`` while these inputs of the master are on, and of the ``unknown`` ones nobody knows whether they are."""
        limits = list(self.limits_ma)
        for place, switched, reserve_ma in self._switched:
            if switched is not None:
                limits[place : place + 3] = [switched.stands_ma(inputs, unknown) - reserve_ma] * 3
        for place, by_phase in self._by_input:
            limits[place : place + 3] = by_phase.stands_ma(inputs, unknown)
        return tuple(limits)

    def places(self, circuit: str) -> tuple[int, ...]:
        """Where the three nodes begin of all that feeds what hangs on ``circuit``, "" for the house itself."""
        return self._places[circuit]

    def feeds(self, circuit: str, other: str) -> bool:
        """Whether what hangs on ``other`` is fed through ``circuit``; a circuit feeds itself, and none feeds the house, ""."""
        return self._own[circuit] in self._places[other]

    def nodes(self, circuit: str, phases: tuple[int, ...]) -> tuple[int, ...]:
        """The nodes on which a box of that circuit weighs with these phases, in order."""
        known = self._nodes.get((circuit, phases))
        if known is None:
            places = self._places[circuit]
            if self.uneven is not None and len(phases) < len(PHASES):
                places = (*places, self.uneven)
            ordered = () if self.ordered is None else (self.ordered,) * len(phases)
            known = tuple(sorted((*(place + phase for place in places for phase in phases), *ordered)))
            self._nodes[circuit, phases] = known
        return known

    def take(self, amps: Amps3, circuit: str, left: list[int]) -> None:
        """Take what a box of that circuit draws out of what is left on all that feeds it."""
        l1, l2, l3 = amps
        for place in self._places[circuit]:
            left[place] -= l1
            left[place + 1] -= l2
            left[place + 2] -= l3
        if self.ordered is not None:
            left[self.ordered] -= l1 + l2 + l3
        if self.uneven is not None and min(amps) == 0:
            for phase, ma in enumerate(amps):
                left[self.uneven + phase] -= ma
