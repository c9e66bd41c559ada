"""Every meter that is made by its datasheet shows what flows, in its own words, units, signs and registers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.datasheets.codec import decode, encode, is_float, scaled
from chargebench.datasheets.load import load, names
from chargebench.datasheets.model import Register
from chargebench.emulator.device import Refused
from chargebench.emulator.devices.measured import meter_device
from chargebench.emulator.devices.registers import Hooks
from chargebench.emulator.devices.shown import rest, shown
from chargebench.emulator.meter import PhaseMeter
from tests.emulator.boxes import GENERAL, running, sheet_of
from tests.emulator.worlds import Bench, S, grid_meter

METERS = [name for name in names() if load(name).kind == "meter" and name not in {"power-brain-s0", "eastron-sdm630"}]
MA = (5_310, 12_000, 0)
VOLTAGE_MV = 230_000
HOURS = 5


def metered(name):
    return Bench(meters=[grid_meter(device=name)], house=((0, MA),)).to(HOURS * 3600 * S)


def value(one, sheet, name):
    """What a register shows, its exponent asked for first."""
    register = sheet.register(name)
    if register.exponent:
        register = scaled(register, value(one, sheet, register.exponent))
    return decode(register, one.device("grid").read(register.table, register.at, register.count))


def resolution(sheet, name):
    """The greatest difference to what is true that the register's own counting causes."""
    register = sheet.register(name)
    if is_float(register):
        return 2
    exponent = sheet.register(register.exponent).default if register.exponent else 0
    return max(1, abs(register.scale * 10**exponent))


def close(one, sheet, name, true):
    seen = value(one, sheet, name)
    seen = 0 if seen is None and sheet.register(name).absent == 0 else seen
    assert abs(seen - true) <= resolution(sheet, name), (name, seen, true)


@pytest.mark.parametrize("name", METERS)
def test_a_meter_shows_what_flows(name):
    one, sheet = metered(name), sheet_of(name)
    block = sheet.meter
    phases_w = [ma * VOLTAGE_MV // 1_000_000 for ma in MA][: block.phases]
    sign = -1 if block.sign == "export" else 1
    for k, register in enumerate(block.currents):
        close(one, sheet, register, MA[k] * (sign if block.current_sign == "own" else 1))
    for k, register in enumerate(block.voltages):
        close(one, sheet, register, VOLTAGE_MV)
        assert k < block.phases
    for k, register in enumerate(block.powers):
        close(one, sheet, register, sign * phases_w[k])
    for k, register in enumerate(block.imports):
        close(one, sheet, register, phases_w[k] * HOURS)
    if block.power:
        close(one, sheet, block.power, sign * sum(phases_w) + 1)
    for register in (block.imported, block.total):
        if register:
            assert abs(value(one, sheet, register) - sum(phases_w) * HOURS) <= HOURS * block.phases + resolution(
                sheet, register
            )
    for register in (block.feed_in, block.exported, *block.exports):
        assert not register or value(one, sheet, register) in {0, None}


@pytest.mark.parametrize("name", METERS)
def test_every_register_of_a_meter_can_be_read_whole(name):
    one, sheet = metered(name), sheet_of(name)
    for register in sheet.registers:
        if register.readable:
            assert len(one.device("grid").read(register.table, register.at, register.count)) == register.count


def test_a_map_that_must_be_searched_is_found_and_ends():
    one, sheet = metered("sunspec-203"), sheet_of("sunspec-203")
    assert list(one.device("grid").read("holding", 40_000, 2)) == [0x5375, 0x6E53]
    at, found = 40_002, []
    while (head := list(one.device("grid").read("holding", at, 2)))[0] != 0xFFFF:
        found.append(tuple(head))
        at += 2 + head[1]
    assert tuple(found) == sheet.sunspec.models
    assert at == sheet.sunspec.end


def test_a_meter_of_one_phase_counts_the_one_it_is_wired_to():
    spec = grid_meter(device="eastron-sdm120", wiring=(1, 0, 2))
    one, sheet = Bench(meters=[spec], house=((0, MA),)).to(10 * S), load("eastron-sdm120")
    assert value(one, sheet, "current") == MA[1]
    assert value(one, sheet, "power") == MA[1] * VOLTAGE_MV // 1_000_000


@pytest.mark.parametrize(
    ("sign", "current_sign", "expected"), [("export", "own", (-1, -1)), ("export", "none", (1, -1))]
)
def test_what_is_drawn_is_negative_where_a_meter_counts_what_is_fed_in(sign, current_sign, expected):
    bench = Bench(meters=[grid_meter(device="orno-we516")], house=((0, MA),)).to(10 * S)
    sheet = sheet_of("orno-we516")
    sheet = replace(sheet, meter=replace(sheet.meter, sign=sign, current_sign=current_sign))
    phases = PhaseMeter(grid_meter(), bench.world.source("connection"))
    device = meter_device(sheet, phases, 1, bench.world, Hooks(_ignore, _ignore, _ignore))
    shows = [sheet.register(name) for name in (sheet.meter.currents[1], sheet.meter.powers[1])]
    seen = [int(str(decode(one, device.read(one.table, one.at, one.count)))) for one in shows]
    assert tuple((number > 0) - (number < 0) for number in seen) == expected


def _ignore(*_args):
    """Nobody minds."""


@pytest.mark.parametrize("name", [name for name in GENERAL if load(name).meter])
def test_a_box_with_a_meter_of_its_own_shows_what_its_car_draws(name):
    one = running(name)
    block = one.sheet.meter
    for register in block.currents:
        assert abs(one.value(register) - 10_000) <= one.sheet.register(register).scale + 2
    if block.power:
        assert abs(one.value(block.power) - 6_900) <= one.sheet.register(block.power).scale + 2
    one.after(3600)
    for register in (block.imported, *block.imports):
        if register:
            assert one.value(register) > 2_000


@pytest.mark.parametrize("name", METERS)
def test_a_meter_refuses_what_lies_outside_its_map(name):
    one, sheet = metered(name), sheet_of(name)
    table = sheet.registers[0].table
    with pytest.raises(Refused) as caught:
        one.device("grid").read(table, 65_000, 2)
    assert caught.value.code == 2


WIDE = Register("one", 0, "holding", "i32", 2, "W")
REGISTERS = st.builds(
    lambda kind, scale: replace(WIDE, type=kind, count={"u16": 1, "i16": 1}.get(kind, 2), scale=scale),
    st.sampled_from(["u16", "i16", "u32", "i32"]),
    st.fractions(min_value="1/1000", max_value=1000, max_denominator=1000),
)


@given(REGISTERS, st.integers(-(10**9), 10**9))
def test_what_is_shown_can_always_be_held_and_is_never_larger(register, true):
    number = shown(register, true)
    assert decode(register, encode(register, number)) == number
    assert abs(number) <= abs(true)


def test_a_register_without_a_meaning_shows_that_it_has_no_value_where_it_can():
    none = replace(WIDE, type="i16", count=1, absent=0x8000)
    assert decode(none, encode(none, rest(none).get())) is None
    assert rest(replace(WIDE, default=7)).get() == 7
    assert rest(WIDE).get() == 0
    assert rest(replace(WIDE, type="str", text="hex")).get() == "0" * 8
    kept = rest(replace(WIDE, writes=(6,), absent=5))
    assert kept.set is not None
    kept.set(9)
    assert kept.get() == 9
