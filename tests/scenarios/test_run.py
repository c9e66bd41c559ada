"""Runs: what they come to, what they leave behind, and that they can be repeated to the byte."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from chargebench.datasheets.errors import BadInput, CannotOpen
from chargebench.manager.controller import Controller
from chargebench.scenarios import record
from chargebench.scenarios.describe import read_scenario
from chargebench.scenarios.record import commands_hash
from chargebench.scenarios.replay import replay
from chargebench.scenarios.result import versions
from chargebench.scenarios.run import run
from tests.scenarios.files import SMALL, put

KEPT = "  - within: {after: 18:00:05, time: 30 s, car: tesla, charging: yes}\n"
BROKEN = "  - never: {car: tesla, energy: above 0.5 kWh}\n"


@pytest.fixture
def small(tmp_path):
    return read_scenario(put(tmp_path, SMALL + KEPT))


@pytest.fixture
def small_run(small):
    return run(small)


def test_a_run_is_judged_expectation_by_expectation(small_run):
    assert small_run.passed
    assert [(verdict.name, verdict.kept) for verdict in small_run.verdicts] == [
        ("always: fuse: cannot trip", True),
        ("within: after: 18:00:05, time: 30 s, car: tesla, charging: yes", True),
    ]
    assert (small_run.why, small_run.again) == ("", "")


def test_the_summary_holds_what_programs_read(small_run):
    summary = json.loads(json.dumps(small_run.summary()))
    assert summary.keys() >= {
        "scenario",
        "seed",
        "tier",
        "versions",
        "verdict",
        "hash",
        "commands_hash",
        "simulated_s",
        "wall_s",
    }
    assert (summary["scenario"], summary["seed"], summary["tier"], summary["verdict"]) == ("small", 1, "wire", "pass")
    assert summary["simulated_s"] == 600
    assert summary["wall_s"] > 0
    assert summary["versions"]["pymodbus"]
    assert summary["expectations"][0] == {
        "name": "always: fuse: cannot trip",
        "verdict": "pass",
        "first_violation": None,
        "because": "",
    }
    assert summary["limit"]["exceeded_a"] == 0
    assert summary["limit"]["exceeded_s"] == 0
    assert summary["fuse"]["L1"].keys() >= {"verdict", "peak_a", "margin_s"}
    assert summary["cars"]["tesla"]["wanted_wh"] == 20_000
    # 15.5 A on three phases at 230 V for something less than ten minutes
    assert 1_500 < summary["cars"]["tesla"]["energy_wh"] < 15.5 * 3 * 230 * 600 / 3600
    assert summary["contactor_starts"] == {"internal": 0, "garage": 1}
    assert summary["commands"] == len(small_run.commands) > 0


def test_a_broken_expectation_says_when_why_and_how_to_see_it_again(tmp_path):
    result = run(read_scenario(put(tmp_path, SMALL + BROKEN)), 5)
    verdict = result.verdicts[1]
    assert not result.passed
    assert not verdict.kept
    assert verdict.because == "tesla has got 0.6 kWh"
    assert verdict.first_us is not None
    assert verdict.first_us % 60_000_000 == 0, "energies are looked at every minute"
    assert result.again == "chargebench run small --seed 5"
    assert "18:00:05 tesla plugs in at garage and wants 20.0 kWh" in result.why


def test_the_story_is_told_in_sentences_with_civil_times(small_run):
    lines = small_run.story.splitlines()
    assert lines[0] == "18:00:00  the house takes 2 kW"
    assert "18:00:05  tesla plugs in at garage and wants 20.0 kWh" in lines
    assert any(line.endswith("garage closes its contactor for tesla") for line in lines)
    assert lines == sorted(lines)


def test_the_same_scenario_and_seed_give_the_same_run(small, small_run):
    again = run(small)
    assert again.hash == small_run.hash
    assert again.happened == small_run.happened
    assert again.channels == small_run.channels


def test_another_seed_gives_another_hash_and_the_same_commands(small, small_run):
    other = run(small, 2)
    assert other.hash != small_run.hash, "the jitter of the network draws from the seed"
    assert other.commands_hash == small_run.commands_hash, "a few milliseconds change no decision here"


def test_the_hash_covers_every_channel_and_ends_with_the_run(small, small_run):
    names = [name for name, _, _ in small_run.channels]
    assert names == sorted(names)
    assert {"box garage", "car tesla", "connection", "manager garage", "tcp master>192.168.2.151:4701#1"} <= set(names)
    assert all(at_us <= small.duration_us for at_us, *_ in small_run.happened)


def test_what_happens_after_the_end_is_no_part_of_a_run(small):
    shorter = run(replace(small, duration_us=60_000_000, expectations=()))
    longer = run(small)
    assert [one for one in shorter.happened if one[0] < 60_000_000] == [
        one for one in longer.happened if one[0] < 60_000_000
    ]
    assert all(one[0] <= 60_000_000 for one in shorter.happened)


def test_without_a_manager_boxes_do_what_they_booted_with(tmp_path):
    text = SMALL.replace("for: 10 min\n", "for: 10 min\nmanager: off\n")
    result = run(read_scenario(put(tmp_path, text)))
    assert result.commands == ()
    assert result.figures["cars"]["tesla"]["energy_wh"] > 1_000, "16 A until the failsafe, 6 A from then on"
    assert "garage has heard nothing for too long and falls back to 6 A" in result.story


def test_a_master_that_stops_leaves_its_boxes_to_their_failsafe_until_it_is_back(tmp_path):
    fault = "faults:\n  - {at: 18:02, on: master, fault: master stops, for: 6 min}\nexpect:\n"
    result = run(read_scenario(put(tmp_path, SMALL.replace("expect:\n", fault))))
    story = result.story.splitlines()
    assert "18:02:00  fault: master stops on master" in story
    assert "18:08:00  fault over: master stops on master" in story
    assert any(line.startswith("18:06:58") and "garage has heard nothing for too long" in line for line in story)
    assert any(line.startswith("18:08:") and "garage hears its master again" in line for line in story)
    quiet = [one for one in result.happened if one[1].startswith("manager ") and 121_000_000 < one[0] < 480_000_000]
    assert quiet == []


def test_a_slave_that_falls_silent_is_missed_and_found_again(tmp_path):
    fault = "faults:\n  - {at: 18:02, on: garage, fault: silence, for: 1 min}\nexpect:\n"
    law = "  - within: {after: 18:02, time: 30 s, box: garage, link: silent}\n  - finally: {box: garage, link: answering}\n"
    result = run(read_scenario(put(tmp_path, SMALL.replace("expect:\n", fault) + law)))
    assert result.passed, result.verdicts
    assert "the master does not hear garage: no answer" in result.story
    assert "the master hears garage again after" in result.story


class _Mistaken(Controller):
    def cycle(self, n, view):
        if n == 20:
            raise ZeroDivisionError("cycle 20 cannot be")
        return super().cycle(n, view)


def test_an_error_of_our_own_tells_seed_instant_trace_and_how_to_repeat_it(small):
    with pytest.raises(ZeroDivisionError) as caught:
        run(small, 9, controller=_Mistaken)
    notes = caught.value.__notes__
    assert notes[0].startswith("seed 9, at ")
    assert "18:01:00" in notes[0]
    assert len([note for note in notes if note.startswith("  ")]) > 3, "the last of the trace"
    assert notes[-1] == "again: chargebench run small --seed 9"


# -- the folder of a run ------------------------------------------------------------------


def test_a_folder_holds_the_whole_run(tmp_path, small_run):
    folder = tmp_path / "kept"
    record.write(folder, small_run)
    assert sorted(path.name for path in folder.iterdir()) == [
        "events.sqlite",
        "master.log",
        "run.json",
        "scenario.yaml",
        "story.txt",
    ]
    assert (folder / "story.txt").read_text("utf-8") == small_run.story
    assert (folder / "scenario.yaml").read_text("utf-8") == SMALL + KEPT
    with closing(sqlite3.connect(folder / "events.sqlite")) as events:
        commands = events.execute("SELECT cycle, box, limit_ma FROM commands ORDER BY number").fetchall()
        plugged = events.execute("SELECT at_us, data FROM happened WHERE kind = 'plugged'").fetchall()
    assert commands_hash(commands) == small_run.commands_hash
    assert plugged == [(5_000_000, '{"box": "garage"}')]


def test_a_folder_of_something_else_is_left_alone(tmp_path, small_run):
    put(tmp_path, "precious", "letter.txt")
    with pytest.raises(CannotOpen, match="not a run"):
        record.write(tmp_path, small_run)
    assert (tmp_path / "letter.txt").read_text("utf-8") == "precious"


def test_a_site_of_its_own_file_goes_into_the_folder_too(tmp_path, small):
    start, end = SMALL.index("site:\n"), SMALL.index("world:")
    body = [line.removeprefix("  ") for line in SMALL[start:end].splitlines()[1:]]
    (tmp_path / "elsewhere").mkdir()
    put(tmp_path / "elsewhere", "\n".join(body) + "\n", "home.yaml")
    scenario = read_scenario(put(tmp_path, SMALL[:start] + "site: elsewhere/home.yaml\n" + SMALL[end:] + KEPT))
    folder = tmp_path / "kept"
    record.write(folder, run(scenario))
    (tmp_path / "elsewhere" / "home.yaml").unlink()
    kept = record.read(folder)
    assert kept.scenario().site.boxes == small.site.boxes
    assert replay(kept, kept.scenario()).same


@pytest.fixture
def recorded(tmp_path, small_run):
    folder = tmp_path / "kept"
    record.write(folder, small_run)
    return folder


def test_a_replay_gives_the_same_hash(recorded):
    kept = record.read(recorded)
    comparison = replay(kept, kept.scenario())
    assert comparison.same
    assert (comparison.versions, comparison.differences) == ((), ())
    assert "same" in comparison.text()


def test_a_replay_names_a_difference_of_version_before_all_others(recorded, small):
    kept = record.read(recorded)
    summary = {**kept.summary, "versions": {**versions(), "pymodbus": "3.15.0"}}
    comparison = replay(replace(kept, summary=summary), replace(small, jitter_us=9_000))
    assert not comparison.same
    lines = comparison.text().splitlines()
    assert lines[1].startswith("  differs   version of pymodbus: recorded with 3.15.0, now 3.16.1")
    assert lines[2].startswith("  differs   hash: recorded ")


def test_a_replay_finds_the_channel_and_the_event_that_differ_first(recorded, small):
    kept = record.read(recorded)
    (car,) = small.world.cars
    world = replace(small.world, cars=(replace(car, plugs_us=car.plugs_us + 1),))
    comparison = replay(kept, replace(small, world=world))
    assert any(
        one.startswith("channel ") and "first between records 0 and 1000" in one for one in comparison.differences
    )
    event = 'box garage state {"was": "A", "now": "B"}'
    assert comparison.differences[-1] == (
        f"first event that differs: recorded 18:00:05.000 {event}, now 18:00:05.000001 {event}"
    )


def test_a_replay_tells_when_only_the_wires_differ(recorded, small):
    kept = record.read(recorded)
    comparison = replay(replace(kept, summary={**kept.summary, "hash": "0" * 64}), small)
    assert not comparison.same
    assert comparison.differences[-1] == "no event differs: only the bytes on the wires or their times do"


def test_a_later_checkpoint_is_named_where_the_first_ones_agree(tmp_path, small):
    small = replace(small, duration_us=3_600_000_000, expectations=())
    record.write(tmp_path / "kept", run(small))
    kept = record.read(tmp_path / "kept")
    name = next(name for name, digests in kept.checkpoints.items() if len(digests) > 1)
    spoiled = {**kept.checkpoints, name: [kept.checkpoints[name][0], "f" * 64]}
    channels = {**kept.channels, name: (kept.channels[name][0], "f" * 64)}
    summary = {**kept.summary, "hash": "0" * 64}
    comparison = replay(replace(kept, summary=summary, checkpoints=spoiled, channels=channels), small)
    assert f"channel {name}: first between records 1000 and 2000 (checkpoint 2)" in comparison.differences[1]


@pytest.mark.parametrize("missing", ["run.json", "events.sqlite"])
def test_a_folder_that_is_not_whole_is_refused(recorded, missing):
    (recorded / missing).unlink()
    with pytest.raises(BadInput, match="expected the folder of a run"):
        record.read(recorded)


@pytest.mark.parametrize("text", ["[]", "{}", '{"scenario": "x", "seed": "x", "hash": "0", "versions": {}}'])
def test_a_run_json_that_is_none_is_refused(recorded, text):
    put(recorded, text, "run.json")
    with pytest.raises(BadInput, match="expected scenario, seed, hash and versions"):
        record.read(recorded)


def test_a_box_whose_registers_say_what_cannot_be_is_told_and_the_run_goes_on(tmp_path):
    text = SMALL.replace("for: 10 min", "for: 1 min").replace(
        "  cars:", "  boxes: {garage: {fail_safe_current: 99 A}}\n  cars:"
    )
    text = text.replace('"192.168.2.151:4701"', '"192.168.2.151:4701", failsafe: {after: 180 s, current: 0 A}')
    result = run(read_scenario(put(tmp_path, text)))
    assert "what garage answers cannot be: fail_safe_current is 99000 mA, beyond 0 to 80000" in result.story
