"""What pyproject.toml cannot say: the optional build in which the modules of the hot path are compiled by mypyc.

``CHARGEBENCH_COMPILE=1 pip install --no-build-isolation .``, with mypy and setuptools installed. It is the same code and gives
the same bytes (``nox -s compiled`` shows it); without the variable nothing is compiled, and Python runs the sources.
"""

from __future__ import annotations

import ast
import os
import shutil
import tomllib
from pathlib import Path
from typing import Any

from setuptools import setup

ROOT = Path(__file__).parent
COPY = ROOT / "build" / "compiled"
ROOMS = ("datasheets", "emulator", "manager", "scenarios")


def without_slots(source: str) -> str:
    """A module without ``__slots__``, which mypyc refuses: its classes have nothing else anyway."""
    lines = source.splitlines(keepends=True)
    for found in ast.walk(ast.parse(source)):
        if isinstance(found, ast.Assign) and ast.unparse(found.targets[0]) == "__slots__":
            for number in range(found.lineno - 1, found.end_lineno or found.lineno):
                lines[number] = "\n"
            lines[found.lineno - 1] = " " * found.col_offset + "pass\n"
    return "".join(lines)


def compiled() -> list[Any]:
    """The extension modules: made from a copy of the rooms, in which they have the names that they are imported by."""
    from mypyc.build import mypycify  # noqa: PLC0415 there only where something is to be compiled

    with (ROOT / "pyproject.toml").open("rb") as file:
        names = tomllib.load(file)["tool"]["chargebench"]["compiled"]
    package = COPY / "chargebench"
    shutil.rmtree(COPY, ignore_errors=True)
    for room in ROOMS:
        shutil.copytree(ROOT / room, package / room, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "__init__.py").touch()  # else mypy takes the file for a module by itself
    paths = [package / f"{name.replace('.', '/')}.py" for name in names]
    for path in paths:
        path.write_text(without_slots(path.read_text(encoding="utf-8")), encoding="utf-8")
    os.environ["MYPYPATH"] = str(COPY)
    options = ["--config-file=", "--strict", "--no-warn-unused-ignores", *map(str, paths)]
    return list(
        mypycify(
            options,
            opt_level="3",
            debug_level="0",
            multi_file=True,
            group_name="chargebench",
            target_dir=str(COPY / "c"),
        )
    )


setup(ext_modules=compiled() if os.environ.get("CHARGEBENCH_COMPILE") == "1" else [])
