"""The shipped scenarios, and how a person names any scenario: NAME, NAME/VARIANT, or a file (with /VARIANT)."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from chargebench.datasheets.errors import BadInput, UnknownName

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


def _here(text: str) -> list[str]:
    """The file that is called so but for its ending."""
    return [text + ending for ending in _ENDINGS if Path(text + ending).is_file()]


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
        if (text and whole.exists()) or whole.suffix or text.count("/") > 1:
            raise BadInput(text, "", "expected the name of a shipped scenario, or a file that ends in .yaml")
        raise UnknownName("scenario", text, (*names(), *_here(text)))
    return Found(LIBRARY / f"{name}.yaml", variant or None, name)
