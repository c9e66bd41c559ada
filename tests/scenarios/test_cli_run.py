"""``run`` and ``replay`` as programs and people see them."""

from __future__ import annotations

import json

import pytest

from chargebench.scenarios import run as runs
from chargebench.scenarios.cli import chargebench, status
from tests.scenarios.files import SMALL, put

SHORT = SMALL.replace("for: 10 min", "for: 2 min")
BROKEN = SHORT + "  - finally: {car: tesla, energy: at least 5 kWh}\n"


@pytest.fixture
def verb(capsys, monkeypatch, tmp_path):
    """Calls a verb in this process and an empty folder: (exit status, stdout, stderr)."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def call_here(*words):
        code = status(lambda: chargebench.main([str(word) for word in words], "chargebench", standalone_mode=False))
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call_here


def test_a_run_prints_story_verdicts_figures_and_hash_and_keeps_itself(verb, tmp_path):
    code, out, err = verb("run", put(tmp_path, SHORT))
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "small: one car at one box"
    assert lines[1].startswith("seed 1, 2 min simulated in ")
    assert "18:00:05  tesla plugs in at garage and wants 20.0 kWh" in lines
    assert "  ok    always: fuse: cannot trip" in lines
    assert any(line.startswith("  fuse L1   cannot trip, peak ") for line in lines)
    assert any(line.startswith("  car       tesla: 0.") for line in lines)
    summary = json.loads((tmp_path / "here" / "runs" / "small-1" / "run.json").read_text("utf-8"))
    assert f"  hash      {summary['hash']}" in lines
    assert lines[-2] == "  kept in   runs/small-1"


def test_many_cars_are_added_up(verb, tmp_path):
    rows = "".join(f"{k},2026-01-12 18:00:{k:02},2026-01-12 18:01:{k:02},{k}\n" for k in range(10, 22))
    put(tmp_path, f"session,arrival,departure,requested_kwh\n{rows}", "day.csv")
    boxes = "".join(f'    - {{name: b{k}, device: power-brain, at: "192.168.2.{k}:4701"}}\n' for k in range(12))
    text = SHORT[: SHORT.index("  cars:")] + "  sessions: {file: day.csv}\nexpect: []\n"
    code, out, _ = verb("run", put(tmp_path, text.replace("world:", f"{boxes}world:")))
    assert code == 0
    assert "  cars      all 12: 0." in out


def test_a_failed_run_is_exit_status_1_with_why_and_again(verb, tmp_path):
    path = put(tmp_path, BROKEN)
    code, out, err = verb("run", path, "--seed", 4)
    assert (code, err) == (1, "")
    lines = out.splitlines()
    assert "  FAIL  finally: car: tesla, energy: at least 5 kWh" in lines
    assert any(line.startswith("        at 18:02:00.000: tesla has got 0.") for line in lines)
    assert f"  again     chargebench run {path} --seed 4" in lines
    assert any(line.startswith("  why       18:00:0") for line in lines)


def test_json_is_one_document_for_one_scenario_and_a_list_for_several(verb, tmp_path):
    kept, broken = put(tmp_path, SHORT), put(tmp_path, BROKEN, "broken.yaml")
    code, out, err = verb("run", kept, "--json")
    assert (code, err, json.loads(out)["verdict"]) == (0, "", "pass")
    code, out, _ = verb("run", kept, broken, "--json", "--out", "both", "--seed", 7)
    found = json.loads(out)
    assert code == 1
    assert [(one["scenario"], one["seed"], one["verdict"]) for one in found] == [
        ("small", 7, "pass"),
        ("broken", 7, "fail"),
    ]
    assert [one["folder"] for one in found] == ["both/small-7", "both/broken-7"]


def test_nothing_is_run_where_one_of_several_is_wrong(verb, tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "run", lambda *_, **__: pytest.fail("it ran"))
    code, out, err = verb("run", put(tmp_path, SHORT), "nowhere")
    assert (code, out) == (2, "")
    assert "unknown scenario 'nowhere'" in err


def test_a_run_is_refused_where_check_finds_an_error(verb, tmp_path):
    twice = SHORT.replace("192.168.2.151:4701", "localhost:4701")
    code, out, err = verb("run", put(tmp_path, twice))
    assert (code, out) == (2, "")
    assert "internal has id 1 at localhost:4701 already; 2 is free there" in err


def test_a_replay_says_same_or_tells_the_difference_by_exit_status_4(verb, tmp_path):
    code, out, _ = verb("run", put(tmp_path, SHORT), "--out", "kept", "--json")
    recorded = json.loads(out)["hash"]
    code, out, err = verb("replay", "kept")
    assert (code, err) == (0, "")
    assert out == f"small seed 1\n  same      {recorded}\n"
    path = tmp_path / "here" / "kept" / "run.json"
    path.write_text(path.read_text("utf-8").replace(recorded, "0" * 64), "utf-8")
    code, out, _ = verb("replay", "kept", "--json")
    found = json.loads(out)
    assert (code, found["same"], found["hash"], found["recorded_hash"]) == (4, False, recorded, "0" * 64)
    code, out, _ = verb("replay", "kept")
    assert code == 4
    assert "  differs   hash: recorded 000" in out


def test_a_variant_is_run_by_its_name_and_kept_under_it(verb, tmp_path):
    text = SHORT + "variants:\n  other: {scenario: another title}\n"
    path = put(tmp_path, text)
    code, out, _ = verb("run", f"{path}/other")
    assert (code, out.splitlines()[0]) == (0, "small/other: another title")
    assert (tmp_path / "here" / "runs" / "small-other-1" / "run.json").exists()
    code, out, _ = verb("replay", "runs/small-other-1")
    assert (code, out.splitlines()[0]) == (0, "small/other seed 1")


def test_an_error_of_our_own_in_a_run_ends_with_70(verb, tmp_path, monkeypatch):
    def wrong(*_):
        raise ZeroDivisionError("we are wrong")

    monkeypatch.setattr(runs.Session, "result", wrong)
    monkeypatch.setattr(runs.Session, "_sample", wrong)
    path = put(tmp_path, SHORT)
    code, out, err = verb("run", path)
    assert (code, out) == (70, "")
    assert "ZeroDivisionError: we are wrong" in err
    assert "seed 1, at " in err
    assert f"again: chargebench run {path} --seed 1" in err
