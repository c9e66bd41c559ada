"""The rule that nothing walks through a set: its order differs from run to run, and with it the run.

A name is known to hold a set by its annotation or by what is assigned to it, within its scope and the scopes inside it; an
attribute by what the methods of its class assign to ``self``. What comes as a set from another module is not seen.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.house.rules import Source

Scope = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
SCOPES = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
SET_CALLS = {"set", "frozenset"}
SET_METHODS = {"union", "intersection", "difference", "symmetric_difference"}
SET_TYPES = re.compile(r"^(?:typing\.|collections\.abc\.|t\.)?(?:set|frozenset|Set|FrozenSet|AbstractSet|MutableSet)\b")
SET_OPERATORS = (ast.BitOr, ast.BitAnd, ast.Sub, ast.BitXor)
KEEPERS = {
    "chain", "dict", "enumerate", "extend", "filter", "fromkeys", "iter", "join", "list", "map", "next", "reversed", "tuple", "zip",
}  # fmt: skip


def own_nodes(scope: Scope) -> Iterator[ast.AST]:
    """The nodes of a scope, without those of the scopes inside it."""
    waiting = list(ast.iter_child_nodes(scope))
    while waiting:
        node = waiting.pop(0)
        yield node
        if not isinstance(node, SCOPES):
            waiting += ast.iter_child_nodes(node)


def said(node: ast.expr) -> str:
    """A name or a dotted name, else nothing."""
    return ast.unparse(node) if isinstance(node, ast.Name | ast.Attribute) else ""


def bound(scope: Scope, known: frozenset[str]) -> frozenset[str]:
    """The names that a scope binds to sets, by what it assigns or by an annotation."""
    found = set(known)
    arguments = [] if isinstance(scope, ast.Module | ast.ClassDef) else [*scope.args.posonlyargs, *scope.args.args]
    found -= {argument.arg for argument in arguments}
    found |= {a.arg for a in arguments if a.annotation and SET_TYPES.match(ast.unparse(a.annotation))}
    for node in own_nodes(scope):
        if isinstance(node, ast.AnnAssign) and SET_TYPES.match(ast.unparse(node.annotation)):
            found.add(said(node.target))
        elif isinstance(node, ast.Assign) and is_set(node.value, frozenset(found)):
            found |= {said(target) for target in node.targets}
    return frozenset(found - {""})


def is_keys(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in {"keys", "items"}


def is_set(node: ast.expr, names: frozenset[str]) -> bool:
    """Tell whether an expression is a set: by its form, or because it names one."""
    if isinstance(node, ast.Set | ast.SetComp) or said(node) in names:
        return True
    match node:
        case ast.Call(func=ast.Name(id=name)):
            return name in SET_CALLS
        case ast.Call(func=ast.Attribute(value=value, attr=attr)):
            return attr in SET_METHODS or (attr == "copy" and is_set(value, names))
        case ast.BinOp(left=left, right=right, op=operator) if isinstance(operator, SET_OPERATORS):
            return any(is_set(side, names) or is_keys(side) for side in (left, right))
        case ast.IfExp(body=body, orelse=orelse):
            return is_set(body, names) or is_set(orelse, names)
    return False


def walked(node: ast.AST) -> list[ast.expr]:
    """The expressions that a node walks through in their own order."""
    match node:
        case ast.For(iter=one) | ast.AsyncFor(iter=one) | ast.comprehension(iter=one) | ast.YieldFrom(value=one):
            return [one]
        case ast.Starred(value=one):
            return [one]
        case ast.Assign(targets=[ast.Tuple() | ast.List()], value=one):
            return [one]
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=args) if name in KEEPERS:
            return list(args)
        case ast.Call(func=ast.Attribute(value=one, attr="pop"), args=[]):
            return [one]
    return []


def set_order(module: Source) -> Iterator[str]:
    """Nothing walks through a set: its order differs from run to run."""
    scopes: list[tuple[Scope, frozenset[str]]] = [(module.tree, frozenset())]
    while scopes:
        scope, known = scopes.pop(0)
        names = bound(scope, known)
        if isinstance(scope, ast.ClassDef):
            names |= attributes(scope)
        for node in own_nodes(scope):
            if isinstance(node, SCOPES):
                scopes.append((node, names))
            for one in walked(node):
                if is_set(one, names):
                    yield module.at(one, f"walks through a set ({ast.unparse(one)}); use sorted(…), or a dict")


def attributes(scope: ast.ClassDef) -> frozenset[str]:
    """The attributes of a class that hold sets, as its methods say them: ``self.name``."""
    noted = [node for node in scope.body if isinstance(node, ast.AnnAssign)]
    fields = [f"self.{said(node.target)}" for node in noted if SET_TYPES.match(ast.unparse(node.annotation))]
    methods = [node for node in ast.walk(scope) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    made = [name for method in methods for name in bound(method, frozenset()) if name.startswith("self.")]
    return frozenset([*made, *fields])
