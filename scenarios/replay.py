"""``replay``: the run in a folder again, in this process and version, and what differs if anything does.

A difference of version is named first, since it explains the rest. Then the channels: the first of which a checkpoint
differs (every 1,000 records), at the earliest checkpoint, and at last the first event that differs.
"""

from __future__ import annotations

from dataclasses import dataclass

from chargebench.emulator.trace import CHECKPOINT_EVERY
from chargebench.scenarios.describe import Scenario
from chargebench.scenarios.progress import Tick
from chargebench.scenarios.record import Recorded, happened_rows
from chargebench.scenarios.result import Result, versions
from chargebench.scenarios.run import run


@dataclass(frozen=True, slots=True)
class Comparison:
    """A record against a new run of it. ``differences`` are sentences, what explains most first."""

    label: str
    seed: int
    recorded_hash: str
    hash: str
    versions: tuple[str, ...]
    differences: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether the two runs are the same, to the byte."""
        return self.hash == self.recorded_hash

    def summary(self) -> dict[str, object]:
        """The comparison as JSON says it."""
        return {
            "scenario": self.label,
            "seed": self.seed,
            "same": self.same,
            "hash": self.hash,
            "recorded_hash": self.recorded_hash,
            "versions": list(self.versions),
            "differences": list(self.differences),
        }

    def text(self) -> str:
        """The comparison for a terminal."""
        lines = [f"{self.label} seed {self.seed}"]
        if self.same:
            lines.append(f"  same      {self.hash}")
            lines.extend(f"  although  {one}" for one in self.versions)
        else:
            lines.extend(f"  differs   {one}" for one in (*self.versions, *self.differences))
        return "\n".join(lines) + "\n"


def replay(recorded: Recorded, scenario: Scenario, *, tick: Tick | None = None) -> Comparison:
    """Run ``scenario`` with the seed of the record and compare."""
    result = run(scenario, recorded.seed, tick=tick, tier=recorded.tier)
    recorded_hash = str(recorded.summary["hash"])
    differences: list[str] = []
    if result.hash != recorded_hash:
        differences.append(f"hash: recorded {recorded_hash}, now {result.hash}")
        differences.extend(_channels(recorded, result))
        differences.extend(_events(recorded, result))
    return Comparison(
        scenario.label, recorded.seed, recorded_hash, result.hash, _versions(recorded), tuple(differences)
    )


def _versions(recorded: Recorded) -> tuple[str, ...]:
    then = recorded.summary["versions"]
    known = {str(name): str(version) for name, version in then.items()} if isinstance(then, dict) else {}
    return tuple(
        f"version of {name}: recorded with {known.get(name, 'none')}, now {version}"
        for name, version in versions().items()
        if known.get(name) != version
    )


def _channels(recorded: Recorded, result: Result) -> list[str]:
    """The first channel that differs, by its earliest checkpoint; channels that only one of the runs has."""
    now = {name: (records, digest) for name, records, digest in result.channels}
    checkpoints = {name: list(digests) for name, digests in result.checkpoints}
    only = [f"channel {name} is only in the record" for name in recorded.channels if name not in now]
    only += [f"channel {name} is only in the new run" for name in now if name not in recorded.channels]
    differing = []
    for name, (records, digest) in recorded.channels.items():
        if name in now and now[name] != (records, digest):
            here = _first_difference(recorded.checkpoints.get(name, []), checkpoints.get(name, []))
            differing.append((here, name, records, now[name][0]))
    if not differing:
        return only
    here, name, then_records, now_records = min(differing)
    low, high = here * CHECKPOINT_EVERY, (here + 1) * CHECKPOINT_EVERY
    counts = (
        f"{then_records} records then, {now_records} now" if then_records != now_records else f"{now_records} records"
    )
    first = f"channel {name}: first between records {low} and {high} (checkpoint {here + 1}); {counts}"
    more = f"; {len(differing) - 1} more channels differ" if len(differing) > 1 else ""
    return [first + more, *only]


def _events(recorded: Recorded, result: Result) -> list[str]:
    clock = result.scenario.clock
    now = list(happened_rows(result))
    for then, here in zip(recorded.happened, now, strict=False):
        if then != here:
            recorded_text, now_text = (f"{clock.show(one[0], exact=True)} {' '.join(one[1:])}" for one in (then, here))
            return [f"first event that differs: recorded {recorded_text}, now {now_text}"]
    if len(recorded.happened) != len(now):
        longer, where = (recorded.happened, "record") if len(recorded.happened) > len(now) else (now, "new run")
        at_us, channel, kind, data = longer[min(len(recorded.happened), len(now))]
        return [
            f"first event that differs: only the {where} has {clock.show(at_us, exact=True)} {channel} {kind} {data}"
        ]
    return ["no event differs: only the bytes on the wires or their times do"]


def _first_difference(one: list[str], other: list[str]) -> int:
    for index, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return index
    return min(len(one), len(other))
