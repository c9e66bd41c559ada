"""What all tests share: hypothesis' profiles, other programs and other Pythons, and no skip under ``CI=true``."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parent.parent

settings.register_profile("ci", derandomize=True, deadline=None, max_examples=30, print_blob=True)
settings.register_profile("soak", derandomize=False, deadline=None, max_examples=3000, print_blob=True)
settings.register_profile("nightly", derandomize=False, deadline=None, max_examples=20_000, print_blob=True)
settings.load_profile("ci")  # --hypothesis-profile=soak overrules it


def in_ci() -> bool:
    return os.environ.get("CI") == "true"


def refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure under ``CI=true``; an expected failure stays what it is."""
    if in_ci() and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"CI=true does not skip: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    refuse_skip(report)
    return report


def in_turn(items: list[pytest.Item], workers: int) -> list[pytest.Item]:
    """The same tests, so that each worker's share of the list begins with its share of the slow ones.

    xdist gives each worker a piece of the list, and to those who are done what others have not begun; who begins with what
    is quick has the last slow test for itself while everybody waits.
    """
    slow = [item for item in items if item.get_closest_marker("slow")]
    quick = [item for item in items if not item.get_closest_marker("slow")]
    return [item for k in range(workers) for item in (*slow[k::workers], *quick[k::workers])]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    workers = getattr(config, "workerinput", {}).get("workercount", 0)
    if workers > 1:
        items[:] = in_turn(items, workers)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests have to tell beside passing: ``record_property("told", …)``."""
    for report in [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]:
        for name, value in report.user_properties if report.when == "call" else ():
            if name == "told":
                terminalreporter.write_line(str(value))


def apt(*arguments: str) -> str:
    """Run apt-get; what it complained of, or nothing."""
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(["apt-get", "--quiet", *arguments], env=env, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stderr.strip() or f"exit status {done.returncode}"


def apt_install(package: str) -> None:
    """Install a Debian package, with fresh lists only where the old ones do not serve."""
    install = ("install", "--yes", "--no-install-recommends", package)
    if apt(*install):
        trouble = apt("update") or apt(*install)
        assert not trouble, f"apt-get cannot install {package}: {trouble}"


@pytest.fixture(scope="session")
def debian() -> Callable[..., str]:
    """``debian("socat")``: the path of a program of a Debian package, installed first where we may.

    As root with ``CI=true`` it is installed, once for all workers; elsewhere its absence skips the test with the line to type.
    ``program`` names it where it is not called as its package.
    """

    def path(package: str, program: str | None = None) -> str:
        program = program or package
        if not shutil.which(program) and in_ci() and os.geteuid() == 0:
            lock = ROOT / ".dev" / "apt.lock"
            lock.parent.mkdir(exist_ok=True)
            with lock.open("w") as held:
                fcntl.flock(held, fcntl.LOCK_EX)
                if not shutil.which(program):
                    apt_install(package)
        if found := shutil.which(program):
            return found
        pytest.skip(f"{program} is not here: sudo apt-get install {package}")

    return path


@pytest.fixture(scope="session")
def python_of() -> Callable[[str], str]:
    """``python_of("3.12")``: an interpreter of that version that has the bench's dependencies; ``nox -s tests`` makes them."""
    given = os.environ.get("CHARGEBENCH_PYTHONS", "")
    pythons = dict(pair.split("=", 1) for pair in given.split(",") if pair)
    pythons.setdefault(f"{sys.version_info[0]}.{sys.version_info[1]}", sys.executable)

    def path(version: str) -> str:
        if version not in pythons:
            pytest.skip(f"no Python {version} here: pyenv install {version}, then nox -s tests")
        return pythons[version]

    return path
