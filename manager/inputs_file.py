"""The inputs of a site file, and what they decide: ``{number: 2, of: internal}``; ``{input: 2, on: 25 kW, off: stop}``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import BeforeValidator, Field

from chargebench.datasheets.forms import Form, Name, between
from chargebench.datasheets.load import load, names
from chargebench.datasheets.model import Register
from chargebench.datasheets.quantity import expectation, got, parse
from chargebench.datasheets.sentences import Due
from chargebench.datasheets.yamlfile import Loc, Problems
from chargebench.manager.site import Address, Box, Input, Switched, SwitchedPower, TcpAddress
from chargebench.manager.units import per_phase_ma

INPUTS_MOST: Final = 8
OWN_INPUTS: Final = "s0_inputs"
"""The register of a box that shows the contacts at its S0 terminals, the first in its lowest bit."""

TERMINALS: Final = 2
_KEYS: Final = {"input", "off", "on"}
_SWITCHED_DUE: Final = (
    "an input, a power while it is on and another while it is off, such as {input: 2, on: 25 kW, off: stop}"
)
_BOUNDS: Final = between(0, 100_000_000, "W")
_PLACE_DUE: Final = "either a box (of) or an address (at) and the number of a register or contact there (address)"
Place = Callable[[str], Address]
"""What an address of the file means; ``ValueError`` says what was expected."""


class Choice(NamedTuple):
    """What a file says for an input that is on and for one that is off; "stop" is nothing at all."""

    input: int
    on: object
    off: object


def choice(value: Mapping[object, object], due: str) -> Choice:
    """What ``{input: 2, on: …, off: …}`` says; ``ValueError`` where it is not that."""
    if {*value} != _KEYS:
        raise ValueError(f"expected {due}, got {', '.join(str(key) for key in value)}")
    number = value["input"]
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= INPUTS_MOST:
        raise ValueError(f"expected the number of an input from 1 to {INPUTS_MOST}, got {got(number)}")
    return Choice(number, value["on"], value["off"])


class Total(NamedTuple):
    """A power in W while ``input`` is on, and while it is off; the same for both where ``input`` is 0, which is none."""

    input: int
    on_w: int
    off_w: int

    @property
    def most_w(self) -> int:
        """The greater of both."""
        return max(self.on_w, self.off_w)

    def switched(self, voltage_mv: int) -> Switched | None:
        """What the input decides; None where none does."""
        if not self.input:
            return None
        return Switched(self.input, per_phase_ma(self.on_w, voltage_mv), per_phase_ma(self.off_w, voltage_mv))

    def power(self) -> SwitchedPower:
        """The same as it was written."""
        return SwitchedPower(self.input, self.on_w, self.off_w)


def _total(value: object) -> Total:
    if isinstance(value, Mapping):
        return _switched(value)
    power_w = _power_w(value)
    return Total(0, power_w, power_w)


def _switched(value: object) -> Total:
    if not isinstance(value, Mapping):
        raise ValueError(f"expected {_SWITCHED_DUE}, got {got(value)}")  # noqa: TRY004  that is what pydantic hears
    found = choice(value, _SWITCHED_DUE)
    on_w, off_w = (0 if one == "stop" else _power_w(one) for one in (found.on, found.off))
    return Total(found.input, on_w, off_w)


def _power_w(value: object) -> int:
    return int(_BOUNDS.func(parse(value, "power")))  # type: ignore[call-arg]


TotalPower = Annotated[Total, BeforeValidator(_total), Due(expectation("power"))]
PowerByInput = Annotated[Total, BeforeValidator(_switched), Due(_SWITCHED_DUE)]
Number = Annotated[int, Field(ge=1, le=INPUTS_MOST)]


class InputForm(Form):
    """One input: the S0 input ``terminal`` (``number``, if left out) ``of`` a box, or a bit at ``address`` of the unit ``id``."""

    number: Number
    of: Name | None = None
    terminal: Annotated[int, Field(ge=1, le=TERMINALS)] | None = None
    at: str | None = None
    id: Annotated[int, Field(ge=1, le=255)] = 1
    kind: Literal["coil", "discrete", "holding", "input"] = "discrete"
    address: Annotated[int, Field(ge=0, le=65_535)] | None = None
    bit: Annotated[int, Field(ge=0, le=15)] = 0
    inverted: Literal["on", "off"] = "off"


def inputs(
    forms: Sequence[InputForm], boxes: Sequence[Box], place: Place, loc: Loc, problems: Problems
) -> tuple[Input, ...]:
    """The inputs that the forms at ``loc`` mean, each number once."""
    found = []
    for k, form in enumerate(forms):
        here = (*loc, k)
        if form.number in [other.number for other in forms[:k]]:
            problems.add((*here, "number"), f"expected a number of its own, and there is another input {form.number}")
        one = _of_box(form, boxes, here, problems) if form.of is not None else _anywhere(form, place, here, problems)
        if one is not None:
            _refuse_box(one, form, boxes, here, problems)
            found.append(one)
    return tuple(found)


def own_inputs(device: str) -> Register | None:
    """The register in which a device shows the contacts at its S0 terminals; None where it has none."""
    if device not in names():
        return None  # which is told elsewhere
    return next((one for one in load(device).registers if one.name == OWN_INPUTS and not one.unverified), None)


def _of_box(form: InputForm, boxes: Sequence[Box], here: Loc, problems: Problems) -> Input | None:
    box = next((one for one in boxes if one.name == form.of), None)
    register = None if box is None else own_inputs(box.device)
    if box is None or register is None:
        able = [one.name for one in boxes if own_inputs(one.device) is not None]
        due = (
            f"a box with inputs of its own ({', '.join(able)})" if able else "an address (at), since no box has inputs"
        )
        problems.add((*here, "of"), f"expected {due}, got {form.of}")
        return None
    terminal = form.terminal or form.number
    if form.at is not None or form.address is not None or form.bit:
        problems.add(here, f"expected {_PLACE_DUE}")
    elif terminal > TERMINALS:
        problems.add(here, f"expected the S0 input of the box (terminal), 1 or {TERMINALS}")
    inverted = form.inverted == "on"
    return Input(form.number, box.address, box.unit, register.table, register.at, terminal - 1, inverted, box.name)


def _anywhere(form: InputForm, place: Place, here: Loc, problems: Problems) -> Input | None:
    if form.at is None or form.address is None or form.terminal is not None:
        problems.add(here, f"expected {_PLACE_DUE}")
        return None
    if form.bit and form.kind in ("coil", "discrete"):
        problems.add((*here, "bit"), f"expected only in a register (kind: holding or input), a {form.kind} has no bits")
    try:
        address = place(form.at)
    except ValueError as error:
        problems.add((*here, "at"), str(error))
        return None
    return Input(form.number, address, form.id, form.kind, form.address, form.bit, form.inverted == "on")


def _refuse_box(one: Input, form: InputForm, boxes: Sequence[Box], here: Loc, problems: Problems) -> None:
    """A read ends a box's failsafe, so a box is asked by nobody but by who manages it."""
    box = next((box for box in boxes if (box.address, box.unit) == (one.address, one.unit)), None)
    if box is not None and form.of is None:
        problems.add((*here, "at"), f"expected of: {box.name}, which is the box at unit {one.unit} there")
    elif not isinstance(one.address, TcpAddress) and one.unit > 247:
        problems.add((*here, "id"), f"expected at most 247 on a serial line, got {one.unit}")
