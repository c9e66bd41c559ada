"""What a manager is told: how much a dimming order leaves, what the plan of a site says at a time of day, and what counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.datasheets.errors import BadFile
from chargebench.datasheets.forms import fill
from chargebench.datasheets.yamlfile import parse_yaml
from chargebench.manager.orders import DAY_US, NO_ORDERS, Desk, Orders, Trip, dimmed_w, of_the_day, planned
from chargebench.manager.site import Connection, Hours, Site
from chargebench.manager.site_file import SiteForm, build

HOUR = 3_600_000_000
BARE = Site(Connection(14_500, 21_000), ())
FILE = """\
connection: {max_total_power: 34 kW}
evses:
  - {name: internal, device: power-brain}
"""


def read(more):
    document = parse_yaml(FILE + more, "house.yaml")
    return build(fill(SiteForm, document), document)


@pytest.mark.parametrize(
    ("devices", "watts"),
    [(0, 0), (1, 4_200), (2, 7_560), (3, 10_500), (4, 13_020), (8, 18_900), (9, 19_320), (10, 21_210), (13, 26_880)],
)
def test_a_dimming_order_leaves_4200_w_and_a_part_of_it_for_each_further_device(devices, watts):
    assert dimmed_w(devices) == watts


@pytest.mark.parametrize(
    ("at", "us"),
    [
        (datetime(2026, 1, 12, tzinfo=UTC), 0),
        (datetime(2026, 1, 12, 17, 0, 1, 5, tzinfo=UTC), 61_201_000_005),
        (datetime(2026, 1, 12, 23, 59, 59, 999_999, tzinfo=UTC), 86_399_999_999),
    ],
)
def test_a_plan_by_the_time_of_day_counts_from_midnight(at, us):
    assert of_the_day(at) == us


def test_hours_of_dimming_hold_each_day_and_may_go_over_midnight():
    evening, night = (replace(BARE, dimming=Hours(*hours)) for hours in ((17 * HOUR, 20 * HOUR), (22 * HOUR, 2 * HOUR)))
    found = [planned(evening, at * HOUR) for at in (0, 16, 17, 19, 20)]
    assert [dimmed for dimmed, _, _ in found] == [False, False, True, True, False]
    assert [until // HOUR for _, _, until in found] == [17, 1, 3, 1, 21]
    assert [planned(night, at * HOUR)[0] for at in (21, 22, 0, 1, 2)] == [False, True, True, True, False]


def test_a_surplus_holds_until_the_next_one_and_the_last_one_over_the_night():
    site = replace(BARE, surplus=((10 * HOUR, 5_000), (16 * HOUR, 0)))
    found = [planned(site, at * HOUR)[1:] for at in (0, 9, 10, 15, 16, 23)]
    assert found == [
        (0, 10 * HOUR), (0, HOUR), (5_000, 6 * HOUR), (5_000, HOUR), (0, 18 * HOUR), (0, 11 * HOUR),
    ]  # fmt: skip


@given(
    st.integers(0, 23), st.integers(0, 23), st.lists(st.integers(0, 23), unique=True, max_size=3), st.integers(0, 1439)
)
def test_nothing_changes_before_the_time_that_is_named_and_something_at_it(begins, ends, steps, minute):
    surplus = tuple((at * HOUR, 1_000 * k) for k, at in enumerate(sorted(steps)))
    site = replace(BARE, dimming=Hours(begins * HOUR, ends * HOUR), surplus=surplus)
    now_us = minute * 60_000_000
    dimmed, power_w, until_us = planned(site, now_us)
    for ahead_us in range(0, until_us, HOUR // 4):
        assert planned(site, (now_us + ahead_us) % DAY_US)[:2] == (dimmed, power_w)
    if len(steps) > 1 or (begins != ends and not steps):  # a single step is no change
        assert planned(site, (now_us + until_us) % DAY_US)[:2] != (dimmed, power_w)


def test_what_is_told_counts_beside_the_plan_and_a_told_surplus_in_its_place():
    site = replace(BARE, dimming=Hours(17 * HOUR, 20 * HOUR), surplus=((0, 3_000),))
    told = Orders(True, None, (Trip(5, 6),))
    assert Desk(site, lambda: told, lambda: 0).now() == Orders(True, 3_000, (Trip(5, 6),))
    assert Desk(site, lambda: Orders(surplus_w=0), lambda: 18 * HOUR).now() == Orders(True, 0)
    assert Desk(site).now() is NO_ORDERS  # without a clock nobody knows what the plan says
    assert Desk(BARE, None, lambda: 0).now() is NO_ORDERS


def test_trips_are_counted_from_the_first_cycle():
    assert Orders(trips=(None, Trip(7, 5))).since(3) == Orders(trips=(None, Trip(4, 5)))


def test_a_site_says_when_it_is_dimmed_what_there_is_to_spare_and_what_may_differ():
    site = read("dimming: {from: 17:00, to: 2:30}\nsurplus: [[05:00, 0 W], [10:00, 5 kW]]\nimbalance: 20 A\n")
    assert site.dimming == Hours(17 * HOUR, 5 * HOUR // 2)
    assert site.surplus == ((5 * HOUR, 0), (10 * HOUR, 5_000))
    assert site.imbalance_ma == 20_000
    assert read("dimming: by order\n").dimming == Hours(0, 0)
    assert (read("").dimming, read("").surplus, read("").imbalance_ma) == (None, (), None)


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ("dimming: {from: 17:00, to: 17:00}", "house.yaml:4:28: dimming.to: expected another time"),
        (
            "dimming: {from: 24:00, to: 17:00}",
            "house.yaml:4:17: dimming.from: expected a time of the day such as 17:00",
        ),
        ("dimming: {from: 17:00}", "house.yaml:4:10: dimming.to: expected a time of the day such as 17:00"),
        ("dimming: always", "house.yaml:4:10: dimming"),
        ("surplus: [[10:00, 5 kW], [09:00, 0 W]]", "house.yaml:4:27: surplus[1][0]: expected a later time"),
        ("surplus: [[10:00, 5]]", "house.yaml:4:19: surplus[0][1]: expected a power"),
        ("surplus: [[10:00]]", "house.yaml:4:11: surplus[0]: expected a time of the day and a power"),
        ("surplus: [[noon, 5 kW]]", "house.yaml:4:12: surplus[0][0]: expected a time of the day such as 17:00"),
        ("imbalance: 20", "house.yaml:4:12: imbalance: expected a current"),
    ],
)
def test_an_order_by_the_clock_that_cannot_be_is_refused_with_its_place(more, complaint):
    with pytest.raises(BadFile) as error:
        read(more + "\n")
    assert complaint in str(error.value)
