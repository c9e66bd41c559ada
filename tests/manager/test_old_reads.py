"""A box behind a gateway that answers from memory: what it was told and has answered counts, and it is fed by being told again."""

from __future__ import annotations

import pytest

from chargebench.datasheets.errors import BadFile
from chargebench.datasheets.load import load
from chargebench.manager.controller import Controller
from chargebench.manager.drivers.base import Feed
from chargebench.manager.drivers.old_reads import OldReads
from chargebench.manager.drivers.registry import box_driver
from chargebench.manager.memory import PHYSICAL_US, Memory
from chargebench.manager.readings import BoxReading, BoxView, Pilot
from chargebench.manager.site import Box, Failsafe, TcpAddress
from chargebench.manager.site_file import read_site

S = 1_000_000
AT = TcpAddress("192.168.2.160", 4701)
BOX = Box("garage", "power-brain", AT, 1, (0, 1, 2), memory_us=20 * S)
SITE = """\
connection: {max_total_power: 22 kW, house_max: 6 A}
evses:
  - {name: garage, device: power-brain, at: "192.168.2.160:4701", meter: {device: eastron-sdm630, id: 21}}
  - {name: yard, device: power-brain, at: "192.168.2.161:4701", meter: {device: eastron-sdm630, id: 21, at: "192.168.2.160:4701"}}
meters:
  - {name: house, device: eastron-sdm630, at: "192.168.2.160:4701", id: 9, role: grid supply}
"""


class Inner:
    """A driver that shows what a test wants."""

    step_ma, shows_limit, latency_us = 100, True, 0
    need: Feed | None = None

    def __init__(self, **shown):
        self.shown = shown

    def greet(self):
        return ()

    def prepares(self, _greeted, _failsafe):
        return ()

    def feeds(self, _greeted):
        return self.need

    def reads(self, _greeted):
        return ()

    def understand(self, at_us, _greeted, _answers):
        return BoxReading(at_us, Pilot.C, 16_000, 16_000, (15_000,) * 3, 10_000, 55, **self.shown)

    def writes(self, _limit_ma):
        return ()


def reading(failsafe=None, **shown):
    return OldReads(Inner(**shown), failsafe, 16_000).understand(5, {}, {})


def test_a_reading_is_old_shows_no_limit_and_measures_nothing():
    one = reading()
    assert (one.old, one.limit_ma, one.offered_ma) == (True, 16_000, 0)
    assert (one.phases_ma, one.power_w, one.energy_wh) == (None, None, None)
    assert not OldReads(box_driver("power-brain", load), None, 16_000).shows_limit


@pytest.mark.parametrize(
    ("read", "told", "counts"),
    [
        ((300 * S, 6_000), None, (300 * S, 6_000)),
        ((300 * S, 6_000), (60 * S, 10_000), (300 * S, 10_000)),
        ((60 * S, 10_000), (180 * S, 0), (180 * S, 10_000)),
        ((0, 6_000), (60 * S, 0), (0, 6_000)),
        ((None, None), (60 * S, 0), (None, None)),
    ],
)
def test_of_a_failsafe_the_worse_counts_of_what_was_read_and_what_it_was_set_to(read, told, counts):
    one = reading(None if told is None else Failsafe(*told), failsafe_us=read[0], failsafe_ma=read[1])
    assert (one.failsafe_us, one.failsafe_ma) == counts


def test_it_is_fed_by_its_limit_well_within_the_shorter_of_both_times_and_as_it_needs_to_be_where_it_does():
    driver = OldReads(Inner(failsafe_us=90 * S, failsafe_ma=0), Failsafe(60 * S, 0), 16_000)
    assert driver.feeds({}) == Feed(20 * S)
    driver.understand(0, {}, {})
    assert driver.feeds({}) == Feed(20 * S)
    unknown = OldReads(Inner(failsafe_us=30 * S, failsafe_ma=0), None, 16_000)
    assert unknown.feeds({}) is None
    unknown.understand(0, {}, {})
    assert unknown.feeds({}) == Feed(10 * S)
    needy = Inner()
    needy.need = Feed(2 * S)
    assert OldReads(needy, Failsafe(60 * S, 0), 16_000).feeds({}) == Feed(2 * S)


# -- what is remembered of it ----------------------------------------------------------------------------------------


def seen(memory, at_us, limit_ma, pilot=Pilot.C):
    old = BoxReading(at_us, pilot, limit_ma, failsafe_us=60 * S, failsafe_ma=6_000, old=True)
    memory.observe(BoxView(old, None, at_us), at_us)
    return memory


def test_a_car_that_seems_to_charge_may_have_gone_and_one_that_seems_not_to_may_be_charging():
    memory = seen(seen(Memory(BOX, 230_000), 0, 16_000), 60 * S, 16_000)
    assert memory.taken() == ((0, 0, 0), (16_000,) * 3)
    assert seen(memory, 63 * S, 16_000, Pilot.B).taken() == ((0, 0, 0), (16_000,) * 3)


@pytest.mark.parametrize("pilot", [Pilot.A, Pilot.B, Pilot.C])
def test_a_cut_is_physical_only_by_time_whatever_the_pilot_seems_to_be(pilot):
    memory = seen(seen(Memory(BOX, 230_000), 0, 16_000, pilot), 60 * S, 16_000, pilot)
    memory.send(0, 60 * S)
    seen(memory, 63 * S, 0, pilot)
    assert memory.booked_ma() == 16_000
    seen(memory, 63 * S + PHYSICAL_US, 0, pilot)
    assert memory.booked_ma() == 0


# -- the site --------------------------------------------------------------------------------------------------------


def site_with(tmp_path, gateways):
    path = tmp_path / "site.yaml"
    path.write_text(f"{SITE}gateways: {gateways}\n", "utf-8")
    return read_site(path)


def test_everything_at_the_address_of_a_memory_is_as_old_and_a_meter_there_tells_nothing_of_the_house(tmp_path):
    site = site_with(tmp_path, '[{at: "192.168.2.160:4701", memory: 20 s}]')
    garage, yard = site.boxes
    assert (garage.memory_us, yard.memory_us) == (20 * S, 0)
    assert [box.meter.memory_us for box in site.boxes] == [20 * S, 20 * S]
    assert not site.meters[0].tells_house
    assert not Controller(site)._grid
    assert site_with(tmp_path, "[]").meters[0].tells_house


@pytest.mark.parametrize(
    ("gateways", "complaint"),
    [
        ('[{at: "COM1,9600,8,n,1", memory: 20 s}]', "expected an address such as 192.168.2.160:4701, got 'COM1"),
        ('[{at: "192.168.2.99:502", memory: 20 s}]', "expected an address at which this site has a box or a meter"),
        ('[{at: "192.168.2.160:4701", memory: 0 s}]', "memory: expected more than 0 s and at most 1 h"),
        ('[{at: "nowhere", memory: 20 s}]', "expected an address such as"),
        ('[{at: "192.168.2.160:4701"}]', "memory: "),
        (
            '[{at: "192.168.2.160:4701", memory: 9 s}, {at: "192.168.2.160:4701", memory: 9 s}]',
            "[1].at: expected each gateway once",
        ),
    ],
)
def test_a_gateway_that_cannot_be_is_refused_with_its_place(tmp_path, gateways, complaint):
    with pytest.raises(BadFile) as caught:
        site_with(tmp_path, gateways)
    assert complaint in str(caught.value)
    assert "site.yaml:7:" in str(caught.value)


def test_no_input_may_come_from_a_memory(tmp_path):
    text = SITE.replace("22 kW", "{input: 2, on: 22 kW, off: stop}")
    path = tmp_path / "site.yaml"
    path.write_text(
        f'{text}inputs: [{{number: 2, of: garage}}]\ngateways: [{{at: "192.168.2.160:4701", memory: 20 s}}]\n', "utf-8"
    )
    with pytest.raises(BadFile) as caught:
        read_site(path)
    assert "gateways: expected none before input 2, which would be told too late" in str(caught.value)
