"""The wheel, built once for all workers, and environments to install it into."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PARTS = ("datasheets", "emulator", "manager", "scenarios", "pyproject.toml", "README.md", "LICENSE")


def run(*command: str | Path, cwd: Path) -> str:
    """Run a program away from the tree and from what our own environment says; its output, or a failure that shows it."""
    kept = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    pinned = {"PIP_CONSTRAINT": str(ROOT / "constraints.txt"), "PIP_BUILD_CONSTRAINT": str(ROOT / "constraints.txt")}
    done = subprocess.run(command, cwd=cwd, env=kept | pinned, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@dataclass(frozen=True)
class Environment:
    """A virtual environment: a place to run its programs in, away from the tree."""

    home: Path

    def run(self, program: str, *arguments: str | Path, cwd: Path | None = None) -> str:
        return run(self.home / "bin" / program, *arguments, cwd=cwd or self.home)

    def install(self, *what: str | Path) -> None:
        self.run("python", "-m", "pip", "install", "--quiet", "--no-compile", *what)


def environment(home: Path) -> Environment:
    """Make an empty environment; the standard library's venv, since ours may be made without pip."""
    home.parent.mkdir(parents=True, exist_ok=True)
    run(sys.executable, "-m", "venv", home, cwd=home.parent)
    return Environment(home)


def build(place: Path) -> Path:
    """Build the wheel from a copy, so that nothing an earlier build left behind gets into it."""
    copy = place / "source"
    for name in PARTS:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, copy / name)
    builder = environment(place / "builder")
    builder.run("python", "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", place / "dist", copy)
    (wheel,) = (place / "dist").glob("*.whl")
    return wheel


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree; the first worker builds it, the others wait."""
    base = tmp_path_factory.getbasetemp()
    place = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "wheel"
    place.mkdir(exist_ok=True)
    with (place / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        built = list((place / "dist").glob("*.whl"))
        return built[0] if built else build(place)
