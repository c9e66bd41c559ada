"""Orders in a site file, by the clock (``dimming: {from: 17:00, to: 20:00}``, ``surplus: [[10:00, 5 kW]]``) or by an input.

``dimming: {input: 1}``; ``surplus: {input: 2, on: 5 kW, off: stop}``.
"""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field

from chargebench.datasheets.forms import Form, Power
from chargebench.datasheets.quantity import got
from chargebench.datasheets.sentences import Due
from chargebench.datasheets.yamlfile import Loc, Problems
from chargebench.manager.inputs_file import Number, PowerByInput, Total
from chargebench.manager.site import Hours, Surplus

BY_ORDER: Final = "by order"
_TIME: Final = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)
_TIME_DUE: Final = "a time of the day such as 17:00"
_STEP_DUE: Final = "a time of the day and a power, such as [10:00, 5 kW]"


def _time(value: object) -> int:
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"expected {_TIME_DUE}, got {got(value)}")
    return (int(found[1]) * 60 + int(found[2])) * 60_000_000


def _step(value: object) -> object:
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError(f"expected {_STEP_DUE}, got {got(value)}")
    return value


TimeOfDay = Annotated[int, BeforeValidator(_time), Due(_TIME_DUE)]


class DimmingForm(Form):
    """When boxes are dimmed each day, beside what the grid operator orders; or the input that is on while he does."""

    from_: TimeOfDay | None = Field(default=None, alias="from")
    to: TimeOfDay | None = None
    input: Number | None = None


Dimming = Literal["by order"] | DimmingForm
SurplusSteps = tuple[Annotated[tuple[TimeOfDay, Power], BeforeValidator(_step), Due(_STEP_DUE)], ...]
Spare = SurplusSteps | PowerByInput
"""What the roof has to spare, by the time of the day or as an input tells it."""


def hours(form: Dimming | None, loc: Loc, problems: Problems) -> Hours | None:
    """The hours of dimming that a form at ``loc`` means; from midnight to midnight is never, and dimmed only by order."""
    if form is None:
        return None
    if not isinstance(form, DimmingForm):
        return Hours(0, 0)
    if form.input is not None and form.from_ is None and form.to is None:
        return Hours(0, 0)
    for name, at_us in (("from", form.from_), ("to", form.to)):
        if at_us is None:
            problems.add((*loc, name), f"expected {_TIME_DUE}, and it is missing")
    if form.from_ is None or form.to is None:
        return None
    if form.from_ == form.to:
        problems.add((*loc, "to"), "expected another time than the one from which it dims")
    return Hours(form.from_, form.to)


def surplus(steps: Spare, loc: Loc, problems: Problems) -> Surplus:
    """The steps in the order of the day; none where an input tells."""
    if isinstance(steps, Total):
        return ()
    for k in range(1, len(steps)):
        if steps[k][0] <= steps[k - 1][0]:
            problems.add((*loc, k, 0), "expected a later time than the one before")
    return steps
