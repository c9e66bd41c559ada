"""The rules of the house that ruff and import-linter cannot say, each a function from a module to its complaints.

A complaint is ``path:line: what is wrong; what to do instead``. The tests apply each rule to every module of the rooms, and to
a planted violation, so that a rule that finds nothing is known to be able to find.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
ROOMS = ("datasheets", "emulator", "manager", "scenarios")
LINES_PER_MODULE = 500
LINES_PER_FUNCTION = 70


@dataclass(frozen=True)
class Source:
    """One module: its path from the root, and its text."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    def at(self, node: ast.AST, sentence: str) -> str:
        return f"{self.path}:{getattr(node, 'lineno', 1)}: {sentence}"


Rule = Callable[[Source], Iterator[str]]


def sources(*folders: str) -> list[Source]:
    """All modules below these folders of the project, in the order of their paths."""
    return [read(path) for path in sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))]


@cache
def read(path: Path) -> Source:
    """A module as it is: each is parsed once for all rules."""
    return Source(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8"))


def complaints(rule: Rule, modules: list[Source]) -> str:
    """All complaints of a rule about modules, one a line."""
    return "\n".join(complaint for module in modules for complaint in rule(module))


# --- sizes ----------------------------------------------------------------------------------------------------------


def sizes(module: Source) -> Iterator[str]:
    """A module can be read in one sitting, a function on one screen."""
    lines = len(module.text.splitlines())
    if lines > LINES_PER_MODULE:
        yield f"{module.path}:1: a module of {lines} lines; split it by what it is about, {LINES_PER_MODULE} at most"
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > LINES_PER_FUNCTION:
                sentence = f"{node.name} has {length} lines; keep the control flow, move the leaves out"
                yield module.at(node, f"{sentence}, {LINES_PER_FUNCTION} at most")


# --- order ----------------------------------------------------------------------------------------------------------

IDENTITY = {"id": "an address differs from run to run", "hash": "a hash differs from run to run"}


def identity(module: Source) -> Iterator[str]:
    """Nothing asks for ``id()`` or ``hash()``."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in IDENTITY:
            yield module.at(node, f"{node.func.id}(): {IDENTITY[node.func.id]}; give the thing a name or a number")


# --- words ----------------------------------------------------------------------------------------------------------

WORDS = {
    "charger": "box", "chargers": "boxes", "wallbox": "box", "wallboxes": "boxes", "loadpoint": "box", "loadpoints": "boxes",
    "station": "box", "stations": "boxes", "ev": "car", "evs": "cars", "vehicle": "car", "vehicles": "cars",
    "endian": "word order", "endianness": "word order", "distribution": "allocation", "hack": "quirk", "workaround": "quirk",
}  # fmt: skip
PHRASES = {
    "slave_id": "unit", "device_id": "unit", "slave_address": "unit", "max_current": "limit_ma", "base_load": "house load",
    "dry_run": "observation mode", "timeout_current": "failsafe_ma", "breaker_limit": "rating_ma", "phase_a": "l1", "phase_b": "l2",
    "phase_c": "l3",
}  # fmt: skip


def public_names(module: Source) -> Iterator[tuple[ast.AST, str]]:
    """The names that a module offers: its own name, classes, functions, their arguments, fields and constants."""
    yield module.tree, Path(module.path).stem
    for node in ast.walk(module.tree):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield node, name
            case ast.arg(arg=name) | ast.AnnAssign(target=ast.Name(id=name)):
                yield node, name
            case ast.Assign(targets=[ast.Name(id=name)]) if name.isupper():
                yield node, name


def split(name: str) -> list[str]:
    """The words of a name: ``BoxReading`` and ``box_reading`` are both box, reading."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().split("_")


def vocabulary(module: Source) -> Iterator[str]:
    """Public names use the words of the house."""
    for node, name in public_names(module):
        if name.startswith("_"):
            continue
        words = split(name)
        whole = "_".join(["", *words, ""])
        found = {word: WORDS[word] for word in words if word in WORDS}
        found |= {phrase: ours for phrase, ours in PHRASES.items() if f"_{phrase}_" in whole}
        for theirs, ours in found.items():
            yield module.at(node, f"{name} says {theirs.replace('_', ' ')}; the word of the house is {ours}")


KNOWING = re.compile(
    r"simulat|emulat|simpy|fake|pretend|hypothesis|pytest|(?<![a-z])(?:mock|dummy|stub|test|tested|tester|testing|tests)(?![a-z])",
    re.IGNORECASE,
)


def innocence(module: Source) -> Iterator[str]:
    """The manager does not say in which world it runs, neither in code nor in words."""
    for number, line in enumerate(module.text.splitlines(), 1):
        for found in KNOWING.findall(line):
            yield f"{module.path}:{number}: the manager says {found!r}; hand the difference in from outside"


# --- IO -------------------------------------------------------------------------------------------------------------

IO_CALLS = {"open", "print", "input", "exec", "eval", "__import__", "breakpoint"}


def builtin_io(module: Source) -> Iterator[str]:
    """What no import shows: the builtins that read, write or import."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in IO_CALLS:
            yield module.at(
                node, f"{node.func.id}() in a sans-IO module; hand the value in, or name the module a shell"
            )
