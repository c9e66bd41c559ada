"""Scenario files: what they mean, and what is said of those that mean nothing."""

from __future__ import annotations

import pytest

from chargebench.datasheets.errors import BadFile, BadInput, Complaint
from chargebench.emulator.spec import LineAt, TcpAt
from chargebench.manager.site import Fuse
from chargebench.scenarios.describe import read_scenario
from chargebench.scenarios.laws.judge import Always, Finally, Never, Within
from tests.scenarios.files import SMALL, put, spoiled

MINUTE = 60_000_000


def complaints(folder, text, variant=None):
    with pytest.raises(Complaint) as caught:
        read_scenario(put(folder, text), variant)
    return [line.removeprefix(f"{folder}/") for line in str(caught.value).splitlines()]


def test_the_world_is_what_the_site_says(tmp_path):
    text = spoiled(
        '    - {name: garage, device: power-brain, at: "192.168.2.151:4701"}\n',
        '    - {name: garage, device: power-brain, at: "COM1,19200,8,e,1", id: 7, phases: L2 L3,'
        " failsafe: {after: 180 s, current: 0 A}, boot: {limit: 6 A, enable: off}}\n",
    )
    scenario = read_scenario(put(tmp_path, text))
    internal, garage = scenario.world.boxes
    assert internal.at == TcpAt("localhost", 4701)
    assert garage.at == LineAt("COM1", 19200, 8, "E", 1)
    assert (garage.unit, garage.wiring) == (7, (1, 2))
    assert (garage.failsafe_us, garage.failsafe_ma) == (180_000_000, 0)
    assert (garage.boot_limit_ma, garage.boot_enable) == (6_000, False)
    connection = scenario.world.connection
    assert (connection.limit_ma, connection.rating_ma, connection.curve) == (49_275, 50_000, "SLS-E")


def test_the_world_differs_where_it_says_so(tmp_path):
    text = spoiled(
        "  cars:\n",
        "  fuse: {opens: never, rating: 35 A, curve: gG}\n"
        "  boxes:\n"
        '    garage: {at: "192.168.2.9:4701", id: 3, phases: L3 L1 L2, model: 22 kW, cable: 13 A,\n'
        "      failsafe_ends: overwrite, fail_safe_duration: 0 s, def_charging_enable: off}\n"
        "  cars:\n",
    )
    scenario = read_scenario(put(tmp_path, text))
    box = scenario.world.boxes[1]
    assert (box.at, box.unit, box.wiring) == (TcpAt("192.168.2.9", 4701), 3, (2, 0, 1))
    assert (box.max_ma, box.cable_ma, box.profile) == (32_000, 13_000, "overwrite")
    assert (box.failsafe_us, box.boot_enable) == (0, False)
    connection = scenario.world.connection
    assert (connection.opens, connection.rating_ma, connection.curve) == ("never", 35_000, "gG")
    assert scenario.site.connection.fuse == Fuse(50_000, "SLS-E"), "the master still believes what it was told"


def test_house_power_spreads_over_its_phases_and_is_rounded_up(tmp_path):
    text = spoiled(
        "{load: [[18:00, 2 kW]]}",
        "{phases: L1 L3, load: [[18:00, 2 kW], [18:05, 4 A]], power_factor: 0.95}",
    )
    house = read_scenario(put(tmp_path, text)).world.house
    # 2,000 W / 2 phases / 230 V / 0.95 = 4,576.66 mA
    assert house.steps == ((0, (4_577, 0, 4_577)), (5 * MINUTE, (4_000, 0, 4_000)))
    assert house.power_factor_permille == 950


@pytest.mark.parametrize(
    ("written", "phases", "max_ma"),
    [
        ("car: tesla-model-3-lr", 3, 16_000),
        ("car: renault-zoe-r110-ze50", 3, 32_000),
        ("car: {phases: 3, power: 11 kW}", 3, 16_000),
        ("car: {phases: 1, power: 3.7 kW}", 1, 16_000),
        ("car: {phases: 2, power: 7.4 kW}", 2, 16_000),
        ("car: {phases: 1, current: 13 A}", 1, 13_000),
    ],
)
def test_a_cars_current_is_that_of_its_charger(tmp_path, written, phases, max_ma):
    car = read_scenario(put(tmp_path, spoiled("car: tesla-model-3-lr", written))).world.cars[0]
    assert (car.phases, car.max_ma) == (phases, max_ma)


def test_times_count_from_the_start_and_roll_over_midnight(tmp_path):
    text = spoiled("wants: 20 kWh", "wants: 20 kWh, leaves: 07:00")
    car = read_scenario(put(tmp_path, text)).world.cars[0]
    assert (car.plugs_us, car.leaves_us) == (5_000_000, 13 * 60 * MINUTE)


@pytest.mark.parametrize(
    ("written", "operator"),
    [
        ("always: {fuse: cannot trip, from: 18:01, to: 18:02}", Always(MINUTE, 2 * MINUTE)),
        ("never: {limit_exceeded: above 1 A, longer_than: 30 s}", Never(0, 10 * MINUTE, MINUTE // 2)),
        ("within: {after: 18:01, time: 30 s, connection: inside limit}", Within(90_000_000, 90_000_000)),
        ("within: {after: 18:01, time: 30 s, connection: inside limit, to: 18:05}", Within(90_000_000, 5 * MINUTE)),
        ("finally: {car: tesla, energy: at least 1 kWh}", Finally()),
    ],
)
def test_an_expectation_is_an_operator_around_a_law(tmp_path, written, operator):
    (expectation,) = read_scenario(put(tmp_path, spoiled("always: {fuse: cannot trip}", written))).expectations
    assert expectation.operator == operator
    assert expectation.name == written.replace("{", "").replace("}", "")


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("seed: 1\n", "sede: 1\n", "small.yaml:2:1: sede: unknown field; did you mean seed?"),
        ("for: 10 min", "for: 10", "small.yaml:4:6: for: expected a duration with its unit, such as 3 min, got 10"),
        (
            "start: 2026-01-12 18:00",
            "start: 18:00",
            "small.yaml:3:8: start: expected a day and a time such as 2026-01-12 18:00, got '18:00'",
        ),
        (
            "plugs: garage",
            "plugs: garag",
            "small.yaml:13:63: world.cars[0].plugs: unknown box 'garag'; did you mean garage?",
        ),
        (
            "car: tesla-model-3-lr",
            "car: tesla-model-3-lrr",
            "small.yaml:13:13: world.cars[0].car: unknown car 'tesla-model-3-lrr'; did you mean tesla-model-3-lr? (chargebench cars list shows all)",
        ),
        (
            "fuse: cannot trip",
            "fuse: can trip",
            (
                "small.yaml:15:20: expect[0].always.fuse: expected cannot trip, may trip or must trip, got 'can trip'; "
                "did you mean cannot trip?"
            ),
        ),
        (
            "always: {fuse",
            "allways: {fuse",
            "small.yaml:15:5: expect[0]: expected one of always, never, within, finally, and a law; did you mean always?",
        ),
        (
            "2 kW]]",
            "2]]",
            "small.yaml:11:26: world.house.load[0][1]: expected a power for the whole house or a current per phase, such as 2 kW or 4 A, got 2",
        ),
        (
            "at: 18:00:05",
            "at: 6 pm",
            "small.yaml:13:46: world.cars[0].at: expected a time such as 18:12 or 18:12:05, got '6 pm'",
        ),
        (
            "wants: 20 kWh",
            "wants: 20 kWh, leaves: 18:00:05",
            "small.yaml:13:94: world.cars[0].leaves: expected a later time than the one at which the car plugs in",
        ),
        (
            "at: 18:00:05",
            "at: 18:30",
            "small.yaml:13:46: world.cars[0].at: expected a time within the run, from 18:00:00 to 18:10:00",
        ),
        (
            "at: 18:00:05",
            "at: 2025-12-24 18:00",
            "small.yaml:13:46: world.cars[0].at: expected a time within the run, which begins on 2026-01-12 at 18:00:00",
        ),
        (
            "[[18:00, 2 kW]]",
            "[[2026-01-12 17:00, 2 kW]]",
            "small.yaml:11:18: world.house.load[0]: expected a time within the run, which begins on 2026-01-12 at 18:00:00",
        ),
        (
            "one car at one box",
            '"one \\e[31mred car"',
            "small.yaml:1:11: scenario: expected a title of printable characters on one line",
        ),
        ("- always:", "- 7: x\n    always:", "small.yaml:15:5: expect[0][7]: expected a name as key, got 7"),
        ("start: 2026-01-12", "start: 9999-12-31", "small.yaml:3:8: start: expected a day before 9999-01-01"),
        (
            "car: tesla-model-3-lr",
            "car: {phases: 3, power: 0 W}",
            "small.yaml:13:13: world.cars[0].car: expected a car that takes at least 1 A",
        ),
        (
            "  house:",
            "  fuse: {rating: 0 A}\n  house:",
            "small.yaml:11:18: world.fuse.rating: expected a fuse of more than 0 A",
        ),
        (
            "  house:",
            "  boxes: {yard: {cable: 16 A}}\n  house:",
            "small.yaml:11:11: world.boxes.yard: unknown box 'yard'; known are internal, garage",
        ),
        (
            "  house:",
            '  boxes: {garage: {at: "COM1,000,8,n,1"}}\n  house:',
            "small.yaml:11:24: world.boxes.garage.at: expected a line of at least 300 baud, got 0",
        ),
        (
            "always: {fuse: cannot trip}",
            "always: {writes: at most 5, register: charging_cur_limi}",
            "small.yaml:15:43: expect[0].always.register: unknown register 'charging_cur_limi'; did you mean charging_cur_limit?",
        ),
        (
            "max_total_power: 34 kW",
            "max_total_power: 34 kW, voltage: 0 V",
            "small.yaml:6:49: site.connection.voltage: expected 100 V to 400 V, got 0 V",
        ),
        (
            "{load: [[18:00, 2 kW]]}",
            "{load: [[18:00, 2 kW], [18:00, 3 kW]]}",
            "small.yaml:11:33: world.house.load[1]: expected a later time than the one before",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place_and_what_was_expected(tmp_path, old, new, complaint):
    assert complaints(tmp_path, spoiled(old, new)) == [complaint]


def test_an_outline_and_a_site_that_do_not_hold_are_told_together(tmp_path):
    text = spoiled("for: 10 min", "for: 10").replace("34 kW", "34")
    assert [line.split(": ")[1] for line in complaints(tmp_path, text)] == ["for", "site.connection.max_total_power"]


def test_a_bare_site_is_no_scenario_and_is_told_how_to_become_part_of_one(tmp_path):
    site = "connection: {max_total_power: 34 kW}\nevses:\n  - {name: internal, device: power-brain}\n"
    (line,) = complaints(tmp_path, site)
    assert line == "small.yaml:1:1: expected a scenario, got a bare site; a scenario takes it in with site: small.yaml"


def test_a_site_in_a_path_that_no_file_can_have_is_refused(tmp_path):
    text = SMALL[: SMALL.index("site:")] + 'site: "a\\0b"\n' + SMALL[SMALL.index("world:") :]
    (line,) = complaints(tmp_path, text)
    assert line.endswith("a\\0b: cannot be read: no file can be called so")


def test_an_unknown_law_lists_those_there_are(tmp_path):
    (line,) = complaints(tmp_path, spoiled("{fuse: cannot trip}", "{fuze: cannot trip}"))
    assert line.startswith(
        "small.yaml:15:14: expect[0].always.fuze: unknown law; did you mean fuse?; the laws are fuse, "
    )
    assert "contactor_starts" in line


def test_a_law_speaks_of_boxes_and_cars_that_are_there(tmp_path):
    text = spoiled("always: {fuse: cannot trip}", "finally: {car: tesle, energy: at least 1 kWh}")
    (line,) = complaints(tmp_path, text)
    assert line == "small.yaml:15:20: expect[0].finally.car: unknown car 'tesle'; did you mean tesla?"


def test_all_errors_of_a_file_come_at_once_in_its_order(tmp_path):
    text = (
        SMALL.replace("plugs: garage", "plugs: nowhere")
        .replace("{fuse: cannot trip}", "{fuse: can trip}")
        .replace("as: tesla,", "as: tesla, minimum: 6,")
    )
    lines = complaints(tmp_path, text)
    assert [line.split(": ")[1] for line in lines] == ["world.cars[0].minimum"], (
        "a form that does not hold is told first"
    )
    text = text.replace("minimum: 6,", "minimum: 6 A,")
    assert [line.split(": ")[1] for line in complaints(tmp_path, text)] == [
        "world.cars[0].plugs",
        "expect[0].always.fuse",
    ]


def test_a_site_of_its_own_file_is_read_and_blamed_under_its_own_name(tmp_path):
    site = (
        "connection: {max_total_power: 34 kW}\n"
        "evses:\n"
        "  - {name: internal, device: power-brain}\n"
        '  - {name: garage, device: power-brain, id: 1, at: "192.168.2.151:4701"}\n'
    )
    start, end = SMALL.index("site:"), SMALL.index("world:")
    text = SMALL[:start] + "site: home.yaml\n" + SMALL[end:]
    put(tmp_path, site, "home.yaml")
    scenario = read_scenario(put(tmp_path, text))
    assert [box.name for box in scenario.site.boxes] == ["internal", "garage"]
    assert scenario.source.site_text == site
    put(tmp_path, site.replace("id: 1,", "idd: 1,"), "home.yaml")
    assert complaints(tmp_path, text) == ["home.yaml:4:41: evses[1].idd: unknown field; did you mean id?"]


VARIANTS = """\
variants:
  small-fuse:
    scenario: a smaller fuse
    site: {connection: {fuse: {rating: 25 A, curve: gG}}}
    expect:
      - always: {fuse: may trip}
"""


def test_a_variant_changes_what_it_names_and_nothing_else(tmp_path):
    path = put(tmp_path, SMALL + VARIANTS)
    plain, variant = read_scenario(path), read_scenario(path, "small-fuse")
    assert (variant.label, variant.title) == ("small/small-fuse", "a smaller fuse")
    assert variant.site.connection.fuse == Fuse(25_000, "gG")
    assert variant.site.boxes == plain.site.boxes
    assert variant.site.connection.limit_ma == plain.site.connection.limit_ma
    assert [one.name for one in variant.expectations] == ["always: fuse: may trip"]
    assert plain.site.connection.fuse == Fuse(50_000, "SLS-E")


def test_errors_in_a_variant_are_shown_where_they_stand(tmp_path):
    text = SMALL + VARIANTS.replace("fuse: may trip", "fuse: might trip")
    (line,) = complaints(tmp_path, text, "small-fuse")
    assert line.startswith("small.yaml:21:24: expect[0].always.fuse: expected cannot trip")


@pytest.mark.parametrize(
    ("text", "variant", "complaint"),
    [
        (SMALL + VARIANTS, "smal-fuse", "there is no variant 'smal-fuse'; did you mean small-fuse?"),
        (SMALL, "any", "there is no variant 'any'; none is known"),
        (SMALL + VARIANTS.replace("scenario: a", "variants: a"), "small-fuse", "a variant may not change it"),
    ],
)
def test_a_variant_that_cannot_be_is_refused(tmp_path, text, variant, complaint):
    (line,) = complaints(tmp_path, text, variant)
    assert complaint in line


def test_two_cars_cannot_stand_at_one_box(tmp_path):
    second = "    - {car: volkswagen-id-3-58-kwh, as: id3, at: 18:05, plugs: garage, wants: 3 kWh}\n"
    text = SMALL.replace("expect:\n", second + "expect:\n")
    (line,) = complaints(tmp_path, text)
    assert line.endswith("expected a box that is free, and tesla is still plugged in at garage")
    text = text.replace("wants: 20 kWh", "wants: 20 kWh, leaves: 18:04")
    assert len(read_scenario(put(tmp_path, text)).world.cars) == 2


def test_a_file_that_is_not_there_is_a_sentence(tmp_path):
    with pytest.raises(BadInput, match="cannot be read"):
        read_scenario(tmp_path / "missing.yaml")


def test_errors_of_a_file_are_one_exception_with_all_of_them(tmp_path):
    with pytest.raises(BadFile) as caught:
        read_scenario(put(tmp_path, spoiled("seed: 1\n", "sede: 1\n")))
    assert all(isinstance(one, BadInput) for one in caught.value.args)
