"""Meters by the rules of SunSpec: wherever their map begins and whatever their makers chose, it can be walked and read."""

from __future__ import annotations

from itertools import product

import pytest

from chargebench.datasheets.load import load
from chargebench.emulator.device import Refused
from tests.emulator.worlds import Bench, S, grid_meter

SHEET = load("sunspec-203")
START = SHEET.register("m203_id").at
SUNS, END = [0x5375, 0x6E53], [0xFFFF, 0]
BASES = {"": 40_000, "begins-at-0": 0, "begins-at-50000": 50_000}


def metered(*quirks, ma=(5_310, 12_000, 0), later_ma=None):
    house = ((0, ma), *(((20 * S, later_ma),) if later_ma is not None else ()))
    return Bench(meters=[grid_meter(device="sunspec-203", quirks=tuple(quirks))], house=house).to(10 * S)


def words(one, at, count):
    return [*one.device("grid").read("holding", at, count)]


def signed(word):
    return word - 0x10000 if word & 0x8000 else word


def shown(one, at, name):
    """What a register of the model at ``at`` shows, with its exponent, in A, V, W."""
    register = SHEET.register(name)
    found = words(one, at, 57)
    value = signed(found[register.at - START])
    return value * 10 ** signed(found[SHEET.register(register.exponent).at - START])


@pytest.mark.parametrize(("begins", "short", "model"), [*product(BASES, ("", "short-common-model"), ("", "one-phase"))])
def test_a_map_is_walked_from_its_marker_to_its_end(begins, short, model):
    one = metered(*(quirk for quirk in (begins, short, model) if quirk))
    at, heads = BASES[begins] + 2, []
    assert words(one, BASES[begins], 2) == SUNS
    while (head := words(one, at, 2)) != END:
        heads.append((at, *head))
        at += 2 + head[1]
    common, meter = heads
    assert common[1:] == (1, 65 if short else 66)
    assert meter[1:] == (201 if model else 203, 105)
    assert shown(one, meter[0], "current_l1") == pytest.approx(5.31)
    assert shown(one, meter[0], "power_l1") == 1_220
    with pytest.raises(Refused):
        words(one, at + 2, 1)
    with pytest.raises(Refused):
        words(one, BASES[begins] - 1 if begins != "begins-at-0" else 40_000, 1)


def test_a_meter_of_one_phase_has_nothing_of_the_others():
    one = metered("one-phase")
    absent = [
        words(one, SHEET.register(f"{what}_l{k}").at, 1) for what in ("current", "voltage", "power") for k in (2, 3)
    ]
    assert absent == [[0x8000]] * 6
    assert shown(one, START, "power") == 1_220


@pytest.mark.parametrize(
    ("ma", "exponents"),
    [(0, (-3, 0)), (10_900, (-3, 0)), (11_000, (-2, 0)), (47_600, (-2, 1)), (110_000, (-1, 1)), (500_000, (-1, 2))],
)
def test_exponents_that_change_are_the_least_that_hold_the_values(ma, exponents):
    one = metered("changing-exponents", later_ma=(ma,) * 3).to(30 * S)
    assert tuple(signed(words(one, SHEET.register(name).at, 1)[0]) for name in ("a_sf", "w_sf")) == exponents
    assert shown(one, START, "current_l2") == pytest.approx(ma / 1000, abs=10.0 ** exponents[0])
    assert shown(one, START, "power") == pytest.approx(ma * 690 / 1000, abs=10.0 ** exponents[1])


def test_exponents_that_change_do_so_from_one_read_to_the_next():
    one = metered("changing-exponents", later_ma=(20_000,) * 3)
    before = shown(one, START, "current_l1"), words(one, SHEET.register("a_sf").at, 1)
    one.to(30 * S)
    after = shown(one, START, "current_l1"), words(one, SHEET.register("a_sf").at, 1)
    assert (before, after) == ((pytest.approx(5.31), [0xFFFD]), (pytest.approx(20), [0xFFFE]))
    with pytest.raises(Refused):
        one.device("grid").write("holding", START, [203])
