"""The contracts of ``pyproject.toml`` hold in the rooms, and each finds what it is there to find."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.rules import ROOMS, ROOT

pytestmark = pytest.mark.slow

CONTRACTS = (ROOT / "pyproject.toml").read_text(encoding="utf-8").count("[[tool.importlinter.contracts]]")

# A house that keeps every contract: the least that the contracts must find to be able to judge.
HOUSE = {
    "datasheets/model.py": "from fractions import Fraction",
    "datasheets/yamlfile.py": "import pathlib\nimport ruamel.yaml",
    "emulator/clock.py": "import asyncio\nimport simpy",
    "emulator/wires/tcp.py": "from chargebench.emulator import clock",
    "emulator/box.py": "from chargebench.datasheets import model",
    "manager/controller.py": "from chargebench.datasheets import model",
    "manager/links/master.py": "import pymodbus.client\nfrom chargebench.manager import controller",
    "manager/service/web.py": "import starlette.routing\nimport uvicorn",
    "scenarios/run.py": "from chargebench.emulator import clock, box\nfrom chargebench.manager import controller\n"
    "from chargebench.manager.links import master",
}
PLANTED = [
    ("rooms", "datasheets/model.py", "from chargebench.scenarios import run"),
    ("rooms", "emulator/wires/tcp.py", "from chargebench.manager import controller"),
    ("rooms", "manager/links/master.py", "from chargebench.emulator import box"),
    ("sans-io", "manager/controller.py", "import asyncio"),
    ("sans-io", "manager/controller.py", "from chargebench.manager.links import master"),
    ("sans-io", "manager/drivers/power_brain.py", "from chargebench.datasheets.load import sheet"),
    ("sans-io", "manager/new.py", "from pathlib import Path"),
    ("sans-io", "emulator/box.py", "def late():\n    import time"),
    ("sans-io", "emulator/devices/s0.py", "from chargebench.emulator.wires import tcp"),
    ("sans-io", "datasheets/codec.py", "import random"),
    ("pymodbus", "manager/shell.py", "from pymodbus.client import AsyncModbusTcpClient"),
    ("pymodbus", "scenarios/run.py", "import pymodbus"),
    ("http", "manager/shell.py", "import starlette.routing"),
    ("http", "scenarios/run.py", "import uvicorn"),
    ("simpy", "scenarios/run.py", "import simpy"),
    ("one-parser", "scenarios/describe.py", "from ruamel.yaml import YAML"),
    ("manager-knows-nothing", "manager/shell.py", "import pytest"),
]


def build(house: Path, files: dict[str, str]) -> Path:
    """Write a house of these modules; every room and every folder in it is a package."""
    for name, text in {**{f"{room}/__init__.py": "" for room in ROOMS}, **HOUSE, **files}.items():
        path = house / "chargebench" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n", encoding="utf-8")
        (path.parent / "__init__.py").touch()
    (house / "chargebench" / "datasheets" / "load.py").write_text("sheet = None\n", encoding="utf-8")
    return house


def judged(house: Path | None = None) -> tuple[int, str]:
    """Run import-linter with the project's contracts; a house is found before the rooms themselves."""
    call = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    command = [sys.executable, "-c", call, "--no-logo", "--no-cache"]
    env = os.environ | {"COLUMNS": "200", "NO_COLOR": "1"} | ({"PYTHONPATH": str(house)} if house else {})
    ran = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    return ran.returncode, ran.stdout + ran.stderr


def test_rooms_keep_every_contract_and_shells_that_are_named_exist():
    status, said = judged()
    assert status == 0, said
    assert said.count(" KEPT") == CONTRACTS
    assert "does not exist" not in said


def test_shell_that_does_not_exist_is_told(tmp_path: Path):
    _, said = judged(build(tmp_path, {}))
    assert "chargebench.manager.site_file is named a shell and does not exist" in said


def test_innocent_house_keeps_every_contract(tmp_path: Path):
    status, said = judged(build(tmp_path, {}))
    assert status == 0, said


@pytest.mark.parametrize(("contract", "module", "line"), PLANTED)
def test_planted_import_breaks(contract: str, module: str, line: str, tmp_path: Path):
    planted = f"{HOUSE.get(module, '')}\n{line}"
    status, said = judged(build(tmp_path, {module: planted}))
    assert status == 1, said
    broken = re.findall(r"^(.*) BROKEN", said, re.MULTILINE)
    assert title(contract) in broken
    assert module.removesuffix(".py").replace("/", ".") in said


def title(contract: str) -> str:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    found = re.search(rf'^id = "{contract}"\nname = "(.*)"$', text, re.MULTILINE)
    assert found, f"pyproject.toml has no contract {contract}"
    return found[1]
