"""How many events a second the world tells when nobody looks on: 25 boxes, a night of cars, a house that steps, a fuse."""

from __future__ import annotations

import time

from chargebench.datasheets.load import load
from chargebench.emulator.events import Event
from chargebench.emulator.spec import BoxSpec, CarSpec, ConnectionSpec, HouseSpec, TcpAt, WorldSpec
from chargebench.emulator.streams import Streams
from chargebench.emulator.world import World

BOXES = 25
VISITS = 16
MINUTE_US = 60_000_000
VISIT_US = 30 * MINUTE_US
WIRINGS = ((0, 1, 2), (1, 2, 0), (2, 0, 1))


def spec() -> WorldSpec:
    boxes = [
        BoxSpec(f"box{k}", "power-brain", TcpAt(f"box{k}.lan", 4701), wiring=WIRINGS[k % 3], failsafe_us=0)
        for k in range(BOXES)
    ]
    cars = [
        CarSpec(
            name=f"car{visit}-{k}",
            box=f"box{k}",
            plugs_us=visit * VISIT_US + k * 7_000_003,
            leaves_us=(visit + 1) * VISIT_US - MINUTE_US + k * 7_000_003,
            phases=1 + (visit + k) % 3,
            max_ma=16_000,
            wanted_wh=1_000 + 250 * k,
        )
        for visit in range(VISITS)
        for k in range(BOXES)
    ]
    steps = tuple((at * MINUTE_US, (at % 9 * 1_000, at % 7 * 1_000, at % 5 * 1_000)) for at in range(VISITS * 30))
    connection = ConnectionSpec(200_000, rating_ma=400_000, opens="never")
    return WorldSpec(connection, tuple(boxes), (), tuple(cars), HouseSpec(steps))


def rate() -> float:
    """Events told per second of wall time."""
    told: list[Event] = []
    world = World(spec(), Streams(0), told.append, load)
    began = time.perf_counter()
    world.finish(VISITS * VISIT_US + 10 * MINUTE_US)
    return len(told) / (time.perf_counter() - began)
