"""What a person must put right, as exceptions: one sentence each, exit status 2 or 3."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_LISTED = 12  # names that a sentence may list; beyond it nobody reads them


class Complaint(Exception):
    """A person must act. ``str()`` is the sentence; positional arguments only, so that it survives copying."""

    status = 2


class BadInput(Complaint):
    """One thing wrong in one file: ``where`` is ``file:line:column``; the sentence reads ``where: field: expected …``."""

    def __init__(self, where: str, field: str, problem: str) -> None:
        super().__init__(where, field, problem)

    def __str__(self) -> str:
        where, field, problem = self.args
        return f"{where}: {field}: {problem}" if field else f"{where}: {problem}"


class BadFile(Complaint):
    """All that is wrong in one file, in the order of its lines; ``args`` are the ``BadInput`` found."""

    def __str__(self) -> str:
        return "\n".join(str(one) for one in self.args)


class UnknownName(Complaint, LookupError):
    """A name that is not there: what kind of thing, the name as written, and the names that are."""

    def __init__(self, what: str, name: str, known: tuple[str, ...]) -> None:
        super().__init__(what, name, known)

    def __str__(self) -> str:
        what, name, known = self.args
        return f"unknown {what} {name!r}{suggest(name, known)}"


class AmbiguousName(Complaint, LookupError):
    """The beginning of several names: what kind of things, the name as written, and the names that it could mean."""

    def __init__(self, what: str, name: str, choices: tuple[str, ...]) -> None:
        super().__init__(what, name, choices)

    def __str__(self) -> str:
        what, name, choices = self.args
        return f"{name!r} may be several {what}: {', '.join(choices)}"


class CannotOpen(Complaint):
    """Something outside failed: a port is busy, a device is missing."""

    status = 3

    def __init__(self, what: str, why: str) -> None:
        super().__init__(what, why)

    def __str__(self) -> str:
        return f"{self.args[0]}: {self.args[1]}"


def suggest(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown name: ``; did you mean X?``, or else ``; known are …``."""
    names = list(dict.fromkeys(known))
    near = get_close_matches(name.lower(), [one.lower() for one in names], n=1, cutoff=0.6)
    if near:
        meant = next(one for one in names if one.lower() == near[0])
        return f"; did you mean {meant}?"
    if not names:
        return "; none is known"
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f"; known are {', '.join(names[:_LISTED])}{more}"
