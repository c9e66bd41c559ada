"""How long ``chargebench --help`` takes on this machine: the median of many starts, beside the 150 ms that it should keep."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

STARTS = 20
GOAL_MS = 150


def start_ms(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - began) * 1000


def help_command() -> list[str]:
    return [str(Path(sys.executable).with_name("chargebench")), "--help"]


def once_ms() -> float:
    """One start, with what an earlier one has compiled."""
    start_ms(help_command())
    return start_ms(help_command())


def main() -> None:
    command = help_command()
    start_ms(command)  # the first start compiles
    starts = sorted(start_ms(command) for _ in range(STARTS))
    told = f"median {statistics.median(starts):.0f} ms, best {starts[0]:.0f}, worst {starts[-1]:.0f}"
    print(f"chargebench --help: {told}, of {STARTS}; goal {GOAL_MS} ms")


if __name__ == "__main__":
    main()
