"""``check``: what it finds on sites and scenarios, where, how bad, and what it would put there instead."""

from __future__ import annotations

import pytest

from chargebench.datasheets.errors import BadFile
from chargebench.scenarios.check import check_file, refuse_errors
from chargebench.scenarios.describe import read_scenario
from tests.scenarios.files import SMALL, put, spoiled
from tests.scenarios.sites import SAFE

GARAGE = '    - {name: garage, device: power-brain, at: "192.168.2.151:4701"}\n'
SITE = """\
connection: {max_total_power: 34 kW, house_max: 14 A, fuse: {rating: 50 A, curve: SLS-E}}
evses:
  - {name: internal, device: power-brain}
"""


def findings(folder, text):
    return [
        (one.severity, one.where.rpartition("/")[2], one.field, one.sentence) for one in check_file(put(folder, text))
    ]


def with_boxes(*lines):
    return spoiled(
        GARAGE,
        "".join(
            f"    - {{{line}}}\n" for line in ('name: garage, device: power-brain, at: "192.168.2.151:4701"', *lines)
        ),
    )


@pytest.mark.parametrize(
    ("line", "field", "sentence"),
    [
        (
            "failsafe: {after: 100 ms, current: 0 A}",
            "failsafe.after",
            "fail_safe_duration counts in steps of 1 s, got 0.1 s",
        ),
        ("failsafe: {after: 60 s, current: 50 mA}", "failsafe.current", "fail_safe_current counts in steps of 0.1 A"),
        ("failsafe: {after: 60 s, current: 9999 A}", "failsafe.current", "fail_safe_current cannot hold 9999 A"),
        ("boot: {limit: 9999 A}", "boot.limit", "def_charging_cur_limit cannot hold 9999 A"),
        ("minimum: 5 A", "minimum", "expected at least 6 A, the least of power-brain, got 5 A"),
        ("maximum: 64 A", "maximum", "expected at most 63 A, the most of power-brain, got 64 A"),
        ('at: "COM1,299,8,n,1"', "at", "expected a line of at least 300 baud, got 299"),
    ],
)
def test_what_no_box_and_no_line_can_hold_is_an_error_of_a_site(tmp_path, line, field, sentence):
    at = "" if line.startswith("at:") else 'at: "10.0.0.2:4701", '
    ((severity, _, where, said),) = findings(tmp_path, SITE + f"  - {{name: yard, device: power-brain, {at}{line}}}\n")
    assert (severity, where) == ("error", f"evses[1].{field}")
    assert said.startswith(sentence)


def test_a_fuse_of_nothing_is_an_error_of_a_site(tmp_path):
    ((severity, _, where, said),) = findings(tmp_path, SITE.replace("50 A, curve: SLS-E", "0 A, curve: B"))
    assert (severity, where, said) == ("error", "connection.fuse.rating", "expected a fuse of more than 0 A")


def test_what_no_box_can_hold_is_an_error_of_a_world(tmp_path):
    text = spoiled(
        "  house:", "  boxes: {garage: {fail_safe_duration: 1 ms, def_charging_cur_limit: 9999 A}}\n  house:"
    )
    assert [(severity, field) for severity, _, field, _ in findings(tmp_path, text)] == [
        ("error", "world.boxes.garage.fail_safe_duration"),
        ("error", "world.boxes.garage.def_charging_cur_limit"),
    ]


def test_nothing_is_found_where_nothing_is_wrong(tmp_path):
    assert findings(tmp_path, SMALL) == []
    assert findings(tmp_path, SITE) == []


@pytest.mark.parametrize(
    ("line", "severity", "field", "sentence"),
    [
        pytest.param(
            'name: yard, device: power-brain, at: "192.168.2.151:4701"',
            "error",
            "site.evses[2].id",
            "garage has id 1 at 192.168.2.151:4701 already; 2 is free there",
            id="same-address-and-unit-twice",
        ),
        pytest.param(
            'name: yard, device: power-brine, at: "192.168.2.152:4701"',
            "error",
            "site.evses[2].device",
            "no datasheet is called 'power-brine'; did you mean power-brain?",
            id="unknown-device",
        ),
        pytest.param(
            'name: yard, device: eastron-sdm630, at: "COM1,9600,8,n,1"',
            "error",
            "site.evses[2].device",
            "expected an EVSE, and eastron-sdm630 is not one",
            id="a-meter-is-no-box",
        ),
        pytest.param(
            'name: yard, device: power-brain, at: "192.168.2.152:4701", meter: {device: power-brain-s0, port: 4703, id: 2}',
            "danger",
            "site.evses[2].meter.id",
            "expected id 3, to which the S0 meter at port 4703 answers",
            id="s0-meter-at-the-other-ones-port",
        ),
        pytest.param(
            'name: yard, device: power-brain, at: "192.168.2.152:4701", meter: {device: power-brain-s0, port: 4704, id: 2}',
            "danger",
            "site.evses[2].meter.port",
            "expected 4702 (id 2) or 4703 (id 3), where a Power Brain serves its S0 meters",
            id="s0-meter-where-there-is-none",
        ),
    ],
)
def test_a_box_that_cannot_work_is_found(tmp_path, line, severity, field, sentence):
    (found,) = findings(tmp_path, with_boxes(f"{line}, {SAFE}"))
    assert (found[0], found[2]) == (severity, field)
    assert found[3].startswith(sentence)
    assert found[1].startswith("small.yaml:10:")


def line_box(number, unit=None):
    return f'name: box{number}, device: power-brain, at: "COM1,9600,8,n,1", id: {unit or number}'


def test_ids_collide_on_a_line_whatever_the_devices_are(tmp_path):
    meter = "meter: {device: eastron-sdm630, id: 2}"
    found = findings(tmp_path, with_boxes(f"{line_box(1)}, {meter}", line_box(2)))
    assert ("error", "site.evses[3].id", "the meter of box1 has id 2 at COM1 already; 3 is free there") in [
        (severity, field, sentence) for severity, _, field, sentence in found
    ]
    assert [one[3] for one in found if one[0] == "note"] == [
        "on COM1 the meters' ids from 2 up and the EVSEs' up to 2 run into each other; meters from 101 up never do"
    ]


def test_a_line_has_one_set_of_parameters(tmp_path):
    other = line_box(2).replace("9600,8,n,1", "19200,8,n,1")
    (found,) = findings(tmp_path, with_boxes(line_box(1), other))
    assert found[0] == "error"
    assert found[3] == "COM1 has one set of parameters, and box1 has COM1,9600,8,n,1"


def test_rtu_needs_room_for_a_byte_in_each_character_and_ascii_does_not(tmp_path):
    (found,) = findings(tmp_path, with_boxes(line_box(1).replace("8,n,1", "7,e,1")))
    assert (found[0], found[3]) == ("error", "expected 8 data bits, which Modbus RTU needs, got 7")
    abl = line_box(1).replace("power-brain", "abl-emh1").replace("9600,8,n,1", "38400,7,e,1")
    assert not [one for one in findings(tmp_path, with_boxes(abl)) if one[0] == "error"]


def test_a_26th_slave_is_one_too_many(tmp_path):
    boxes = [f'name: box{n}, device: power-brain, at: "192.168.2.{n}:4701", {SAFE}' for n in range(1, 26)]
    twenty_five = spoiled(GARAGE, "".join(f"    - {{{line}}}\n" for line in boxes)).replace(
        "plugs: garage", "plugs: box1"
    )
    assert [one[0] for one in findings(tmp_path, twenty_five)] == ["note"]  # not all minimums fit at once
    more = twenty_five.replace(boxes[-1] + "}\n", boxes[-1] + "}\n" + GARAGE)
    ((severity, where, field, sentence),) = findings(tmp_path, more)
    assert (severity, field) == ("error", "site.evses[26]")
    assert where.startswith("small.yaml:34:")
    assert "at most 25 slave EVSEs" in sentence


@pytest.mark.parametrize(
    ("truth", "sentence"),
    [
        ("{id: 2}", "the master asks 192.168.2.151:4701 id 1, and it is at 192.168.2.151:4701 id 2: it stays silent"),
        (
            '{at: "192.168.2.15:4701"}',
            "the master asks 192.168.2.151:4701 id 1, and it is at 192.168.2.15:4701 id 1: it stays silent",
        ),
    ],
)
def test_a_box_that_the_world_put_elsewhere_is_out_of_reach(tmp_path, truth, sentence):
    text = spoiled("  cars:\n", f"  boxes: {{garage: {truth}}}\n  cars:\n")
    ((severity, _, field, said),) = findings(tmp_path, text)
    assert (severity, field, said) == ("danger", "world.boxes.garage", sentence)


def test_what_cannot_be_read_is_an_error_with_its_place(tmp_path):
    assert findings(tmp_path, SMALL.replace("seed: 1", "sede: 1")) == [
        ("error", "small.yaml:2:1", "sede", "unknown field; did you mean seed?")
    ]


def test_a_run_is_refused_for_errors_alone(tmp_path):
    twice = with_boxes('name: yard, device: power-brain, at: "192.168.2.151:4701"')
    with pytest.raises(BadFile, match="garage has id 1"):
        refuse_errors(read_scenario(put(tmp_path, twice)))
    elsewhere = spoiled("  cars:\n", "  boxes: {garage: {id: 2}}\n  cars:\n")
    refuse_errors(read_scenario(put(tmp_path, elsewhere)))


def test_variants_are_checked_with_their_scenario(tmp_path):
    variants = (
        "variants:\n  lost: {world: {boxes: {garage: {id: 2}}}}\n  wrong: {expect: [{never: {fuze: may trip}}]}\n"
    )
    found = findings(tmp_path, SMALL + variants)
    assert [(severity, field) for severity, _, field, _ in found] == [
        ("danger", "world.boxes.garage"),
        ("error", "expect[0].never.fuze"),
    ]
    only = check_file(tmp_path / "small.yaml", "lost")
    assert [one.severity for one in only] == ["danger"]


def test_a_world_that_cannot_be_built_is_an_error(tmp_path):
    text = spoiled("  cars:\n", '  boxes: {garage: {at: "localhost:4701"}}\n  cars:\n')
    found = findings(tmp_path, text)
    assert ("error", "world", "internal and garage are both unit 1 at one address") in [
        (severity, field, sentence) for severity, _, field, sentence in found
    ]
