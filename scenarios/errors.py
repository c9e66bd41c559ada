"""All that is wrong in a scenario, from every form and every file it is made of, told at once."""

from __future__ import annotations

from collections.abc import Sequence

from chargebench.datasheets.errors import BadFile, BadInput
from chargebench.datasheets.yamlfile import Document, Problems


class Errors:
    """Collects problems of one document and the findings of forms that were filled apart."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._found: list[BadInput] = []

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, loc: Sequence[str | int], problem: str, *, key: bool = False) -> None:
        """One problem with the value (or the key) at ``loc`` of the document."""
        one = Problems(self._document)
        one.add(loc, problem, key=key)
        self.include(one.as_file())

    def include(self, error: BadFile | BadInput) -> None:
        """What another reader has found."""
        self._found.extend(error.args if isinstance(error, BadFile) else [error])

    def raise_any(self) -> None:
        """Raise ``BadFile`` with everything found, in the order of the file; does nothing where all is well."""
        if self._found:
            ordered = sorted(self._found, key=_order)
            raise BadFile(*{str(one): one for one in ordered}.values())


def _order(found: BadInput) -> tuple[str, int, int]:
    name, _, rest = str(found.args[0]).partition(":")
    numbers = [int(part) for part in rest.split(":") if part.isdecimal()]
    line, column = [*numbers[-2:], 0, 0][:2]
    return name, line, column
