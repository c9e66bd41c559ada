"""Ids and lines, licences, imbalance, minimum currents, and what must be known of the house."""

from __future__ import annotations

import pytest

from chargebench.datasheets import model
from chargebench.scenarios.checks.minimums import run_at_a_time
from tests.scenarios.sites import SAFE, dangers, findings, internal, meter, on_line, power, site_of, slave, text

FUSE = "fuse: {rating: 63 A, curve: gG}"
ROOMY = f"{power(63)}, house_max: 5 A, {FUSE}"


def told(whole):
    return [(one.severity, one.field, one.right) for one in findings(whole)]


# -- ids and lines


def test_meters_that_stand_among_the_ids_of_boxes_are_told_to_move_to_101():
    boxes = [on_line(k) for k in (1, 2, 3, 25)]
    (found,) = findings(text(ROOMY, *boxes, meters=(meter(unit=20, at="COM1,9600,8,n,1"),)))
    assert (found.severity, found.field, found.right) == ("note", "meters[0].id", "101")
    assert found.sentence == (
        "on COM1 the meters' ids from 20 up and the EVSEs' up to 25 run into each other; meters from 101 up never do"
    )
    assert findings(text(ROOMY, *boxes, meters=(meter(unit=101, at="COM1,9600,8,n,1"),))) == []


def test_an_id_twice_on_a_line_is_an_error_and_the_first_free_one_is_named():
    boxes = [on_line(k) for k in range(1, 4)]
    whole = text(ROOMY, *boxes, on_line(3).replace("box3", "other"), meters=(meter(unit=2, at="COM1,9600,8,n,1"),))
    assert [one for one in told(whole) if one[0] == "error"] == [
        ("error", "evses[3].id", "4"),
        ("error", "meters[0].id", "101"),
    ]


@pytest.mark.parametrize(("meters", "severity"), [(0, []), (1, ["note"]), (11, ["note"]), (12, ["danger"])])
def test_a_line_bears_32_unit_loads_the_master_among_them(meters, severity):
    boxes = [on_line(k, line="COM1,115200,8,n,1") for k in range(1, 21)]
    more = tuple(meter("display", 101 + k, "COM1,115200,8,n,1") for k in range(meters))
    connection = f"{power(250)}, house_max: 5 A, fuse: {{rating: 250 A, curve: gG}}"
    found = [one for one in findings(text(connection, *boxes, meters=more)) if one.field.endswith(".at")]
    assert [one.severity for one in found] == severity
    if severity == ["danger"]:
        assert found[0].field == "meters[11].at"
        assert "32 devices and the master on COM1 are 33 unit loads, and a line bears 32" in found[0].sentence


# -- licences


def test_boxes_without_a_licence_are_told_each_with_how_many_are_missing(monkeypatch):
    monkeypatch.setattr(model, "OWN_MAKER", "somebody else")
    whole = text(ROOMY, *(slave(k) for k in range(1, 6)))
    found = [one for one in findings(whole) if one.field.endswith(".device")]
    assert [(one.severity, one.field, one.right) for one in found] == [
        ("note", "evses[3].device", "licences: 2"),
        ("note", "evses[4].device", "licences: 2"),
    ]
    assert found[0].sentence == (
        "box4 is not licensed: 3 boxes of other makers are free, 2 licences are missing (licences: 2); until then it is"
        " never written and counted at 16 A"
    )
    assert [one.field for one in findings(whole + "licences: 2\n")] == []
    assert ["1 licence is missing" in one.sentence for one in findings(whole + "licences: 1\n")] == [True]


def test_unlicensed_boxes_that_are_too_much_by_themselves_are_a_danger(monkeypatch):
    monkeypatch.setattr(model, "OWN_MAKER", "somebody else")
    whole = text(f"{power(30)}, house_max: 5 A, fuse: {{rating: 35 A, curve: gG}}", *(slave(k) for k in range(1, 6)))
    found = [(one.field, one.right) for one in dangers(whole)]
    assert ("evses[3].device", "licences: 2") in found
    assert [field for field, _ in found if "failsafe" in field] != []  # they are never written, so no failsafe helps
    assert dangers(whole + "licences: 2\n") == []


def test_own_boxes_need_no_licence():
    connection = f"{power(250)}, house_max: 5 A, fuse: {{rating: 250 A, curve: gG}}"
    assert findings(text(connection, internal(), *(slave(k) for k in range(1, 26)))) == []


# -- imbalance


@pytest.mark.parametrize(
    ("boxes", "found"),
    [
        (["phases: L1, maximum: 20 A"], []),
        (["phases: L1, maximum: 32 A"], [("note", "evses[0].maximum", "20 A")]),
        (["phases: L1", "phases: L2", "phases: L3"], []),
        (["phases: L1", "phases: L1"], [("note", "evses[1].phases", "")]),
        (["phases: L1, maximum: 10 A", "phases: L1"], [("note", "evses[1].maximum", "10 A")]),
        (["maximum: 32 A"], []),
        (["phase_switching: on"], []),
        (["phase_switching: on", "phase_switching: on"], [("note", "evses[1].phases", "")]),
        (["phase_switching: on", "phase_switching: on, phases: L2 L3 L1"], []),
    ],
)
def test_boxes_on_one_phase_may_load_it_by_20_a_more_than_another(boxes, found):
    assert told(text(ROOMY, *(slave(k, f"{more}, {SAFE}") for k, more in enumerate(boxes, 1)))) == found


# -- minimum currents


@pytest.mark.parametrize(
    ("amps", "other", "count"),
    [(29, "", 4), (28, "", 3), (5, "", 0), (29, ", reserve: 690 W", 3), (63, ", max_total_evse_power: 8.28 kW", 2)],
)
def test_boxes_whose_minimums_do_not_fit_take_turns_so_many_at_a_time(amps, other, count):
    whole = text(f"{power(amps)}, house_max: 5 A, {FUSE}{other}", *(slave(k) for k in range(1, 5)))
    assert run_at_a_time(site_of(whole)) == count
    found = [one for one in findings(whole) if "minimum currents" in one.sentence]
    assert [one.severity for one in found] == ["note"] * (count < 4)
    assert all(f"{count} of 4 run at a time" in one.sentence and "24 A" in one.sentence for one in found)


def test_boxes_without_a_licence_leave_less_for_the_others(monkeypatch):
    monkeypatch.setattr(model, "OWN_MAKER", "somebody else")
    whole = text(f"{power(50)}, house_max: 5 A, {FUSE}", *(slave(k) for k in range(1, 6)))
    assert run_at_a_time(site_of(whole)) == 2
    (found,) = [one.sentence for one in findings(whole) if "minimum currents" in one.sentence]
    assert "18 A on L1, and beside house and reserve and boxes that are not managed 13 A are left: 2 of 3 run" in found


def test_minimums_on_different_phases_do_not_stand_in_each_others_way():
    whole = text(f"{power(7)}, house_max: 1 A, {FUSE}", *(slave(k, f"phases: L{k}, {SAFE}") for k in (1, 2, 3)))
    assert findings(whole) == []


# -- the house


def test_a_house_that_nobody_measures_and_nobody_has_stated_is_a_danger():
    (found,) = findings(text(f"{power(63)}, {FUSE}", internal()))
    assert (found.severity, found.field, found.where) == ("danger", "connection.house_max", "site.yaml:1:13")
    assert told(text(f"{power(63)}, house_max: 0 A, {FUSE}", internal())) == []
    assert told(text(f"{power(63)}, {FUSE}", internal(), meters=(meter(),))) == [("note", "connection.house_max", "")]
    assert told(text(f"{power(63)}, {FUSE}", internal(), meters=(meter("display"),))) == [
        ("danger", "connection.house_max", "")
    ]


def test_a_reserve_that_leaves_nothing_is_told():
    found = told(text(f"{power(20)}, reserve: 20 kW, house_max: 0 A, {FUSE}", internal()))
    assert ("note", "connection.reserve", "2.5 kW") in found


# -- policy none


@pytest.mark.parametrize(("carries", "found"), [(63, []), (30, ["danger"])])
def test_a_site_that_is_not_managed_at_all_is_a_danger_where_its_boxes_are_too_many(carries, found):
    fuse = f"{power(carries)}, house_max: 5 A, fuse: {{rating: {carries} A, curve: gG}}"
    whole = text(fuse, *(slave(k) for k in range(1, 4))).replace("connection:", "policy: none\nconnection:", 1)
    told = [one for one in findings(whole) if one.field == "policy"]
    assert [one.severity for one in told] == found
    assert all(one.right == "fair" and "policy none gives every box its maximum" in one.sentence for one in told)


def test_a_site_whose_manager_keeps_the_imbalance_small_is_not_told_of_it():
    boxes = [slave(k).replace("device:", "phases: L1, device:", 1) for k in range(1, 4)]
    whole = text(ROOMY, *boxes)
    assert [one.severity for one in findings(whole) if "more than another phase" in one.sentence] == ["note"]
    for limit, notes in (("20 A", 0), ("25 A", 1)):
        kept = whole.replace("connection:", f"imbalance: {limit}\nconnection:", 1)
        assert sum("more than another phase" in one.sentence for one in findings(kept)) == notes
