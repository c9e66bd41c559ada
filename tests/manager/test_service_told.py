"""Orders by a file: read, refused with their place, followed as the file changes, and the same after a restart."""

import os
from datetime import datetime, timedelta, timezone

import pytest

from chargebench.datasheets.errors import BadFile, BadInput
from chargebench.manager.orders import Orders, Trip
from chargebench.manager.service.told import OrdersFile
from chargebench.manager.site import Connection, Hours, Site
from tests.manager.house import GARAGE, YARD

HOUR = 3_600_000_000
ZONE = timezone(timedelta(hours=1))
EVENING = datetime(2026, 1, 12, 18, 30, tzinfo=ZONE)
SITE = Site(Connection(34_000, 49_275), (GARAGE, YARD), dimming=Hours(0, 0), surplus=((0, 5_000),))


class Desk:
    """A file, a civil clock and a loop's clock."""

    def __init__(self, folder):
        self.path = folder / "orders.yaml"
        self.civil, self.now_us = EVENING, 7 * HOUR
        self.said = []

    def write(self, text, at=EVENING):
        self.path.write_text(text, "utf-8")
        os.utime(self.path, (at.timestamp(), at.timestamp()))

    def begin(self, site=SITE):
        found = OrdersFile(self.path, site, lambda: self.civil, lambda: self.now_us)
        found.start(self.said.append)
        return found


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


TRIP = "trips:\n  - {box: yard, leaves: 07:00, wants: 20 kWh}\n"


def test_dimming_surplus_and_trips_stand_in_a_file(desk):
    desk.write("dimmed: on\nsurplus: 3 kW\n" + TRIP)
    trip = Trip(7 * HOUR + 12 * HOUR + HOUR // 2, 20_000)
    assert desk.begin().now() == Orders(dimmed=True, surplus_w=3_000, trips=(None, trip))


def test_the_same_orders_are_the_same_whatever_the_clocks_do_meanwhile(desk):
    """Else every cycle would be news."""
    desk.write(TRIP)
    orders = desk.begin()
    first = orders.now()
    desk.civil, desk.now_us = EVENING + timedelta(hours=5, microseconds=3), 12 * HOUR
    assert orders.now() is first


@pytest.mark.parametrize(
    ("hours", "left_h"), [(2, 10.5), (12, 0.5), (13, -0.5), (30, -17.5)], ids=["soon", "late", "over", "long over"]
)
def test_a_manager_that_starts_anew_counts_a_trip_from_when_it_was_written(desk, hours, left_h):
    desk.write(TRIP)
    desk.civil, desk.now_us = EVENING + timedelta(hours=hours), 0
    _, trip = desk.begin().now().trips
    assert trip == Trip(int(left_h * HOUR), 20_000)


def test_a_file_that_changes_is_followed_and_told(desk):
    desk.write("dimmed: off\n")
    orders = desk.begin()
    assert orders.now() == Orders()
    desk.write("dimmed: on\n" + TRIP, EVENING + timedelta(minutes=1))
    assert orders.now().dimmed
    desk.write("surplus: 0 W\n", EVENING + timedelta(minutes=2))
    assert orders.now() == Orders(surplus_w=0)
    assert desk.said == ["orders are a dimming, 1 trip now", "orders are a surplus of 0 W now"]


def test_a_file_that_is_gone_or_wrong_changes_nothing_and_is_told_once(desk):
    desk.write("dimmed: on\n")
    orders = desk.begin()
    desk.write("dimmed: perhaps\n", EVENING + timedelta(minutes=1))
    assert [orders.now().dimmed for _ in range(3)] == [True] * 3
    desk.path.unlink()
    assert orders.now().dimmed
    assert len(desk.said) == 2
    assert "orders stay as they were" in desk.said[0]
    assert "expected on or off" in desk.said[0]
    assert "cannot be read" in desk.said[1]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("dimed: on", "unknown field; did you mean dimmed?"),
        (
            "trips: [{box: yard, leaves: 25:00, wants: 20 kWh}]",
            "trips[0].leaves: expected a time of the day such as 17:00",
        ),
        ("trips: [{box: yrd, leaves: 07:00, wants: 20 kWh}]", "trips[0].box: unknown box 'yrd'; did you mean yard?"),
        (TRIP + "  - {box: yard, leaves: 08:00, wants: 1 kWh}", "trips[1].box: expected each box once"),
        ("surplus: 5", "surplus: expected a power with its unit"),
    ],
)
def test_what_is_no_order_is_refused_at_its_place(desk, text, why):
    desk.write(text)
    with pytest.raises(BadFile) as told:
        desk.begin()
    assert why in str(told.value)


def test_what_the_site_does_not_know_is_no_order_for_it(desk):
    desk.write("dimmed: on\nsurplus: 5 kW\n")
    with pytest.raises(BadFile) as told:
        desk.begin(Site(SITE.connection, SITE.boxes))
    assert [one.args[1] for one in told.value.args] == ["dimmed", "surplus"]


def test_a_file_that_is_not_there_is_refused_at_the_start(desk):
    with pytest.raises(BadInput):
        desk.begin()
