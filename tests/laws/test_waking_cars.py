"""A car that took little and wakes has its share back in bounded time, and never takes what was given to others."""

from hypothesis import given
from hypothesis import strategies as st

from chargebench.emulator.spec import BoxSpec, CarSpec, ConnectionSpec, FaultSpec, HouseSpec, TcpAt, WorldSpec
from chargebench.manager.controller import CYCLE_US
from chargebench.manager.memory import PHYSICAL_US
from chargebench.manager.site import Box, Connection, Site, TcpAddress
from tests.laws.closed_loop import LAG_US, LATENCY_US, Loop
from tests.strategies import examples

SECOND_US = 1_000_000
METER_US = SECOND_US
BACK_US = METER_US + LAG_US + CYCLE_US + PHYSICAL_US + 2 * CYCLE_US + LATENCY_US
"""Until it is seen that it wakes; until the cuts of the others are physical; until that is seen, and it is told."""

NA_MORE = 1_000_000
"""A ramp ends with the first whole microsecond at its goal, so up to 16 uA of each car lie beyond."""

STARTS_US = 240 * SECOND_US
"""By then every car has started and stands, and what the sleepy one does not take has been given to the others."""


@st.composite
def sleepy_parks(draw):
    """Up to five metered boxes on a full site; the first car takes 2 to 4 A until it wakes. With the instant of that."""
    many = draw(st.integers(2, 5))
    wakes_us = STARTS_US + draw(st.integers(0, 30 * SECOND_US))
    wirings = [draw(st.sampled_from([(0, 1, 2), (1, 2, 0), (2, 1, 0)])) for _ in range(many)]
    house_ma = draw(st.integers(0, 5_000))
    limit_ma = house_ma + many * draw(st.integers(8_000, 13_000))
    boxes, sites, cars = [], [], []
    for k, wiring in enumerate(wirings):
        host = f"10.0.0.{k}"
        boxes.append(
            BoxSpec(f"box{k}", "power-brain", TcpAt(host, 4701), wiring=wiring, boot_enable=False, attached=True)
        )
        sites.append(Box(f"box{k}", "power-brain", TcpAddress(host, 4701), 1, wiring))
        delay_us = draw(st.integers(0, 8 * SECOND_US))
        ramp = draw(st.integers(4_000, 16_000))
        cars.append(CarSpec(f"car{k}", f"box{k}", k * SECOND_US, None, 3, 16_000, 90_000, 6_000, 0, delay_us, ramp))
    most_ma = draw(st.integers(2_000, 4_000))
    fault = FaultSpec("takes less", "car0", 0, wakes_us, params=(("current", most_ma),))
    house = HouseSpec(((0, (house_ma,) * 3),))
    world = WorldSpec(ConnectionSpec(limit_ma), tuple(boxes), (), tuple(cars), house, (fault,))
    return Site(Connection(14_500, limit_ma, house_max_ma=house_ma), tuple(sites)), world, wakes_us


@given(sleepy_parks())
@examples(20)
def test_a_car_that_wakes_has_its_share_back_in_bounded_time_and_no_limit_is_exceeded(park):
    site, world, wakes_us = park
    loop = Loop(site, world)
    limits = {}

    def watch(n, view, _commands):
        limits[n] = [one.reading.limit_ma for one in view.boxes]

    loop.watch = watch
    last = (wakes_us + BACK_US) // CYCLE_US + 2
    loop.run(last + 1)
    before = limits[wakes_us // CYCLE_US]
    fair_ma = min(16_000, (site.connection.limit_ma - site.connection.house_max_ma) // len(world.boxes)) // 100 * 100
    assert before[0] == 6_000, "what it does not take is used by others"
    assert min(before[1:]) >= min(16_000, fair_ma + (fair_ma - 6_000) // (len(before) - 1) - 1_000), before
    assert limits[last][0] >= fair_ma - 1_000, (before, limits[last])
    for segment in loop.segments:
        for na, rate in zip(segment.na, segment.rate, strict=True):
            assert (
                max(na, na + rate * (segment.to_us - segment.from_us))
                <= world.connection.limit_ma * 1_000_000 + NA_MORE
            )
