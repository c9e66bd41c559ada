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
from chargebench.manager.behaviour import Behaviour
from chargebench.manager.controller import Controller
from chargebench.manager.drivers.heidelberg import Heidelberg
from chargebench.manager.drivers.power_brain import PowerBrain
from chargebench.manager.drivers.sheet_box import SheetBox
from chargebench.manager.ledger import MemoryStore
from chargebench.manager.memory import Memory
from chargebench.manager.rounds import BoxPoll
from chargebench.manager.shell import Crew
from chargebench.scenarios import record, shelf
from chargebench.scenarios.check import check_scenario
from chargebench.scenarios.describe import titles
from chargebench.scenarios.desk import Desk
from chargebench.scenarios.leap.accept import reason
from chargebench.scenarios.run import run
from tests.laws.two_tiers import assert_leapt, assert_same
from tests.library import replays, weak
from tests.library.weak import Forgetful, Generous, Lavish, Miserly, Shorted, Sluggish, shipped

LABELS = [
    label
    for name in shelf.names()
    for label in (name, *(f"{name}/{variant}" for variant in titles(shelf.find(name).path)[2]))
]
MINUTES = {"house-14kw": 180, "workplace-day": 18 * 60, "workplace-day/morning": 120}
"""Of those that last longer than an hour."""
SHORT = [label for label in LABELS if label != "workplace-day"]
"""Those that are run here; the whole day has a nox session of its own."""
GROUPS = 12
"""So many processes replay them, since each takes a second to start."""
MANAGED = [label for label in SHORT if shipped(label).managed]
MINUTE = 60_000_000
DANGERS = (
    "without-load-management",
    "wrong-com-parameters",  # a box that nobody can hear; its variant right has none
    "watchdog-fed-by-reader",  # its variant nobody-reads has none
    "proxy-two-masters",  # the other one feeds a watchdog, too
    "blackout-restart/unprepared",
    "meter-reads-low/without-reserve",
    "meter-frozen",  # a house that rises before that is seen; its variant of-a-box has none
    "flash-worn",  # a box without a watchdog
    "two-boxes-one-id",
)
"""Those whose point is a danger, by name, or by name and variant."""
SAFE = ("wrong-com-parameters/right", "watchdog-fed-by-reader/nobody-reads", "meter-frozen/of-a-box")


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
    assert {"mixed-tcp-rtu", "workplace-day", "workplace-day/morning"} <= set(LABELS)
    assert {"slave-lost", "comeback-first-read", "master-lost", "failsafe-gap", "failsafe-never"} <= set(LABELS)
    assert {"observation", "licence-added-at-night", "clock-set-by-hand", "master-restarts"} <= set(LABELS)
    assert {"twenty-five-slaves", "twenty-five-on-a-line", "twenty-five-on-a-line/9600-baud"} <= set(LABELS)


@pytest.mark.parametrize("label", LABELS)
def test_a_shipped_scenario_is_safe_unless_it_means_not_to_be_and_lasts_no_longer_than_it_must(label):
    scenario = shipped(label)
    worst = {one.severity for one in check_scenario(scenario)} - {"note"}
    assert worst == ({"danger"} if label.startswith(DANGERS) and label not in SAFE else set())
    assert scenario.duration_us <= MINUTES.get(label, 60) * MINUTE
    assert scenario.expectations


def test_every_shipped_scenario_may_run_at_both_tiers_but_those_that_say_why_not():
    """What is refused at tier register; whoever adds one gives the reason here."""
    refused: dict[str, str] = {}
    assert {label for label in LABELS if "register" not in shipped(label).tiers} == {*refused}


def test_every_shipped_scenario_that_can_be_leapt_may_be():
    """A variant breaks something more often than what it is a variant of, and shares its tiers."""
    plain = [label for label in LABELS if "/" not in label]
    assert [label for label in plain if not reason(shipped(label))] == [
        label for label in plain if "leap" in shipped(label).tiers
    ]


@pytest.mark.slow
@pytest.mark.parametrize("labels", [SHORT[k::GROUPS] for k in range(GROUPS)], ids=", ".join)
def test_shipped_scenarios_pass_and_replay_to_the_same_hash_in_another_process(labels, tmp_path):
    """A variant is like what it is a variant of but for a few lines: it is not replayed, too."""
    hashes = {}
    for k, label in enumerate(labels):
        result = run(shipped(label))
        assert broken(result) == [], result.story
        if label != "workplace-day/morning":
            assert_same(result, run(shipped(label), tier="register"))
        if "leap" in shipped(label).tiers:
            assert_leapt(result, run(shipped(label), tier="leap"))
        if "/" not in label:
            hashes[tmp_path / str(k)] = result.hash
            record.write(tmp_path / str(k), result)
    told = elsewhere([sys.executable, replays.__file__, *map(str, hashes)], "4242") if hashes else ""
    replayed = [json.loads(line) for line in told.splitlines()]
    assert [(one["same"], one["hash"]) for one in replayed] == [(True, one) for one in hashes.values()]


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
    scenario = replace(shipped(label), duration_us=MINUTE, expectations=())
    over_the_network = any(isinstance(box.at, TcpAt) and box.at.host != "localhost" for box in scenario.world.boxes)
    over_the_network = over_the_network or bool(scenario.world.gateways)
    same = run(scenario, 1).hash == run(scenario, 2).hash
    garbled = label == "two-boxes-one-id"  # when two answer at once, which bits are left is drawn
    assert same == (not (scenario.managed and (over_the_network or garbled)))


@pytest.mark.slow
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
        ("licence-added-at-night", Generous, ["limit_exceeded", "box: fourth, limit: below 10 A"]),
        ("licence-added-at-night", Miserly, ["charging: 5", "box: first, limit: at least 8.5 A", "share"]),
        ("clock-set-by-hand", Generous, ["limit_exceeded", "charging: at most 2"]),
        ("clock-set-by-hand", Miserly, ["charging: below 2", "waiting", "white, charging", "share"]),
        ("master-restarts", Generous, ["limit_exceeded"]),
        ("master-restarts", Miserly, ["connection: at least 45 A", "charging: 3", "share"]),
        ("master-restarts/forgets", Sluggish, ["limit_exceeded", "connection: inside limit"]),
        ("master-restarts/at-once", Miserly, ["charging: 3", "connection: at least 44 A"]),
        ("master-restarts/board", Generous, ["limit_exceeded"]),
        ("slave-not-observing", Generous, ["limit_exceeded", "told: by itself", "box: yard, limit: at most 10.1 A"]),
        ("slave-not-observing/not-enabled", Miserly, ["told: disabled", "charging: 3"]),
        ("slave-not-observing/modbus-off", Generous, ["limit_exceeded", "connection: at most 38 A"]),
        ("twenty-five-slaves", Generous, ["limit_exceeded", "connection: inside limit"]),
        ("twenty-five-slaves", Miserly, ["charging: 26", "connection: at least 235 A", "share"]),
        ("twenty-five-on-a-line", Generous, ["limit_exceeded", "connection: inside limit"]),
        ("twenty-five-on-a-line", Miserly, ["charging: 25", "connection: at least 185 A", "share"]),
        ("twenty-five-on-a-line/9600-baud", Sluggish, ["limit_exceeded", "connection: inside limit"]),
        ("third-party-boxes", Lavish, ["limit_exceeded"]),
        ("third-party-boxes", Miserly, ["charging: 3", "connection: at least 30 A", "share"]),
        ("meter-reads-low", Generous, ["limit_exceeded"]),
        ("meter-reads-low", Miserly, ["charging: 3", "connection: at least 99 A", "share"]),
        ("two-garages", Forgetful, ["circuit: front", "circuit: wall", "box: rear-1, limit: at least 15.9 A"]),
        ("stop-by-input", Shorted, ["charging: 0, to: 18:03", "box: internal, limit: 0 A"]),
        ("two-garages", Miserly, ["box: front-3, limit: at least 10.6 A", "charging: 6"]),
        ("mixed-tcp-rtu", Generous, ["limit_exceeded"]),
        ("mixed-tcp-rtu", Miserly, ["charging: 4", "box: garage, limit: at least 10 A", "share"]),
    ],
)
def test_a_weak_manager_breaks_what_its_weakness_breaks(label, manager, names):
    found = broken(run(shipped(label), controller=manager, tier="register"))
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


# -- lost boxes -----------------------------------------------------------------------------


@pytest.mark.slow
def test_a_master_that_feeds_no_watchdog_loses_boxes_that_live_on_writes(monkeypatch):
    monkeypatch.setattr(SheetBox, "feeds", lambda *_: None)
    found = broken(run(shipped("third-party-boxes")))
    assert any("eve, failsafe: on, from" in one for one in found), found
    assert any("next, failsafe: on, from" in one for one in found), found


def test_a_lost_box_that_is_counted_with_nothing_breaks_the_limit(monkeypatch):
    counted = Memory.booked_ma
    monkeypatch.setattr(Memory, "booked_ma", lambda self: 0 if self.silent else counted(self))
    assert any("limit_exceeded" in one for one in broken(run(shipped("slave-lost"))))
    assert any("limit_exceeded" in one for one in broken(run(shipped("failsafe-never"))))


@pytest.mark.slow
def test_a_master_that_reads_first_wakes_the_old_limits_of_boxes_that_had_fallen_back(monkeypatch):
    begin = BoxPoll.begin

    def reads_first(self, cycle, limit_ma):
        if self.presence.silent_us is None:
            begin(self, cycle, limit_ma)
            return
        self._writes = []
        self._ordered = self._ordered if limit_ma is None else limit_ma

    monkeypatch.setattr(BoxPoll, "begin", reads_first)
    assert any("above 50 A" in one for one in broken(run(shipped("comeback-first-read"))))


@pytest.mark.slow
def test_boxes_that_are_never_set_to_fall_back_in_180_s_do_so_when_they_left_the_factory_with_300(monkeypatch):
    monkeypatch.setattr(PowerBrain, "prepares", lambda *_: ())
    found = broken(run(shipped("master-lost")))
    assert any("garage, failsafe: on" in one for one in found), found
    assert any("fail_safe_duration" in one for one in found), found


@pytest.mark.slow
def test_a_watchdog_that_is_believed_unread_leaves_a_gap(monkeypatch):
    """Counted as the site says it, not as it was read back."""
    observe = Memory.observe

    def believes(self, view, now_us):
        if view.reading is not None and self.box.failsafe_us is not None:
            reading = replace(view.reading, failsafe_us=self.box.failsafe_us, failsafe_ma=self.box.failsafe_ma)
            view = replace(view, reading=reading)
        return observe(self, view, now_us)

    monkeypatch.setattr(Memory, "observe", believes)
    assert any("limit_exceeded" in one for one in broken(run(shipped("failsafe-gap"))))


# -- a day of many cars ---------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("manager", "minutes", "names"),
    [(Generous, 75, ["limit_exceeded"]), (Miserly, 20, ["waiting", "served: at least 70 %", "of: each"])],
)
def test_a_weak_manager_breaks_a_day_of_many_cars(manager, minutes, names):
    morning = shipped("workplace-day/morning")
    morning = replace(morning, duration_us=minutes * MINUTE)
    found = broken(run(morning, controller=manager, tier="register"))
    for name in names:
        assert any(name in one for one in found), (name, found)


def test_every_seed_draws_other_cars_for_the_same_day():
    day = shipped("workplace-day")
    drawn = {tuple(car.max_ma for car in day.seeded(seed).world.cars) for seed in range(20)}
    stays = {tuple((car.box, car.plugs_us, car.leaves_us) for car in day.seeded(seed).world.cars) for seed in range(20)}
    assert (len(drawn), len(stays)) == (20, 1)


# -- the master's own life ------------------------------------------------------------------


@pytest.mark.slow
def test_a_master_that_does_not_only_observe_breaks_observation():
    watching = shipped("observation")
    result = run(replace(watching, site=replace(watching.site, management=True)))
    assert {"finally: write_requests: 0", "finally: commands: 0"} <= {*broken(result)}


@pytest.mark.slow
def test_the_clock_of_the_master_is_behind_no_command():
    """With the right clock, and nobody who sets it, every command is the same to the cycle."""
    wrong = shipped("clock-set-by-hand")
    right = replace(wrong, desk=Desk(wrong.clock))
    ran = run(wrong), run(right)
    assert ran[0].commands_hash == ran[1].commands_hash
    assert ran[0].hash != ran[1].hash
    assert len(ran[0].commands) > 5
    assert [result.log[:10] for result in ran] == ["2025-01-13", "2026-01-13"]


@pytest.mark.slow
def test_a_master_that_looks_for_licences_only_when_it_starts_breaks_the_night(monkeypatch):
    monkeypatch.setattr(Crew, "review_licences", lambda _: None)
    found = broken(run(shipped("licence-added-at-night")))
    assert any("fourth, limit: below 10 A" in one for one in found), found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("room", "name"), [(Controller, "_lay_down"), (MemoryStore, "save")], ids=["reads first", "keeps nothing"]
)
def test_a_master_that_does_not_use_its_memory_wakes_old_limits(monkeypatch, room, name):
    monkeypatch.setattr(room, name, lambda *_: None)
    found = broken(run(shipped("master-restarts")))
    assert any("limit_exceeded" in one for one in found), found


@pytest.mark.slow
def test_a_master_that_fights_with_a_box_that_manages_by_itself_breaks_its_scenario(monkeypatch):
    monkeypatch.setattr(Behaviour, "by_itself", property(lambda _: False))
    found = broken(run(shipped("slave-not-observing")))
    assert any("commands: at most 6" in one for one in found), found


# -- many boxes -----------------------------------------------------------------------------


@pytest.mark.slow
def test_a_master_that_skips_no_more_than_it_must_still_breaks_the_law_of_its_cycles_where_boxes_are_slow():
    """A box that takes 60 ms for an answer makes a round of 51 reads longer than a cycle, also at 19200 baud."""
    scenario = shipped("twenty-five-on-a-line")
    boxes = tuple(replace(box, turnaround_us=60_000) for box in scenario.world.boxes)
    found = broken(run(replace(scenario, world=replace(scenario.world, boxes=boxes))))
    assert any("cycle: at most 3 s" in one for one in found), found
