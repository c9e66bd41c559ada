"""Every hypothesis strategy of whole car parks in one place: a site and the world that is built to it."""

import os
from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st

from chargebench.emulator.spec import BoxSpec, CarSpec, ConnectionSpec, HouseSpec, MeterSpec, TcpAt, WorldSpec
from chargebench.manager.site import Box, BoxMeter, Connection, HouseMeter, Site, TcpAddress

SECOND = 1_000_000
WIRINGS = ((0, 1, 2), (1, 2, 0), (2, 0, 1), (0, 2, 1))
HOUSE_STEP_US = 300 * SECOND


def examples(many):
    """So many examples in CI, and ``CHARGEBENCH_EXAMPLES`` times as many where somebody has the time."""
    return settings(max_examples=many * int(os.environ.get("CHARGEBENCH_EXAMPLES", "1")))


@st.composite
def houses(draw, most_ma, hours):
    """A house that steps at most every five minutes, each phase on its own, never above ``most_ma``."""
    steps = [(0, tuple(draw(st.integers(0, most_ma)) for _ in range(3)))]
    for k in range(draw(st.integers(1, 4 * hours))):
        at = (k + 1) * HOUSE_STEP_US + draw(st.integers(0, 59)) * SECOND
        steps.append((at, tuple(draw(st.sampled_from([most_ma, 0, most_ma // 2])) for _ in range(3))))
    return HouseSpec(tuple(steps))


@st.composite
def cars(draw, box, hours):
    out, at = [], 0
    for k in range(draw(st.sampled_from([1, 2, 0]))):
        plugs = at + draw(st.integers(0, 600)) * SECOND
        stays = draw(st.one_of(st.integers(600, 3600 * hours), st.integers(60, 600))) * SECOND
        out.append(
            CarSpec(
                name=f"car-{box.name}-{k}",
                box=box.name,
                plugs_us=plugs,
                leaves_us=plugs + stays,
                phases=draw(st.sampled_from([len(box.wiring), *range(1, len(box.wiring))])),
                max_ma=draw(st.sampled_from([10_000, 16_000, 32_000])),
                wanted_wh=draw(st.integers(200, 40_000)),
                minimum_ma=draw(st.sampled_from([6_000, 6_000, 8_000])),
                below_ma=draw(st.integers(0, 1_000)),
                delay_us=draw(st.integers(1, 11)) * SECOND,
                ramp_ma_per_s=draw(st.sampled_from([1_000, 4_000, 16_000])),
            )
        )
        at = plugs + stays + 10 * SECOND
    return out


@st.composite
def parks(draw, most_boxes=4, hours=1):
    """(Site, WorldSpec): no faults, the world is what the site says, cars and house are nobody's business."""
    limit_w = draw(st.sampled_from([14_500, 11_000, 24_000, 34_000]))
    limit_ma = limit_w * 1_000_000 // 690_000
    reserve_ma = draw(st.sampled_from([0, 1_000, 3_600]))
    role = draw(st.sampled_from(["grid supply", "consumption", None]))
    boxes, specs, meters, visits = [], [], [], []
    for k in range(draw(st.sampled_from([most_boxes, *range(1, most_boxes)]))):
        host = f"192.168.2.{150 + k}"
        wiring = draw(st.sampled_from([*WIRINGS, (0,), (2,)]))
        kind = draw(st.sampled_from(["none", "attached", "s0"]))
        most = draw(st.sampled_from([16_000, 32_000]))
        meter = BoxMeter("power-brain-s0", TcpAddress(host, 4702), 2) if kind == "s0" else None
        box = Box(f"box{k}", "power-brain", TcpAddress(host, 4701), 1, wiring, maximum_ma=most, meter=meter)
        boxes.append(box)
        specs.append(
            BoxSpec(
                box.name,
                "power-brain",
                TcpAt(host, 4701),
                wiring=wiring,
                max_ma=most,
                boot_limit_ma=most,
                boot_enable=draw(st.booleans()),
                attached=kind == "attached",
            )
        )
        if kind == "s0":
            meters.append(
                MeterSpec(f"s0-{k}", "power-brain-s0", TcpAt(host, 4702), 2, box.name, tuple(range(len(wiring))))
            )
        visits += draw(cars(specs[-1], hours))
    house_most = draw(st.sampled_from([limit_ma * 2 // 3, limit_ma // 3, limit_ma, 0]))
    house_meters: tuple[HouseMeter, ...] = ()
    if role is not None:
        house_meters = (HouseMeter("house", "eastron-sdm630", TcpAddress("192.168.2.100", 502), 1, role),)
        measures = "connection" if role == "grid supply" else "house"
        meters.append(MeterSpec("house", "eastron-sdm630", TcpAt("192.168.2.100", 502), 1, measures))
    site = Site(
        Connection(limit_w, limit_ma, reserve_ma=reserve_ma, house_max_ma=house_most), tuple(boxes), house_meters
    )
    world = WorldSpec(
        ConnectionSpec(limit_ma),
        tuple(specs),
        tuple(meters),
        tuple(visits),
        draw(houses(house_most, hours)),
    )
    return site, world


@st.composite
def visits(draw, box):
    """Cars that come and go at one box within ten minutes, at any millisecond."""
    out, at = [], draw(st.sampled_from([5, 15, 10, 20, 25, 30, 45])) * SECOND + draw(st.integers(0, 2_999)) * 1_000
    for k in range(draw(st.sampled_from([2, 1]))):
        stays = draw(st.sampled_from([120, 30, 60, 250])) * SECOND
        out.append(
            CarSpec(
                name=f"car-{box.name}-{k}",
                box=box.name,
                plugs_us=at,
                leaves_us=at + stays,
                phases=draw(st.sampled_from([len(box.wiring), *range(1, len(box.wiring))])),
                max_ma=draw(st.sampled_from([32_000, 16_000, 10_000])),
                wanted_wh=draw(st.sampled_from([60_000, 300])),
                below_ma=draw(st.sampled_from([0, 300, 1_000])),
                delay_us=draw(st.sampled_from([11, 1, 6, 9])) * SECOND,
                ramp_ma_per_s=draw(st.sampled_from([1_000, 4_000, 16_000])),
            )
        )
        at += stays + draw(st.sampled_from([5, 20, 60])) * SECOND + draw(st.integers(0, 2_999)) * 1_000
    return out


@st.composite
def still_houses(draw):
    """(Site, WorldSpec): the house never moves; cars come, share and go on top of one another."""
    limit_ma = draw(st.sampled_from([16_000, 13_000, 21_014, 32_000]))
    role = draw(st.sampled_from(["grid supply", "consumption", None]))
    house_ma = (draw(st.sampled_from([4_000, 0, 2_000])),) * 3
    boxes, specs, meters, cars = [], [], [], []
    for k in range(draw(st.sampled_from([3, 2]))):
        host = f"192.168.2.{150 + k}"
        wiring = draw(st.sampled_from([*WIRINGS, (0,)]))
        kind = draw(st.sampled_from(["attached", "none", "s0"]))
        most = draw(st.sampled_from([16_000, 32_000]))
        minimum = draw(st.sampled_from([6_000, 8_000]))
        priority = draw(st.sampled_from([1, 1, 2]))
        at, meter_at = TcpAddress(host, 4701), TcpAddress(host, 4702)
        meter = BoxMeter("power-brain-s0", meter_at, 2) if kind == "s0" else None
        boxes.append(
            Box(
                f"box{k}",
                "power-brain",
                at,
                1,
                wiring,
                minimum_ma=minimum,
                maximum_ma=most,
                priority=priority,
                meter=meter,
            )
        )
        spec = BoxSpec(f"box{k}", "power-brain", TcpAt(host, 4701), wiring=wiring, max_ma=most, boot_enable=False)
        specs.append(replace(spec, attached=kind == "attached"))
        if kind == "s0":
            inputs, offset_us = tuple(range(len(wiring))), draw(st.integers(0, SECOND - 1))
            meters.append(
                MeterSpec(f"s0-{k}", "power-brain-s0", TcpAt(host, 4702), 2, spec.name, inputs, offset_us=offset_us)
            )
        cars += draw(visits(specs[-1]))
    house_meters: tuple[HouseMeter, ...] = ()
    if role is not None:
        house_meters = (HouseMeter("house", "eastron-sdm630", TcpAddress("192.168.2.100", 502), 1, role),)
        measures = "connection" if role == "grid supply" else "house"
        offset_us = draw(st.integers(0, SECOND - 1))
        on_wire = TcpAt("192.168.2.100", 502)
        meters.append(MeterSpec("house", "eastron-sdm630", on_wire, 1, measures, offset_us=offset_us))
    evse_ma = draw(st.sampled_from([None, limit_ma * 3 // 4]))
    connection = Connection(limit_ma * 69 // 100, limit_ma, evse_ma=evse_ma, house_max_ma=max(house_ma))
    world = WorldSpec(ConnectionSpec(limit_ma), tuple(specs), tuple(meters), tuple(cars), HouseSpec(((0, house_ma),)))
    return Site(connection, tuple(boxes), house_meters), world
