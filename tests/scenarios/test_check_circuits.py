"""``check`` proves the tree of circuits, too: failsafe and blackout sums and minimums on each, and what cannot be meant."""

from __future__ import annotations

import pytest

from tests.scenarios.sites import SAFE, dangers, findings, internal, power, slave, text

CIRCUITS = "circuits:\n  - {name: front, limit: 32 A}\n  - {name: row, limit: 20 A, fed_by: front}\n"


def site(*boxes, circuits=CIRCUITS):
    return text(f"{power(160)}, house_max: 10 A, fuse: {{rating: 250 A, curve: gG}}", *boxes, more=circuits)


def on(circuit, failsafe="0 A", boot="{enable: off}"):
    return f"circuit: {circuit}, failsafe: {{after: 180 s, current: {failsafe}}}, boot: {boot}"


def test_failsafe_currents_must_fit_each_circuit_and_the_largest_that_does_is_named():
    """63 A of failsafe currents pass at the house, and at neither circuit: 3 on 20 A leave 6.6 A to each."""
    whole = site(*(slave(k, on("row", "16 A")) for k in range(1, 4)), slave(4, on("front", "16 A")))
    (found,) = dangers(whole)
    assert found.field == "evses[0].failsafe.current"
    assert "up to 64 A can flow on L1 of front (boxes 64 A), and the limit is 32 A" in found.sentence
    assert found.right == "6.6 A"
    assert dangers(whole.replace("16 A", "6.6 A")) == []


def test_boot_limits_must_fit_each_circuit():
    whole = site(*(slave(k, on("row", boot="{limit: 16 A}")) for k in (1, 2)), internal(on("front")))
    (found,) = dangers(whole)
    assert (found.field, found.right) == ("evses[0].boot.limit", "10 A")
    assert "up to 32 A can flow on L1 of row (boxes 32 A), and the limit is 20 A" in found.sentence


def test_minimums_that_do_not_all_fit_a_circuit_are_told_at_its_limit():
    (found,) = findings(site(*(slave(k, on("row")) for k in range(1, 5)), internal(SAFE)))
    assert (found.severity, found.field) == ("note", "circuits[1].limit")
    assert "the minimum currents of all boxes are 24 A on L1 of row" in found.sentence
    assert "20 A are left: 4 of 5 run at a time" in found.sentence


@pytest.mark.parametrize(
    ("circuits", "boxes", "severity", "field", "words"),
    [
        (CIRCUITS, [SAFE], "note", "circuits[0]", "no box hangs on front"),
        (
            "circuits:\n  - {name: front, limit: 200 A}\n",
            [on("front")],
            "note",
            "circuits[0].limit",
            "front may carry 200 A, more than the connection, which feeds it: 160 A",
        ),
        (
            "circuits:\n  - {name: front, limit: 32 A}\n  - {name: row, limit: 40 A, fed_by: front}\n",
            [on("row")],
            "note",
            "circuits[1].limit",
            "row may carry 40 A, more than front, which feeds it: 32 A",
        ),
        (
            "circuits:\n  - {name: front, limit: {L1: 16 A, L2: 5.9 A, L3: 16 A}}\n",
            [on("front")],
            "danger",
            "circuits[0].limit",
            "box0 needs 6 A and never charges: L2 of front carries 5.9 A",
        ),
    ],
)
def test_what_of_a_circuit_cannot_be_meant_is_told(circuits, boxes, severity, field, words):
    found = findings(site(*(slave(k, more) for k, more in enumerate(boxes)), circuits=circuits))
    assert any((one.severity, one.field) == (severity, field) and words in one.sentence for one in found), found


def test_a_tree_that_is_right_is_nothing_to_find_fault_with():
    assert findings(site(internal(on("front")), slave(1, on("row")), slave(2, on("row")))) == []


def test_a_box_that_is_only_observed_is_counted_at_its_maximum():
    whole = site(
        internal(on("row")), slave(1, f"{on('row')}, observation: on"), slave(2, f"{on('row')}, observation: on")
    )
    failsafe, anyway = dangers(whole)
    assert "with a dead master up to 32 A can flow on L1 of row (boxes 32 A)" in failsafe.sentence
    assert "; box1 is only observed and is counted at its maximum" in failsafe.sentence
    assert "by the boxes that nobody may manage up to 32 A can flow on L1 of row" in anyway.sentence


@pytest.mark.parametrize(
    ("limit", "rating", "found"),
    [
        ("20 A", "16 A", ""),
        ("32 A", "25 A", "up to 32 A can flow on L1 of row, and its 25 A gG bears 31.2 A for ever"),
        ("{input: 2, on: 32 A, off: 6 A}", "25 A", "up to 32 A can flow on L1 of row, and its 25 A gG bears 31.2 A"),
        ("63 A", "25 A", "up to 32 A can flow on L1 of row"),
        ("31 A", "25 A", ""),
    ],
)
def test_the_fuse_of_a_circuit_must_bear_for_ever_what_boxes_may_draw_there(limit, rating, found):
    fused = f"circuits:\n  - {{name: row, limit: {limit}, fuse: {{rating: {rating}, curve: gG}}}}\n"
    whole = site(*(slave(k, on("row")) for k in (1, 2)), circuits=fused)
    said = [one.sentence for one in findings(whole) if one.field == "circuits[0].limit" and "bears" in one.sentence]
    assert len(said) == (3 if found else 0), "each phase"
    assert found in "".join(said)
    assert all(one.severity == "danger" for one in findings(whole) if one.sentence in said)


@pytest.mark.parametrize("rating", ["0 A", "0.5 A"])
def test_the_fuse_of_a_circuit_of_which_no_curve_is_known_is_an_error(rating):
    fused = f"circuits:\n  - {{name: row, limit: 20 A, fuse: {{rating: {rating}, curve: gG}}}}\n"
    (found,) = [one for one in findings(site(slave(1, on("row")), circuits=fused)) if one.severity == "error"]
    assert found.field == "circuits[0].fuse.rating"
