"""What a roof makes and what all boxes draw: each flows at the connection, and each has a meter of its own."""

from dataclasses import replace

import pytest

from chargebench.datasheets.load import load
from chargebench.emulator.events import Event
from chargebench.emulator.meter import PhaseMeter
from chargebench.emulator.spec import ALL_BOXES, ROOF, ConnectionSpec, FaultSpec, HouseSpec, WorldSpec
from chargebench.emulator.streams import Streams
from chargebench.emulator.world import World
from tests.emulator.worlds import S, box_spec, car_spec, grid_meter

SPEC = WorldSpec(
    ConnectionSpec(32_000),
    (box_spec("one"), box_spec("two", wiring=(1, 2, 0))),
    tuple(
        grid_meter(name, measures)
        for name, measures in (("grid", "connection"), ("house", "house"), ("roof", ROOF), ("cars", ALL_BOXES))
    ),
    (car_spec("a", "one", plugs_us=S, leaves_us=None, phases=1, max_ma=16_000, wanted_wh=50_000, below_ma=0),
     car_spec("b", "two", plugs_us=S, leaves_us=None, phases=1, max_ma=10_000, wanted_wh=50_000, below_ma=0)),
    HouseSpec(((0, (5_000, 4_000, 3_000)),)),
    roof=HouseSpec(((20 * S, (0, 8_000, 6_000)), (40 * S, (0, 0, 0)))),
)  # fmt: skip


def shown(world, at_us):
    """What each meter shows, in mA."""
    world.advance(at_us)
    return {name: meter.current_ma(at_us) for name, meter in world.meters.items()}


def test_what_the_roof_makes_and_what_the_cars_take_add_up_with_the_house_to_the_grid():
    world = World(SPEC, Streams(1), lambda _: None, load)
    seen = shown(world, 35 * S)
    assert seen["roof"] == (0, 8_000, 6_000)
    assert seen["house"] == (5_000, 4_000, 3_000)
    assert seen["cars"] == (16_000, 10_000, 0), "a car on one phase is on the phase that its box is wired to"
    assert seen["grid"] == (21_000, 6_000, -3_000), "what is made beyond what is taken is fed in"
    after = shown(world, 45 * S)
    assert (after["roof"], after["grid"]) == ((0, 0, 0), (21_000, 14_000, 3_000))
    meters = {name: meter for name, meter in world.meters.items() if isinstance(meter, PhaseMeter)}
    energies = {name: one.total_energy_wh(45 * S) - one.total_fed_wh(45 * S) for name, one in meters.items()}
    assert energies["roof"] == 14 * 230 * 20 // 3600
    assert energies["grid"] == pytest.approx(energies["house"] + energies["cars"] - energies["roof"], abs=2)


@pytest.mark.parametrize("kind", ["blackout", "phase lost"])
def test_a_roof_makes_nothing_on_a_phase_that_is_dead_and_goes_on_when_it_is_back(kind):
    params = () if kind == "blackout" else (("phase", "L2"),)
    fault = FaultSpec(kind, "connection", 25 * S, 5 * S, params=params)
    told: list[Event] = []
    world = World(replace(SPEC, faults=(fault,)), Streams(1), told.append, load)
    before, during, after = (shown(world, at * S)["roof"] for at in (24, 29, 35))
    assert before == after == (0, 8_000, 6_000)
    assert during == ((0, 0, 0) if kind == "blackout" else (0, 0, 6_000))
    assert [event.at_us // S for event in told if event.kind == "roof"] == [20, 25, 30]


def test_a_world_without_a_roof_says_nothing_of_one():
    told: list[Event] = []
    world = World(replace(SPEC, roof=WorldSpec(ConnectionSpec(1), ()).roof), Streams(1), told.append, load)
    assert shown(world, 50 * S)["roof"] == (0, 0, 0)
    assert not [event for event in told if event.kind == "roof"]
