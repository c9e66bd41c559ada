"""Amounts as a person reads them."""

from __future__ import annotations

import pytest

from chargebench.datasheets.words import amperes, kilowatt_hours, lasted

SECOND = 1_000_000
HOUR = 3600 * SECOND


@pytest.mark.parametrize(
    ("us", "text"),
    [
        (0, "0.0 s"),
        (8_399_999, "8.3 s"),
        (60 * SECOND, "1 min"),
        (725 * SECOND, "12 min 5 s"),
        (HOUR, "1 h"),
        (3 * HOUR + 20 * 60 * SECOND + SECOND, "3 h 20 min"),
    ],
)
def test_a_length_of_time_reads_well(us, text):
    assert lasted(us) == text


@pytest.mark.parametrize(
    ("ma", "text"), [(16_000, "16 A"), (14_749, "14.7 A"), (14_750, "14.8 A"), (-6_500, "-6.5 A"), (-40, "0 A")]
)
def test_a_current_is_told_to_the_tenth_of_an_ampere(ma, text):
    assert amperes(ma) == text


@pytest.mark.parametrize(("wh", "text"), [(4_299, "4.2 kWh"), (0, "0.0 kWh")])
def test_an_energy_is_never_told_to_be_more_than_it_is(wh, text):
    assert kilowatt_hours(wh) == text
