"""The gateways of a site file that the manager has to know of: those that answer reads from memory.

``{at: "192.168.2.160:4701", memory: 20 s}``: what is read at that address may be so old.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from chargebench.datasheets.forms import Duration, Form
from chargebench.datasheets.load import load, names
from chargebench.datasheets.quantity import show
from chargebench.datasheets.yamlfile import Loc, Problems
from chargebench.manager.drivers.registry import told_by_broadcast
from chargebench.manager.site import Address, Box, HouseMeter, Input, TcpAddress

LONGEST_US: Final = 3_600_000_000


class GatewayForm(Form):
    """One gateway of a site."""

    at: str
    memory: Duration


class Behind:
    """Which address is behind which memory."""

    def __init__(
        self, forms: Sequence[GatewayForm], parse: Callable[[str], Address], loc: Loc, problems: Problems
    ) -> None:
        self._forms, self._loc, self._problems = forms, loc, problems
        self._memory: dict[Address, int] = {}
        self._places: dict[Address, Loc] = {}
        for k, form in enumerate(forms):
            address = self._address(form, parse, (*loc, k, "at"))
            if not 0 < form.memory <= LONGEST_US:
                due = f"expected more than 0 s and at most {show(LONGEST_US, 'us')}"
                problems.add((*loc, k, "memory"), due)
            if address is not None:
                self._memory[address], self._places[address] = form.memory, (*loc, k, "at")

    def _address(self, form: GatewayForm, parse: Callable[[str], Address], loc: Loc) -> Address | None:
        try:
            address = parse(form.at)
        except ValueError as error:
            self._problems.add(loc, str(error))
            return None
        if isinstance(address, TcpAddress) and address not in self._memory:
            return address
        due = "each gateway once" if isinstance(address, TcpAddress) else "an address such as 192.168.2.160:4701"
        self._problems.add(loc, f"expected {due}, got {form.at!r}")
        return None

    def boxes(self, boxes: Sequence[Box]) -> tuple[Box, ...]:
        """The boxes, each with the memory that answers for it and for its meter."""
        return tuple(self._box(box) for box in boxes) if self._memory else tuple(boxes)

    def meters(self, meters: Sequence[HouseMeter]) -> tuple[HouseMeter, ...]:
        """The meters of the house, each with the memory that answers for it. Every gateway must have had its turn by then."""
        found = (
            tuple(replace(one, memory_us=self._of(one.address)) for one in meters) if self._memory else tuple(meters)
        )
        for loc in self._places.values():
            self._problems.add(loc, "expected an address at which this site has a box or a meter")
        return found

    def refuse_inputs(self, inputs: Sequence[Input]) -> None:
        """An input decides limits at once, and what comes from a memory is of some time ago."""
        for one in inputs:
            if one.address in self._memory:
                self._problems.add(self._loc, f"expected none before input {one.number}, which would be told too late")

    def _box(self, box: Box) -> Box:
        memory_us, meter = self._of(box.address), box.meter
        if memory_us and box.device in names() and told_by_broadcast(load(box.device)):
            self._problems.add(
                self._loc, f"expected none before {box.name}, which shows by its answers what it has heard"
            )
        if meter is not None:
            meter = replace(meter, memory_us=self._of(meter.address))
        return replace(box, memory_us=memory_us, meter=meter)

    def _of(self, address: Address) -> int:
        self._places.pop(address, None)
        return self._memory.get(address, 0)
