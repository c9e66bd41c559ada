"""The faults of a scenario, read from ``faults:`` against the emulator's registry: what breaks, where, when, for how long."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Annotated

from pydantic import Field, PlainValidator, create_model

from chargebench.datasheets import quantity
from chargebench.datasheets.errors import BadFile, suggest
from chargebench.datasheets.forms import Duration, Form, fill
from chargebench.datasheets.quantity import got
from chargebench.datasheets.sentences import Due
from chargebench.datasheets.yamlfile import Document, Loc
from chargebench.emulator.faults import registry
from chargebench.emulator.faults.kind import FaultKind, Param
from chargebench.emulator.spec import FaultSpec, WorldSpec
from chargebench.scenarios.errors import Errors
from chargebench.scenarios.moments import Clock, MomentField

MOST_TIMES = 10_000
MOST_COUNTED = 1_000_000
_ON_DUE = "what it is on, such as a box, or a list such as [garage, yard]"


def _names(value: object) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, (list, tuple)) or not names or not all(isinstance(name, str) for name in names):
        raise ValueError(f"expected {_ON_DUE}, got {got(value)}")
    return tuple(names)


class FaultForm(Form):
    """What every fault says: from ``at`` on, ``for`` so long (for good, if left out), again ``every`` so long."""

    at: MomentField
    on: Annotated[tuple[str, ...], PlainValidator(_names), Due(_ON_DUE)]
    fault: Annotated[str, Due(f"a fault: {', '.join(registry)}")]
    for_: Duration | None = Field(default=None, alias="for")
    every: Duration | None = None


class Reader:
    """Reads faults against a world; what is wrong goes to ``errors``."""

    def __init__(self, document: Document, world: WorldSpec, clock: Clock, end_us: int, errors: Errors) -> None:
        self._document, self._clock, self._end_us, self._errors = document, clock, end_us, errors
        self._world = world

    def read(self, entries: Sequence[dict[str, object]]) -> tuple[FaultSpec, ...]:
        """Every fault that can be read, in the order of the file."""
        found = [self._one(entry, ("faults", index)) for index, entry in enumerate(entries)]
        return tuple(one for one in found if one is not None)

    def _one(self, entry: dict[str, object], loc: Loc) -> FaultSpec | None:
        name = entry.get("fault")
        kind = registry.get(name) if isinstance(name, str) else None
        if kind is None and isinstance(name, str):
            self._errors.add((*loc, "fault"), f"unknown fault {name!r}{suggest(name, registry)}")
            return None
        try:
            form = fill(FaultForm if kind is None else _form(kind.name), self._document, loc)
        except BadFile as error:
            self._errors.include(error)
            return None
        assert kind is not None, "a form without the name of a fault does not hold"
        self._judge(form, kind, loc)
        params = tuple(
            (param.name, value) for param in kind.params if (value := getattr(form, param.name, None)) is not None
        )
        first, *others = form.on
        at_us = self._clock.since_start(form.at)
        return FaultSpec(kind.name, first, at_us, form.for_, form.every, params, tuple(others))

    def _judge(self, form: FaultForm, kind: FaultKind, loc: Loc) -> None:
        self._judge_targets(form, kind, (*loc, "on"))
        if problem := self._clock.misses(self._clock.since_start(form.at), self._end_us):
            self._errors.add((*loc, "at"), problem)
        if form.for_ is not None and (kind.end is None or form.for_ == 0):
            problem = (
                "expected to be left out, since it is over at once" if kind.end is None else "expected more than 0 s"
            )
            self._errors.add((*loc, "for"), problem)
        lasts_us = 0 if kind.end is None else form.for_
        if form.every is not None and (lasts_us is None or form.every <= lasts_us):
            self._errors.add((*loc, "every"), "expected a longer time than the fault lasts (for), which must be said")
        elif form.every is not None and self._end_us // form.every > MOST_TIMES:
            self._errors.add((*loc, "every"), f"expected a fault that comes at most {MOST_TIMES} times in this run")

    def _judge_targets(self, form: FaultForm, kind: FaultKind, loc: Loc) -> None:
        known = kind.targets(self._world)
        listed = (*loc, 0) in self._document.places
        for k, name in enumerate(form.on):
            where = (*loc, k) if listed else loc
            if name not in known:
                there = kind.kinds(self._world)
                due = " or ".join(f"{'an' if target[0] in 'aeiou' else 'a'} {target}" for target in there)
                self._errors.add(where, f"expected {due} for {kind.name}, got {name!r}{suggest(name, known)}")
            elif name in form.on[:k]:
                self._errors.add(where, f"expected each name once, and {name} stands there twice")
            elif problem := kind.unfit(self._world, name):
                self._errors.add(where, f"expected something that {kind.name} can be on, and {problem}")


@cache
def _form(name: str) -> type[FaultForm]:
    """The common fields and the fault's own parameters, since they stand side by side in the file."""
    fields = {param.name: (_parameter(param), None) for param in registry[name].params}
    return create_model(f"{name} fault", __base__=FaultForm, **fields)  # type: ignore[call-overload,no-any-return]


def _parameter(param: Param) -> object:
    if param.words:
        return Annotated[str | None, PlainValidator(lambda value: _word(value, param.words))]
    known: dict[str, quantity.Kind] = {
        "duration": "duration",
        "current": "current",
        "power": "power",
        "energy": "energy",
    }
    if param.quantity == "count":
        return Annotated[int | None, Field(ge=1, le=MOST_COUNTED)]
    return Annotated[int | None, PlainValidator(lambda text: quantity.parse(text, known[param.quantity]))]


def _word(value: object, words: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in words:
        raise ValueError(f"expected {', '.join(words[:-1])} or {words[-1]}, got {got(value)}")
    return value
