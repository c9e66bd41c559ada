"""Every shipped scenario passes, can be repeated to the byte in any process, and can fail."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from chargebench.emulator.spec import FaultSpec, TcpAt
from chargebench.manager import controller as controllers
from chargebench.manager.drivers.heidelberg import Heidelberg
from chargebench.manager.memory import Memory
from chargebench.scenarios import record, shelf
from chargebench.scenarios.check import check_scenario
from chargebench.scenarios.describe import titles
from chargebench.scenarios.run import run
from tests.library import weak
from tests.library.weak import Generous, Miserly, Sluggish, shipped

REPLAY = "import sys; from chargebench.scenarios.cli import main; sys.argv[1:1] = ['replay', '--json']; main()"
LABELS = [
    label
    for name in shelf.names()
    for label in (name, *(f"{name}/{variant}" for variant in titles(shelf.find(name).path)[2]))
]
MANAGED = [label for label in LABELS if shipped(label).managed]
MINUTE = 60_000_000


def elsewhere(command, hash_seed):
    """Run a program in a process of its own, under another order of sets."""
    env = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def broken(result):
    return [verdict.name for verdict in result.verdicts if not verdict.kept]


def test_the_library_holds_what_the_readme_promises():
    assert {"without-load-management", "without-load-management/gg-25", "house-14kw", "house-34kw-tcp"} <= set(LABELS)
    assert {"rs485-line", "s0-meters", "fuse-overload"} <= set(LABELS)
    assert {"heidelberg-line", "heidelberg-line/master-stops", "heidelberg-line/asleep"} <= set(LABELS)


@pytest.mark.parametrize("label", LABELS)
def test_a_shipped_scenario_is_safe_unless_it_means_not_to_be_and_lasts_no_longer_than_it_must(label):
    scenario = shipped(label)
    worst = {one.severity for one in check_scenario(scenario)} - {"note"}
    assert worst == ({"danger"} if label.startswith("without-load-management") else set())
    assert scenario.duration_us <= (180 if label == "house-14kw" else 60) * MINUTE
    assert scenario.expectations


@pytest.mark.slow
@pytest.mark.parametrize("label", LABELS)
def test_a_shipped_scenario_passes_and_replays_to_the_same_hash_in_another_process(label, tmp_path):
    result = run(shipped(label))
    assert broken(result) == [], result.story
    record.write(tmp_path / "run", result)
    replayed = json.loads(elsewhere([sys.executable, "-c", REPLAY, str(tmp_path / "run")], "4242"))
    assert (replayed["same"], replayed["hash"]) == (True, result.hash)


@pytest.mark.slow
@pytest.mark.parametrize("label", ["fuse-overload", "s0-meters"])
def test_a_shipped_scenario_replays_to_the_same_hash_on_every_python(label, python_of):
    scenario = replace(shipped(label), duration_us=20 * MINUTE, expectations=())
    hashes = {}
    for version, hash_seed in (("3.11", "1"), ("3.12", "2"), ("3.13", "3")):
        command = [python_of(version), weak.__file__, label, "plain", str(20 * 60)]
        hashes[version] = elsewhere(command, hash_seed)
    assert hashes == dict.fromkeys(hashes, run(scenario).hash)


@pytest.mark.parametrize("label", LABELS)
def test_another_seed_gives_another_hash_where_there_is_randomness(label):
    scenario = replace(shipped(label), duration_us=2 * MINUTE, expectations=())
    over_the_network = any(isinstance(box.at, TcpAt) and box.at.host != "localhost" for box in scenario.world.boxes)
    same = run(scenario, 1).hash == run(scenario, 2).hash
    assert same == (not (scenario.managed and over_the_network))


def test_an_order_that_hangs_on_the_process_is_caught():
    """A manager that takes the first of a set decides otherwise in each process, and the hash shows it."""
    hashes = {
        manager: {elsewhere([sys.executable, weak.__file__, "rs485-line", manager, "15"], seed) for seed in "1234"}
        for manager in ("plain", "disorderly")
    }
    assert len(hashes["plain"]) == 1
    assert len(hashes["disorderly"]) > 1


# -- every shipped scenario can fail --------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("label", MANAGED)
def test_a_managed_scenario_fails_without_its_manager(label):
    assert broken(run(replace(shipped(label), managed=False)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("label", "manager", "names"),
    [
        ("house-14kw", Generous, ["fuse: cannot trip", "limit_exceeded", "charging: at most 2"]),
        ("house-14kw", Miserly, ["charging: below 2", "waiting", "share"]),
        ("house-34kw-tcp", Generous, ["limit_exceeded"]),
        ("house-34kw-tcp", Miserly, ["guest, charging", "charging: 4", "share"]),
        ("rs485-line", Generous, ["limit_exceeded"]),
        ("rs485-line", Miserly, ["charging: 3", "share"]),
        ("s0-meters", Generous, ["limit_exceeded"]),
        ("s0-meters", Miserly, ["charging: 2", "share"]),
        ("fuse-overload", Generous, ["limit_exceeded", "connection: inside limit"]),
        ("fuse-overload", Sluggish, ["limit_exceeded", "connection: inside limit"]),
        ("heidelberg-line", Generous, ["limit_exceeded"]),
        ("heidelberg-line", Miserly, ["charging: 3", "connection: at least 31 A", "share"]),
        ("heidelberg-line/master-stops", Generous, ["limit_exceeded"]),
        ("heidelberg-line/asleep", Miserly, ["charging: 3", "share"]),
        ("licence-limit", Generous, ["limit_exceeded"]),
        ("licence-limit", Miserly, ["share"]),
        ("licence-limit/one-licence", Generous, ["limit_exceeded"]),
    ],
)
def test_a_weak_manager_breaks_what_its_weakness_breaks(label, manager, names):
    found = broken(run(shipped(label), controller=manager))
    for name in names:
        assert any(name in one for one in found), (name, found)


@pytest.mark.slow
def test_a_house_where_nobody_ever_gives_way_breaks_the_law_of_waiting(monkeypatch):
    monkeypatch.setattr(controllers, "HOLD_US", 1 << 60)
    found = broken(run(shipped("house-14kw")))
    assert any("waiting" in one for one in found), found


def test_without_load_management_fails_where_somebody_manages():
    scenario = replace(shipped("without-load-management"), managed=True)
    assert any("must trip" in one for one in broken(run(scenario)))


@pytest.mark.parametrize("label", ["without-load-management", "without-load-management/gg-25"])
def test_without_load_management_fails_where_the_fuse_is_larger(label):
    scenario = shipped(label)
    connection = replace(scenario.world.connection, rating_ma=63_000, curve="gG")
    result = run(replace(scenario, world=replace(scenario.world, connection=connection)))
    assert len(broken(result)) >= 2
    assert {fuse["verdict"] for fuse in result.figures["fuse"].values()} == {"cannot"}


def test_times_of_the_fuses_are_those_of_their_curves():
    """52 A on a 35 A SLS-E must trip by 1,693 s, on 25 A gG it may from 10 s and must by 653 s."""
    # the third car has reached its 16 A some 25 s after the start; what flowed before counts a little
    for label, may_s, must_s in (("without-load-management", None, 1_693), ("without-load-management/gg-25", 10, 653)):
        fuse = run(shipped(label)).figures["fuse"]["L1"]
        assert must_s < (fuse["must_s"] or 0) < must_s + 30
        assert may_s is None or may_s < (fuse["may_s"] or 0) < may_s + 30


@pytest.mark.slow
def test_a_total_counted_as_a_third_on_each_phase_starves_the_single_phase_car(monkeypatch):
    monkeypatch.setattr(Memory, "_house", lambda self, reading: self._shared(reading) if reading.power_w else (0, 0, 0))
    assert any("share" in one for one in broken(run(shipped("s0-meters"))))


@pytest.mark.slow
def test_a_heidelberg_that_is_not_told_to_stay_awake_falls_asleep_where_its_master_only_looks_at_times(monkeypatch):
    """A master that is gone for 6 min finds boxes asleep; those that it had told so before are awake."""
    label = "heidelberg-line/master-stops"
    gone = FaultSpec("master stops", "master", 2 * MINUTE, 6 * MINUTE)
    scenario = shipped(label)
    world = replace(scenario.world, cars=(), faults=(gone,))
    scenario = replace(scenario, world=world, duration_us=10 * MINUTE, expectations=())

    def slept():
        return [entry for entry in run(scenario).happened if entry[2] == "standby"]

    assert slept() == []
    monkeypatch.setattr(Heidelberg, "prepares", lambda *_: ())
    assert len(slept()) == 6
