"""A world driven by the clock of a loop: punctual, and the same world at any speed. The loop's time is virtual here."""

from __future__ import annotations

import asyncio
from functools import partial
from types import SimpleNamespace
from typing import cast

import pytest

from chargebench.datasheets.load import load
from chargebench.emulator.clock.loop import SimLoop
from chargebench.emulator.pump import Pump
from chargebench.emulator.streams import Streams
from chargebench.emulator.world import World
from tests.emulator.worlds import HOUR, Bench, S, box_spec, car_spec, since

SPEEDS = (1, 10, 0.5, 7, 1000)


def tardy(loop, late_s):
    """A loop whose timers fire so much too late."""
    slow = SimpleNamespace(time=loop.time, create_future=loop.create_future)
    slow.call_at = lambda when, callback: loop.call_at(when + late_s, callback)
    return cast("asyncio.AbstractEventLoop", slow)


def one_car(**changes):
    return Bench([box_spec(**changes)], [car_spec(leaves_us=300 * S)], house=((0, (0, 0, 0)), (60 * S, (4_000, 0, 0))))


@pytest.mark.parametrize("speed", SPEEDS)
def test_everything_happens_at_its_instant(speed):
    loop, told = SimLoop(), []
    world = World(one_car().world.spec, Streams(0), lambda event: told.append((loop.now_us, event.at_us)), load)

    async def main() -> None:
        await asyncio.sleep(5)
        pump = Pump(world, loop, speed)
        begun_us = loop.now_us
        await asyncio.sleep(400 / speed)
        pump.stop()
        assert pump.late_us == 0
        assert len(told) > 10
        for loop_us, world_us in told:
            assert 0 <= loop_us - begun_us - world_us / speed < 1

    loop.run(main())


@pytest.mark.parametrize("speed", SPEEDS)
def test_world_is_the_one_that_is_advanced_at_once(speed):
    loop, bench, other = SimLoop(), one_car(), one_car()

    async def main() -> None:
        pump = Pump(bench.world, loop, speed)
        await asyncio.sleep(400 / speed)
        assert pump.advance() == bench.world.now_us == pytest.approx(400 * S, abs=speed)

    loop.run(main())
    other.to(bench.world.now_us)
    assert bench.events == other.events
    assert bench.world.figures() == other.world.figures()


def test_what_an_access_causes_is_waited_for():
    loop, bench = SimLoop(), one_car(boot_enable=False)

    async def main() -> None:
        pump = Pump(bench.world, loop)
        await asyncio.sleep(20)
        pump.advance()
        bench.device().write("holding", 8093, [100, 1])
        await asyncio.sleep(10)
        assert since(bench, 20 * S, "offer") == [(20 * S + 200_000, "offer", 10_000)]
        pump.stop()

    loop.run(main())


def test_accesses_between_events_change_nothing():
    loop, bench, other = SimLoop(), one_car(), one_car()

    async def main() -> None:
        pump = Pump(bench.world, loop, 3)
        for _ in range(220):
            await asyncio.sleep(0.617)
            pump.advance()
        pump.stop()

    loop.run(main())
    other.to(bench.world.now_us)
    assert bench.events == other.events


@pytest.mark.parametrize("speed", [1, 10])
def test_lateness_is_told_in_the_time_of_the_loop(speed):
    loop, bench = SimLoop(), one_car()

    async def main() -> None:
        pump = Pump(bench.world, tardy(loop, 0.25), speed)
        await asyncio.sleep(20 / speed)
        assert pump.late_us == 250_000
        pump.stop()

    loop.run(main())


def test_stopped_world_stands_still():
    loop, bench = SimLoop(), one_car()

    async def main() -> None:
        pump = Pump(bench.world, loop)
        await asyncio.sleep(8)
        pump.stop()
        pump.stop()
        assert pump.ended.result() is None
        await asyncio.sleep(HOUR / S)
        assert pump.advance() == bench.world.now_us == 8 * S
        assert list(loop.timers()) == []

    loop.run(main())
    assert bench.story("plugged") == []


def test_world_that_breaks_ends_its_pump_with_the_exception():
    loop, bench = SimLoop(), one_car()
    broken = RuntimeError("a law of nature")

    def break_down(_segment):
        raise broken

    async def main() -> None:
        pump = Pump(bench.world, tardy(loop, 3600))
        bench.world.watch.append(break_down)
        await asyncio.sleep(100)
        with pytest.raises(RuntimeError) as caught:
            pump.advance()
        assert caught.value is pump.ended.exception() is broken
        before_us = bench.world.now_us
        await asyncio.sleep(100)
        assert pump.advance() == before_us
        pump.stop()

    loop.run(main())


@pytest.mark.parametrize("speed", [0, -1, float("nan"), float("inf")])
def test_speed_that_is_none_is_refused(speed):
    loop = SimLoop()
    with pytest.raises(ValueError, match="expected a speed above 0"):
        Pump(one_car().world, loop, speed)
    loop.close()


@pytest.mark.parametrize(("speed", "late_s"), [(1, 0), (1, 3), (60, 0.5), (7, 40)])
def test_whoever_asks_for_an_instant_finds_the_world_there_however_late_the_timers_are(speed, late_s):
    loop, bench, seen = SimLoop(), one_car(), []
    instants = (0, 12 * S, 60 * S, 60 * S, 123_456_789)

    def look(place, at_us):
        seen.append((place, at_us, bench.world.now_us, bench.drawn_ma()))

    async def main() -> None:
        pump = Pump(bench.world, tardy(loop, late_s), speed, held=True)
        for place, when_us in enumerate(instants):
            pump.at(when_us, partial(look, place))
        pump.begin()
        await asyncio.sleep(400 / speed + 2 * late_s)
        pump.stop()

    loop.run(main())
    assert seen == [(place, at_us, at_us, one_car().to(at_us).drawn_ma()) for place, at_us in enumerate(instants)]


def test_a_held_world_stands_still_until_it_is_begun():
    loop, bench = SimLoop(), one_car()

    async def main() -> None:
        pump = Pump(bench.world, loop, 10, held=True)
        await asyncio.sleep(50)
        assert (pump.now_us, pump.advance(), bench.events) == (0, 0, [])
        pump.begin()
        await asyncio.sleep(1)
        assert pump.advance() == 10 * S
        pump.stop()

    loop.run(main())
