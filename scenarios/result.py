"""What a run has come to, as a value: verdicts, figures, hashes, and everything that happened."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from json.encoder import encode_basestring as quoted
from typing import NamedTuple

from chargebench.emulator.figures import Figures
from chargebench.scenarios.check import Finding, check_scenario
from chargebench.scenarios.describe import Scenario
from chargebench.scenarios.laws.judge import Verdict
from chargebench.scenarios.plain import plain
from chargebench.scenarios.spool import Shape
from chargebench.scenarios.tiers import Tier


class Commanded(NamedTuple):
    """A command of the manager: when, in which cycle, to which box, and the limit (0 = stop)."""

    at_us: int
    cycle: int
    box: str
    limit_ma: int


Happened = tuple[int, str, str, tuple[tuple[str, int | str], ...]]

HAPPENED: Shape[Happened] = Shape(
    lambda one: (one[0], one[1]),
    lambda one: f"[{quoted(one[2])}, {plain(one[3])}]",
    lambda at_us, channel, body: _happened(at_us, channel, *json.loads(body)),
)


def commanded(boxes: Sequence[str]) -> Shape[Commanded]:
    """Commands in the order of their cycles, and in a cycle in the order of these boxes."""
    places = {box: f"{place:04}" for place, box in enumerate(boxes)}
    return Shape(
        lambda one: (one.cycle, places[one.box]),
        lambda one: json.dumps((one.at_us, one.box, one.limit_ma), ensure_ascii=False),
        lambda cycle, _place, body: _commanded(cycle, *json.loads(body)),
    )


def _happened(at_us: int, channel: str, kind: str, data: list[list[int | str]]) -> Happened:
    return at_us, channel, kind, tuple((str(name), value) for name, value in data)


def _commanded(cycle: int, at_us: int, box: str, limit_ma: int) -> Commanded:
    return Commanded(at_us, cycle, box, limit_ma)


@dataclass(frozen=True, slots=True)
class Result:
    """A run from end to end. ``why`` and ``again`` are for a failed one, empty otherwise."""

    scenario: Scenario
    seed: int
    verdicts: tuple[Verdict, ...]
    figures: Figures
    hash: str
    commands_hash: str
    channels: tuple[tuple[str, int, str], ...]
    checkpoints: tuple[tuple[str, tuple[str, ...]], ...]
    happened: Sequence[Happened]
    commands: Sequence[Commanded]
    story: str
    log: str
    why: str
    again: str
    wall_s: float
    tier: Tier = "wire"

    @property
    def passed(self) -> bool:
        """Whether every expectation was kept."""
        return all(verdict.kept for verdict in self.verdicts)

    def summary(self) -> dict[str, object]:
        """The run as ``run.json`` says it."""
        clock = self.scenario.clock
        return {
            "scenario": self.scenario.label,
            "title": self.scenario.title,
            "seed": self.seed,
            "tier": self.tier,
            "policy": self.scenario.site.policy,
            "versions": versions(),
            "verdict": "pass" if self.passed else "fail",
            "hash": self.hash,
            "commands_hash": self.commands_hash,
            "simulated_s": self.scenario.duration_us / 1_000_000,
            "wall_s": self.wall_s,
            "expectations": [
                {
                    "name": verdict.name,
                    "verdict": "pass" if verdict.kept else "fail",
                    "first_violation": None if verdict.first_us is None else clock.show(verdict.first_us, exact=True),
                    "because": verdict.because,
                }
                for verdict in self.verdicts
            ],
            **self.figures,
            "commands": len(self.commands),
            "findings": [_kept(one) for one in check_scenario(self.scenario)],
            "why": self.why,
            "again": self.again,
        }


def _kept(finding: Finding) -> dict[str, object]:
    """A finding as a run keeps it: with the name of its file, not the folder in which that was."""
    return {**asdict(finding), "where": finding.where.rpartition("/")[2]}


def versions() -> dict[str, str]:
    """What a run's hash may depend on beside scenario and seed, and the Python that ran it, on which it must not."""
    return {
        "chargebench": _version("chargebench"),
        "pymodbus": _version("pymodbus"),
        "python": platform.python_version(),
    }


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "in place"
