"""``check`` as programs and people see it, and what a run does with its findings."""

from __future__ import annotations

import json

import pytest

from chargebench.scenarios import shelf
from chargebench.scenarios.cli import chargebench, status
from tests.scenarios.files import SMALL, put
from tests.scenarios.sites import internal, meter, power, slave, text

SAFE_SITE = text(f"{power(50)}, house_max: 14 A, fuse: {{rating: 50 A, curve: gG}}", internal(), slave(1))
NOTED = SAFE_SITE.replace("fuse: {rating: 50 A, curve: gG}", "reserve: 0 W")
UNSAFE_SITE = SAFE_SITE.replace("current: 0 A", "current: 32 A")
WRONG_SITE = UNSAFE_SITE.replace("gG", "gg")
SHORT = SMALL.replace("for: 10 min", "for: 1 min").replace("house_max: 14 A", "house_max: 40 A")


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


@pytest.mark.parametrize(("site", "code"), [(SAFE_SITE, 0), (NOTED, 0), (UNSAFE_SITE, 1), (WRONG_SITE, 2)])
def test_notes_are_exit_status_0_dangers_1_and_errors_2(verb, tmp_path, site, code):
    assert verb("check", put(tmp_path, site, "site.yaml"))[0] == code


def test_the_worst_of_several_files_decides(verb, tmp_path):
    files = [put(tmp_path, site, f"{k}.yaml") for k, site in enumerate((SAFE_SITE, UNSAFE_SITE, WRONG_SITE))]
    assert [verb("check", *files[:many])[0] for many in (1, 2, 3)] == [0, 1, 2]


def test_a_danger_names_file_line_and_column_of_the_value_and_the_one_that_would_be_right(verb, tmp_path):
    path = put(tmp_path, UNSAFE_SITE, "site.yaml")
    code, out, err = verb("check", path)
    column = UNSAFE_SITE.splitlines()[2].index("32 A") + 1
    assert (code, err) == (1, "")
    assert out == (
        f"{path}:3:{column}: danger: evses[0].failsafe.current: with a dead master up to 78 A can flow on L1 (boxes 64 A, the"
        " house 14 A), and the limit is 50 A; the largest equal failsafe current that is safe is 16 A\n"
    )


def test_json_holds_each_finding_with_its_place_and_the_right_value(verb, tmp_path):
    code, out, _ = verb("check", put(tmp_path, UNSAFE_SITE, "site.yaml"), "--json")
    ((found,),) = [target["findings"] for target in json.loads(out)]
    assert code == 1
    assert (found["severity"], found["field"], found["right"]) == ("danger", "evses[0].failsafe.current", "16 A")
    assert found["where"].partition("site.yaml:")[2].startswith("3:")
    assert found["sentence"].endswith("16 A")


def test_what_is_wrong_in_a_structure_is_told_before_anything_is_proved(verb, tmp_path):
    twice = text(f"{power(20)}, house_max: 30 A", slave(1), slave(1).replace("box1", "other"))
    code, out, _ = verb("check", put(tmp_path, twice, "site.yaml"))
    assert code == 2
    assert [line.split(": ")[1] for line in out.splitlines()] == ["error"]


def test_findings_in_a_site_file_of_its_own_name_that_file(verb, tmp_path):
    put(tmp_path, UNSAFE_SITE, "site.yaml")
    head, tail = SMALL[: SMALL.index("site:")], SMALL[SMALL.index("world:") :].replace("plugs: garage", "plugs: box1")
    code, out, _ = verb("check", put(tmp_path, f"{head}site: site.yaml\n{tail}"))
    assert code == 1
    assert "site.yaml:3:" in out
    assert "small.yaml" not in out


def test_a_run_goes_on_in_danger_says_so_and_keeps_it(verb, tmp_path):
    code, out, err = verb("run", put(tmp_path, SHORT), "--json")
    dangers = err.splitlines()
    assert code == 0
    assert [line.split(": ")[1] for line in dangers] == ["danger"] * 2
    assert "small.yaml:8:7: danger: site.evses[0].failsafe.current: with a dead master" in dangers[0]
    kept = json.loads((tmp_path / "here" / "runs" / "small-1" / "run.json").read_text("utf-8"))["findings"]
    assert kept == json.loads(out)["findings"]
    assert [(one["severity"], one["where"]) for one in kept if one["severity"] == "danger"] == [
        ("danger", "small.yaml:8:7"),
        ("danger", "small.yaml:8:7"),
    ]


def test_a_run_without_danger_says_nothing_of_its_notes_but_keeps_them(verb, tmp_path):
    metered = SMALL.replace("for: 10 min", "for: 1 min").replace(" fuse: {rating: 50 A, curve: SLS-E}", "")
    code, out, err = verb(
        "run", put(tmp_path, metered.replace("14 A,", "14 A").split("expect:")[0] + "expect: []\n"), "--json"
    )
    assert (code, err) == (0, "")
    assert [one["field"] for one in json.loads(out)["findings"]] == ["site.connection"]


def test_a_run_is_refused_for_a_26th_slave(verb, tmp_path):
    boxes = "".join(f"  {slave(k)}" for k in range(1, 27))
    garage = '    - {name: garage, device: power-brain, at: "192.168.2.151:4701"}\n'
    code, out, err = verb("run", put(tmp_path, SMALL.replace(garage, boxes).replace("plugs: garage", "plugs: box1")))
    assert (code, out) == (2, "")
    assert "expected at most 25 slave EVSEs, this is one more" in err


def test_a_fuse_of_which_no_curve_is_known_refuses_a_run(verb, tmp_path):
    code, out, err = verb("run", put(tmp_path, SMALL.replace("rating: 50 A, curve: SLS-E", "rating: 13 A, curve: gG")))
    assert (code, out) == (2, "")
    assert "small.yaml:6:" in err
    assert "Traceback" not in err


DANGERS = (
    "without-load-management",
    "wrong-com-parameters",
    "watchdog-fed-by-reader",
    "proxy-two-masters",
    "blackout-restart",
    "meter-reads-low",
    "meter-frozen",
    "flash-worn",
    "two-boxes-one-id",
)
"""Those whose point is a danger, or that of a variant of theirs."""


@pytest.mark.parametrize("name", [name for name in shelf.names() if name not in DANGERS])
def test_a_shipped_site_that_means_to_be_safe_is(verb, name):
    code, out, _ = verb("check", name)
    assert code == 0, out


def test_the_site_without_load_management_is_not_safe_and_check_says_so(verb):
    code, out, _ = verb("check", "without-load-management")
    assert code == 1
    for proof in ("house_max", "failsafe", "boot"):
        assert any(": danger: " in line and proof in line for line in out.splitlines())
    assert "the largest equal failsafe current that is safe is 7 A" in out


def test_a_grid_meter_makes_the_reaction_count(verb, tmp_path):
    quick = text(
        f"{power(50)}, house_max: 49 A, fuse: {{rating: 50 A, curve: B}}",
        *(slave(k) for k in (1, 2, 3)),
        meters=(meter(),),
    )
    code, out, _ = verb("check", put(tmp_path, quick, "site.yaml"))
    assert code == 1
    assert "site.yaml:1:13: danger: connection.reserve: up to 97 A can flow before the manager has reacted" in out
