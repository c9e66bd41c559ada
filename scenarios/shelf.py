"""The shipped scenarios, and how a person names any scenario: NAME, NAME/VARIANT, or a file (with /VARIANT)."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from chargebench.datasheets.errors import UnknownName

LIBRARY = Path(__file__).parent / "library"
_ENDINGS = (".yaml", ".yml")


class Found(NamedTuple):
    """Where a scenario is, which variant of it is meant, and what it is called."""

    path: Path
    variant: str | None
    name: str


def names() -> list[str]:
    """The shipped scenarios, sorted."""
    return sorted(path.stem for path in LIBRARY.glob("*.yaml"))


def find(text: str) -> Found:
    """The scenario that ``text`` names. ``UnknownName`` where nothing is called so."""
    whole = Path(text)
    if whole.suffix in _ENDINGS:
        return Found(whole, None, whole.stem)
    head, slash, variant = text.rpartition("/")
    if slash and Path(head).suffix in _ENDINGS:
        return Found(Path(head), variant, Path(head).stem)
    name, _, variant = text.partition("/")
    if name not in names():
        raise UnknownName("scenario", text, tuple(names()))
    return Found(LIBRARY / f"{name}.yaml", variant or None, name)
