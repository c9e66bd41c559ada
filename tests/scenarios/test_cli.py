"""The command line as programs see it: exit status, stdout, stderr, and what is not imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from chargebench.datasheets.errors import CannotOpen
from chargebench.scenarios.cli import chargebench, status
from tests.scenarios.files import SMALL, put

PROGRAM = "import sys; from chargebench.scenarios.cli import main; sys.argv[0] = 'chargebench'; main()"


def call(*words):
    done = subprocess.run([sys.executable, "-c", PROGRAM, *words], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def verb(capsys):
    """Calls a verb in this process: (exit status, stdout, stderr)."""

    def call_here(*words):
        code = status(lambda: chargebench.main([str(word) for word in words], "chargebench", standalone_mode=False))
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call_here


def test_help_imports_nothing_heavy():
    program = (
        "import sys\n"
        "from chargebench.scenarios.cli import main\n"
        "try:\n    main()\nexcept SystemExit as leaving:\n    assert leaving.code == 0, leaving.code\n"
        "heavy = [name for name in ('asyncio', 'simpy', 'pydantic', 'pymodbus', 'rich', 'ruamel') if name in sys.modules]\n"
        "assert not heavy, heavy\n"
    )
    for words in (["--help"], ["run", "--help"], ["scenarios", "--help"]):
        done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "Usage:" in done.stdout


def test_scenarios_are_listed_with_name_title_and_tiers(verb):
    code, out, err = verb("scenarios", "list", "--json")
    listed = json.loads(out)
    assert (code, err) == (0, "")
    assert {one["name"] for one in listed} >= {"without-load-management", "house-14kw", "fuse-overload"}
    assert all(one["title"] and one["tiers"] for one in listed)
    code, out, _ = verb("scenarios", "list")
    assert code == 0
    assert "three cars take turns" in out


def test_devices_are_listed_with_name_kind_and_transports(verb):
    code, out, _ = verb("devices", "list", "--json")
    listed = {one["name"]: one for one in json.loads(out)}
    assert code == 0
    assert listed["power-brain"]["kind"] == "evse"
    assert listed["eastron-sdm630"] == {"name": "eastron-sdm630", "kind": "meter", "transports": ["rtu", "tcp"]}


def test_a_device_is_shown_with_its_registers(verb):
    code, out, _ = verb("devices", "show", "power-brain")
    assert code == 0
    assert "charging_cur_limit" in out
    code, out, _ = verb("devices", "show", "power-brain", "--json")
    shown = {one["name"]: one for one in json.loads(out)["registers"]}
    assert shown["charging_cur_limit"]["address"] == 8093
    assert shown["charging_enable"]["readable"]
    assert shown["charge_pilot_state"]["values"]
    assert shown["fail_safe_duration"]["note"]
    code, out, err = verb("devices", "show", "power-brian")
    assert (code, out) == (2, "")
    assert "did you mean power-brain?" in err


def test_a_scenario_is_shown_and_copied_but_never_over_another(verb, tmp_path):
    code, shown, _ = verb("scenarios", "show", "house-14kw")
    assert (code, shown.startswith("#")) == (0, True)
    target = tmp_path / "mine.yaml"
    code, out, _ = verb("scenarios", "copy", "house-14kw", target)
    assert (code, out) == (0, f"{target}\n")
    assert target.read_text("utf-8") == shown
    code, out, err = verb("scenarios", "copy", "house-14kw", target)
    assert (code, out) == (CannotOpen.status, "")
    assert "mine.yaml: it is there already, and nothing is overwritten" in err
    code, out, _ = verb("scenarios", "copy", "house-14kw", tmp_path)
    assert out == f"{tmp_path / 'house-14kw.yaml'}\n"


def test_a_scenario_is_copied_with_the_files_that_it_names_or_not_at_all(verb, tmp_path):
    code, out, _ = verb("scenarios", "copy", "workplace-day", tmp_path / "mine.yaml", "--json")
    day = tmp_path / "caltech-2019-11-07.csv"
    assert (code, json.loads(out)) == (0, {"path": str(tmp_path / "mine.yaml"), "beside": [str(day)]})
    assert verb("check", tmp_path / "mine.yaml")[0] == 0
    (tmp_path / "mine.yaml").unlink()
    code, out, err = verb("scenarios", "copy", "workplace-day", tmp_path / "mine.yaml")
    assert (code, out) == (CannotOpen.status, "")
    assert err.startswith(f"{day}: it is there already")
    assert not (tmp_path / "mine.yaml").exists()


def test_cars_are_listed_with_phases_power_and_battery(verb):
    code, out, err = verb("cars", "list", "--json")
    listed = {one["name"]: one for one in json.loads(out)}
    assert (code, err, len(listed)) == (0, "", 293)
    assert listed["tesla-model-3-lr"] == {
        "name": "tesla-model-3-lr",
        "phases": 3,
        "ac_max_w": 11_000,
        "battery_wh": 74_000,
    }
    code, out, _ = verb("cars", "list")
    assert code == 0
    assert len(out.splitlines()) == 293
    row = next(line for line in out.splitlines() if line.startswith("smart-fortwo-eq "))
    assert row.split(maxsplit=1)[1].split() == ["1", "phase", "3.6", "kW", "17.6", "kWh"]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["run", "house-14"], "unknown scenario 'house-14'; did you mean house-14kw?"),
        (["run", "house-14kw/any"], "there is no variant 'any'"),
        (["run", "missing.yaml"], "missing.yaml: cannot be read"),
        (["run"], "Missing argument 'SCENARIO...'"),
        (["run", "house-14kw", "--seed", "-1"], "Invalid value for '--seed'"),
        (["runn"], "No such command 'runn'"),
        (["replay", "nowhere"], "nowhere: expected the folder of a run"),
        (["check", "nowhere"], "unknown scenario 'nowhere'"),
        (["scenarios", "show", "nowhere"], "unknown scenario 'nowhere'"),
        (
            ["scenarios", "show", "without-load-management/gg"],
            "unknown variant 'without-load-management/gg'; did you mean",
        ),
        (["scenarios", "copy", "house-14kw/any"], "unknown variant 'house-14kw/any'; none is known"),
    ],
)
def test_wrong_input_is_exit_status_2_and_a_sentence_on_stderr(verb, words, complaint):
    code, out, err = verb(*words)
    assert (code, out) == (2, "")
    assert complaint in err


def test_check_tells_the_severities_apart_by_exit_status(verb, tmp_path):
    assert verb("check", put(tmp_path))[0] == 0
    danger = put(tmp_path, SMALL.replace("  cars:\n", "  boxes: {garage: {id: 2}}\n  cars:\n"), "danger.yaml")
    code, out, err = verb("check", danger)
    assert (code, err) == (1, "")
    assert "danger.yaml:12:11: danger: world.boxes.garage: the master asks" in out
    wrong = put(tmp_path, SMALL.replace("seed:", "sede:"), "wrong.yaml")
    code, out, err = verb("check", danger, wrong, "--json")
    assert (code, err) == (2, "")
    assert [[one["severity"] for one in target["findings"]] for target in json.loads(out)] == [["danger"], ["error"]]


def test_a_place_where_no_run_can_be_kept_is_refused_before_the_run(verb, tmp_path):
    file = put(tmp_path)
    code, out, err = verb("run", file, "--out", file / "below")
    assert (code, out) == (3, "")
    assert f"{file / 'below'}: cannot be written" in err
    code, out, err = verb("run", file, file, "--out", tmp_path / "runs")
    assert (code, out) == (3, "")
    assert "two of these runs would be kept there" in err


def test_a_finding_without_a_field_has_no_empty_one(verb):
    assert verb("check", "missing.yaml")[1] == "missing.yaml: error: cannot be read: No such file or directory\n"


def test_a_full_or_closed_stdout_is_exit_status_3_and_no_traceback():
    words = [sys.executable, "-c", PROGRAM, "devices", "show", "power-brain"]
    with open("/dev/full", "w") as full:  # noqa: PTH123  (no file, and nothing to make)
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (3, "stdout: cannot be written: No space left on device\n")
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(words, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (3, "")


def test_a_terminal_that_lacks_a_letter_shows_its_number(tmp_path):
    file = put(tmp_path, SMALL.replace("one car", "one \u2603 car"))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "scenarios", "show", str(file)],
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": "latin-1"},
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"one \\u2603 car" in done.stdout


def test_an_interrupted_verb_ends_with_130(capsys):
    def interrupted():
        raise KeyboardInterrupt

    assert status(interrupted) == 130
    assert capsys.readouterr().out == ""


def test_an_error_of_our_own_ends_with_70_and_tells_how_to_repeat_it(capsys):
    def broken():
        error = ZeroDivisionError("we are wrong")
        error.add_note("again: chargebench run house-14kw --seed 7")
        raise error

    assert status(broken) == 70
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "we are wrong" in captured.err
    assert "again: chargebench run house-14kw --seed 7" in captured.err


def test_something_outside_that_fails_ends_with_3(capsys):
    def busy():
        raise CannotOpen("COM1", "it is busy")

    assert status(busy) == 3
    assert capsys.readouterr().err == "COM1: it is busy\n"


def test_the_program_itself_leaves_with_the_status_of_its_verb():
    code, out, err = call("run", "nowhere")
    assert (code, out) == (2, "")
    assert err.startswith("unknown scenario 'nowhere'")


def test_a_device_is_shown_with_what_it_does_and_what_nobody_has_checked(verb):
    code, out, _ = verb("devices", "show", "keba-p30")
    assert code == 0
    assert "B: charging_state 2, 5, 1 and cable_state 7, 5" in out
    assert "fed by a write of its time; after failsafe_timeout" in out
    assert "loses-first-read, off unless asked for: " in out
    assert "unverified  failsafe_current, set_failsafe_current" in out
    code, out, _ = verb("devices", "show", "mennekes-compact", "--json")
    shown = json.loads(out)
    assert shown["watchdog"]["kind"] == "token"
    assert shown["control"]["limit"]["zero"] == "no limit"
    assert {one["name"]: one["rare"] for one in shown["quirks"]}["low-word-first"] is True
    code, out, _ = verb("devices", "show", "eastron-sdm630", "--json")
    assert json.loads(out)["states"] is None
