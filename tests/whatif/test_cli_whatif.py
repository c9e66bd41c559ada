"""``whatif`` as people see it: the answer, what is kept, what goes on after a break, and what is refused."""

from __future__ import annotations

import csv
import json

import pytest
from pyarrow import parquet

from chargebench.scenarios.cli import chargebench, status
from chargebench.scenarios.whatif import cluster, engine
from tests.whatif.studies import changed, put

SHORT = changed(("for: 40 min", "for: 10 min"), ("2026-01-12 06:30", "2026-01-12 07:20"), ("  meters: [on, off]\n", ""))


@pytest.fixture
def verb(capsys, monkeypatch, tmp_path):
    """Calls the verb in this process and an empty folder: (exit status, stdout, stderr)."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    path = put(tmp_path, SHORT)

    def call_here(*words, text=SHORT):
        path.write_text(text, "utf-8")
        given = ["whatif", str(path), *(str(word) for word in words)]
        code = status(lambda: chargebench.main(given, "chargebench", standalone_mode=False))
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call_here


def test_a_study_answers_in_a_sentence_and_keeps_its_tables(verb, tmp_path):
    code, out, err = verb("--workers", 1)
    assert (code, err) == (0, "")
    assert "  answer  connection.fuse " in out
    folder = tmp_path / "here" / "runs" / "whatif-small"
    cells = list(csv.DictReader((folder / "cells.csv").read_text("utf-8").splitlines()))
    assert [(one["variation"], one["seed"]) for one in cells] == [(f"{n}", s) for s in "12" for n in range(3)]
    assert len((folder / "variations.csv").read_text("utf-8").splitlines()) == 4
    assert [str(one["peak_ma"]) for one in parquet.read_table(folder / "cells.parquet").to_pylist()] == [
        one["peak_ma"] for one in cells
    ]


def test_a_study_that_was_broken_off_goes_on_and_comes_to_the_same(verb, tmp_path, monkeypatch):
    whole = json.loads(verb("--workers", 1, "--json", "--out", tmp_path / "whole")[1])
    kept = tmp_path / "whole" / "cells.jsonl"
    page = (tmp_path / "whole" / "report.html").read_text("utf-8")
    lines = kept.read_text("utf-8").splitlines(keepends=True)
    kept.write_text("".join(lines[:3]) + lines[3][:40], "utf-8")  # power was lost in the middle of a line
    ran: list[engine.Cell] = []
    real = engine.run_cell

    def counted(study, cell):
        ran.append(cell)
        return real(study, cell)

    monkeypatch.setattr(engine, "run_cell", counted)
    code, out, err = verb("--workers", 1, "--json", "--out", tmp_path / "whole")
    assert (code, err, len(ran)) == (0, "3 of 6 cells have run before\n", 3)
    assert json.loads(out) == whole
    assert sorted(kept.read_text("utf-8").splitlines()) == sorted(line.strip() for line in lines)
    assert (tmp_path / "whole" / "report.html").read_text("utf-8") == page


def test_another_study_is_not_mixed_in(verb, tmp_path):
    assert verb("--workers", 1, "--out", tmp_path / "one")[0] == 0
    code, out, err = verb("--workers", 1, "--out", tmp_path / "one", text=SHORT.replace("seeds: 1-2", "seeds: 1-3"))
    assert (code, out) == (3, "")
    assert err.endswith("it holds another study, or this one before it was changed; choose another folder with --out\n")
    code, _, err = verb("--out", tmp_path)
    assert (code, err) == (3, f"{tmp_path}: there is something else in it; choose another folder with --out\n")


def test_a_dry_run_tells_what_would_run_and_writes_nothing(verb, tmp_path):
    code, out, _ = verb("--dry-run", "--json")
    told = json.loads(out)
    assert (code, told["cells"], told["seeds"]) == (0, 6, [1, 2])
    assert [one["label"] for one in told["variations"]] == [f"connection.fuse {a} A" for a in (20, 35, 63)]
    assert told["cpu_s"] >= 0
    assert "6 cells (3 variations, 2 seeds) of 10 min" in verb("--dry-run")[1]
    assert not list((tmp_path / "here").iterdir())


def test_a_failed_cell_is_told_with_its_seed_and_runs_again_the_next_time(verb, monkeypatch):
    real = engine.run_cell

    def fails(study, cell):
        if cell == (1, 2):
            raise RuntimeError("no")
        return real(study, cell)

    with monkeypatch.context() as patch:
        patch.setattr(engine, "run_cell", fails)
        code, out, err = verb("--workers", 1)
    assert code == 70
    assert "answer" in out
    assert err.startswith("connection.fuse 35 A, seed 2: RuntimeError: no; again: chargebench whatif ")
    assert err.endswith(" --from-run 1/2\n")
    assert verb("--workers", 1)[::2] == (0, "5 of 6 cells have run before\n")


def test_a_cell_becomes_a_scenario_file_and_nothing_is_overwritten(verb, tmp_path):
    assert verb("--from-run", "1/2")[:2] == (0, "small-1-2.yaml\n")
    assert (
        (tmp_path / "here" / "small-1-2.yaml")
        .read_text("utf-8")
        .startswith("# Seed 2 of a study: connection.fuse 35 A.\n")
    )
    assert verb("--from-run", "1/2")[0] == 3


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("1", "expected a variation and a seed, such as 0/1, and a day behind it if need be, got 1"),
        ("3/1", "expected a variation from 0 to 2, got 3"),
        ("0/1/1", "expected a day from 0 to 0, got 1"),
    ],
)
def test_a_cell_that_is_not_there_is_refused(verb, said, sentence):
    assert verb("--from-run", said) == (2, "", f"--from-run: {sentence}\n")


def test_a_wrong_study_is_refused_before_anything_runs(verb):
    code, out, err = verb(text=SHORT.replace("35 A", "35"))
    assert (code, out) == (2, "")
    assert "11:27: vary.connection.fuse[1]: expected a current with its unit" in err


def test_what_cannot_be_leapt_over_is_refused_before_anything_runs(verb, tmp_path):
    park = SHORT[SHORT.index("park:") : SHORT.index("start:")]
    line = SHORT.replace(park, "base: rs485-line\n").replace("{shape: office, peak: 3 kW}", "{pv: 0 W}")
    code, out, err = verb("--workers", 1, text=line)
    assert (code, out) == (2, "")
    assert "serial line" in err
    assert not list((tmp_path / "here").iterdir())


def test_without_the_extra_cells_run_one_after_the_other(verb, monkeypatch):
    monkeypatch.setattr(cluster, "missing", lambda: True)
    code, _, err = verb("--workers", 2)
    assert (code, err) == (
        0,
        "one cell after the other; for several processes this needs the extra whatif: pip install 'chargebench[whatif]'\n",
    )
    assert verb("--scheduler", "tcp://127.0.0.1:1")[::2] == (
        3,
        "tcp://127.0.0.1:1: this needs the extra whatif: pip install 'chargebench[whatif]'\n",
    )
