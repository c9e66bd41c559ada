"""How a meter of a world really is: as its sheet says, exact unless the file says otherwise, and nothing that it cannot be."""

from dataclasses import replace

import pytest

from chargebench.datasheets.errors import BadFile
from chargebench.datasheets.load import load
from chargebench.scenarios import truth
from chargebench.scenarios.describe import read_scenario
from tests.scenarios.files import SMALL, put

METERS = """\
  meters:
    - {name: grid, device: DEVICE, at: "192.168.2.100:502", id: 1, role: grid supply}
world:
  meters: {grid: {WHAT}}
"""


def read(folder, what, device="eastron-sdm630"):
    text = SMALL.replace("world:\n", METERS.replace("DEVICE", device).replace("WHAT", what))
    return read_scenario(put(folder, text)).world.meters[0]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("none", 0),
        ("class", "class"),
        ("-1 %", -10_000),
        ("+0.5%", 5_000),
        ("+20 %", 200_000),
        ("-0.001 %", -10),
    ],
)
def test_a_meter_is_wrong_as_the_file_says(tmp_path, said, meant):
    assert read(tmp_path, f"accuracy: {said}").accuracy == meant


def test_a_meter_of_which_nothing_is_said_is_exact(tmp_path):
    assert read(tmp_path, "offset: 0 s").accuracy == 0


@pytest.mark.parametrize("said", ["1 %", "B", "-1", "0.01", "-21 %", "+1.0001 %", "yes", "[class]"])
def test_what_is_no_accuracy_is_refused_with_its_place(tmp_path, said):
    with pytest.raises(
        BadFile, match=r"small\.yaml:13:29: world\.meters\.grid\.accuracy: expected class, none, or by how"
    ):
        read(tmp_path, f"accuracy: {said}")


def test_a_meter_whose_class_nobody_knows_cannot_be_as_good_as_it(tmp_path):
    with pytest.raises(
        BadFile, match=r"accuracy: expected a percentage, such as -1 %: the sheet of siemens-pac2200 tells no"
    ):
        read(tmp_path, "accuracy: class", "siemens-pac2200")
    assert read(tmp_path, "accuracy: -2 %", "siemens-pac2200").accuracy == -20_000


def test_a_meter_measures_as_often_as_its_sheet_says_unless_the_file_says_otherwise(tmp_path, monkeypatch):
    assert read(tmp_path, "offset: 0 s").interval_us == 1_000_000
    sheet = load("eastron-sdm630")
    assert sheet.meter is not None
    slow = replace(sheet, meter=replace(sheet.meter, interval_us=5_000_000))
    monkeypatch.setattr(truth, "load", lambda name: slow if name == slow.name else load(name))
    assert read(tmp_path, "offset: 0 s").interval_us == 5_000_000
    assert read(tmp_path, "interval: 2 s").interval_us == 2_000_000
