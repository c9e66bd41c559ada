"""What the edges share: a line between two serial ports of this machine."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


@pytest.fixture
def ptys(debian: Callable[..., str], tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Two serial ports with a line between them: that of the slaves, that of their master."""
    ends = [str(tmp_path / name) for name in ("slaves", "master")]
    command = [debian("socat"), "-d", "-d", *(f"pty,raw,echo=0,link={end}" for end in ends)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as socat:
        assert socat.stderr is not None
        assert any("starting data transfer" in line for line in socat.stderr)
        yield ends[0], ends[1]
        socat.terminate()
