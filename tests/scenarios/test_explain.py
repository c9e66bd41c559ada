"""``explain``: which constraint bound each box of a kept run, and when nothing can be explained."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from functools import partial

import pytest

from chargebench.scenarios import record
from chargebench.scenarios.cli import chargebench, status
from chargebench.scenarios.describe import read_scenario
from chargebench.scenarios.run import run
from tests.scenarios.files import put

# 8 kW are 11.5 A: enough for one car.
TWO = """\
scenario: two cars, and enough for one
seed: 3
start: 2026-01-12 18:00
for: 2 min
site:
  connection: {max_total_power: 8 kW}
  evses:
    - {name: internal, device: power-brain}
    - {name: garage, device: power-brain, at: "192.168.2.151:4701"}
world:
  cars:
    - {car: {phases: 3, power: 11 kW}, as: zoe, at: 18:00:05, plugs: garage, wants: 20 kWh}
    - {car: {phases: 3, power: 11 kW}, as: kona, at: 18:00:25, plugs: internal, wants: 20 kWh}
faults:
  - {at: 18:01:40, on: master, fault: master stops, for: 10 s}
expect:
  - never: {limit_exceeded: above 0 A}
"""


def told_by(capsys, *words):
    code = status(lambda: chargebench.main([str(word) for word in words], "chargebench", standalone_mode=False))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A folder in which ``runs/two-3`` is kept."""
    folder = tmp_path_factory.mktemp("explained")
    scenario = read_scenario(put(folder, TWO, "two.yaml"))
    record.write(folder / "runs" / "two-3", run(scenario))
    return folder


@pytest.fixture
def verb(capsys, monkeypatch, kept):
    """Calls a verb in this process, where the run is kept: (exit status, stdout, stderr)."""
    monkeypatch.chdir(kept)
    return partial(told_by, capsys)


def test_each_box_is_told_of_at_a_time_and_all_along(verb):
    code, out, err = verb("explain", "runs/two-3", "--at", "18:01:30")
    assert (code, err) == (0, "")
    first, *lines = out.splitlines()
    assert first == "two seed 3, 18:01:30"
    assert lines == [
        "  internal waits: L1, L2 and L3 are full, next change 18:30:09 (since 18:00:30)",
        "  garage may have 11.5 A: L1, L2 and L3 are full (since 18:00:21)",
    ]
    code, out, _ = verb("explain", "two-3", "--box", "garage")
    assert code == 0
    lines = out.splitlines()
    assert lines[:4] == [
        "two seed 3",
        "garage",
        "  18:00:00  never reached, counted at 16 A",
        "  18:00:03  is to be off: no car",
    ]
    assert "  18:00:21  may have 11.5 A: L1, L2 and L3 are full" in lines
    assert len({line.split("  ", 2)[2] for line in lines[2:]}) > 3


def test_json_tells_the_same(verb):
    _, out, _ = verb("explain", "two-3", "--at", "18:01:30", "--json")
    told = json.loads(out)
    internal, garage = told["boxes"]
    assert (told["at"], told["master"]) == ("18:01:30.000", True)
    assert (internal["name"], internal["limit_ma"], internal["why"]) == ("internal", 0, "waits: L1, L2 and L3 are full")
    assert (garage["pilot"], garage["since"]) == ("C", "18:00:21.000")
    _, out, _ = verb("explain", "two-3", "--json")
    told = json.loads(out)
    assert "at" not in told
    assert [box["standings"][0]["cycle"] for box in told["boxes"]] == [0, 0]
    assert {box["standings"][-1]["why"] for box in told["boxes"]} != {"no car"}


def test_while_the_master_does_not_run_that_is_told(verb):
    _, out, _ = verb("explain", "two-3", "--at", "18:01:45", "--box", "garage")
    assert out.splitlines()[1:] == [
        "  the master does not run; this is what it decided last",
        "  garage may have 11.5 A: L1, L2 and L3 are full (since 18:00:21)",
    ]
    _, out, _ = verb("explain", "two-3", "--at", "18:01:58", "--box", "garage")
    assert "does not run" not in out


def test_at_the_first_and_the_last_instant(verb):
    assert verb("explain", "two-3", "--at", "18:00")[1].splitlines()[1:] == [
        "  internal: never reached, counted at 16 A (since 18:00:00)",
        "  garage: never reached, counted at 16 A (since 18:00:00)",
    ]
    assert verb("explain", "two-3", "--at", "18:02")[0] == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--at", "17:59"), "--at: expected a time within the run, from 18:00:00 to 18:02:00, got 17:59"),
        (("--at", "2026-01-11 18:00"), "--at: expected a time within the run, which begins on 2026-01-12 at 18:00:00"),
        (("--at", "late"), "--at: expected a time such as 18:12 or 18:12:05, got 'late'"),
        (("--box", "gara"), "unknown box 'gara'; did you mean garage?"),
    ],
)
def test_a_wrong_time_or_box_is_one_sentence(verb, words, sentence):
    code, out, err = verb("explain", "two-3", *words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(sentence)


def test_a_folder_without_a_run_and_a_run_without_a_manager_cannot_be_explained(verb, kept):
    assert verb("explain", "nowhere")[0] == 2
    put(
        kept,
        TWO.replace("site:\n", "manager: off\nsite:\n").partition("faults:")[0] + "expect: []\n",
        "bare.yaml",
    )
    assert verb("run", "bare.yaml")[0] == 0
    code, _, err = verb("explain", "bare-3")
    assert (code, err) == (2, "runs/bare-3: expected a run with a manager; in this one nobody manages\n")


def test_what_went_otherwise_than_recorded_is_not_explained(verb, kept):
    shutil.copytree(kept / "runs" / "two-3", kept / "other")
    with closing(sqlite3.connect(kept / "other" / "events.sqlite")) as events, events:
        events.execute(
            "UPDATE happened SET data = '{}' WHERE number = (SELECT max(number) FROM happened WHERE at_us < 60000000)"
        )
    code, out, err = verb("explain", "other", "--at", "18:01:30")
    assert (code, out) == (4, "")
    assert err.startswith("other: it went otherwise than recorded from 18:00:5")
    assert verb("explain", "other", "--at", "18:00:30")[0] == 0
