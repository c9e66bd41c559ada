"""YAML 1.2 as this house reads it: plain values that remember line and column; no anchors, no tags, one document.

Plain scalars follow the core schema of YAML 1.2 to the letter: ``no`` and ``12:30:00`` are text, ``010`` is ten, ``1e3``
is a float. What would let a file grow beyond its size (anchors, aliases) or hide what it says (tags, several documents,
a key given twice) is refused. Only the parser of ruamel.yaml is used; values are made here, from its events.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, StreamMark
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)
from ruamel.yaml.reader import ReaderError

from chargebench.datasheets.errors import BadFile, BadInput

Scalar = str | int | float | bool | None
Value = Scalar | list["Value"] | dict[str | int, "Value"]
Loc = tuple[str | int, ...]

MAX_BYTES = 1_000_000
_MAX_DEPTH = 32
_MAX_DIGITS = 40

_NULL = re.compile(r"null|Null|NULL|~|")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]+", re.ASCII)
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


class Place(NamedTuple):
    """Where a value stands, 1-based: itself, its key (or itself), and the line on which it ends."""

    line: int
    column: int
    key_line: int
    key_column: int
    last_line: int


@dataclass(frozen=True, slots=True)
class Document:
    """A file as read: ``value`` in plain types, and where each part of it stands."""

    name: str
    value: Value
    places: dict[Loc, Place]

    def place(self, loc: Sequence[str | int] = ()) -> Place:
        """Place of the value at ``loc``, or of the nearest enclosing one that exists."""
        path = tuple(loc)
        while path not in self.places:
            path = path[:-1]
        return self.places[path]

    def where(self, loc: Sequence[str | int] = (), *, key: bool = False) -> str:
        """``file:line:column`` of the value at ``loc`` (of its key with ``key``), else of the nearest enclosing value."""
        place = self.place(loc)
        line, column = (place.key_line, place.key_column) if key else (place.line, place.column)
        return f"{self.name}:{line}:{column}"

    def on_one_line(self, loc: Sequence[str | int]) -> bool:
        """Whether key and value at ``loc`` begin and end on one line."""
        place = self.place(loc)
        return place.key_line == place.last_line


class Problems:
    """What is wrong in one document, collected so that a person sees all of it at once."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._found: list[tuple[tuple[int, int], BadInput]] = []

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, loc: Sequence[str | int], problem: str, *, key: bool = False) -> None:
        """One problem with the value (or the key) at ``loc``, which need not exist: the nearest place is named."""
        place = self._document.place(loc)
        order = (place.key_line, place.key_column) if key else (place.line, place.column)
        self._found.append((order, BadInput(self._document.where(loc, key=key), field_text(loc), problem)))

    def as_file(self) -> BadFile:
        """All of them, in the order of the file; of the same sentence at one place only one."""
        ordered = sorted(self._found, key=lambda one: one[0])
        return BadFile(*{str(problem): problem for _, problem in ordered}.values())

    def raise_any(self) -> None:
        if self._found:
            raise self.as_file()


def field_text(loc: Sequence[str | int]) -> str:
    """A path as a person reads it: ``site.evses[1].meter``."""
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def read_yaml(path: str | Path, name: str | None = None) -> Document:
    """The file at ``path``; its errors call it ``name`` (the path as given). ``BadInput`` if it cannot be read."""
    name = str(path) if name is None else name
    return parse_yaml(read_text(path, name), name)


def read_text(path: str | Path, name: str | None = None) -> str:
    """The text of the file at ``path``, whatever is in it; ``BadInput`` where it is none, or beyond all bounds."""
    name = str(path) if name is None else name
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadInput(name, "", f"cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # a zero byte in the path
        raise BadInput(name.replace("\0", "\\0"), "", "cannot be read: no file can be called so") from error
    if len(data) > MAX_BYTES:
        raise BadInput(name, "", f"expected at most {MAX_BYTES} bytes, and the file is larger")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        problem = f"expected text in UTF-8, got byte 0x{data[error.start]:02X}"
        raise BadInput(f"{name}:{line}:{column}", "", problem) from error


def parse_yaml(text: str, name: str) -> Document:
    """``text`` as a document that calls itself ``name``; ``BadInput`` at the first thing that is not our YAML."""
    reader = _Reader(name)
    try:
        value = reader.read(YAML(typ="safe", pure=True).parse(StringIO(text)))
    except MarkedYAMLError as error:
        mark, problem = _syntax(error)
        raise BadInput(_at(name, mark), "", problem) from error
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        column = error.position - text.rfind("\n", 0, error.position)
        problem = f"expected YAML: the character U+{error.character:04X} may not stand in a file"
        raise BadInput(f"{name}:{line}:{column}", "", problem) from error
    return Document(name, value, reader.places)


class _Reader:
    """Values from parser events. Recursion follows nesting, which is bounded."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.places: dict[Loc, Place] = {}

    def read(self, events: Iterator[Event]) -> Value:
        value: Value = None
        documents = 0
        self.places[()] = Place(1, 1, 1, 1, 1)
        for event in events:
            if isinstance(event, DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self.wrong(event, "expected one document, got a second one")
                if event.version or event.tags:
                    raise self.wrong(event, "expected no % directive")
                value = self.node(next(events), events, (), None)
            elif isinstance(event, StreamEndEvent):
                break
        return value

    def node(self, event: Event, events: Iterator[Event], loc: Loc, key: ScalarEvent | None) -> Value:
        self.admit(event, loc)
        start, first = event.start_mark, (key or event).start_mark
        value: Value
        if isinstance(event, MappingStartEvent):
            value, last = self.mapping(events, loc)
        elif isinstance(event, SequenceStartEvent):
            value, last = self.sequence(events, loc)
        else:
            assert isinstance(event, ScalarEvent)
            value, last = self.scalar(event), event.end_mark
            if value is None and start.index == last.index:  # nothing is written: the place is the key's
                start, last = first, first
        self.places[loc] = Place(start.line + 1, start.column + 1, first.line + 1, first.column + 1, last.line + 1)
        return value

    def admit(self, event: Event, loc: Loc) -> None:
        if isinstance(event, AliasEvent) or (isinstance(event, NodeEvent) and event.anchor):
            raise self.wrong(event, "expected no anchor (&) or alias (*): write it out")
        if getattr(event, "tag", None):
            raise self.wrong(event, "expected no tag (!): text goes in quotes")
        if len(loc) > _MAX_DEPTH:
            raise self.wrong(event, f"expected at most {_MAX_DEPTH} levels")

    def mapping(self, events: Iterator[Event], loc: Loc) -> tuple[dict[str | int, Value], StreamMark]:
        found: dict[str | int, Value] = {}
        for event in events:
            if isinstance(event, MappingEndEvent):
                return found, event.end_mark
            self.admit(event, loc)
            key = self.scalar(event) if isinstance(event, ScalarEvent) else None
            if not isinstance(key, str | int) or isinstance(key, bool):
                raise self.wrong(event, "expected a name or a whole number as key")
            assert isinstance(event, ScalarEvent)
            if key in found:
                before = self.places[*loc, key].key_line
                raise BadInput(
                    _at(self.name, event.start_mark), str(key), f"expected once, and line {before} has it too"
                )
            found[key] = self.node(next(events), events, (*loc, key), event)
        raise AssertionError("the parser ends every mapping")

    def sequence(self, events: Iterator[Event], loc: Loc) -> tuple[list[Value], StreamMark]:
        found: list[Value] = []
        for event in events:
            if isinstance(event, SequenceEndEvent):
                return found, event.end_mark
            found.append(self.node(event, events, (*loc, len(found)), None))
        raise AssertionError("the parser ends every sequence")

    def scalar(self, event: ScalarEvent) -> Scalar:
        text: str = event.value
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise self.wrong(event, "expected text, got half of a surrogate pair (\\ud800 to \\udfff)")
        if not event.implicit[0]:
            return text
        if _INT.fullmatch(text) or _BASED.fullmatch(text):
            if len(text) > _MAX_DIGITS:
                raise self.wrong(event, f"expected a number of at most {_MAX_DIGITS} digits")
            return int(text) if _INT.fullmatch(text) else int(text, 0)
        if _FLOAT.fullmatch(text):
            return float(text)
        return _word(text)

    def wrong(self, event: Event, problem: str) -> BadInput:
        return BadInput(_at(self.name, event.start_mark), "", problem)


def _word(text: str) -> Scalar:
    """A plain scalar that is no number of digits: null, true, false, infinity, or text."""
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text):
        return True
    if _FALSE.fullmatch(text):
        return False
    if _INFINITE.fullmatch(text):
        return float(text.replace(".", "").lower())
    return text


def _syntax(error: MarkedYAMLError) -> tuple[StreamMark | None, str]:
    """Where the YAML is wrong, and what a person does about the errors that are made most."""
    mark, began = error.problem_mark or error.context_mark, error.context_mark
    problem, context = error.problem or "", error.context or ""
    if "'\\t'" in problem:
        return mark, "expected spaces, got a tab"
    if problem.startswith("could not find expected ':'"):
        return began or mark, "expected name: value, with a space after the colon"
    if began is not None and context.startswith("while parsing a flow"):
        opening, closing = ("{", "}") if "mapping" in context else ("[", "]")
        since = f"the {opening} of line {began.line + 1}, column {began.column + 1}, is still open"
        return mark, f"expected a comma or {closing}: {since}"
    return mark, f"expected YAML: {' '.join(part for part in (problem, context) if part)}"


def _at(name: str, mark: StreamMark | None) -> str:
    return f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
