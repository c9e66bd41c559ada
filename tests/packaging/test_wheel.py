"""The wheel works where nothing else is, and beside a project that has its own ``manager`` and ``scenarios``."""

from __future__ import annotations

import json
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.packaging.conftest import ROOT, environment

pytestmark = pytest.mark.slow

ROOMS = ("datasheets", "emulator", "manager", "scenarios")
SHIPPED = {"without-load-management", "house-14kw", "house-34kw-tcp", "rs485-line", "s0-meters", "fuse-overload"}

SHOP = {
    "manager/__init__.py": "WHO = 'the manager of the shop'",
    "manager/site.py": "WHERE = 'in the shop'",
    "scenarios/__init__.py": "from manager import WHO",
}
BOTH = """
import manager.site, scenarios
import chargebench.manager.site, chargebench.scenarios
assert scenarios.WHO == "the manager of the shop"
assert manager.site.WHERE == "in the shop"
assert not hasattr(manager.site, "Site")
assert chargebench.manager.site.Site.__module__ == "chargebench.manager.site"
assert not hasattr(chargebench.scenarios, "WHO")
"""


def names(wheel: Path) -> list[str]:
    return [name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name]


def shipped(told: str) -> set[str]:
    return {one["name"] for one in json.loads(told)}


def test_wheel_holds_all_of_the_rooms_and_nothing_else(wheel: Path):
    kinds = {".py", ".typed", ".yaml", ".csv", ".md", ".html", ".js", ".css", ".txt"}
    files = [path for room in ROOMS for path in (ROOT / room).rglob("*") if path.is_file() and path.suffix in kinds]
    expected = {f"chargebench/{path.relative_to(ROOT)}" for path in files} | {
        f"chargebench/{room}/py.typed" for room in ROOMS
    }
    assert set(names(wheel)) == expected


def test_wheel_works_in_an_empty_environment_and_beside_a_project_with_its_own_manager_and_scenarios(
    wheel: Path, tmp_path: Path
):
    empty = environment(tmp_path / "empty")
    empty.install(wheel)
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert (
        empty.run("python", "-c", "import importlib.metadata as m; print(m.version('chargebench'))").strip() == version
    )
    assert "Usage: chargebench" in empty.run("chargebench", "--help")
    assert shipped(empty.run("chargebench", "scenarios", "list", "--json")) >= SHIPPED
    packages = Path(empty.run("python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    shop = tmp_path / "shop"
    for name, text in SHOP.items():
        for place in (packages, shop):  # as a wheel of the shop's would install it, and its own tree
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_text(text, encoding="utf-8")
    (tmp_path / "elsewhere").mkdir()
    for place in (tmp_path / "elsewhere", shop):  # as installed, and in the project's own tree, which Python sees first
        empty.run("python", "-c", BOTH, cwd=place)
        assert shipped(empty.run("chargebench", "scenarios", "list", "--json", cwd=place)) >= SHIPPED
