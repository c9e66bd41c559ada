"""The circuits of a site file: ``{name: row-b, limit: 20 A, fed_by: garage}``, and which box hangs on which.

An input of the master may decide the limit: ``{input: 2, on: 32 A, off: 16 A}``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import BeforeValidator

from chargebench.datasheets.errors import suggest
from chargebench.datasheets.forms import Current, Form, Name
from chargebench.datasheets.quantity import got, parse
from chargebench.datasheets.sentences import Due
from chargebench.datasheets.yamlfile import Loc, Problems
from chargebench.manager.inputs_file import choice
from chargebench.manager.site import Circuit, Fuse, SwitchedPhases
from chargebench.manager.units import per_phase_ma

_PHASES: Final = ("L1", "L2", "L3")
_DUE: Final = "a current for each phase or a power, such as 32 A, 22 kW or {L1: 32 A, L2: 32 A, L3: 20 A}"
_MOST: Final = 100_000_000

_SWITCHED_DUE: Final = (
    "an input, a limit while it is on and another while it is off, such as {input: 2, on: 32 A, off: 16 A}"
)

Amount = tuple[Literal["W"], int] | tuple[Literal["mA"], int, int, int]


class ByInput(NamedTuple):
    """One limit while an input is on, and another while it is off."""

    input: int
    on: Amount
    off: Amount


Limit = Amount | ByInput


def _limit(value: object) -> Limit:
    if isinstance(value, Mapping) and "input" in value:
        number, on, off = choice(value, _SWITCHED_DUE)
        return ByInput(number, _or_stop(on), _or_stop(off))
    return _fixed(value)


def _or_stop(value: object) -> Amount:
    return ("mA", 0, 0, 0) if value == "stop" else _fixed(value)


def _fixed(value: object) -> Amount:
    if isinstance(value, Mapping):
        if list(value) != list(_PHASES):
            raise ValueError(f"expected {_DUE}, got {got(value)} without L1, L2 and L3 in this order")
        return ("mA", _amount(value["L1"], "current"), _amount(value["L2"], "current"), _amount(value["L3"], "current"))
    if isinstance(value, str) and value.strip().endswith("W"):
        return ("W", _amount(value, "power"))
    if not isinstance(value, str) or not value.strip().endswith("A"):
        raise ValueError(f"expected {_DUE}, got {got(value)}")
    each = _amount(value, "current")
    return ("mA", each, each, each)


def _amount(value: object, kind: Literal["current", "power"]) -> int:
    amount = parse(value, kind)
    if not 0 < amount <= _MOST:
        raise ValueError(f"expected {_DUE}, more than nothing, got {got(value)}")
    return amount


class FuseForm(Form):
    """``fuse: {rating: 50 A, curve: SLS-E}``."""

    rating: Current
    curve: Literal["gG", "SLS-E", "SLS-Cs", "B", "C"]

    def fuse(self) -> Fuse:
        """The fuse that it means."""
        return Fuse(self.rating, self.curve)


class CircuitForm(Form):
    """One circuit of a site. Without ``fed_by`` the house connection feeds it."""

    name: Name
    limit: Annotated[Limit, BeforeValidator(_limit), Due(_DUE)]
    fed_by: Name | None = None
    fuse: FuseForm | None = None


def circuits(forms: Sequence[CircuitForm], voltage_mv: int, loc: Loc, problems: Problems) -> tuple[Circuit, ...]:
    """The circuits that the forms at ``loc`` mean, each fed by another of them or by the house, in the end by the house."""
    names = [form.name for form in forms]
    for k, form in enumerate(forms):
        if form.name in names[:k]:
            problems.add((*loc, k, "name"), f"expected a name of its own, {form.name} is one of the circuits")
        if form.fed_by is not None and form.fed_by not in names:
            problems.add((*loc, k, "fed_by"), unknown(form.fed_by, names))
    feeds = {form.name: form.fed_by for form in forms}
    for k, form in enumerate(forms):
        way = [form.name]
        while (above := feeds.get(way[-1])) is not None and above not in way:
            way.append(above)
        if above == form.name:
            sentence = f"expected a circuit that the house feeds, and {' is fed by '.join([*way, form.name])}"
            problems.add((*loc, k, "fed_by"), sentence)
    return tuple(_circuit(form, voltage_mv) for form in forms)


def _circuit(form: CircuitForm, voltage_mv: int) -> Circuit:
    fuse = None if form.fuse is None else form.fuse.fuse()
    if not isinstance(form.limit, ByInput):
        return Circuit(form.name, _per_phase(form.limit, voltage_mv), form.fed_by or "", fuse)
    on_ma, off_ma = (_per_phase(one, voltage_mv) for one in (form.limit.on, form.limit.off))
    l1, l2, l3 = (max(both) for both in zip(on_ma, off_ma, strict=True))
    switched = SwitchedPhases(form.limit.input, on_ma, off_ma)
    return Circuit(form.name, (l1, l2, l3), form.fed_by or "", fuse, switched)


def unknown(name: str, names: Sequence[str]) -> str:
    """That there is no such circuit, in a sentence."""
    return f"unknown circuit {name!r}{suggest(name, tuple(dict.fromkeys(names)))}"


def _per_phase(limit: Amount, voltage_mv: int) -> tuple[int, int, int]:
    if limit[0] == "W":
        each = per_phase_ma(limit[1], voltage_mv)
        return each, each, each
    return limit[1], limit[2], limit[3]
