"""Small worlds for the tests of the world: one way to build them, and hypothesis strategies for whole ones."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from chargebench.datasheets.load import load
from chargebench.emulator.events import Event, Segment
from chargebench.emulator.spec import (
    BoxSpec,
    CarSpec,
    ConnectionSpec,
    FaultSpec,
    HouseSpec,
    MeterSpec,
    TcpAt,
    WorldSpec,
)
from chargebench.emulator.streams import Streams
from chargebench.emulator.world import World

S = 1_000_000
HOUR = 3600 * S
WIRINGS = ((0, 1, 2), (1, 2, 0), (2, 0, 1), (0, 2, 1), (0,), (2,), (1, 0))


def box_spec(name="box", **changes):
    return replace(BoxSpec(name, "power-brain", TcpAt(f"{name}.lan", 4701), failsafe_us=0), **changes)


def car_spec(name="car", box="box", **changes):
    return replace(CarSpec(name, box, 10 * S, None, 3, 16_000, 20_000), **changes)


def grid_meter(name="grid", measures="connection", **changes):
    return replace(MeterSpec(name, "eastron-sdm630", TcpAt(f"{name}.lan", 502), 1, measures), **changes)


def s0_spec(name="s0", measures="box", **changes):
    return replace(MeterSpec(name, "power-brain-s0", TcpAt("box.lan", 4702), 2, measures), **changes)


class Bench:
    """A world with everything that it told."""

    def __init__(
        self,
        boxes=(),
        cars=(),
        meters=(),
        *,
        house=((0, (0, 0, 0)),),
        connection=None,
        faults=(),
        factor=1000,
        access_points=(),
        gateways=(),
    ):
        self.events: list[Event] = []
        self.segments: list[Segment] = []
        self.mutes: list[tuple[int, str, bool]] = []
        spec = WorldSpec(
            connection or ConnectionSpec(21_000),
            tuple(boxes),
            tuple(meters),
            tuple(cars),
            HouseSpec(tuple(house), factor),
            tuple(faults),
            tuple(access_points),
            gateways=tuple(gateways),
        )
        self.world = World(spec, Streams(0), self.events.append, load)
        self.world.watch.append(self.segments.append)
        self._mute: dict[str, bool] = {}
        self.world.reaches.listeners.append(self._reached)

    def _reached(self, name, now):
        if now.mute != self._mute.get(name, False):
            self._mute[name] = now.mute
            self.mutes.append((self.world.now_us, name, now.mute))

    @property
    def box(self):
        return next(iter(self.world.boxes.values()))

    @property
    def car(self):
        return next(iter(self.world.cars.values()))

    def to(self, at_us):
        self.world.advance(at_us)
        return self

    def device(self, name="box"):
        return self.world.devices[name]

    def story(self, *kinds):
        """(when in us, kind, values) of the told events of these kinds (all, if none are named)."""
        return [
            (event.at_us, event.kind, *(value for _, value in event.data))
            for event in self.events
            if not kinds or event.kind in kinds
        ]

    def drawn_ma(self, at_us=None):
        """Current at each terminal of the box, whole mA."""
        at_us = self.world.now_us if at_us is None else at_us
        return tuple(na // 1_000_000 for na in self.box.flow.level(at_us))


def may_us(one, current_ma):
    """The time of the lower curve, where there is one."""
    time = one.lower_us(current_ma)
    assert time is not None
    return time


def must_us(one, current_ma):
    """The time of the upper curve, where there is one."""
    time = one.upper_us(current_ma)
    assert time is not None
    return time


def one_box(cars=None, **changes):
    """A box with a car from 10 s on, which draws all it is offered."""
    return Bench([box_spec(**changes)], [car_spec(below_ma=0)] if cars is None else cars)


def write(one, at_us, limit_ma=None, enable=None):
    """A master's write of limit and enable, in one request."""
    device = one.to(at_us).device()
    if limit_ma is None:
        device.write("holding", 8094, [int(enable)])
    else:
        device.write("holding", 8093, [limit_ma // 100] if enable is None else [limit_ma // 100, int(enable)])
    return one


def since(one, at_us, *kinds):
    """The story from ``at_us`` on."""
    return [entry for entry in one.story(*kinds) if entry[0] >= at_us]


# -- whole worlds ----------------------------------------------------------------------------------------------------

seconds = st.integers(0, 3600).map(lambda s: s * S)
moments = st.one_of(seconds, st.integers(0, HOUR))


@st.composite
def visits(draw, box):
    out, at = [], draw(moments) // 8
    for k in range(draw(st.sampled_from([1, 1, 2, 0]))):
        leaves = at + draw(st.one_of(st.integers(200 * S, HOUR), st.integers(1, 200 * S)))
        out.append(
            CarSpec(
                f"car-{box}-{k}",
                box,
                at,
                leaves,
                draw(st.integers(1, 3)),
                draw(st.integers(6_000, 32_000)),
                draw(st.sampled_from([20_000, 20_000, 3_000, 500, 0])),
                minimum_ma=draw(st.sampled_from([6_000, 6_000, 9_000])),
                below_ma=draw(st.integers(0, 1_000)),
                delay_us=draw(st.integers(0, 12 * S)),
                ramp_ma_per_s=draw(st.sampled_from([4_000, 4_000, 333, 7, 100_000])),
            )
        )
        at = leaves + draw(st.integers(0, 600 * S))
    return out


@st.composite
def specs(draw, most_boxes=3, faults=True):
    """Any world of an hour: boxes, cars, a house with steps, meters, a fuse, faults."""
    boxes = [
        box_spec(
            f"box{k}",
            wiring=draw(st.sampled_from(WIRINGS)),
            max_ma=draw(st.sampled_from([16_000, 32_000])),
            cable_ma=draw(st.sampled_from([13_000, 20_000, 32_000])),
            failsafe_us=draw(st.sampled_from([0, 30, 180, 300])) * S,
            failsafe_ma=draw(st.sampled_from([0, 6_000, 10_000])),
            boot_limit_ma=draw(st.sampled_from([16_000, 10_000, 32_000, 6_000, 15_942])),
            boot_enable=draw(st.sampled_from([True, True, True, False])),
            profile=draw(st.sampled_from(["on-top", "overwrite"])),
            write_latency_us=draw(st.sampled_from([0, 200_000, 1_234_567])),
        )
        for k in range(draw(st.integers(1, most_boxes)))
    ]
    cars = [car for box in boxes for car in draw(visits(box.name))]
    steps = sorted({draw(moments) for _ in range(draw(st.integers(0, 4)))} | {0})
    load = st.tuples(*[st.one_of(st.integers(0, 10_000), st.integers(0, 60_000))] * 3)
    house = HouseSpec(tuple((at, draw(load)) for at in steps), draw(st.sampled_from([1000, 950, 800])))
    connection = ConnectionSpec(
        draw(st.integers(5_000, 50_000)),
        rating_ma=draw(st.sampled_from([None, 16_000, 25_000, 35_000])),
        curve=draw(st.sampled_from(["gG", "SLS-E", "B"])),
        opens=draw(st.sampled_from(["must", "may", "never"])),
    )
    meters = [grid_meter(), grid_meter("own", "house", wiring=(2, 0, 1))]
    meters += [s0_spec(f"s0-{box.name}", box.name, at=TcpAt(f"{box.name}.lan", 4702)) for box in boxes]
    broken = draw(st.lists(fault_specs([box.name for box in boxes]), max_size=3)) if faults else []
    return WorldSpec(connection, tuple(boxes), tuple(meters), tuple(cars), house, tuple(broken))


@st.composite
def fault_specs(draw, boxes):
    kind = draw(st.sampled_from(["silence", "reboot", "frozen", "one-way loss", "access point lost", "blackout"]))
    on = {"frozen": "grid", "blackout": "connection"}.get(kind) or draw(st.sampled_from(boxes))
    return FaultSpec(kind, on, draw(moments), draw(st.sampled_from([None, 5 * S, 90 * S])), None)
