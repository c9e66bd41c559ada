"""The question of a study: ``smallest connection.fuse with served_share >= 0.95``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from chargebench.datasheets.errors import suggest
from chargebench.datasheets.quantity import got
from chargebench.scenarios.whatif import figures
from chargebench.scenarios.whatif.knobs import knob

_FORM = re.compile(r"(smallest|largest)\s+(\S+)\s+with\s+(\w+)\s*(>=|<=)\s*(\S.*)")
_DUE = "a question such as smallest connection.fuse with served_share >= 0.95"


@dataclass(frozen=True, slots=True)
class Question:
    """Which value of ``knob`` is the ``which`` one whose ``figure`` is at least (or at most) ``bound``. ``text`` as written."""

    text: str
    which: Literal["smallest", "largest"]
    knob: str
    figure: str
    least: bool
    bound: int

    def holds(self, value: float) -> bool:
        """Whether a figure of this value will do."""
        return value >= self.bound if self.least else value <= self.bound


def read(text: str, varied: Sequence[str]) -> Question:
    """The question that ``text`` asks of a study in which ``varied`` vary; ``ValueError`` says what was expected."""
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"expected {_DUE}, got {got(text)}")
    which, name, figure, sign, bound = found.groups()
    if name not in varied:
        raise ValueError(f"expected something that varies in this study, got {got(name)}{suggest(name, varied)}")
    if not knob(name).ordered:
        raise ValueError(f"expected something of which there is a smallest, and there is none of {name}")
    if figure not in figures.FIGURES:
        raise ValueError(f"unknown figure {figure!r}{suggest(figure, figures.FIGURES)}")
    try:
        limit = figures.read(figure, bound)
    except ValueError as error:
        raise ValueError(f"{error}, for {figure}") from error
    return Question(text.strip(), "smallest" if which == "smallest" else "largest", name, figure, sign == ">=", limit)
