"""Skips fail under ``CI=true``; programs are installed where we may and named where we may not; Pythons come from nox."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.conftest import in_turn
from tests.house.rules import ROOT

pytest_plugins = ["pytester"]

SKIPS = """
import pytest

def test_skips(): pytest.skip("no socat")

@pytest.mark.skip(reason="not today")
def test_is_marked(): ...

@pytest.mark.xfail(strict=False)
def test_is_expected_to_fail(): assert False

def test_passes(): ...
"""
NEEDS = """
def test_needs(debian):
    assert debian("{package}"{program}).endswith("/{name}")
"""


@pytest.fixture
def inner(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project beside this one, with this one's conftest; not in CI unless a test says so."""
    (pytester.path / "tests").mkdir()
    (pytester.path / "tests" / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text(encoding="utf-8"))
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("CHARGEBENCH_PYTHONS", raising=False)
    return pytester


def outcomes(inner: pytest.Pytester, code: str) -> tuple[dict[str, int], str]:
    (inner.path / "tests" / "test_inner.py").write_text(code, encoding="utf-8")
    result = inner.runpytest_subprocess("-p", "no:randomly", "-p", "no:xdist", "-rs", "tests")
    return result.parseoutcomes(), result.stdout.str()


def program(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    (folder / name).chmod(0o755)


def test_skip_is_a_skip_at_home(inner: pytest.Pytester):
    counts, _ = outcomes(inner, SKIPS)
    assert counts == {"skipped": 2, "xfailed": 1, "passed": 1}


def test_skip_is_a_failure_in_ci(inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CI", "true")
    counts, said = outcomes(inner, SKIPS)
    assert counts == {"failed": 1, "errors": 1, "xfailed": 1, "passed": 1}  # a mark speaks before the test is set up
    assert "CI=true does not skip: Skipped: no socat" in said
    assert "CI=true does not skip: Skipped: not today" in said


def test_skip_of_a_whole_module_is_a_failure_in_ci(inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CI", "true")
    counts, said = outcomes(inner, "import pytest\npytest.importorskip('no_such_module_here')")
    assert counts == {"errors": 1}
    assert "CI=true does not skip" in said


def test_program_that_is_here_is_found(inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    program(inner.path / "bin", "wireshark-tool", "exit 0")
    monkeypatch.setenv("PATH", f"{inner.path / 'bin'}:{os.environ['PATH']}")
    code = NEEDS.format(package="some-package", program=', "wireshark-tool"', name="wireshark-tool")
    assert outcomes(inner, code)[0] == {"passed": 1}


def test_program_that_is_not_here_is_skipped_with_the_line_to_type(inner: pytest.Pytester):
    counts, said = outcomes(inner, NEEDS.format(package="no-such-program", program="", name="x"))
    assert counts == {"skipped": 1}
    assert "sudo apt-get install no-such-program" in said


@pytest.mark.parametrize(("lists", "expected"), [("fresh", ["install"]), ("stale", ["install", "update", "install"])])
def test_program_is_installed_in_ci_as_root(
    inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, lists: str, expected: list[str]
):
    calls, updated = inner.path / "calls", inner.path / "updated"
    if lists == "fresh":
        updated.touch()
    apt = f"""echo "$2" >> {calls}
    [ "$2" = update ] && touch {updated} && exit 0
    [ -e {updated} ] || {{ echo "E: Unable to locate package" >&2; exit 100; }}
    cp {inner.path}/bin/seed {inner.path}/bin/no-such-program"""
    program(inner.path / "bin", "apt-get", apt)
    program(inner.path / "bin", "seed", "exit 0")
    monkeypatch.setenv("PATH", f"{inner.path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("CI", "true")
    code = "import os\nos.geteuid = lambda: 0\n" + NEEDS.format(
        package="no-such-program", program="", name="no-such-program"
    )
    assert outcomes(inner, code + "    assert debian('no-such-program')\n")[0] == {"passed": 1}
    assert calls.read_text().split() == expected


def test_python_of_another_version_comes_from_nox(inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    code = "def test_it(python_of):\n    assert python_of('3.99') == '/there/python'"
    counts, said = outcomes(inner, code)
    assert counts == {"skipped": 1}
    assert "pyenv install 3.99" in said
    monkeypatch.setenv("CHARGEBENCH_PYTHONS", "3.98=/here/python,3.99=/there/python")
    assert outcomes(inner, code)[0] == {"passed": 1}


class NamedMarker:
    """A test as far as its order is concerned."""

    def __init__(self, name: str) -> None:
        self.name = name

    def get_closest_marker(self, marker: str) -> bool:
        return self.name.startswith(marker)


def test_every_worker_begins_with_its_share_of_the_slow_tests():
    items: list[Any] = [NamedMarker(name) for name in ("quick 1", "slow 1", "quick 2", "slow 2", "slow 3", "quick 3")]
    ordered = [item.name for item in in_turn(items, 2)]
    assert ordered == ["slow 1", "slow 3", "quick 1", "quick 3", "slow 2", "quick 2"]


def test_laws_are_drawn_the_same_each_time_unless_soaked():
    assert settings.get_profile("ci").derandomize
    assert not settings.get_profile("soak").derandomize
    assert settings.get_profile("soak").max_examples == 100 * settings.get_profile("ci").max_examples
