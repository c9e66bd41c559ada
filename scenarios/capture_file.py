"""The file into which a run is captured."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chargebench.datasheets.errors import BadInput, CannotOpen
from chargebench.manager.proxy.capture_file import open_capture
from chargebench.scenarios.capture import RunCapture
from chargebench.scenarios.describe import Scenario
from chargebench.scenarios.tiers import Tier

BUFFER = 1 << 18


def refuse_capture(tier: Tier, runs: int) -> None:
    """``BadInput`` where there would be nothing to capture, or more than one file holds."""
    if tier != "wire":
        raise BadInput(
            "--pcap", "", f"expected --tier wire with it: at {tier} the bytes that it would hold are not made"
        )
    if runs != 1:
        raise BadInput("--pcap", "", f"expected one scenario with it, since each has a clock of its own, got {runs}")


@contextmanager
def captured(scenario: Scenario, path: Path | None) -> Iterator[RunCapture | None]:
    """A capture of the run that follows, where one is wanted. What a run that fails has carried so far is kept."""
    if path is None:
        yield None
        return
    file = os.fdopen(open_capture(path), "wb", BUFFER)

    def put(block: bytes, must: bool) -> bool:  # noqa: ARG001 all of it is written
        with _said(path):
            file.write(block)
        return True

    try:
        yield RunCapture(scenario, put)
    finally:
        with _said(path):
            file.close()


@contextmanager
def _said(path: Path) -> Iterator[None]:
    """A disk that is full is nothing that a run could have brought about."""
    try:
        yield
    except OSError as error:
        raise CannotOpen(str(path), f"cannot be written: {error.strerror or error}") from error
