"""When phases are switched: what a box and its car must be like, which phase is short, and what a limit of imbalance does to it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chargebench.emulator.spec import BoxSpec, CarSpec, ConnectionSpec, HouseSpec, MeterSpec, TcpAt, WorldSpec
from chargebench.manager.orders import NO_ORDERS, Orders
from chargebench.manager.site import Box, Connection, HouseMeter, Site, TcpAddress
from chargebench.manager.why import reasons
from tests.laws.switching_laws import RESTS_US, SwitchingLoop

ENOUGH, LITTLE = Orders(surplus_w=9_000), Orders(surplus_w=2_800)
AT = TcpAt("192.168.2.151", 4701)
BOX = Box("yard", "power-brain", TcpAddress(AT.host, AT.port), 1, (0, 1, 2), switch_us=RESTS_US)
SITE = Site(Connection(24_000, 34_782), (BOX,), surplus=((0, 0),))
SPEC = BoxSpec(
    "yard", "power-brain", AT, max_ma=16_000, boot_limit_ma=16_000, boot_enable=False, attached=True,
    quirks=("phase-switching",),
)  # fmt: skip
METERED = (HouseMeter("house", "eastron-sdm630", TcpAddress("192.168.2.100", 502), 1, "consumption"),)
METER = MeterSpec("house", "eastron-sdm630", TcpAt("192.168.2.100", 502), 1, "house")


def play(orders, site=SITE, phases=3, house=(0, 0, 0), cycles=120, touch=lambda _world: None):
    """One box, one car, for so many cycles; what it was told, as (phases, limit)."""
    car = CarSpec("zoe", "yard", 2_000_000, None, phases, 16_000, 40_000, delay_us=1_000_000)
    meters = (METER,) if site.meters else ()
    world = WorldSpec(ConnectionSpec(34_782), (SPEC,), meters, (car,), HouseSpec(((0, house),)))
    loop = SwitchingLoop(site, world, orders)
    touch(loop.world)
    loop.run(cycles)
    return loop, [(command.phases, command.limit_ma) for command in loop.commands]


def test_a_box_with_too_little_for_three_phases_charges_on_one_and_proves_it_first():
    loop, told = play({0: LITTLE})
    assert told == [(1, 0), (None, 6_000), (None, 12_100)]
    assert loop.controller.switching.all[0].live == 1
    assert loop.controller.boxes[0].phases == (0,)


def test_why_it_changes_is_told():
    loop, _ = play({0: LITTLE}, cycles=60)
    says = "changes to one phase: what was ordered has left less than the 4.1 kW that three need for 2 min"
    assert reasons(loop.controller, loop.view()) == (says,)


def test_a_cloud_that_passes_in_time_changes_nothing():
    _, told = play({0: ENOUGH, 10: LITTLE, 45: ENOUGH}, cycles=150)
    assert [phases for phases, _ in told] == [None] * len(told)


def test_a_car_known_to_use_one_phase_is_left_alone():
    loop, told = play({0: ENOUGH, 60: LITTLE, 70: replace(LITTLE, surplus_w=1_000)}, phases=1, cycles=200)
    assert loop.controller.switching.all[0].car == (0,)
    assert all(phases is None for phases, _ in told)


def test_a_box_that_says_one_phase_and_charges_on_three_counts_on_three_and_is_left_alone():
    def changes_only_without_car(world):
        world.boxes["yard"].switch_us = None

    loop, told = play({0: LITTLE}, cycles=450, touch=changes_only_without_car)
    assert [phases for phases, _ in told if phases] == [1]
    assert max(ma for _, ma in told) == 6_000  # it was to prove it first
    assert loop.controller.boxes[0].phases == (0, 1, 2)
    assert loop.controller.boxes[0].confirmed_ma == 0


def test_a_box_that_does_not_change_is_told_twice_and_goes_on_as_it_is():
    def ignores(world):
        world.boxes["yard"].select_relay = lambda *_: None

    loop, told = play({0: LITTLE, 250: ENOUGH}, cycles=400, touch=ignores)
    assert [phases for phases, _ in told if phases] == [1, 1]
    assert told[-1] == (None, 13_000)
    assert loop.controller.switching.all[0].fixed


@pytest.mark.parametrize(("short", "changes"), [((0, 30_000, 0), True), ((30_000, 0, 0), False)])
def test_a_phase_that_is_short_is_left_but_not_for_itself(short, changes):
    site = replace(SITE, meters=METERED)
    _, told = play({0: NO_ORDERS}, site=site, house=short)
    assert any(phases == 1 for phases, _ in told) == changes
    assert (max(ma for _, ma in told) > 0 if told else False) == changes


@pytest.mark.parametrize(("imbalance_ma", "most_ma"), [(20_000, 12_100), (8_000, 8_000), (5_000, 0)])
def test_a_switched_box_keeps_to_the_limit_of_imbalance(imbalance_ma, most_ma):
    _, told = play({0: LITTLE}, site=replace(SITE, imbalance_ma=imbalance_ma))
    assert max((ma for _, ma in told), default=0) == most_ma


def test_a_box_on_one_phase_goes_back_where_three_give_its_car_more():
    _, told = play({0: LITTLE, 100: replace(ENOUGH, surplus_w=4_000), 250: ENOUGH}, cycles=420)
    assert [phases for phases, _ in told if phases] == [1, 3]
    at = [phases for phases, _ in told].index(3)
    assert told[at - 1] == (None, 0)
    assert told[at + 1] == (None, 13_000)
