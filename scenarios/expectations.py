"""What a scenario expects: an operator around one law of the closed list, read from ``expect:``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from pydantic import Field, create_model

from chargebench.datasheets.errors import BadFile, suggest
from chargebench.datasheets.forms import Duration, Form, fill
from chargebench.datasheets.load import load, names
from chargebench.datasheets.yamlfile import Document, Loc, Value
from chargebench.emulator.spec import WorldSpec
from chargebench.scenarios.errors import Errors
from chargebench.scenarios.laws.judge import Always, Finally, Never, Operator, Within
from chargebench.scenarios.laws.law import Law
from chargebench.scenarios.laws.registry import LAWS
from chargebench.scenarios.moments import Clock, Moment, MomentField

_SUBJECTS = (
    *("box", "meter", "car", "circuit", "gateway", "phase", "register"),
    *("client", "from", "to", "after", "time", "longer_than"),
)


@dataclass(frozen=True, slots=True)
class Expectation:
    """One line of ``expect:``. ``from_us`` is where its window begins; at ``instants`` its law must know the exact truth."""

    name: str
    law: Law
    operator: Operator
    from_us: int
    instants: tuple[int, ...]


class _Always(Form):
    from_: MomentField | None = Field(default=None, alias="from")
    to: MomentField | None = None


class _Never(_Always):
    longer_than: Duration = 0


class _Within(Form):
    after: MomentField
    time: Duration
    to: MomentField | None = None


class _Finally(Form):
    pass


_OPERATORS: dict[str, type[Form]] = {"always": _Always, "never": _Never, "within": _Within, "finally": _Finally}


@cache
def _form(operator: str, law: str) -> type[Form]:
    """Parameters of the operator and of the law together, since they stand side by side in the file."""
    return create_model(f"{operator}_{law}", __base__=(LAWS[law], _OPERATORS[operator]))


class Reader:
    """Reads expectations against a world; what is wrong goes to ``problems``."""

    def __init__(self, document: Document, world: WorldSpec, clock: Clock, end_us: int, problems: Errors) -> None:
        self.document, self.world, self.clock, self.end_us, self.problems = document, world, clock, end_us, problems

    def read(self, entries: Sequence[dict[str, object]]) -> tuple[Expectation, ...]:
        """Every expectation that can be read, in the order of the file."""
        found = [self._one(entry, ("expect", index)) for index, entry in enumerate(entries)]
        return tuple(one for one in found if one is not None)

    def _one(self, entry: dict[str, object], loc: Loc) -> Expectation | None:
        if len(entry) != 1 or next(iter(entry)) not in _OPERATORS:
            name = next((one for one in entry if one not in _OPERATORS), "")
            hint = suggest(name, _OPERATORS) if name else ""
            self.problems.add(loc, f"expected one of always, never, within, finally, and a law{hint}")
            return None
        ((operator, body),) = entry.items()
        law = self._law(body, (*loc, operator))
        if law is None:
            return None
        try:
            form = fill(_form(operator, law), self.document, (*loc, operator))
        except BadFile as error:
            self.problems.include(error)
            return None
        assert isinstance(form, Law)
        assert isinstance(body, dict)
        self._subjects(form, (*loc, operator))
        return self._expectation(f"{operator}: {_text(body)}", form, form, (*loc, operator))

    def _law(self, body: object, loc: Loc) -> str | None:
        keys = [str(key) for key in body] if isinstance(body, dict) else []
        laws = [key for key in keys if key in LAWS]
        if len(laws) == 1:
            return laws[0]
        if laws:
            self.problems.add(loc, f"expected one law, got {' and '.join(laws)}")
            return None
        unknown = next((key for key in keys if key not in _SUBJECTS), None)
        known = f"; the laws are {', '.join(LAWS)}"
        if unknown is None:
            self.problems.add(loc, f"expected a law{known}")
        else:
            hint = suggest(unknown, LAWS)
            self.problems.add((*loc, unknown), f"unknown law{hint if 'mean' in hint else ''}{known}", key=True)
        return None

    def _subjects(self, form: Law, loc: Loc) -> None:
        names = {
            "box": [box.name for box in self.world.boxes],
            "meter": [meter.name for meter in self.world.meters],
            "car": [car.name for car in self.world.cars],
            "circuit": [circuit.name for circuit in self.world.circuits],
            "gateway": [gateway.name for gateway in self.world.gateways],
            "client": ["master", *(reader.name for reader in self.world.readers)],
            "register": _writable(self.world, getattr(form, "box", None)),
        }
        for subject, known in names.items():
            given = getattr(form, "register_" if subject == "register" else subject, None)
            if given is not None and given not in known:
                self.problems.add((*loc, subject), f"unknown {subject} {given!r}{suggest(given, known)}")

    def _expectation(self, name: str, law: Law, form: Form, loc: Loc) -> Expectation:
        if isinstance(form, _Within):
            by_us = self._moment(form.after, (*loc, "after"), 0) + form.time
            to_us = self._moment(form.to, (*loc, "to"), by_us)
            if by_us > self.end_us:
                self.problems.add((*loc, "time"), f"expected a deadline within the run, which ends at {self._ends()}")
            return Expectation(name, law, Within(by_us, to_us), 0, (by_us, to_us))
        if isinstance(form, _Always):
            from_us = self._moment(form.from_, (*loc, "from"), 0)
            to_us = self._moment(form.to, (*loc, "to"), self.end_us)
            if to_us < from_us <= self.end_us:
                self.problems.add((*loc, "to"), "expected a later time than from")
            window: Operator = Always(from_us, to_us)
            if isinstance(form, _Never):
                window = Never(from_us, to_us, form.longer_than)
            return Expectation(name, law, window, from_us, (from_us, to_us))
        return Expectation(name, law, Finally(), 0, (self.end_us,))

    def _moment(self, moment: Moment | None, loc: Loc, standard: int) -> int:
        if moment is None:
            return standard
        at_us = self.clock.since_start(moment)
        if problem := self.clock.misses(at_us, self.end_us):
            self.problems.add(loc, problem)
        return at_us

    def _ends(self) -> str:
        return self.clock.show(self.end_us)


def _writable(world: WorldSpec, box: str | None) -> list[str]:
    """The registers that may be written at ``box``, or at any box where none is named."""
    sheets = [load(one.device) for one in world.boxes if box in (None, one.name) and one.device in names()]
    return list(dict.fromkeys(one.name for sheet in sheets for one in sheet.registers if one.writes))


def _text(body: dict[str, Value]) -> str:
    return ", ".join(f"{key}: {_word(value)}" for key, value in body.items())


def _word(value: Value) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
