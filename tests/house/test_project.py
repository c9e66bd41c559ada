"""What the files at the top promise: two commands, four typed rooms without a roof, a changelog, a quick ``--help``."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.house.rules import ROOMS, ROOT

CI_RUN = ROOT / ".ci" / "run"
LAZY = ("asyncio", "simpy", "pydantic", "pymodbus")


def shell_commands(markdown: str) -> list[str]:
    """The lines of the fenced shell blocks that set up everything by themselves."""
    blocks = re.findall(r"^```sh\n(.*?)^```", markdown, re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines() if line.startswith("python3 -m venv")]


def first_screen(markdown: str) -> str:
    return markdown[: markdown.index("\n## ")]


def packages_in(root: Path) -> list[str]:
    """The folders of modules in the rooms, as they are called where they are installed."""
    folders = {path.parent for room in ROOMS for path in (root / room).rglob("*.py")}
    return sorted("chargebench." + ".".join(folder.relative_to(root).parts) for folder in folders)


def test_first_screen_of_readme_shows_a_picture_and_two_commands():
    screen = first_screen((ROOT / "README.md").read_text(encoding="utf-8"))
    demo, checks = shell_commands(screen)
    assert demo.endswith("nox -s demo")
    assert checks.endswith("nox -s lint types house tests")
    assert "![" in screen
    assert len(screen.splitlines()) <= 40


def test_ci_runs_the_second_command_of_readme_and_nothing_else():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = [line for line in CI_RUN.read_text(encoding="utf-8").splitlines() if line]
    assert lines == [
        "#!/usr/bin/env bash",
        "set -euo pipefail",
        'cd "$(dirname "$0")/.."',
        shell_commands(readme)[1],
    ]
    assert CI_RUN.stat().st_mode & 0o111 == 0o111


def test_commands_are_taken_from_shell_blocks_alone():
    text = "python3 -m venv a\n```sh\npython3 -m venv b && c\nls\n```\n```yaml\npython3 -m venv d\n```\n"
    assert shell_commands(text) == ["python3 -m venv b && c"]


def test_changelog_opens_with_unreleased():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE)[0] == "Unreleased"


def test_every_room_is_typed_and_the_house_has_no_roof():
    assert [room for room in ROOMS if not (ROOT / room / "py.typed").is_file()] == []
    assert not (ROOT / "chargebench").exists()
    assert not (ROOT / ".dev" / "chargebench" / "__init__.py").exists()


def test_wheel_is_told_of_every_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert sorted(project["tool"]["setuptools"]["packages"]) == packages_in(ROOT)


def test_every_folder_of_modules_is_a_package():
    folders = [ROOT.joinpath(*name.split(".")[1:]) for name in packages_in(ROOT)]
    assert [str(folder) for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_new_package_would_be_missed(tmp_path: Path):
    (tmp_path / "manager" / "proxy").mkdir(parents=True)
    (tmp_path / "manager" / "proxy" / "gateway.py").touch()
    assert packages_in(tmp_path) == ["chargebench.manager.proxy"]


def imported_by(code: str) -> list[str]:
    """The names of all modules that are imported while ``code`` runs in a fresh interpreter."""
    ran = subprocess.run([sys.executable, "-X", "importtime", "-c", code], capture_output=True, text=True, check=False)
    lines = ran.stderr.splitlines()
    assert ran.returncode == 0, "\n".join(line for line in lines if not line.startswith("import time:"))
    return [line.rsplit("|", 1)[1].strip() for line in lines if line.startswith("import time:")]


def tops(names: list[str]) -> list[str]:
    return [name for name in LAZY if any(one.split(".")[0] == name for one in names)]


def test_help_imports_none_of_the_slow_libraries():
    names = imported_by(
        "import sys; from chargebench.scenarios.cli import main; sys.argv = ['chargebench', '--help']; main()"
    )
    assert tops(names) == []
    assert "chargebench.scenarios.cli" in names


@pytest.mark.parametrize("name", LAZY)
def test_slow_import_would_be_seen(name: str):
    assert tops(imported_by(f"import {name}")) != []
