"""A run at tier register, as a person sees it: the same run, named, kept, repeated, and refused where a file says so."""

from __future__ import annotations

import json

import pytest

from chargebench.datasheets.errors import BadInput
from chargebench.scenarios import record
from chargebench.scenarios.cli import chargebench, status
from chargebench.scenarios.describe import read_scenario
from chargebench.scenarios.replay import replay
from chargebench.scenarios.run import run
from tests.laws.two_tiers import assert_leapt, assert_same
from tests.scenarios.files import SMALL, put


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return read_scenario(put(tmp_path_factory.mktemp("small"), SMALL))


@pytest.fixture(scope="module")
def small_run(small):
    return run(small)


@pytest.fixture(scope="module")
def at_register(small):
    return run(small, tier="register")


@pytest.fixture
def verb(capsys):
    """Calls a verb in this process: (exit status, stdout, stderr)."""

    def call_here(*words):
        code = status(lambda: chargebench.main([str(word) for word in words], "chargebench", standalone_mode=False))
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call_here


def test_only_bytes_are_left_out(small_run, at_register):
    assert_same(small_run, at_register)
    assert at_register.hash != small_run.hash
    records = [
        sum(count for name, count, _ in one.channels if name.startswith("tcp")) for one in (at_register, small_run)
    ]
    assert 20 * records[0] < records[1]


def test_the_tier_is_named_and_replayed(at_register, tmp_path):
    assert at_register.summary()["tier"] == "register"
    record.write(tmp_path / "run", at_register)
    kept = record.read(tmp_path / "run")
    assert kept.tier == "register"
    assert replay(kept, kept.scenario()).same


def test_a_record_without_a_tier_was_made_at_tier_wire_and_an_unknown_one_is_refused(small_run, tmp_path):
    record.write(tmp_path / "run", small_run)
    path = tmp_path / "run" / record.RUN
    summary = json.loads(path.read_text("utf-8"))
    del summary["tier"]
    path.write_text(json.dumps(summary), "utf-8")
    assert record.read(tmp_path / "run").tier == "wire"
    path.write_text(json.dumps({**summary, "tier": "warp"}), "utf-8")
    with pytest.raises(BadInput, match="tier: expected wire or register or leap, got 'warp'"):
        record.read(tmp_path / "run")


def test_a_scenario_is_refused_at_a_tier_that_it_does_not_name(verb, tmp_path):
    path = tmp_path / "only.yaml"
    text = (tmp_path / "copy.yaml").as_posix()
    assert verb("scenarios", "copy", "without-load-management", text)[0] == 0
    told = (tmp_path / "copy.yaml").read_text("utf-8").replace("tiers: [wire, register, leap]", "tiers: [wire]")
    path.write_text(told, "utf-8")
    status, said, complaint = verb("run", str(path), "--tier", "register")
    line = 1 + told.splitlines().index("tiers: [wire]")
    assert (status, said) == (2, "")
    assert f"only.yaml:{line}:" in complaint
    assert "expected register among the tiers of this scenario to run it there, got [wire]" in complaint


def test_a_run_in_leaps_is_the_run_with_the_quiet_left_out(small, at_register, tmp_path):
    leapt = run(small, tier="leap")
    assert_leapt(at_register, leapt)
    cycles = [[one for one in result.happened if one[2] == "cycle"] for result in (at_register, leapt)]
    assert 10 * len(cycles[1]) < len(cycles[0])
    record.write(tmp_path / "run", leapt)
    assert replay(record.read(tmp_path / "run"), small).same


def test_what_cannot_be_leapt_is_refused_with_the_reason(verb, tmp_path):
    for name, why in (
        ("rs485-line", "expected leap among the tiers of this scenario to run it there, got [wire, register]"),
        ("drawn", "expected what can be run in leaps: the fault silence is one of what lies between master and boxes"),
    ):
        path = tmp_path / "drawn.yaml"
        path.write_text(f"{SMALL}faults:\n  - {{at: 18:05, on: garage, fault: silence, for: 60 s}}\n", "utf-8")
        status, said, complaint = verb("run", str(path) if name == "drawn" else name, "--tier", "leap")
        assert (status, said) == (2, ""), said
        assert why in complaint


def test_a_folder_is_named_after_the_tier_and_again_repeats_it(verb, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, said, _ = verb("run", "without-load-management", "--tier", "register", "--json")
    told = json.loads(said)
    assert (status, told["tier"]) == (0, "register")
    assert told["folder"].endswith("-register")
    assert verb("replay", told["folder"])[0] == 0
    assert "at tier register" in verb("run", "without-load-management", "--tier", "register")[1]
