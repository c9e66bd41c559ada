"""By whose rules a site is shared: the site says it, ``run --policy`` overrides it, and the record holds it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from chargebench.datasheets.errors import BadFile, BadInput
from chargebench.manager.controller import Controller
from chargebench.manager.policies.original import Original
from chargebench.manager.policies.registry import CONTROLLERS, controller_for
from chargebench.manager.policies.unmanaged import Unmanaged
from chargebench.manager.site import POLICIES, Policy
from chargebench.scenarios import record
from chargebench.scenarios.cli import chargebench, status
from chargebench.scenarios.describe import read_scenario
from chargebench.scenarios.render import report
from chargebench.scenarios.replay import replay
from chargebench.scenarios.run import run
from tests.scenarios.files import SMALL, put

SHORT = SMALL.replace("for: 10 min", "for: 1 min")


def policed(policy):
    return SHORT.replace("site:\n", f"site:\n  policy: {policy}\n")


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


def test_every_policy_has_its_controller(tmp_path):
    site = read_scenario(put(tmp_path)).site
    assert tuple(CONTROLLERS) == POLICIES
    kinds = {policy: type(controller_for(policy)(site)) for policy in POLICIES}
    assert kinds == dict.fromkeys(POLICIES, Controller) | {"original": Original, "none": Unmanaged}
    made = {policy: controller_for(policy)(site) for policy in POLICIES}
    shares = {policy: one.sharing.share for policy, one in made.items() if isinstance(one, Controller)}
    assert len({*shares.values()}) == len(shares) == len(POLICIES) - 2


def test_a_site_that_names_no_policy_is_shared_as_ever(tmp_path):
    scenario = read_scenario(put(tmp_path, SHORT))
    assert scenario.site.policy == "fair"
    assert run(scenario).hash == run(scenario, controller=Controller).hash
    assert run(read_scenario(put(tmp_path, policed("fair"), "same.yaml"))).hash == run(scenario).hash


def test_the_policy_of_the_site_decides_and_a_given_controller_in_its_place(tmp_path):
    scenario = read_scenario(put(tmp_path, policed("original")))
    assert scenario.site.policy == "original"
    assert run(scenario).hash == run(scenario, controller=Original).hash != run(scenario, controller=Controller).hash


def test_an_unknown_policy_is_an_error_of_the_file(tmp_path):
    with pytest.raises(
        (BadFile, BadInput), match=r"small\.yaml:6:11: site\.policy: expected fair, original, .* or none, got 'unfair'"
    ):
        read_scenario(put(tmp_path, policed("unfair")))


@pytest.mark.parametrize("where", ["site", "option"])
def test_the_record_holds_the_policy_and_replays_by_it(where, tmp_path):
    text = policed("original") if where == "site" else SHORT
    result = run(read_scenario(put(tmp_path, text)).under(None if where == "site" else "original"))
    record.write(tmp_path / "run", result)
    recorded = record.read(tmp_path / "run")
    assert recorded.summary["policy"] == "original"
    assert replay(recorded, recorded.scenario()).same


def test_a_record_from_before_there_were_policies_is_shared_as_its_site_says(tmp_path):
    record.write(tmp_path / "run", run(read_scenario(put(tmp_path, policed("original")))))
    recorded = record.read(tmp_path / "run")
    older = {key: value for key, value in recorded.summary.items() if key != "policy"}
    (tmp_path / "run" / record.RUN).write_text(json.dumps(older), "utf-8")
    assert record.read(tmp_path / "run").scenario().site.policy == "original"


def test_a_record_of_an_unknown_policy_is_refused(tmp_path):
    record.write(tmp_path / "run", run(read_scenario(put(tmp_path, SHORT))))
    summary = {**record.read(tmp_path / "run").summary, "policy": "unfair"}
    (tmp_path / "run" / record.RUN).write_text(json.dumps(summary), "utf-8")
    with pytest.raises(BadInput, match=r"expected fair or original or .* or none, got 'unfair'"):
        record.read(tmp_path / "run")


def test_run_takes_a_policy_keeps_the_run_apart_and_says_how_to_repeat_it(verb, tmp_path):
    path = put(tmp_path, SHORT + "  - finally: {car: tesla, energy: at least 5 kWh}\n")
    code, out, err = verb("run", path, "--policy", "original")
    assert (code, err) == (1, "")
    lines = out.splitlines()
    assert lines[1].endswith(", by the rules of policy original")
    assert f"  again     chargebench run {path} --seed 1 --policy original" in lines
    assert lines[-2] == "  kept in   runs/small-1-original"
    summary = json.loads((tmp_path / "here" / "runs" / "small-1-original" / "run.json").read_text("utf-8"))
    assert summary["policy"] == "original"
    assert verb("replay", tmp_path / "here" / "runs" / "small-1-original")[0] == 0


def test_run_overrides_the_policy_of_the_site(verb, tmp_path):
    code, out, _ = verb("run", put(tmp_path, policed("original")), "--policy", "fair", "--json")
    assert (code, json.loads(out)["policy"]) == (0, "fair")


def test_run_refuses_a_policy_that_there_is_not(verb, tmp_path):
    code, _, err = verb("run", put(tmp_path, SHORT), "--policy", "unfair")
    assert code == 2
    assert "'unfair' is not one of 'fair', 'original'" in err


def test_a_report_says_only_another_policy_than_the_fair_one(tmp_path):
    scenario = read_scenario(put(tmp_path, SHORT))
    policies: tuple[Policy, Policy] = "fair", "original"
    fair, original = (report(run(replace(scenario, expectations=()).under(policy))) for policy in policies)
    assert "policy" not in fair
    assert "by the rules of policy original" in original
