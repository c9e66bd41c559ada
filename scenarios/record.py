"""The folder of a run: what happened, whole enough to be looked at, compared and run again.

``run.json`` verdict, figures, hash · ``events.sqlite`` state changes, commands, faults, checkpoints · ``story.txt`` the
sentences · ``master.log`` what the master logged, by its own clock · ``scenario.yaml`` (and ``site.yaml`` and
``sessions.csv`` where the scenario names such files) the files as they were. All but ``wall_s`` in ``run.json`` follows from
scenario, seed and versions.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from chargebench.datasheets.errors import BadInput, CannotOpen
from chargebench.manager.site import POLICIES
from chargebench.scenarios.describe import Kept, Scenario, read_scenario
from chargebench.scenarios.result import Result
from chargebench.scenarios.tiers import TIERS, Tier

RUN, EVENTS, STORY, LOG = "run.json", "events.sqlite", "story.txt", "master.log"
SCENARIO, SITE, SESSIONS = "scenario.yaml", "site.yaml", "sessions.csv"
_TABLES = """
CREATE TABLE happened (number INTEGER PRIMARY KEY, at_us INTEGER, channel TEXT, kind TEXT, data TEXT);
CREATE TABLE commands (number INTEGER PRIMARY KEY, at_us INTEGER, cycle INTEGER, box TEXT, limit_ma INTEGER);
CREATE TABLE channels (channel TEXT PRIMARY KEY, records INTEGER, hash TEXT);
CREATE TABLE checkpoints (channel TEXT, number INTEGER, hash TEXT, PRIMARY KEY (channel, number));
"""


_NEEDED = {"scenario": str, "seed": int, "hash": str, "versions": dict}  # of a summary, to run it again


@dataclass(frozen=True, slots=True)
class Recorded:
    """A run as its folder holds it."""

    folder: Path
    summary: dict[str, object]
    channels: dict[str, tuple[int, str]]
    checkpoints: dict[str, list[str]]
    happened: list[tuple[int, str, str, str]]

    @property
    def seed(self) -> int:
        return int(str(self.summary["seed"]))

    @property
    def tier(self) -> Tier:
        """The tier at which it was run."""
        return next((one for one in TIERS if one == self.summary.get("tier")), TIERS[0])

    def scenario(self) -> Scenario:
        """The scenario as it was run, from the folder's own copy, by the policy that the record names."""
        label = str(self.summary["scenario"])
        name, _, variant = label.partition("/")
        site, sessions = (one if one.exists() else None for one in (self.folder / SITE, self.folder / SESSIONS))
        scenario = read_scenario(self.folder / SCENARIO, variant or None, name=name, kept=Kept(site, sessions))
        return scenario.under(next((one for one in POLICIES if one == self.summary.get("policy")), None))


def refuse(folder: Path) -> None:
    """``CannotOpen`` where no run can be written into ``folder``; makes nothing, and is worth asking before a long run."""
    try:
        if folder.exists() and any(folder.iterdir()) and not (folder / RUN).exists():
            raise CannotOpen(str(folder), "it holds something that is not a run; choose another folder (--out)")
        nearest = next(one for one in (folder, *folder.parents) if one.exists())
    except OSError as error:
        raise CannotOpen(str(folder), f"cannot be written: {error.strerror or error}") from error
    if not nearest.is_dir():
        raise CannotOpen(str(folder), f"cannot be written: {nearest} is no folder")
    if not os.access(nearest, os.W_OK):
        raise CannotOpen(str(folder), f"cannot be written: no permission in {nearest}")


def write(folder: Path, result: Result) -> None:
    """Write the run into ``folder``, which is new, empty or holds an earlier run."""
    refuse(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / RUN).unlink(missing_ok=True)
        _write_events(folder / EVENTS, result)
        (folder / STORY).write_text(result.story, "utf-8")
        (folder / LOG).write_text(result.log, "utf-8")
        source = result.scenario.source
        (folder / SCENARIO).write_text(source.text, "utf-8")
        for name, text in ((SITE, source.site_text), (SESSIONS, source.sessions_text)):
            if text is None:
                (folder / name).unlink(missing_ok=True)
            else:
                (folder / name).write_text(text, "utf-8")
        # last, so that a folder with a run.json is whole
        (folder / RUN).write_text(json.dumps(result.summary(), indent=2, ensure_ascii=False) + "\n", "utf-8")
    except OSError as error:
        raise CannotOpen(str(folder), f"cannot be written: {error.strerror or error}") from error


def read(folder: Path) -> Recorded:
    """The run in ``folder``; ``BadInput`` where there is none that can be understood."""
    try:
        summary = json.loads((folder / RUN).read_text("utf-8"))
        with closing(sqlite3.connect(f"file:{folder / EVENTS}?mode=ro", uri=True)) as events:
            channels = {name: (records, digest) for name, records, digest in events.execute("SELECT * FROM channels")}
            checkpoints: dict[str, list[str]] = {}
            for name, digest in events.execute("SELECT channel, hash FROM checkpoints ORDER BY channel, number"):
                checkpoints.setdefault(name, []).append(digest)
            rows = events.execute("SELECT at_us, channel, kind, data FROM happened ORDER BY number")
            happened = [(at_us, channel, kind, data) for at_us, channel, kind, data in rows]
    except (OSError, ValueError, sqlite3.Error) as error:
        why = (error.strerror if isinstance(error, OSError) else "") or str(error)
        raise BadInput(str(folder), "", f"expected the folder of a run, with {RUN} and {EVENTS}: {why}") from error
    if not isinstance(summary, dict) or not all(isinstance(summary.get(key), kind) for key, kind in _NEEDED.items()):
        raise BadInput(str(folder / RUN), "", "expected scenario, seed, hash and versions of a run")
    if summary.get("tier", TIERS[0]) not in TIERS:
        raise BadInput(str(folder / RUN), "tier", f"expected {' or '.join(TIERS)}, got {summary['tier']!r}")
    if summary.get("policy", POLICIES[0]) not in POLICIES:
        raise BadInput(str(folder / RUN), "policy", f"expected {' or '.join(POLICIES)}, got {summary['policy']!r}")
    return Recorded(folder, summary, channels, checkpoints, happened)


def commands_hash(commands: Iterable[tuple[int, str, int]]) -> str:
    """SHA-256 over the lines ``cycle box limit_ma`` of a stream of commands: the same in every tier that runs it."""
    whole = sha256()
    for cycle, box, limit_ma in commands:
        whole.update(f"{cycle} {box} {limit_ma}\n".encode())
    return whole.hexdigest()


def happened_rows(result: Result) -> Iterator[tuple[int, str, str, str]]:
    """The world's events and the manager's notes of a run, as they are kept."""
    for at_us, channel, kind, data in result.happened:
        yield at_us, channel, kind, json.dumps(dict(data), ensure_ascii=False)


def _write_events(path: Path, result: Result) -> None:
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as file, file:
        file.executescript(_TABLES)
        file.executemany(
            "INSERT INTO happened VALUES (?, ?, ?, ?, ?)", ((n, *row) for n, row in enumerate(happened_rows(result)))
        )
        file.executemany(
            "INSERT INTO commands VALUES (?, ?, ?, ?, ?)",
            ((n, one.at_us, one.cycle, one.box, one.limit_ma) for n, one in enumerate(result.commands)),
        )
        file.executemany("INSERT INTO channels VALUES (?, ?, ?)", result.channels)
        file.executemany(
            "INSERT INTO checkpoints VALUES (?, ?, ?)",
            ((name, n, digest) for name, digests in result.checkpoints for n, digest in enumerate(digests)),
        )
