"""What a study file means, and what is said of one that means nothing."""

from __future__ import annotations

import pytest

from chargebench.datasheets.errors import Complaint
from chargebench.manager.site import POLICIES
from chargebench.scenarios.whatif.engine import Cell, infeasible, play
from chargebench.scenarios.whatif.house import QUARTER_US
from tests.whatif.studies import SMALL, read

VARY = SMALL[SMALL.index("vary:") : SMALL.index("answer:")]
ANSWER = SMALL[SMALL.index("answer:") :]


def vary(text):
    return (VARY, f"vary: {text}\n"), (ANSWER, "")


def complaints(folder, *changes):
    with pytest.raises(Complaint) as caught:
        read(folder, *changes)
    return [line.removeprefix(f"{folder}/") for line in str(caught.value).splitlines()]


def test_a_grid_is_every_combination(tmp_path):
    study = read(tmp_path)
    assert [one.label for one in study.variations] == [
        f"connection.fuse {fuse}, meters {meters}" for fuse in ("20 A", "35 A", "63 A") for meters in ("on", "off")
    ]
    limits = [(one.base.site.connection.limit_ma, one.base.world.boxes[0].attached) for one in study.variations]
    assert limits == [(ma, on) for ma in (20_000, 35_000, 63_000) for on in (True, False)]


def test_a_list_is_what_it_lists(tmp_path):
    study = read(tmp_path, *vary("[{boxes: 2, meters: on}, {boxes: 5, meters: off}]"))
    assert [one.label for one in study.variations] == ["boxes 2, meters on", "boxes 5, meters off"]
    assert [len(one.base.site.boxes) for one in study.variations] == [2, 5]
    assert study.knobs == ("boxes", "meters")


def test_boxes_that_are_added_have_names_addresses_and_phases_of_their_own(tmp_path):
    boxes = read(tmp_path, *vary("{boxes: [26]}")).variations[0].base.site.boxes
    assert len({box.name for box in boxes}) == len({str(box.address) for box in boxes}) == 26
    assert [box.phases for box in boxes[:6]] == 2 * [(0, 1, 2), (1, 2, 0), (2, 0, 1)]


@pytest.mark.parametrize(
    ("knob", "value", "found"),
    [
        ("connection.max_total_power", "[12 kW]", lambda one: one.base.site.connection.max_total_power_w == 12_000),
        ("connection.max_total_evse_power", "[12 kW]", lambda one: one.base.site.connection.evse_ma == 17_391),
        ("box.maximum", "[32 A]", lambda one: one.base.world.boxes[2].max_ma == 32_000),
        ("house_meter", "[off]", lambda one: one.base.site.meters == ()),
        ("house_meter", "[on]", lambda one: [meter.role for meter in one.base.site.meters] == ["grid supply"]),
        ("phases", "[alike]", lambda one: {box.phases for box in one.base.site.boxes} == {(0, 1, 2)}),
        ("policy", "[original]", lambda one: one.base.site.policy == "original"),
        ("licences", "[4]", lambda one: one.base.site.licences == 4),
        ("dimming", '["17:00-19:00"]', lambda one: one.base.site.dimming.from_us == 17 * 3_600_000_000),
        ("dimming", "[none]", lambda one: one.base.site.dimming is None),
        ("cars_per_day", "[40]", lambda one: one.demand.cars_per_day == 40),
        ("cars_since", "[2020]", lambda one: one.demand.cars_since == 2020),
        ("pv", "[9 kW]", lambda one: (one.demand.load.pv_w, one.demand.load.peak_w) == (9_000, 3_000)),
        ("heat_pump", "[5 kW]", lambda one: one.demand.load.heat_pump_w == 5_000),
        ("site.connection.reserve", "[690 W]", lambda one: one.base.site.connection.reserve_ma == 1_000),
    ],
)
def test_each_knob_turns_what_it_says(tmp_path, knob, value, found):
    assert found(read(tmp_path, *vary(f"{{{knob}: {value}}}")).variations[0])


def test_all_policies_are_all_policies(tmp_path):
    assert [one.base.site.policy for one in read(tmp_path, *vary("{policy: all}")).variations] == list(POLICIES)


def test_a_shipped_scenario_lends_its_site_and_its_truth(tmp_path):
    base = SMALL[SMALL.index("park:") : SMALL.index("start:")]
    study = read(tmp_path, (base, "base: workplace-day\n"), ("  house: {shape: office, peak: 3 kW}\n", ""))
    found = study.variations[0]
    assert len(found.base.site.boxes) == 25
    assert found.base.world.boxes[24].attached
    assert found.base.site.connection.limit_ma == 16_000  # 69 kW at 125 A, in proportion
    assert play(study, Cell(0, 1)).scenario.world.house.steps == ((0, (4_000, 4_000, 4_000)),)


def test_a_bare_site_and_an_inline_one_are_taken_too(tmp_path):
    base = SMALL[SMALL.index("park:") : SMALL.index("start:")]
    site = "connection: {max_total_power: 34 kW, house_max: 6 A}\nevses: [{name: internal, device: power-brain}]\n"
    (tmp_path / "site.yaml").write_text(site, "utf-8")
    inline = "site:\n" + "".join(f"  {line}\n" for line in site.splitlines())
    apart, within = read(tmp_path, (base, "site: site.yaml\n")), read(tmp_path, (base, inline))
    assert [one.base.world for one in apart.variations] == [one.base.world for one in within.variations]
    assert within.variations[2].base.site.connection.limit_ma == 35_000  # one without a fuse gets one that is its limit


def test_what_check_finds_dangerous_is_infeasible(tmp_path):
    study = read(tmp_path, *vary("{site.connection.house_max: [6 A, 26 A]}"))
    assert infeasible(study, study.variations[0]) == ""
    assert infeasible(study, study.variations[1]).startswith("site.connection.house_max: ")


def test_every_error_of_a_study_is_told_at_once_with_its_place(tmp_path):
    found = complaints(
        tmp_path,
        ("boxes: 3,", "boxes: 0,"),
        ("seeds: 1-2", "seeds: 2-1"),
        ("preset: workplace", "preset: seaside"),
    )
    assert [line.partition(": ")[0] for line in found] == ["small.yaml:2:15", "small.yaml:5:8", "small.yaml:7:11"]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (("35 A", "35"), "small.yaml:11:27: vary.connection.fuse[1]: expected a current with its unit, such as 16 A, got 35"),
        (("35 A", "20 A"), "small.yaml:11:27: vary.connection.fuse[1]: expected each value once, got 20 A again"),
        (("  meters: [on, off]", "  metres: [on, off]"), "small.yaml:12:3: vary.metres: unknown 'metres'; did you mean meters?"),
        (("[on, off]", "on"), "small.yaml:12:11: vary.meters: expected a list of values, such as meters: [...]"),
        (("smallest connection.fuse", "smallest boxes"), "small.yaml:13:9: answer: expected something that varies in this study, got 'boxes'; known are connection.fuse, meters"),
        (("served_share >=", "served_shares >="), "small.yaml:13:9: answer: unknown figure 'served_shares'; did you mean served_share?"),
        ((">= 0.85", ">= 85"), "small.yaml:13:9: answer: expected a share from 0 to 1 in steps of 0.001, such as 0.95, got '85', for served_share"),
        (("  preset: workplace\n", ""), "small.yaml:7:3: world: expected one of sessions, fitted and preset, which says who comes"),
        (("  preset: workplace", "  fitted: {file: none.csv}"), "none.csv: cannot be read: No such file or directory"),
        (("peak: 3 kW", "pv: 3 kW"), "small.yaml:9:10: world.house: expected a shape with its peak, or a profile"),
        (("seeds: 1-2", "seeds: 1-1000\ntier: moon"), "small.yaml:6:7: tier: expected wire, register or leap, got 'moon'"),
        (("for: 40 min", "for: 0 s"), "small.yaml:4:6: for: expected a time of more than nothing and at most 1100 d"),
        (("meters: [on, off]", "boxes: [2, 27]"), "small.yaml:12:14: vary.boxes[1]: expected a whole number from 1 to 26, got 27"),
        (("meters: [on, off]", "site.connection.fuel: [1]"), "small.yaml:12:26: vary.site.connection.fuel[0]: site.connection.fuel: unknown field; did you mean fuse?"),
        (("[on, off]", "[on, off]\nfigures: [happiness]"), "small.yaml:13:11: figures[0]: unknown figure 'happiness'"),
    ],
)  # fmt: skip
def test_an_error_is_told_at_its_place(tmp_path, change, line):
    found = complaints(tmp_path, change)
    assert len(found) == 1
    assert found[0].startswith(line)


def test_house_loads_come_from_a_file_shapes_and_the_sun(tmp_path):
    rows = [f"{k // 4:02}:{k % 4 * 15:02},{k / 10}" for k in range(96)]
    (tmp_path / "house.csv").write_text("time,load_kw\n" + "\n".join(rows) + "\n", "utf-8")
    study = read(tmp_path, ("shape: office, peak: 3 kW", "profile: house.csv"))
    steps = play(study, Cell(0, 1)).scenario.world.house.steps
    assert [at_us for at_us, _ in steps] == [0, QUARTER_US, 2 * QUARTER_US]
    assert [load[0] for _, load in steps] == [-(-(26 + k) * 100_000 // 690) for k in range(3)]


def test_a_file_of_loads_that_is_none_is_told_line_by_line(tmp_path):
    (tmp_path / "house.csv").write_text("time,load_kw\n00:00,1\n00:30,2\n", "utf-8")
    found = complaints(tmp_path, ("shape: office, peak: 3 kW", "profile: house.csv"))
    assert found == ["house.csv:3:1: expected 00:15, a line each quarter hour from midnight on"]


def test_the_sun_takes_off_no_more_than_the_house_draws(tmp_path):
    study = read(tmp_path, ("peak: 3 kW", "peak: 3 kW, pv: 100 kW"), ("2026-01-12 06:30", "2026-06-12 12:00"))
    assert {load for _, load in play(study, Cell(0, 1)).scenario.world.house.steps} == {(0, 0, 0)}
