"""The datasheet of the Heidelberg Energy Control, line by line against the facts of its sources."""

import pytest

from chargebench.datasheets.load import load
from chargebench.manager.drivers.heidelberg import Heidelberg

SHEET = load("heidelberg-energy-control")


@pytest.mark.parametrize(
    ("name", "table", "at", "kind", "unit", "scale"),
    [
        ("layout_version", "input", 4, "u16", "", 1),
        ("charging_state", "input", 5, "u16", "", 1),
        ("current_l1", "input", 6, "u16", "mA", 100),
        ("current_l2", "input", 7, "u16", "mA", 100),
        ("current_l3", "input", 8, "u16", "mA", 100),
        ("pcb_temperature", "input", 9, "i16", "mdegC", 100),
        ("voltage_l1", "input", 10, "u16", "mV", 1_000),
        ("voltage_l2", "input", 11, "u16", "mV", 1_000),
        ("voltage_l3", "input", 12, "u16", "mV", 1_000),
        ("extern_lock_state", "input", 13, "u16", "", 1),
        ("power", "input", 14, "u16", "VA", 1),
        ("energy_since_power_on", "input", 15, "u32", "VAh", 1),
        ("energy_since_installation", "input", 17, "u32", "VAh", 1),
        ("hw_max_current", "input", 100, "u16", "mA", 1_000),
        ("hw_min_current", "input", 101, "u16", "mA", 1_000),
        ("watchdog_timeout", "holding", 257, "u16", "ms", 1),
        ("standby_control", "holding", 258, "u16", "", 1),
        ("remote_lock", "holding", 259, "u16", "", 1),
        ("current_limit", "holding", 261, "u16", "mA", 100),
        ("failsafe_current", "holding", 262, "u16", "mA", 100),
    ],
)
def test_a_register_is_where_and_what_the_makers_table_says(name, table, at, kind, unit, scale):
    one = SHEET.register(name)
    assert (one.table, one.at, one.type, one.unit, one.scale) == (table, at, kind, unit, scale)
    assert one.writes == ((6, 16) if table == "holding" else ())
    assert one.source


def test_there_are_twenty_registers_and_only_the_limit_is_gone_after_a_start():
    assert len(SHEET.registers) == 20
    assert {one.name: one.stores for one in SHEET.registers if one.writes} == {
        "watchdog_timeout": "flash",
        "standby_control": "flash",
        "remote_lock": "flash",
        "current_limit": "volatile",
        "failsafe_current": "flash",
    }


def test_it_speaks_rtu_only_at_19200_8e1_as_unit_1_with_reads_of_17_registers():
    assert (SHEET.transports, SHEET.serial, SHEET.unit, SHEET.port) == (("rtu",), "19200,8,e,1", 1, 0)
    assert (SHEET.reads, SHEET.writes, SHEET.max_read) == ((3, 4), (6, 16), 17)


def test_its_limits_are_those_of_its_sources():
    assert dict(SHEET.limits) == {
        "minimum_ma": 6_000,
        "maximum_ma": 16_000,
        "step_ma": 100,
        "watchdog_us": 15_000_000,
        "pause_us": 100_000,
    }


def test_a_register_of_which_no_client_shows_the_meaning_is_unverified():
    assert [one.name for one in SHEET.registers if one.unverified] == ["extern_lock_state"]


def test_every_register_that_is_written_or_read_by_the_driver_is_proven():
    driver = Heidelberg(SHEET)
    reads = [*driver.greet(), *driver.reads({})]
    used = {
        one.name
        for one in SHEET.registers
        for read in reads
        if one.table == read.table and read.address <= one.at < read.address + read.count
    }
    assert {"charging_state", "current_l3", "power", "current_limit", "watchdog_timeout"} <= used
    assert used - {one.register for one in SHEET.golden} == set()


@pytest.mark.parametrize(
    ("name", "own"),
    [("power-brain", True), ("power-brain-s0", True), ("heidelberg-energy-control", False), ("eastron-sdm630", False)],
)
def test_a_device_is_own_where_the_maker_of_the_power_brain_made_it(name, own):
    assert load(name).own is own
