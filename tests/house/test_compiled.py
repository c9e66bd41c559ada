"""What is compiled where somebody asks for it: modules that exist, and of whose classes only compiled ones make subclasses."""

from __future__ import annotations

import ast
import tomllib

from tests.house.rules import ROOMS, ROOT, sources

COMPILED = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["chargebench"]["compiled"]


def imported(tree: ast.Module) -> dict[str, str]:
    """Names that come from our modules, each with its module in the rooms."""
    return {
        alias.asname or alias.name: str(node.module).removeprefix("chargebench.")
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def strangers(tree: ast.Module, compiled: list[str]) -> list[str]:
    """Classes of an interpreted module with a base from a compiled one, which Python cannot make."""
    names = imported(tree)
    return [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        and "Protocol" not in (bases := [ast.unparse(base) for base in node.bases])  # which is nothing at run time
        and any(names.get(base) in compiled for base in bases)
    ]


def test_what_is_to_be_compiled_is_there_and_in_order():
    assert sorted(set(COMPILED)) == COMPILED
    assert [name for name in COMPILED if not (ROOT / f"{name.replace('.', '/')}.py").is_file()] == []


def test_no_interpreted_module_makes_a_subclass_of_a_compiled_class():
    found = {}
    for module in sources(*ROOMS):
        name = module.path.removesuffix(".py").replace("/", ".")
        if name not in COMPILED and (classes := strangers(module.tree, COMPILED)):
            found[name] = classes
    assert found == {}


def test_such_a_subclass_would_be_seen():
    tree = ast.parse("from chargebench.emulator.slave import Slave\n\nclass Mine(Slave):\n    pass\n")
    assert strangers(tree, ["emulator.slave"]) == ["Mine"]
    assert strangers(tree, ["emulator.framing"]) == []
