"""Circuits, cables and switches of a site file: what is written becomes a site, and every error is told at its place."""

import pytest

from chargebench.datasheets.errors import BadFile
from chargebench.manager.site import Circuit
from chargebench.manager.site_file import read_site

HEAD = "connection: {max_total_power: 43 kW}\n"
BOX = "  - {{name: internal, device: power-brain{}}}\n"


@pytest.fixture
def written(tmp_path):
    def write(circuits, box=""):
        path = tmp_path / "site.yaml"
        path.write_text(f"{HEAD}circuits:\n{circuits}evses:\n{BOX.format(box)}")
        return path

    return write


def complaints(path):
    with pytest.raises(BadFile) as told:
        read_site(path)
    return [line.split("site.yaml:", 1)[1] for line in str(told.value).splitlines()]


def test_a_limit_is_a_current_of_each_phase_or_a_power_and_never_rounded_up(written):
    text = (
        "  - {name: front, limit: 32 A}\n"
        "  - {name: rear, limit: 22 kW, fed_by: front}\n"
        "  - {name: wall, limit: {L1: 16 A, L2: 16 A, L3: 10.5 A}, fed_by: rear}\n"
    )
    site = read_site(written(text, ", circuit: wall"))
    assert site.circuits == (
        Circuit("front", (32_000, 32_000, 32_000)),
        Circuit("rear", (31_884, 31_884, 31_884), "front"),
        Circuit("wall", (16_000, 16_000, 10_500), "rear"),
    )
    assert site.boxes[0].circuit == "wall"


@pytest.mark.parametrize(
    ("limit", "why"),
    [
        ("32", "got 32"),
        ("0 A", "more than nothing, got '0 A'"),
        ("{L1: 16 A, L2: 16 A}", "got a mapping without L1, L2 and L3 in this order"),
        ("32 V", "got '32 V'"),
        ("[1]", "got a list"),
    ],
)
def test_a_limit_that_is_none_is_refused_with_an_example(written, limit, why):
    (told,) = complaints(written(f"  - {{name: front, limit: {limit}}}\n"))
    assert told.startswith(
        "3:26: circuits[0].limit: expected a current for each phase or a power, such as 32 A, 22 kW or"
    )
    assert told.endswith(why)


def test_all_that_is_wrong_with_a_tree_is_told_at_once(written):
    text = (
        "  - {name: a, limit: 32 A, fed_by: b}\n"
        "  - {name: b, limit: 32 A, fed_by: c}\n"
        "  - {name: c, limit: 32 A, fed_by: a}\n"
        "  - {name: d, limit: 32 A, fed_by: d}\n"
        "  - {name: b, limit: 32 A}\n"
        "  - {name: front, limit: 32 A, fed_by: rear}\n"
    )
    told = complaints(written(text, ", circuit: fronts"))
    assert told == [
        "6:36: circuits[3].fed_by: expected a circuit that the house feeds, and d is fed by d",
        "7:12: circuits[4].name: expected a name of its own, b is one of the circuits",
        "8:40: circuits[5].fed_by: unknown circuit 'rear'; known are a, b, c, d, front",
        "10:52: evses[0].circuit: unknown circuit 'fronts'; did you mean front?",
    ]


def test_circuits_that_feed_one_another_in_a_ring_are_refused_at_each(written):
    text = (
        "  - {name: a, limit: 32 A, fed_by: b}\n"
        "  - {name: b, limit: 32 A, fed_by: c}\n"
        "  - {name: c, limit: 32 A, fed_by: a}\n"
        "  - {name: d, limit: 32 A, fed_by: a}\n"
    )
    assert complaints(written(text)) == [
        "3:36: circuits[0].fed_by: expected a circuit that the house feeds, and a is fed by b is fed by c is fed by a",
        "4:36: circuits[1].fed_by: expected a circuit that the house feeds, and b is fed by c is fed by a is fed by b",
        "5:36: circuits[2].fed_by: expected a circuit that the house feeds, and c is fed by a is fed by b is fed by c",
    ]


def test_a_box_on_a_circuit_of_a_site_without_any_is_refused(tmp_path):
    path = tmp_path / "site.yaml"
    path.write_text(f"{HEAD}evses:\n{BOX.format(', circuit: front')}")
    (told,) = complaints(path)
    assert told == "3:52: evses[0].circuit: unknown circuit 'front'; none is known"


def test_a_box_is_given_no_more_than_its_cable_carries(written):
    front = "  - {name: front, limit: 32 A}\n"
    assert read_site(written(front, ", cable: 13 A")).boxes[0].maximum_ma == 13_000
    assert read_site(written(front, ", cable: 32 A")).boxes[0].maximum_ma == 16_000
    (told,) = complaints(written(front, ", cable: 5 A"))
    assert told == "5:50: evses[0].cable: expected at least the minimum of the box, 6 A"


@pytest.mark.parametrize(
    ("said", "enabled", "observed"),
    [("", True, False), (", charge_enabled: off", False, False), (", observation: on", True, True)],
)
def test_a_box_may_be_switched_off_or_only_observed(written, said, enabled, observed):
    box = read_site(written("  - {name: front, limit: 32 A}\n", said)).boxes[0]
    assert (box.enabled, box.observed) == (enabled, observed)
