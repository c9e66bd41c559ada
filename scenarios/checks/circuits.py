"""Circuits: each feeds something, binds somewhere, and carries at least the minimum of every box on it."""

from __future__ import annotations

from collections.abc import Iterator

from chargebench.manager.circuits import Circuits
from chargebench.manager.units import up_to_step
from chargebench.scenarios.checks.amounts import PHASES, at_least, at_most, step_ma
from chargebench.scenarios.checks.finding import Found, Ground


def circuits(ground: Ground) -> Iterator[Found]:
    """What of the circuits cannot be meant: no box on one, a limit above that of what feeds it, a box that can never charge."""
    site = ground.site
    tree, known = Circuits(site), {circuit.name: circuit for circuit in site.circuits}
    for place, circuit in enumerate(site.circuits):
        if not any(tree.feeds(circuit.name, box.circuit) for box in site.boxes):
            sentence = f"no box hangs on {circuit.name}: expected circuit: {circuit.name} at one of the evses"
            yield Found("note", ground.circuit(place), sentence)
        above = known.get(circuit.fed_by)
        name = "the connection" if above is None else above.name
        limits_ma = (site.connection.limit_ma,) * 3 if above is None else above.limit_ma
        if any(ma > most for ma, most in zip(circuit.limit_ma, limits_ma, strict=True)):
            sentence = f"{circuit.name} may carry {at_most(max(circuit.limit_ma))}, more than {name}, which feeds it: {at_most(min(limits_ma))}"
            yield Found("note", ground.circuit(place, "limit"), sentence, at_most(min(limits_ma)))
    for box in site.boxes:
        least_ma = up_to_step(box.minimum_ma, step_ma(box))
        for place, circuit in enumerate(site.circuits):
            short = [phase for phase in sorted(box.phases) if circuit.limit_ma[phase] < least_ma]
            if short and tree.feeds(circuit.name, box.circuit):
                sentence = (
                    f"{box.name} needs {at_least(least_ma)} and never charges: {PHASES[short[0]]} of {circuit.name} carries"
                    f" {at_most(circuit.limit_ma[short[0]])}"
                )
                yield Found("danger", ground.circuit(place, "limit"), sentence, at_least(least_ma))
