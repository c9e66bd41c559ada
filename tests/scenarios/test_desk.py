"""What people do at the master: read from ``changes:``, carried out in a run, told, and never a reason for a command."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from chargebench.datasheets.errors import BadFile
from chargebench.manager.orders import Trip
from chargebench.scenarios.describe import read_scenario
from chargebench.scenarios.desk import Change, CivilClock, Desk
from chargebench.scenarios.moments import clock
from chargebench.scenarios.run import run
from tests.scenarios.files import SMALL, put, spoiled

SECOND = 1_000_000
MINUTE = 60 * SECOND


def with_changes(folder, *changes, world=""):
    lines = "".join(f"  - {{{one}}}\n" for one in changes)
    text = spoiled("expect:\n", f"changes:\n{lines}expect:\n" if changes else "expect:\n")
    return read_scenario(put(folder, text.replace("world:\n", f"world:\n{world}")))


def test_without_changes_the_masters_clock_is_right(tmp_path):
    scenario = read_scenario(put(tmp_path, SMALL))
    assert scenario.desk == Desk(scenario.clock)


def test_changes_are_read_in_the_order_of_the_file(tmp_path):
    scenario = with_changes(
        tmp_path,
        "at: 18:05, on: master, licences: 2",
        "at: 18:01, on: master, clock: 2020-02-29 23:59:30",
        world="  clock: 2025-01-12 18:00\n",
    )
    assert scenario.desk == Desk(
        clock("2025-01-12 18:00"),
        (Change(5 * MINUTE, 2, None), Change(MINUTE, None, clock("2020-02-29 23:59:30"))),
    )


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (
            "at: 18:05, on: master",
            "small.yaml:15:5: changes[0]: expected one of licences, clock, dimmed, surplus and inputs",
        ),
        (
            "at: 18:05, on: master, licences: 1, clock: 2026-01-12 18:00",
            "small.yaml:15:5: changes[0]: expected one of licences, clock, dimmed, surplus and inputs",
        ),
        ("at: 18:11, on: master, licences: 1", "small.yaml:15:10: changes[0].at: expected a time within the run"),
        ("at: 18:05, on: garage, licences: 1", "small.yaml:15:21: changes[0].on: expected master"),
        ("at: 18:05, on: grage, leaves: 19:00", "changes[0].on: expected master, or one of the boxes internal, garage"),
        ("at: 18:05, on: garage, leaves: 19:00", "changes[0]: expected both leaves and wants"),
        ("at: 18:05, on: garage, leaves: 18:05, wants: 5 kWh", "changes[0].leaves: expected a time after it is said"),
        ("at: 18:05, on: master, leaves: 19:00, wants: 5 kWh", "changes[0]: expected one of licences, clock, dimmed"),
        ("at: 18:05, on: master, dimmed: on", "changes[0].dimmed: expected only where the site may be dimmed"),
        ("at: 18:05, on: master, surplus: 5 kW", "changes[0].surplus: expected only where the site goes by a surplus"),
        (
            "at: 18:05, on: master, inputs: [2]",
            "small.yaml:15:37: changes[0].inputs: expected none, since no limit of the site goes by one, got 2",
        ),
        ("at: 18:05, on: master, inputs: [9]", "changes[0].inputs[0]: expected"),
        ("at: 18:05, on: master, licences: -1", "small.yaml:15:39: changes[0].licences: expected"),
        ("at: 18:05, on: master, licences: many", "small.yaml:15:39: changes[0].licences: expected"),
        ("at: 18:05, on: master, clock: 18:00", "changes[0].clock: expected a day and a time such as 2026-01-12 18:00"),
        ("at: 18:05, on: master, clock: 9999-01-01 00:00", "changes[0].clock: expected a day before 9998-01-01"),
        ("at: 18:05, on: master, licence: 1", "changes[0].licence: unknown field; did you mean licences?"),
        ("on: master, licences: 1", "changes[0].at: expected a time such as 18:12"),
    ],
)
def test_a_change_that_cannot_be_is_refused_with_its_place(tmp_path, change, complaint):
    with pytest.raises(BadFile) as error:
        with_changes(tmp_path, change)
    assert complaint in str(error.value)


def test_a_clock_that_no_calendar_has_is_refused(tmp_path):
    with pytest.raises(BadFile, match=r"world.clock: expected a day before 9998-01-01"):
        with_changes(tmp_path, world="  clock: 9998-01-01 00:00\n")


def test_a_civil_clock_goes_on_from_where_it_was_set():
    one = CivilClock(clock("2025-01-12 00:00"), 5 * SECOND)
    assert one.shows(65 * SECOND) == datetime.fromisoformat("2025-01-12 00:01")
    one.set(clock("2024-02-28 23:59:59"), 70 * SECOND)
    assert one.shows(71 * SECOND) == datetime.fromisoformat("2024-02-29")


def test_a_wrong_clock_and_a_clock_that_is_set_change_the_log_and_no_command(tmp_path):
    right = run(with_changes(tmp_path))
    wrong = run(with_changes(tmp_path, "at: 18:00:07, on: master, clock: 2031-05-05 05:05", world="  clock: 1999-12-31 23:59:57\n"))  # fmt: skip
    assert wrong.commands_hash == right.commands_hash
    assert wrong.hash != right.hash, "it is told of"
    assert [line.split(" ", 2)[2] for line in right.log.splitlines()] == [
        line.split(" ", 2)[2] for line in wrong.log.splitlines() if " clock: " not in line
    ]
    assert right.log.startswith("2026-01-12 18:00:03 ")
    assert wrong.log.startswith("2000-01-01 00:00:00 ")
    assert "2031-05-05 05:05:00 clock: set, was 2000-01-01 00:00:04\n" in wrong.log
    assert "18:00:07  the master's clock is set from 2000-01-01 00:00 to 2031-05-05 05:05\n" in wrong.story


def test_licences_that_are_changed_while_the_master_is_down_hold_when_it_comes_back(tmp_path):
    text = SMALL.replace(
        '    - {name: garage, device: power-brain, at: "192.168.2.151:4701"}\n',
        "".join(
            f'    - {{name: {name}, device: heidelberg-energy-control, at: "COM1,19200,8,e,1", id: {k}}}\n'
            for k, name in enumerate(["garage", "b", "c", "d"], 1)
        ),
    ).replace(
        "expect:\n",
        "faults:\n  - {at: 18:01, on: master, fault: master stops, for: 1 min}\n"
        "changes:\n  - {at: 18:01:30, on: master, licences: 1}\nexpect:\n",
    )
    result = run(read_scenario(put(tmp_path, text)))
    told = [(at_us, kind) for at_us, channel, kind, _ in result.happened if channel == "manager d"]
    rights = [(at_us, kind) for at_us, kind in told if kind in ("licensed", "unlicensed")]
    assert [kind for _, kind in rights] == ["unlicensed", "unlicensed", "licensed"]
    assert rights[-1][0] == 2 * MINUTE
    writes = [at_us for at_us, channel, kind, _ in result.happened if (channel, kind) == ("box d", "write")]
    assert writes
    assert min(writes) > 2 * MINUTE


def test_a_master_that_forgets_reads_first_and_one_that_remembers_writes_first(tmp_path):
    stops = "{at: 18:05, on: master, fault: master stops, for: 1 min}"

    def first(*faults):
        text = spoiled("expect:\n", "faults:\n" + "".join(f"  - {one}\n" for one in faults) + "expect:\n")
        result = run(read_scenario(put(tmp_path, text)))
        commands = [at_us for at_us, _, box, _ in result.commands if box == "garage" and at_us > 5 * MINUTE]
        return result, commands

    kept, commands = first(stops)
    assert commands[0] == 6 * MINUTE
    assert "18:06:00  the master remembers 2 boxes from before it started\n" in kept.story
    lost, commands = first(stops, "{at: 18:05:30, on: master, fault: master forgets}")
    assert not commands or commands[0] > 6 * MINUTE
    assert "remembers" not in lost.story


def test_a_store_is_of_no_use_to_a_master_that_only_observes(tmp_path):
    scenario = read_scenario(
        put(
            tmp_path,
            spoiled(
                "expect:\n",
                "faults:\n  - {at: 18:05, on: master, fault: master stops, for: 1 min}\nexpect:\n  - finally: {write_requests: 0}\n",
            ).replace("site:\n", "site:\n  load_management: observation\n"),
        )
    )
    result = run(scenario)
    assert result.passed
    assert "remembers" not in result.story
    managed = run(replace(scenario, site=replace(scenario.site, management=True)))
    assert [verdict.kept for verdict in managed.verdicts] == [False, True], "it can fail"


def ordered(folder, *changes, site="  dimming: by order\n  surplus: [[00:00, 50 kW]]\n"):
    lines = "".join(f"  - {{{one}}}\n" for one in changes)
    text = spoiled("expect:\n", f"changes:\n{lines}expect:\n")
    return read_scenario(put(folder, text.replace("site:\n", f"site:\n{site}")))


def test_orders_and_trips_are_read_told_and_obeyed(tmp_path):
    scenario = ordered(
        tmp_path,
        "at: 18:02, on: master, dimmed: on",
        "at: 18:04, on: master, dimmed: off",
        "at: 18:06, on: master, surplus: 0 W",
        "at: 18:01, on: garage, leaves: 19:00, wants: 5 kWh",
    )
    assert scenario.desk.changes == (
        Change(2 * MINUTE, dimmed=True),
        Change(4 * MINUTE, dimmed=False),
        Change(6 * MINUTE, surplus_w=0),
        Change(MINUTE, trip=(1, Trip(60 * MINUTE, 5_000))),
    )
    story = run(scenario).story
    assert "18:01:00  the car at garage is to have 5.0 kWh by 19:00:00" in story
    assert "18:02:00  the grid operator has the boxes dimmed\n18:02:00  garage is cut from 16 A to 10.9 A" in story
    assert "18:04:00  the grid operator no longer has the boxes dimmed" in story
    assert "18:06:00  the roof has 0 W to spare for the boxes\n18:06:00  garage is stopped" in story


def test_a_surplus_by_the_clock_goes_by_the_clock_of_the_master(tmp_path):
    """Somebody sets it an hour on, into the time at which there is nothing to spare."""
    site = "  surplus: [[00:00, 50 kW], [19:00, 0 W]]\n"
    story = run(ordered(tmp_path, "at: 18:05, on: master, clock: 2026-01-12 19:05", site=site)).story
    assert "18:05:00  garage is stopped (from 16 A)" in story.replace("18:05:03", "18:05:00")


def test_inputs_are_read_told_and_obeyed(tmp_path):
    def known(text):
        return text.replace("max_total_power: 34 kW", "max_total_power: {input: 2, on: 34 kW, off: stop}")

    lines = "changes:\n  - {at: 18:02, on: master, inputs: [2, 2]}\n  - {at: 18:08, on: master, inputs: []}\nexpect:\n"
    text = spoiled("expect:\n", lines)
    assert known(text) != text
    scenario = read_scenario(put(tmp_path, known(text)))
    assert [one.inputs for one in scenario.desk.changes] == [(2,), ()]
    result = run(replace(scenario, expectations=()))
    told = [(at_us, dict(data)["on"]) for at_us, channel, kind, data in result.happened if kind == "inputs"]
    assert told == [(2 * MINUTE, "2"), (8 * MINUTE, "")]
    assert "input 2 is on at the master" in result.story
    assert "no input is on at the master" in result.story
    later = [one for one in result.commands if one.box == "garage" and one.at_us > MINUTE]
    assert [(one.at_us // MINUTE, one.limit_ma > 0) for one in later] == [(2, True), (8, False)]
