"""What ``devices show`` tells of a meter."""

import pytest

from chargebench.datasheets.load import load
from chargebench.scenarios.sheets import as_json, as_text


def line(name, start):
    (found,) = (one for one in as_text(load(name)).splitlines() if one.startswith(start))
    return found


AMPS = "current_l1, current_l2, current_l3"


@pytest.mark.parametrize(
    ("name", "measures", "signs"),
    [
        (
            "abb-b23",
            f"{AMPS}, power, import_energy, export_energy",
            "power above 0 is drawn; currents without sign; class B",
        ),
        ("eastron-sdm72", "power, import_energy, export_energy", "power above 0 is drawn"),
        ("orno-we514", "current, power, total_energy", "power without sign; currents without sign"),
        (
            "dzg-dvh4013",
            f"{AMPS}, import_power, export_power, import_energy, export_energy",
            "power without sign; currents without sign",
        ),
        ("ytl-dts353", f"{AMPS}, power", "what the sign of a power means is not known"),
    ],
)
def test_a_meter_is_shown_with_what_it_measures_and_what_its_signs_mean(name, measures, signs):
    assert line(name, "measures").split(maxsplit=1)[1] == f"{measures}; {signs}"


def test_a_map_that_must_be_searched_is_shown_with_its_models():
    assert line("sunspec-203", "map ").split(maxsplit=1)[1] == (
        "at 40000, on others at 0, 50000; models 1 at 40002, 203 at 40070; of the same layout: 201 (1 phase), 204 (3 phases)"
    )
    assert as_json(load("sunspec-203"))["sunspec"] == {
        "bases": (40_000, 0, 50_000),
        "models": ((1, 66), (203, 105)),
        "alike": ((201, 1), (204, 3)),
    }


def test_a_register_is_shown_with_its_exponent():
    assert "W * 10^w_sf" in line("sunspec-203", "40089")
    registers = as_json(load("sunspec-203"))["registers"]
    assert isinstance(registers, list)
    (power,) = (one for one in registers if one["name"] == "power_l1")
    assert (power["exponent"], power["absent"], power["little"]) == ("w_sf", 0x8000, False)
