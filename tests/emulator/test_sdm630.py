"""An SDM630: what it measures, as floats behind its registers."""

from __future__ import annotations

import struct

import pytest

from chargebench.datasheets.codec import decode
from chargebench.datasheets.load import load
from chargebench.emulator.device import Refused
from chargebench.emulator.spec import FaultSpec, LineAt
from tests.emulator.worlds import HOUR, Bench, S, box_spec, car_spec, grid_meter

SHEET = load("eastron-sdm630")


def bench(factor=1000, faults=(), **changes):
    return Bench(
        [box_spec(wiring=(1, 2, 0))],
        [car_spec(phases=1, below_ma=70, plugs_us=0)],
        [grid_meter(**changes)],
        house=[(0, (10_000, 0, 3_000))],
        factor=factor,
        faults=faults,
    )


def value(one, name):
    register = SHEET.register(name)
    return decode(register, one.device("grid").read(register.table, register.at, register.count))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("voltage_l1", 230_000),
        ("voltage_l3", 230_000),
        ("current_l1", 10_000),
        ("current_l2", 15_930),
        ("current_l3", 3_000),
        ("power_l1", 2_300),
        ("power_l2", 3_663),
        ("power", 6_653),
        ("apparent", 6_653),
        ("reactive", 0),
        ("power_factor", 1000),
        ("power_factor_l2", 1000),
        ("phase_angle", 0),
        ("frequency", 50_000),
        ("export_energy", 0),
        ("baud_rate", 2),
        ("network_node", 1),
        ("serial_number", 0),
    ],
)
def test_a_meter_shows_what_flows(name, expected):
    assert value(bench().to(60 * S), name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("power_l1", 1_955),
        ("apparent_l1", 2_300),
        ("reactive_l1", 1_211),
        ("power_factor_l1", 850),
        ("power_l2", 3_663),
        ("power_factor_l2", 1000),
        ("reactive_l2", 0),
        ("power", 1_955 + 3_663 + 587),
        ("apparent", 6_653),
    ],
)
def test_a_power_factor_shows_in_the_powers(name, expected):
    assert value(bench(factor=850).to(60 * S), name) == pytest.approx(expected, abs=1)


def test_energies_are_those_of_the_active_current():
    one = bench(factor=850).to(HOUR)
    car = one.car.energy_wh(HOUR)
    assert value(one, "import_l1") == 1_955
    assert value(one, "import_l2") == pytest.approx(car, abs=1)
    for name in ("import_energy", "total_energy"):
        assert value(one, name) == pytest.approx(1_955 + car + 586, abs=2)
    angle = value(one, "phase_angle")
    assert 0 < angle < 31_800
    assert value(one, "reactive_import") == value(one, "total_reactive") > 0


def test_floats_are_high_word_first():
    one = bench().to(60 * S)
    words = one.device("grid").read("input", 0, 2)
    assert list(words) == [0x4366, 0]
    words = one.device("grid").read("input", 8, 2)
    assert struct.unpack(">f", struct.pack(">HH", *words))[0] == pytest.approx(15.93, abs=1e-6)


def test_a_read_is_of_80_words_at_most_and_over_holes_0():
    device = bench().device("grid")
    assert list(device.read("input", 34, 20))[2:18] == [0] * 16
    assert len(device.read("input", 0, 80)) == 80
    for address, count in ((0, 81), (36, 2), (358, 2), (0, 0)):
        with pytest.raises(Refused) as caught:
            device.read("input", address, count)
        assert caught.value.code == 2


def test_readings_cannot_be_written_and_settings_can():
    device = bench().device("grid")
    with pytest.raises(Refused) as caught:
        device.write("input", 0, [0, 0])
    assert caught.value.code == 2
    device.write("holding", 20, [0x4120, 0])  # 10.0
    assert list(device.read("holding", 20, 2)) == [0x4120, 0]
    for words in ([0x7FC0, 0], [0x7F80, 0]):  # no number, infinite
        with pytest.raises(Refused) as caught:
            device.write("holding", 20, words)
        assert caught.value.code == 3
    with pytest.raises(Refused) as caught:
        device.write("holding", 28, [0x40A0, 0])  # 5.0 is no baud rate
    assert caught.value.code == 3


@pytest.mark.parametrize(("baud", "code"), [(2400, 0), (4800, 1), (9600, 2), (19_200, 3), (38_400, 4), (57_600, 2)])
def test_a_baud_rate_has_its_code(baud, code):
    assert value(bench(at=LineAt("COM1", baud)), "baud_rate") == code


@pytest.mark.parametrize(("parity", "stops", "code"), [("N", 1, 0), ("E", 1, 1), ("O", 1, 2), ("N", 2, 3)])
def test_parity_and_stop_bits_have_their_code(parity, stops, code):
    assert value(bench(at=LineAt("COM1", 9600, 8, parity, stops)), "parity_stop") == code


def test_where_nothing_flows_the_power_factor_is_1():
    one = Bench(meters=[grid_meter()]).to(S)
    names = (
        "power_factor",
        "power_factor_l1",
        "phase_angle",
        "export_l1",
        "export_energy",
        "reactive_export",
        "thd_l1",
    )
    assert [value(one, name) for name in names] == [1000, 1000, 0, 0, 0, 0, 0]


def test_a_meter_on_a_line_shows_its_line():
    one = bench(at=LineAt("COM1", 19_200, 8, "E", 1), unit=101)
    assert [value(one, name) for name in ("baud_rate", "parity_stop", "network_node")] == [3, 1, 101]


def test_a_meter_holds_its_sample_for_its_interval():
    one = bench(interval_us=10 * S, offset_us=4 * S)
    assert value(one.to(4 * S - 1), "current_l1") == 0
    assert value(one.to(4 * S), "current_l1") == 10_000
    assert value(one.to(14 * S - 1), "current_l2") == 0
    assert value(one.to(14 * S), "current_l2") == 15_930


def test_a_frozen_meter_answers_with_its_last_sample():
    one = bench(faults=[FaultSpec("frozen", "grid", 7 * S, 60 * S)])
    assert value(one.to(7 * S), "current_l2") == 4_000
    assert value(one.to(66 * S), "current_l2") == 4_000
    assert value(one.to(67 * S), "current_l2") == 15_930


def test_an_access_to_a_meter_is_told_only_when_it_writes():
    one = bench().to(S)
    value(one, "power")
    assert one.story("write") == []
    one.device("grid").write("holding", 12, [0x4248, 0])
    assert one.story("write") == [(S, "write", "pulse_width", 50)]
