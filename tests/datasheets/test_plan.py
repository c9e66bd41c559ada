"""Read plans: few requests, each within what the device answers."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.datasheets.load import load, names
from chargebench.datasheets.plan import Run, cut, plan

METER = ["meter_flags", "energy", "power", "current_l1", "current_l2", "current_l3"]


def test_neighbours_are_read_together():
    box = load("power-brain")
    assert plan(box, ["charging_enable", "charge_pilot_state", "charging_current", "charging_cur_limit"]) == (
        ("holding", 8092, 4),
    )
    assert plan(box, METER) == (("holding", 8057, 13),)


def test_a_gap_is_read_over_only_where_it_is_allowed():
    box = load("power-brain")
    wanted = ["charging_current", "has_meter", "meter_flags"]
    assert plan(box, wanted) == (("holding", 8057, 1), ("holding", 8095, 1), ("holding", 8112, 1))
    assert plan(box, wanted, max_gap=16) == (("holding", 8057, 1), ("holding", 8095, 18))
    assert plan(box, wanted, max_gap=37) == (("holding", 8057, 56),)


def test_no_run_is_longer_than_the_device_answers():
    meter = replace(load("eastron-sdm630"), max_read=5)
    wanted = ["voltage_l1", "voltage_l2", "voltage_l3", "current_l1", "current_l2"]
    assert plan(meter, wanted) == (("input", 0, 4), ("input", 4, 4), ("input", 8, 2))


def test_tables_are_read_apart():
    meter = load("eastron-sdm630")
    assert plan(meter, ["power_l1", "pulse_width", "power_l2"], max_gap=9) == (("holding", 12, 2), ("input", 12, 4))


def test_a_register_that_can_only_be_written_is_in_no_plan():
    with pytest.raises(ValueError, match="power-brain-s0: reset_energy can only be written"):
        plan(load("power-brain-s0"), ["reset_energy"])
    with pytest.raises(LookupError):
        plan(load("power-brain"), ["no_such_register"])


def test_nothing_wanted_is_nothing_read():
    assert plan(load("power-brain"), []) == ()


@given(st.data())
def test_every_plan_holds_each_wanted_register_once_within_the_bounds_of_the_device(data):
    sheet = replace(load(data.draw(st.sampled_from(names()))), max_read=data.draw(st.integers(50, 125)))
    readable = [one.name for one in sheet.registers if one.readable]
    wanted = data.draw(st.lists(st.sampled_from(readable), unique=True))
    gap = data.draw(st.integers(0, 40))
    runs = plan(sheet, wanted, max_gap=gap)
    assert list(runs) == sorted(runs)
    assert all(count <= sheet.max_read for _, _, count in runs)
    for name in wanted:
        one = sheet.register(name)
        holding = [run for run in runs if cut(run, [0] * run[2], one) is not None]
        assert len(holding) == 1
    if sheet.reading.single or sheet.reading.blocks:
        return
    gap = 0 if sheet.reading.gaps == "refused" else gap
    longest = max((one.count for one in sheet.registers), default=0)
    for (table, at, count), (other, after, _) in pairwise(runs):
        assert table != other or at + count + gap < after or after + longest - at > sheet.max_read


def test_the_words_of_a_register_are_cut_from_an_answer():
    box = load("power-brain")
    answer = list(range(100, 113))
    run: Run = ("holding", 8057, 13)
    assert cut(run, answer, box.register("power")) == (105, 106)
    assert cut(run, answer, box.register("current_l3")) == (111, 112)
    assert cut(run, answer, box.register("charging_enable")) is None
    assert cut(("holding", 8059, 4), answer, box.register("energy")) is None
    assert cut(("input", 8057, 13), answer, box.register("power")) is None


def test_where_one_value_a_request_is_wanted_each_has_its_own():
    box = load("keba-p30")
    assert plan(box, ["current_l2", "current_l1", "current_l1"]) == (("holding", 1008, 2), ("holding", 1010, 2))
    states = ["charge_point_state", "charge_state", "cable_state"]
    assert plan(load("webasto-next"), states) == (("holding", 1000, 1), ("holding", 1001, 1), ("holding", 1004, 1))


def test_where_gaps_are_refused_none_is_read_across_even_if_it_may_be():
    box = load("vestel-evc04")
    assert plan(box, ["current_l1", "current_l2"], max_gap=9) == (("input", 1008, 1), ("input", 1010, 1))
    assert plan(box, ["charge_point_state", "charge_state"], max_gap=9) == (("input", 1000, 2),)


def test_a_block_is_read_whole_once_and_takes_no_neighbour():
    box = load("abl-emh1")
    wanted = ["current_l1", "current_l2", "status_state", "state", "set_duty", "system_duty"]
    assert plan(box, wanted) == (("holding", 4, 1), ("holding", 15, 5), ("holding", 20, 1), ("holding", 46, 5))
    joined = replace(box, reading=replace(box.reading, single=False))
    assert plan(joined, wanted, max_gap=30) == (
        ("holding", 4, 1),
        ("holding", 15, 5),
        ("holding", 20, 1),
        ("holding", 46, 5),
    )
