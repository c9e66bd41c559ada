"""The same seed gives the same trace: in other processes, with other hash seeds, on other Pythons. And the check can fail."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT

HASH_SEEDS = ("1", "2", "random")


def trace(*arguments, python=sys.executable, hash_seed="random") -> str:
    """Hash and length of the trace of a run in a process of its own."""
    env = os.environ | {"PYTHONHASHSEED": hash_seed}
    command = [python, "-W", "error", "-m", "tests.wires.rough_run", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_one_seed_gives_one_trace_whatever_the_hash_seed():
    assert len({trace("7", hash_seed=hash_seed) for hash_seed in HASH_SEEDS}) == 1


def test_another_seed_gives_another_trace():
    assert trace("7") != trace("8")


def test_a_planted_dependence_on_the_order_of_a_set_is_caught():
    assert len({trace("7", "order", hash_seed=hash_seed) for hash_seed in ("1", "2", "3")}) > 1


@pytest.mark.slow
@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_every_python_gives_the_same_trace(version, python_of):
    assert trace("7", python=python_of(version)) == trace("7")


def test_debug_mode_changes_nothing():
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-m", "tests.wires.rough_run", "7"],
        cwd=ROOT,
        env=os.environ | {"PYTHONASYNCIODEBUG": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == trace("7"), done.stderr
