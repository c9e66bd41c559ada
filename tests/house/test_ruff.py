"""The bans of ``pyproject.toml`` are in force: clocks, chance and threads are given, never taken."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.house.rules import ROOT


def codes(path: str, text: str) -> list[str]:
    """The codes of ruff's complaints about a module of this text at this place."""
    command = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--output-format",
        "concise",
        "--no-cache",
        "--stdin-filename",
        path,
        "-",
    ]
    ran = subprocess.run(command, input=text, cwd=ROOT, capture_output=True, text=True, check=False)
    return [line.split()[1] for line in ran.stdout.splitlines() if line.startswith(path)]


@pytest.mark.parametrize(
    "text",
    [
        "import random\n",
        "import secrets\n",
        "import threading\n",
        "import uuid\n",
        "import time\n\nnow = time.time()\n",
        "from time import monotonic\n\nnow = monotonic()\n",
        "import asyncio\n\nask = asyncio.to_thread\n",
        "from datetime import UTC, datetime\n\nnow = datetime.now(UTC)\n",
    ],
)
@pytest.mark.parametrize("room", ["datasheets", "emulator", "manager", "scenarios"])
def test_clock_chance_and_threads_are_banned(room: str, text: str):
    assert "TID251" in codes(f"{room}/planted.py", f'"""Planted."""\n\n{text}')


def test_tests_may_use_real_clocks():
    assert codes("tests/test_planted.py", "import time\n\nnow = time.monotonic()\n") == []
