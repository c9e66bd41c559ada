"""The import-linter contract that its own kinds cannot say: all of a room is sans-IO, but for the shells that are named.

A new module is therefore sans-IO until somebody names it a shell in ``pyproject.toml``. Since every module of these rooms is
one or the other, direct imports are enough: a chain to IO has to pass through a shell, or through a forbidden module.
"""

from __future__ import annotations

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


def within(module: str, packages: list[str]) -> bool:
    """Tell whether ``module`` is one of ``packages`` or lies in one."""
    return any(module == package or module.startswith(f"{package}.") for package in packages)


class SansIoContract(Contract):
    """No module of ``rooms`` but the ``shells`` imports a shell or one of the ``forbidden`` modules.

    A shell that does not exist is a warning: a list of names must not rot.
    """

    type_name = "sans_io"

    rooms = fields.ListField(subfield=fields.StringField())
    shells = fields.ListField(subfield=fields.StringField())
    forbidden = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        rooms, shells, forbidden = list(self.rooms), list(self.shells), list(self.forbidden)  # type: ignore[call-overload]
        found = []
        for module in sorted(graph.modules):
            if not within(module, rooms) or within(module, shells):
                continue
            found += [
                f"{module}:{detail['line_number']} imports {imported}"
                for imported in sorted(graph.find_modules_directly_imported_by(module))
                if within(imported, shells + forbidden)
                for detail in graph.get_import_details(importer=module, imported=imported)
            ]
        output.verbose_print(verbose, f"{len(found)} imports of shells or of IO")
        gone = [f"{shell} is named a shell and does not exist" for shell in shells if shell not in graph.modules]
        return ContractCheck(kept=not found, warnings=gone, metadata={"found": found})

    def render_broken_contract(self, check: ContractCheck) -> None:
        output.print_error("Values and time in, values and the next wake-up out: move the IO into a shell.")
        for line in check.metadata["found"]:
            output.print_error(f"- {line}", bold=False)
