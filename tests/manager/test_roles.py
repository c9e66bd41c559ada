"""Roles of the meters of a house: what the roof makes relieves the house, and never lets more than the limit flow to the boxes."""

import pytest

from chargebench.manager.controller import HOUSE_BAND_MA, Controller
from chargebench.manager.readings import BoxReading, BoxView, Command, MeterReading, MeterView, Pilot, View
from chargebench.manager.site import Box, Connection, HouseMeter, Site, TcpAddress
from chargebench.manager.site_file import read_site

AT = TcpAddress("192.168.2.151", 4701)


def site(*roles, limit_ma=21_000, house_max_ma=14_000):
    meters = tuple(HouseMeter(f"m{k}", "eastron-sdm630", AT, k + 1, role) for k, role in enumerate(roles))
    box = Box("box0", "power-brain", AT, 1, (0, 1, 2))
    return Site(Connection(14_500, limit_ma, house_max_ma=house_max_ma), (box,), meters)


def view(*amps, pilot="B", limit_ma=0):
    shown = tuple(MeterView() if ma is None else MeterView(MeterReading(0, (ma,) * 3)) for ma in amps)
    return View((BoxView(BoxReading(0, Pilot(pilot), limit_ma, limit_ma)),), shown)


def background(roles, *amps):
    control = Controller(site(*roles))
    control.cycle(0, view(*amps))
    return control.decision.background[0]


@pytest.mark.parametrize(
    ("house", "roof", "counted"),
    [
        (10_000, 0, 10_000 + HOUSE_BAND_MA),
        (10_000, 200, 10_000 + HOUSE_BAND_MA),
        (10_000, 4_000, 6_000 + 2 * HOUSE_BAND_MA),
        (10_000, 30_000, 0),
        (10_000, -500, 10_000 + HOUSE_BAND_MA),
        (10_000, None, 10_000 + HOUSE_BAND_MA),
        (None, 4_000, 10_000 + HOUSE_BAND_MA),
    ],
)
def test_what_the_roof_makes_is_taken_off_the_house_at_its_least_and_for_no_more_than_it_takes(house, roof, counted):
    """A house of which nothing is known counts at its greatest load."""
    assert background(("consumption", "generation"), house, roof) == counted


def test_behind_a_meter_of_the_grid_what_the_roof_makes_is_in_it_already():
    assert background(("grid supply", "generation"), 10_000, 4_000) == background(("grid supply",), 10_000)


@pytest.mark.parametrize("role", ["consumption of cars", "display"])
def test_by_meters_of_cars_and_for_display_nothing_is_decided(role):
    assert background(("consumption", role), 10_000, 9_000) == background(("consumption",), 10_000)
    assert background((role,), 9_000) == 14_000


def test_a_roof_that_falls_out_of_its_band_is_a_decision_and_one_inside_it_is_none():
    control = Controller(site("consumption", "generation"))
    assert control.cycle(0, view(10_000, 8_000)) == [Command(0, 0, 16_000)]
    n = 1
    while not control.quiet(n, view(10_000, 8_000, limit_ma=16_000)):
        control.cycle(n, view(10_000, 8_000, limit_ma=16_000))
        n += 1
    assert control.quiet(n, view(10_000, 8_000 - HOUSE_BAND_MA, limit_ma=16_000))
    assert control.cycle(n, view(10_000, 2_000, limit_ma=16_000)) == [Command(n, 0, 12_400)]


def test_a_roof_whose_meter_falls_silent_counts_as_nothing_at_once():
    control = Controller(site("consumption", "generation"))
    control.cycle(0, view(10_000, 8_000))
    seen = view(10_000, 8_000, limit_ma=16_000)
    silent = View(seen.boxes, (seen.meters[0], MeterView(seen.meters[1].reading, 0)))
    assert control.cycle(1, silent) == [Command(1, 0, 10_700)]


@pytest.mark.parametrize("role", ["grid supply", "consumption", "generation", "consumption of cars", "display"])
def test_a_site_file_names_each_role(tmp_path, role):
    path = tmp_path / "site.yaml"
    path.write_text(
        "connection: {max_total_power: 34 kW}\n"
        "evses:\n  - {name: internal, device: power-brain}\n"
        f'meters:\n  - {{name: m, device: eastron-sdm630, at: "192.168.2.9:502", id: 1, role: {role}}}\n'
    )
    assert read_site(path).meters[0].role == role
