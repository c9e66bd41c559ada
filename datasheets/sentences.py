"""What pydantic found wrong, in our own words: where in the document, and what was expected there.

A value that may be one of several things is judged by pydantic once for each of them; a person is told once: either
what all of them expected, or, where one of them fits in outline, what is wrong inside that one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from chargebench.datasheets.errors import suggest
from chargebench.datasheets.quantity import got, show
from chargebench.datasheets.yamlfile import Loc, Value

_CHOICE = re.compile(r"'((?:[^'\\]|\\.)*)'")
_MAPPING = "a mapping, name: value"
_SPLIT = "expected name: value; text that holds a comma goes in quotes, and numbers have a point (14.5)"
_BASIC: dict[object, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    tuple: "a list",
    dict: _MAPPING,
}
_EXPECTED: dict[str, str] = {
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": _MAPPING,
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
    "none_required": "nothing",
}
_BOUNDS = {
    "greater_than": ("more than {}", "gt"),
    "greater_than_equal": ("at least {}", "ge"),
    "less_than": ("less than {}", "lt"),
    "less_than_equal": ("at most {}", "le"),
    "multiple_of": ("a multiple of {}", "multiple_of"),
    "too_short": ("at least {} entries", "min_length"),
    "too_long": ("at most {} entries", "max_length"),
    "string_too_short": ("at least {} characters", "min_length"),
    "string_too_long": ("at most {} characters", "max_length"),
    "string_pattern_mismatch": ("text of the pattern {}", "pattern"),
}


@dataclass(frozen=True, slots=True)
class Due:
    """Metadata of an annotated type: what is expected where a field of it is missing, and the unit that it counts."""

    text: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """Validation context: which form was tried on which part of the document."""

    forms: list[tuple[object, type[BaseModel]]] = field(default_factory=list)

    def of(self, value: object) -> type[BaseModel] | None:
        """The form that was tried last on just this part."""
        return next((form for part, form in reversed(self.forms) if part is value), None)


class Finding(NamedTuple):
    """One sentence about the value, or the key, at ``loc``."""

    loc: Loc
    sentence: str
    key: bool


class _Error(NamedTuple):
    finding: Finding
    union: Loc | None  # where the value may be one of several things, and which of them this error is about
    branch: str


def explain(error: ValidationError, root: Value, seen: Seen) -> list[Finding]:
    """What is wrong with ``root``, the value that was validated, in sentences."""
    errors = [_translate(details, root, seen) for details in error.errors(include_url=False) if not _follows(details)]
    return list(_merged(errors, root))


def _follows(details: ErrorDetails) -> bool:
    """Whether a list is only called too short because of entries that are told as wrong anyway."""
    return details["type"] == "too_short" and len(details["input"]) >= details["ctx"]["min_length"]


def _translate(details: ErrorDetails, root: Value, seen: Seen) -> _Error:
    kind, loc = details["type"], details["loc"]
    walked, union, branch, about_key = _walk(loc[:-1] if kind == "missing" else loc, root)
    if kind == "missing":
        sentence = f"expected {_due(seen.of(_at(root, walked)), str(loc[-1]))}, and it is missing"
        return _Error(Finding((*walked, loc[-1]), sentence, key=False), union, branch)
    if kind in ("extra_forbidden", "invalid_key"):
        form = seen.of(_at(root, walked[:-1]))
        hint = suggest(str(loc[-1]), list(_fields(form)) if form else [])
        nothing = "mean" not in hint and _at(root, walked) is None
        sentence = _SPLIT if nothing else f"unknown field{hint}"
        return _Error(Finding(walked, sentence, key=True), union, branch)
    if about_key and kind == "string_type":
        return _Error(Finding(walked, f"expected a name as key, got {got(details['input'])}", key=True), union, branch)
    if kind in _BOUNDS:
        unit = _mark(seen.of(_at(root, walked[:-1])), str(walked[-1])).unit if walked and not about_key else ""
        return _Error(Finding(walked, _bound(details, unit), about_key), union, branch)
    return _Error(Finding(walked, _sentence(details), about_key), union, branch)


def _walk(loc: tuple[int | str, ...], root: Value) -> tuple[Loc, Loc | None, str, bool]:
    """Pydantic's path as a path of the document; what it adds about choices is taken out and told apart."""
    here, union, branch = root, None, ""
    walked: list[str | int] = []
    for part in loc:
        if _has(here, part):
            here = here[part]  # type: ignore[index]  # just looked
            walked.append(part)
        elif part != "[key]" and union is None:
            union, branch = tuple(walked), str(part)
    return tuple(walked), union, branch, "[key]" in loc


def _has(value: Value, part: str | int) -> bool:
    if isinstance(value, list):
        return isinstance(part, int) and part < len(value)
    return isinstance(value, dict) and part in value


def _at(root: Value, loc: Loc) -> Value:
    for part in loc:
        root = root[part]  # type: ignore[index]  # walked before
    return root


def _sentence(details: ErrorDetails) -> str:
    kind, ctx, value = details["type"], details.get("ctx", {}), details["input"]
    if kind == "value_error":
        return str(ctx["error"])
    if kind in ("literal_error", "enum"):
        return _choice(_CHOICE.findall(ctx["expected"]) or [ctx["expected"]], value)
    if kind == "union_tag_invalid":
        return _choice(_CHOICE.findall(ctx["expected_tags"]), ctx["tag"], f"{ctx['discriminator']} to be ")
    if kind == "union_tag_not_found":
        return f"expected {ctx['discriminator']} to say what this is"
    if kind in _EXPECTED:
        return f"expected {_EXPECTED[kind]}, got {got(value)}"
    return f"{details['msg'][:1].lower()}{details['msg'][1:]}, got {got(value)}"


def _bound(details: ErrorDetails, unit: str) -> str:
    """A bound that does not hold; the bound of a quantity is shown with its unit."""
    text, name = _BOUNDS[details["type"]]
    ctx, value = details["ctx"], details["input"]
    bound = show(ctx[name], unit) if unit else ctx[name]
    if bound == 1:
        text = text.replace("entries", "entry").replace("characters", "character")
    found = str(ctx["actual_length"]) if "actual_length" in ctx else got(value)
    return f"expected {text.format(bound)}, got {found}"


def _choice(names: list[str], value: object, before: str = "") -> str:
    hint = suggest(value, names) if isinstance(value, str) else ""
    return f"expected {before}{_either(names)}, got {got(value)}{hint if 'mean' in hint else ''}"


def _either(texts: Iterable[str]) -> str:
    *rest, last = dict.fromkeys(texts)
    return f"{', '.join(rest)} or {last}" if rest else last


def _due(form: type[BaseModel] | None, name: str) -> str:
    """What the field called ``name`` in a file expects."""
    return _mark(form, name).text


def _mark(form: type[BaseModel] | None, name: str) -> Due:
    info = _fields(form).get(name) if form else None
    if info is None:
        return Due("a value")
    marks = [mark for mark in info.metadata if isinstance(mark, Due)]
    return marks[0] if marks else Due(_type_text(info.annotation))


def _type_text(kind: object) -> str:
    origin, args = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return next((mark.text for mark in args[1:] if isinstance(mark, Due)), None) or _type_text(args[0])
    if origin in (Union, UnionType):
        return _either(_type_text(one) for one in args if one is not NoneType)
    if origin is Literal:
        return _either(str(one) for one in args)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _either(str(one.value) for one in kind)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return _MAPPING
    return _BASIC.get(origin or kind, "a value")


def _fields(form: type[BaseModel]) -> dict[str, FieldInfo]:
    """Fields of a form by the names that stand in a file."""
    return {info.alias or name: info for name, info in form.model_fields.items()}


def _merged(errors: list[_Error], root: Value) -> Iterable[Finding]:
    """All findings, those about one choice put together."""
    told: list[Loc] = []
    for error in errors:
        if error.union is None:
            yield error.finding
        elif error.union not in told:
            told.append(error.union)
            yield from _one_choice([one for one in errors if one.union == error.union], error.union, root)


def _one_choice(errors: list[_Error], union: Loc, root: Value) -> list[Finding]:
    branches: dict[str, list[Finding]] = {}
    for error in errors:
        branches.setdefault(error.branch, []).append(error.finding)
    inside = [found for found in branches.values() if any(one.loc != union or one.key for one in found)]
    if inside:
        return min(inside, key=len)
    tail = f", got {got(_at(root, union))}"
    parts = [found[0].sentence.partition(tail) for found in branches.values()]
    if not all(head.startswith("expected ") and middle for head, middle, _ in parts):
        return [found[0] for found in branches.values()]
    expected = _either(head.removeprefix("expected ") for head, _, _ in parts)
    hint = next((end for _, _, end in parts if end), "")
    return [Finding(union, f"expected {expected}{tail}{hint}", key=False)]
