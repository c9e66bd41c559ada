"""Forms: what a file must look like, as pydantic models; every error of a file at once, in our own sentences.

A form is a subclass of ``Form``; ``fill`` puts a document into it or raises ``BadFile`` with one line for each error,
``file:line:column: field: what was expected``, in the order of the file. Quantities become integers in house units.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from math import isfinite
from typing import Annotated, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic.annotated_handlers import GetCoreSchemaHandler
from pydantic_core import CoreSchema

from chargebench.datasheets.quantity import Kind, expectation, got, parse, show
from chargebench.datasheets.sentences import Due, Seen, explain
from chargebench.datasheets.yamlfile import Document, Problems, Value

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)
_NAME_DUE = "a name of lower-case letters, digits, - and _, such as garage-2"
_PHASES = {"L1": 0, "L2": 1, "L3": 2}
_PHASES_DUE = "one to three different phases, such as L1 L2 L3"
_SHARE_DUE = "a share from 0 to 1 in steps of 0.001, such as 0.95"
_REGISTER_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
_REGISTER_NAME_DUE = "a register name of lower-case letters, digits and _, such as charging_enable"
_STRICT = ("int", "float", "bool", "str")  # schema types in which pydantic would convert one into another


def _harden(schema: object) -> None:
    """Let numbers, texts and truth values be only what they are; lists may still fill tuples, and texts enums."""
    if isinstance(schema, dict):
        if schema.get("type") in _STRICT:
            schema["strict"] = True
        for part in schema.values():
            _harden(part)
    elif isinstance(schema, list):
        for part in schema:
            _harden(part)


class Form(BaseModel):
    """Base of all forms: unknown fields are refused, no value is converted into another, the result is frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[BaseModel], handler: GetCoreSchemaHandler) -> CoreSchema:
        schema = handler(source)
        _harden(schema)
        return schema

    @model_validator(mode="before")
    @classmethod
    def _note_form(cls, value: object, info: ValidationInfo[object]) -> object:
        if isinstance(info.context, Seen):
            info.context.forms.append((value, cls))
        return value


F = TypeVar("F", bound=Form)


def fill(form: type[F], document: Document, loc: Sequence[str | int] = ()) -> F:
    """The part of ``document`` at ``loc``, which must exist, as a ``form``; ``BadFile`` with all that is wrong."""
    value: Value = document.value
    for part in loc:
        value = value[part]  # type: ignore[index]  # the caller has seen that it is there
    seen = Seen()
    try:
        return form.model_validate(value, context=seen)
    except ValidationError as error:
        problems = Problems(document)
        for finding in explain(error, value, seen):
            problems.add((*loc, *finding.loc), finding.sentence, key=finding.key)
        raise problems.as_file() from error


def _quantity(kind: Kind, *, signed: bool = False) -> BeforeValidator:
    def read(value: object) -> int:
        return parse(value, kind, signed=signed)

    return BeforeValidator(read)


def between(low: int, high: int, unit: str) -> AfterValidator:
    """Bounds of a quantity in house units, both included; the sentence shows them with their unit."""

    def judge(value: int) -> int:
        if not low <= value <= high:
            raise ValueError(f"expected {show(low, unit)} to {show(high, unit)}, got {show(value, unit)}")
        return value

    return AfterValidator(judge)


# Wider than anything that is ever built: what lies beyond is a slip of the pen.
_CURRENTS = between(0, 100_000_000, "mA")
_POWERS = between(0, 100_000_000, "W")
_SIGNED_POWERS = between(-100_000_000, 100_000_000, "W")
_VOLTAGES = between(100_000, 400_000, "mV")  # between a phase and neutral


def _reader(read: Callable[[object], object]) -> BeforeValidator:
    return BeforeValidator(read)


def _name(value: object) -> object:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ValueError(f"expected {_NAME_DUE}, got {got(value)}")
    return value


def _register_name(value: object) -> object:
    if not isinstance(value, str) or not _REGISTER_NAME.fullmatch(value):
        raise ValueError(f"expected {_REGISTER_NAME_DUE}, got {got(value)}")
    return value


def _phases(value: object) -> object:
    names = value.split() if isinstance(value, str) else []
    if not 1 <= len(names) <= 3 or len(set(names)) < len(names) or any(name not in _PHASES for name in names):
        raise ValueError(f"expected {_PHASES_DUE}, got {got(value)}")
    return tuple(_PHASES[name] for name in names)


def _permille(value: object) -> object:
    if isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value):
        share = Fraction(repr(value)) * 1000  # repr of a float is the shortest decimal: what the person wrote
        if share.denominator == 1 and 0 <= share <= 1000:
            return int(share)
    raise ValueError(f"expected {_SHARE_DUE}, got {got(value)}")


# Integers in house units, written with their unit.
Current = Annotated[int, _quantity("current"), _CURRENTS, Due(expectation("current"), "mA")]
Power = Annotated[int, _quantity("power"), _POWERS, Due(expectation("power"), "W")]
SignedPower = Annotated[int, _quantity("power", signed=True), _SIGNED_POWERS, Due(expectation("power"), "W")]
Energy = Annotated[int, _quantity("energy"), Due(expectation("energy"), "Wh")]
Voltage = Annotated[int, _quantity("voltage"), _VOLTAGES, Due(expectation("voltage"), "mV")]
Duration = Annotated[int, _quantity("duration"), Due(expectation("duration"), "us")]
TimeOfDay = Annotated[int, _quantity("time"), Due(expectation("time"))]  # s since midnight

Name = Annotated[str, _reader(_name), Due(_NAME_DUE)]
RegisterName = Annotated[str, _reader(_register_name), Due(_REGISTER_NAME_DUE)]
Phases = Annotated[tuple[int, ...], _reader(_phases), Due(_PHASES_DUE)]  # 0..2 in the order written
Permille = Annotated[int, _reader(_permille), Due(_SHARE_DUE)]  # a share of 0.95 is 950
