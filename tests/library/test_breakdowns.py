"""Scenarios in which the world breaks: each is broken by a manager that does not reckon with just that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chargebench.manager.memory import Memory
from chargebench.manager.rounds import BoxPoll
from chargebench.scenarios.run import run
from tests.library.weak import Generous, Miserly, Sluggish, shipped

MINUTE = 60_000_000


def broken(result):
    return [verdict.name for verdict in result.verdicts if not verdict.kept]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("label", "manager", "names"),
    [
        ("wrong-com-parameters", Generous, ["limit_exceeded", "at most 15.1 A"]),
        ("wrong-com-parameters", Miserly, ["connection: at least 47 A", "share"]),
        ("wrong-com-parameters/right", Generous, ["limit_exceeded", "at most 15.4 A"]),
        ("one-way-loss", Generous, ["limit_exceeded", "white, charging: no"]),
        ("one-way-loss/line", Generous, ["limit_exceeded", "white, charging: no"]),
        ("one-way-loss", Miserly, ["car: white, charging: yes"]),
        ("access-point-lost", Generous, ["limit_exceeded", "connection: inside limit"]),
        ("access-point-lost", Sluggish, ["limit_exceeded", "connection: inside limit"]),
        ("access-point-lost/answers", Generous, ["limit_exceeded", "connection: inside limit"]),
        ("blackout-restart", Generous, ["limit_exceeded"]),
        ("blackout-restart", Miserly, ["charging: 4"]),
        ("blackout-restart/six-amperes", Generous, ["limit_exceeded"]),
        ("blackout-restart/unprepared", Generous, ["limit_exceeded: above 0 A", "limit_exceeded: above 1 A"]),
    ],
)
def test_a_weak_manager_breaks_what_its_weakness_breaks(label, manager, names):
    found = broken(run(shipped(label), controller=manager, tier="register"))
    for name in names:
        assert any(name in one for one in found), (name, found)


@pytest.mark.slow
def test_a_box_that_was_never_heard_has_to_be_counted(monkeypatch):
    counted = Memory.booked_ma
    monkeypatch.setattr(Memory, "booked_ma", lambda self: counted(self) if self.reached else 0)
    assert any("limit_exceeded" in one for one in broken(run(shipped("wrong-com-parameters"))))


@pytest.mark.slow
@pytest.mark.parametrize("label", ["one-way-loss", "one-way-loss/line"])
def test_a_master_that_goes_on_asking_keeps_the_old_limit_alive_and_the_other_car_waiting(label, monkeypatch):
    monkeypatch.setattr(BoxPoll, "_left_alone", lambda _self: False)
    found = broken(run(shipped(label)))
    assert any("car: white, charging: yes" in one for one in found), found


@pytest.mark.slow
def test_a_lost_box_that_is_counted_at_its_failsafe_current_at_once_breaks_the_limit(monkeypatch):
    counted = Memory.booked_ma
    monkeypatch.setattr(Memory, "booked_ma", lambda self: self.failsafe_ma if self.silent else counted(self))
    assert any("limit_exceeded" in one for one in broken(run(shipped("one-way-loss"))))


@pytest.mark.slow
@pytest.mark.parametrize("label", ["one-way-loss", "access-point-lost"])
def test_the_documented_rules_do_not_reckon_with_lost_boxes(label):
    assert any("limit" in one for one in broken(run(shipped(label).under("original"))))


@pytest.mark.slow
def test_a_boot_time_of_the_master_is_what_a_blackout_costs_those_who_did_not_prepare():
    scenario = shipped("blackout-restart/unprepared")
    (fault,) = scenario.world.faults
    times = {}
    for seconds in (15, 45, 90):
        longer = replace(fault, params=(("master_boots", seconds * 1_000_000),))
        result = run(replace(scenario, world=replace(scenario.world, faults=(longer,)), expectations=()))
        times[seconds] = result.figures["limit"]["exceeded_s"]
    assert times[15] < 10  # the master is up before the boxes, and cuts them as soon as they are
    assert 40 < times[90] - times[45] < 50


@pytest.mark.slow
def test_a_reader_that_reads_too_seldom_feeds_no_watchdog():
    scenario = shipped("watchdog-fed-by-reader")
    (reader,) = scenario.world.readers
    seldom = replace(scenario.world, readers=(replace(reader, every_us=60 * MINUTE),))
    found = broken(run(replace(scenario, world=seldom)))
    assert any("garage, failsafe: off" in one for one in found), found


@pytest.mark.slow
def test_boxes_that_nobody_reads_all_fall_back():
    found = broken(
        run(replace(shipped("watchdog-fed-by-reader/nobody-reads"), world=shipped("watchdog-fed-by-reader").world))
    )
    assert any("limit_exceeded" in one for one in found), found
    assert any("garage, failsafe: on" in one for one in found), found
