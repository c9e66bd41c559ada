"""The datasheets that come with chargebench: loaded, proven by their golden lines, complete."""

import pytest

from chargebench.datasheets.codec import decode, encode, scaled
from chargebench.datasheets.errors import Complaint
from chargebench.datasheets.load import load, names
from chargebench.datasheets.rules import HOUSE_UNITS

ALL = names()


def test_the_known_devices_are_listed_in_order():
    assert sorted(ALL) == ALL
    assert {"eastron-sdm630", "power-brain", "power-brain-s0"} <= set(ALL)


def test_an_unknown_device_is_told_with_the_nearest_known_one():
    with pytest.raises(LookupError) as refused:
        load("power-brian")
    assert isinstance(refused.value, Complaint)
    assert str(refused.value) == "unknown device 'power-brian'; did you mean power-brain?"


def test_a_sheet_is_loaded_once():
    assert load("power-brain") is load("power-brain")


@pytest.mark.parametrize("name", ALL)
def test_a_shipped_sheet_says_what_it_is_and_proves_it(name):
    sheet = load(name)
    assert sheet.name == name
    assert sheet.path.startswith(("datasheets/evse/", "datasheets/meter/"))
    assert sheet.sources
    assert sheet.checked
    assert sheet.golden
    for one in sheet.golden:
        register = sheet.register(one.register)
        if one.exponent is not None:
            register = scaled(register, one.exponent)
        assert decode(register, one.words) == one.value
        assert encode(register, one.value) == one.words
    assert all(one.unit in ("", *HOUSE_UNITS) for one in sheet.registers)


@pytest.mark.parametrize("name", ALL)
def test_no_two_registers_of_a_shipped_sheet_share_an_address(name):
    taken = [(one.table, one.at + offset) for one in load(name).registers for offset in range(one.count)]
    assert len(set(taken)) == len(taken)


def test_the_power_brain_has_its_46_registers_over_both_parts():
    box, meter = load("power-brain"), load("power-brain-s0")
    both = {one.at: one.name for one in (*box.registers, *meter.registers)}
    assert len(both) == 46
    assert (min(both), max(both)) == (8000, 8120)
    assert (len(box.registers), len(meter.registers)) == (35, 28)


@pytest.mark.parametrize(
    ("name", "register", "at", "count", "writes", "stores"),
    [
        ("power-brain", "vendor_id", 8000, 2, (), ""),
        ("power-brain", "serial_no", 8008, 8, (), ""),
        ("power-brain", "energy", 8058, 4, (), ""),
        ("power-brain-s0", "energy", 8058, 4, (16,), "flash"),
        ("power-brain-s0", "reset_energy", 8071, 1, (6, 16), "flash"),
        ("power-brain", "def_charging_cur_limit", 8081, 1, (6, 16), "flash"),
        ("power-brain", "fail_safe_duration", 8083, 2, (16,), "flash"),
        ("power-brain", "fail_safe_current", 8085, 1, (6, 16), "flash"),
        ("power-brain", "disconnect_cp", 8086, 1, (6, 16), "volatile"),
        ("power-brain", "charge_pilot_state", 8092, 1, (), ""),
        ("power-brain", "charging_cur_limit", 8093, 1, (6, 16), "volatile"),
        ("power-brain", "charging_enable", 0x1F9E, 1, (6, 16), "volatile"),
        ("power-brain", "last_rfid", 8096, 15, (), ""),
        ("power-brain", "has_meter", 8112, 1, (), ""),
        ("power-brain", "count_restart", 8120, 2, (16,), "flash"),
    ],
)
def test_a_power_brain_register_is_where_and_what_the_maker_says(name, register, at, count, writes, stores):
    one = load(name).register(register)
    assert (one.at, one.count, one.writes, one.stores) == (at, count, writes, stores)


def test_only_the_documented_registers_of_the_power_brain_are_volatile():
    volatile = [one.at for one in load("power-brain").registers if one.stores == "volatile"]
    assert volatile == [8086, 8087, 8088, 8091, 8093, 8094]
    assert all(one.stores for name in ("power-brain", "power-brain-s0") for one in load(name).registers if one.writes)


def test_the_parts_of_the_power_brain_differ_as_documented():
    box, meter = load("power-brain"), load("power-brain-s0")
    assert (box.unit, box.port, box.kind, box.part) == (1, 4701, "evse", "evse")
    assert (meter.unit, meter.port, meter.kind, meter.part) == (2, 4702, "meter", "s0")
    assert (box.register("device_id").default, meter.register("device_id").default) == (0x100, 0x101)
    assert (box.register("slave_id").default, meter.register("slave_id").default) == (1, 2)
    assert (box.limit("minimum_ma"), box.limit("maximum_ma"), box.limit("step_ma")) == (6_000, 63_000, 100)
    assert (box.limit("watchdog_us"), box.register("fail_safe_duration").default) == (300_000_000, 300)
    with pytest.raises(LookupError, match="power-brain-s0 has no register charging_enable"):
        meter.register("charging_enable")


@pytest.mark.parametrize("name", ["power-brain", "power-brain-s0"])
def test_every_register_of_the_power_brain_with_a_scale_or_several_words_is_proven(name):
    sheet = load(name)
    proven = {one.register for one in sheet.golden}
    assert [one.name for one in sheet.registers if (one.scale != 1 or one.count > 1) and one.name not in proven] == []


def test_the_states_of_the_control_pilot_are_named():
    assert dict(load("power-brain").register("charge_pilot_state").values) == {
        **dict(enumerate("ABCDEF")),
        9: "F, DC fault sensor",
    }


def test_the_wire_example_of_charging_enable_decodes():
    request, answer = bytes.fromhex("01031F9E0001"), bytes.fromhex("0103020001")
    one = load("power-brain").register("charging_enable")
    assert one.at == int.from_bytes(request[2:4], "big")
    assert decode(one, [int.from_bytes(answer[3:5], "big")]) == 1


def test_version_and_build_are_the_two_halves_of_the_dumped_number():
    sheet = load("power-brain")
    dumped = 17_696_120
    assert decode(sheet.register("product_version"), [dumped >> 16]) == 0x010E
    assert decode(sheet.register("product_build"), [dumped & 0xFFFF]) == 1400


def test_the_sdm630_has_all_its_registers_and_keeps_the_doubtful_ones_marked():
    sheet = load("eastron-sdm630")
    assert len(sheet.registers) == 42
    assert sheet.transports == ("rtu", "tcp")
    assert (sheet.max_read, sheet.reads, sheet.writes) == (80, (3, 4), (16,))
    assert [one.name for one in sheet.registers if one.unverified] == [
        "pulse_width",
        "parity_stop",
        "network_node",
        "baud_rate",
    ]
    assert [one.at for one in sheet.registers if one.table == "input"][:6] == [0, 2, 4, 6, 8, 10]
    assert {one.type for one in sheet.registers if one.table == "input"} == {"f32"}


@pytest.mark.parametrize(
    ("register", "at", "unit"),
    [
        ("power", 52, "W"),
        ("import_energy", 72, "Wh"),
        ("frequency", 70, "mHz"),
        ("export_l3", 356, "Wh"),
        ("thd_l1", 234, "permille"),
    ],
)
def test_an_sdm630_register_is_where_its_clients_read_it(register, at, unit):
    one = load("eastron-sdm630").register(register)
    assert (one.table, one.at, one.unit) == ("input", at, unit)


def test_no_golden_line_proves_a_doubtful_register():
    for name in ALL:
        sheet = load(name)
        assert not any(sheet.register(one.register).unverified for one in sheet.golden)
