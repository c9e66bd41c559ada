"""The whole world: nothing is lost, nobody's looking changes it, and what is built is what was said."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.datasheets.load import load
from chargebench.emulator.agenda import Agenda
from chargebench.emulator.device import Refused
from chargebench.emulator.events import Event, Segment
from chargebench.emulator.flow import FAR, energy_wh
from chargebench.emulator.pilot import MOVES, Pilot
from chargebench.emulator.spec import ConnectionSpec, FaultSpec, LineAt, MeterSpec, TcpAt, WorldSpec
from chargebench.emulator.streams import Streams
from chargebench.emulator.world import World
from tests.emulator.worlds import HOUR, Bench, S, box_spec, car_spec, grid_meter, moments, s0_spec, specs

accesses = st.lists(
    st.tuples(
        moments,
        st.integers(0, 2),
        st.sampled_from(
            [
                ("read", 8092, 4),
                ("read", 9000, 1),
                ("write", 8093, [60, 1]),
                ("write", 8093, [100]),
                ("write", 8093, [320, 1]),
                ("write", 8094, [0]),
                ("write", 8083, [0, 10]),
                ("write", 8086, [7]),
                ("write", 8091, [80]),
            ]
        ),
    ),
    max_size=8,
)


def play(spec, inputs=(), looks=(), check=None):
    """Run a world to ``end`` with accesses to its boxes, looked at here and there; what it told and became."""
    events: list[Event] = []
    segments: list[Segment] = []

    def tell(event):
        events.append(event)
        if check is not None:
            check(world, event)

    world = World(spec, Streams(0), tell, load)
    world.watch.append(segments.append)
    devices = [world.devices[name] for name in world.boxes]
    todo = sorted([(at, 0, k, what) for at, k, what in inputs], key=lambda one: one[:3])
    todo += [(at, 1, 0, None) for at in looks]
    for at, looking, k, what in sorted(todo, key=lambda one: one[:2]):
        device = devices[k % len(devices)]
        assert device.advance(at) > at
        if looking:
            for name in world.meters:
                meter_words(world, name)
            continue
        try:
            getattr(device, what[0])("holding", what[1], what[2])
        except Refused:
            continue
    world.finish(HOUR)
    return world, events, segments


def meter_words(world, name):
    table, address = ("holding", 8050) if name.startswith("s0") else ("input", 0)
    return tuple(world.devices[name].read(table, address, 20))


def state(world):
    return (
        world.figures(),
        [(box.pilot, box.limit_ma, box.enable, box.pulse.duty, box.restarts) for box in world.boxes.values()],
        [(box.flow.level(world.now_us), box.flow.charge2(world.now_us)) for box in world.boxes.values()],
        world.connection.flow.charge2(world.now_us),
        [meter_words(world, name) for name in world.meters],
    )


# -- laws ------------------------------------------------------------------------------------------------------------


@given(specs(), accesses, st.lists(moments, max_size=12))
def test_looking_changes_nothing(spec, inputs, looks):
    seen = play(spec, inputs, looks)
    unseen = play(spec, inputs)
    assert seen[1:] == unseen[1:]
    assert state(seen[0]) == state(unseen[0])


@given(specs(), accesses)
def test_every_charge_is_somebodys(spec, inputs):
    world, _, _ = play(spec, inputs)
    voltage_mv = spec.connection.voltage_mv
    total, active = list(world.house.flow.charge2(HOUR)), list(world.house.flow.active_charge2(HOUR))
    for box in world.boxes.values():
        charge2 = box.flow.charge2(HOUR)
        for terminal, phase in enumerate(box.spec.wiring):
            total[phase] += charge2[terminal]
            active[phase] += charge2[terminal]
        assert charge2[len(box.spec.wiring) :] == (0,) * (3 - len(box.spec.wiring))
        cars = [car for car in world.cars.values() if car.spec.box == box.spec.name]
        assert sum(charge2) == sum(car.charge2(HOUR) for car in cars)
    assert world.connection.flow.charge2(HOUR) == tuple(total)
    assert world.connection.flow.active_charge2(HOUR) == tuple(active)
    assert world.figures()["cars"] == {
        name: {"energy_wh": energy_wh(car.charge2(HOUR), voltage_mv), "wanted_wh": car.spec.wanted_wh}
        for name, car in world.cars.items()
    }


@given(specs(faults=False))
def test_a_grid_meter_counts_what_cars_and_house_have_used(spec):
    world, _, _ = play(spec)
    used = sum(world.house.flow.active_charge2(HOUR)) + sum(car.charge2(HOUR) for car in world.cars.values())
    assert world.meters["grid"].total_energy_wh(HOUR) == energy_wh(used, 230_000)
    assert world.meters["own"].total_energy_wh(HOUR) == energy_wh(sum(world.house.flow.active_charge2(HOUR)), 230_000)


@given(specs(), accesses)
def test_segments_follow_on_one_another_from_beginning_to_end(spec, inputs):
    world, _, segments = play(spec, inputs)
    assert segments[0].from_us == 0
    assert segments[-1].to_us == HOUR
    assert all(one.to_us == two.from_us and one.from_us < one.to_us for one, two in pairwise(segments))
    charge2 = [0, 0, 0]
    for one in segments:
        span = one.to_us - one.from_us
        for phase in range(3):
            charge2[phase] += (2 * one.na[phase] + one.rate[phase] * span) * span
    assert tuple(charge2) == world.connection.flow.charge2(HOUR)


@given(specs(), accesses)
def test_nothing_is_ever_offered_that_limit_cable_or_model_forbid(spec, inputs):
    def check(world, event):
        if event.kind != "offer" or not event.get("offered_ma"):
            return
        box = world.boxes[event.channel.removeprefix("box ")]
        limit, enable = box._in_force
        if box.idle.on and box.spec.profile == "on-top":
            limit, enable = box.failsafe_ma, box.failsafe_ma > 0
        offered = event.get("offered_ma")
        assert offered <= min(box.spec.max_ma, box.fixed_ma or box.spec.cable_ma)
        assert 6_000 <= offered <= (limit if enable else 6_000)
        assert offered % 100 == 0

    _, events, _ = play(spec, inputs, check=check)
    for box in spec.boxes:
        offers = [one for one in events if one.kind == "offer" and one.channel == f"box {box.name}"]
        for before, after in pairwise(offers):
            assert after.at_us - before.at_us >= 5 * S or not after.get("offered_ma")


@given(specs(), accesses)
def test_a_contactor_closes_only_in_turn_and_what_flows_flows_through_it(spec, inputs):
    closed = {box.name: 0 for box in spec.boxes}
    starts = dict.fromkeys(closed, 0)

    def check(world, event):
        name = event.channel.removeprefix("box ")
        if event.kind == "contactor":
            assert event.get("closed") != closed[name]
            closed[name] = event.get("closed")
            starts[name] += event.get("closed")
        if event.kind == "draw" and event.get("drawn_ma"):
            assert closed[world.cars[event.channel.removeprefix("car ")].spec.box]

    world, _, _ = play(spec, inputs, check=check)
    assert world.figures()["contactor_starts"] == starts
    for box in world.boxes.values():
        assert box.contactor.closed == closed[box.spec.name]
        assert box.contactor.closed or box.flow.level(HOUR) == (0, 0, 0)


@given(specs(), accesses)
def test_a_state_follows_only_where_it_may(spec, inputs):
    _, events, _ = play(spec, inputs)
    last = {f"box {box.name}": "A" for box in spec.boxes}
    for event in events:
        if event.kind == "state":
            assert event.get("was") == last[event.channel]
            assert Pilot(event.get("now")) in MOVES[Pilot(event.get("was"))]
            last[event.channel] = event.get("now")


@given(specs(), accesses)
def test_events_come_in_the_order_of_time(spec, inputs):
    _, events, _ = play(spec, inputs)
    assert all(one.at_us <= two.at_us for one, two in pairwise(events))


@given(specs())
def test_a_fuse_has_its_say_on_every_phase(spec):
    world, events, _ = play(spec)
    for name, phase in world.figures()["fuse"].items():
        said = [
            (one.get("was"), one.get("now")) for one in events if one.kind == "verdict" and one.get("phase") == name
        ]
        if spec.connection.rating_ma is None:
            assert (said, phase["verdict"]) == ([], None)
            continue
        assert said in ([], [("cannot", "may")], [("cannot", "may"), ("may", "must")], [("cannot", "must")])
        assert phase["verdict"] == (said[-1][1] if said else "cannot")
        assert (phase["may_s"] is None) == (phase["verdict"] == "cannot")
        assert (phase["must_s"] is not None) == (phase["verdict"] == "must")
        assert phase["peak_a"] >= 0


# -- time ------------------------------------------------------------------------------------------------------------


def test_nothing_has_happened_before_the_first_advance():
    one = Bench([box_spec()], [car_spec(plugs_us=0)], house=[(0, (5, 5, 5))])
    assert (one.story(), one.world.now_us, one.world.next_us) == ([], 0, 0)
    one.to(0)
    assert [entry[1] for entry in one.story()] == ["house", "plugged", "offer", "state"]
    assert one.world.next_us == 6 * S


def test_the_world_does_not_go_back():
    one = Bench().to(5 * S)
    with pytest.raises(AssertionError, match="does not go back to 4999999 us"):
        one.to(5 * S - 1)
    assert one.world.next_us == FAR


def test_at_one_instant_the_fuse_comes_first_then_faults_house_and_boxes_in_file_order():
    trips = 10 * S
    boxes = [box_spec("late"), box_spec("early")]
    cars = [car_spec("b", "early", plugs_us=trips), car_spec("a", "late", plugs_us=trips)]
    one = Bench(
        boxes,
        cars,
        house=[(0, (0, 52_000, 0)), (trips, (0, 0, 0))],
        connection=ConnectionSpec(20_000, rating_ma=25_000),
        faults=[FaultSpec("silence", "late", trips)],
    ).to(trips)
    assert [(entry[1], entry[2]) for entry in one.story("verdict", "begins", "house", "plugged")][1:] == [
        ("verdict", "L2"),
        ("begins", "silence"),
        ("house", 0),
        ("plugged", "late"),
        ("plugged", "early"),
    ]


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 30) | st.just(FAR)), max_size=300))
def test_an_agenda_names_the_earliest_and_of_equals_the_first(arms):
    agenda, armed = Agenda(5), [FAR] * 5
    for actor, when in arms:
        agenda.arm(actor, when)
        armed[actor] = when
        assert agenda.next_us == min(armed)
    while (due := agenda.take(30)) is not None:
        assert due == (min(armed), armed.index(min(armed)))
        armed[due[1]] = FAR
    assert min(armed) == FAR


def test_an_agenda_does_not_grow_with_what_was_put_off():
    agenda = Agenda(3)
    for when in range(100_000):
        agenda.arm(when % 3, FAR - 1 - when)
    assert len(agenda._heap) <= 8 * 3 + 65


def test_one_event_concerns_its_actor_and_the_connection_only(monkeypatch):
    boxes = [box_spec(f"box{k}", failsafe_us=300 * S) for k in range(25)]
    cars = [car_spec(f"car{k}", f"box{k}", plugs_us=k * S) for k in range(25)]
    one = Bench(boxes, cars)
    armed: Counter[int] = Counter()
    arm = World._arm
    monkeypatch.setattr(World, "_arm", lambda world, number: (armed.update([number]), arm(world, number))[1])
    one.to(30 * S)
    steps = sum(count for number, count in armed.items() if number)
    assert armed[0] == steps <= 10 * 25
    one.device("box7").read("holding", 8092, 4)
    assert sum(armed.values()) == 2 * steps, "a read only puts off what was to come"
    one.device("box7").write("holding", 8093, (70,))
    assert sum(armed.values()) == 2 * steps + 2


# -- what is built ---------------------------------------------------------------------------------------------------


def served(one):
    return [
        (server.name, server.at, sorted(server.units), *(its.owner for its in server.members))
        for server in one.world.servers()
    ]


def test_servers_stand_where_the_spec_says_boxes_first():
    one = Bench(
        [box_spec(turnaround_us=7), box_spec("yard", at=LineAt("COM1"), unit=2)],
        meters=[
            grid_meter(),
            s0_spec(turnaround_us=9),
            s0_spec("second", at=TcpAt("box.lan", 4703), unit=3, measures="house"),
            s0_spec("yard-s0", "yard", at=LineAt("COM1"), unit=21),
            s0_spec("other", "house", at=LineAt("COM1"), unit=22),
        ],
    )
    assert served(one) == [
        ("box", TcpAt("box.lan", 4701), [1], "box"),
        ("yard", LineAt("COM1"), [2], "yard"),
        ("grid", TcpAt("grid.lan", 502), [1], "grid"),
        ("s0", TcpAt("box.lan", 4702), [2], "box"),
        ("second", TcpAt("box.lan", 4703), [3], "box"),
        ("yard-s0", LineAt("COM1"), [21], "yard"),
        ("other", LineAt("COM1"), [22], "other"),
    ]
    assert [server.turnaround_us for server in one.world.servers()][:4] == [7, 20_000, 5_000, 9]
    assert list(one.world.meters) == ["grid", "s0", "second", "yard-s0", "other"]


def test_units_at_one_address_share_a_server_and_twins_on_a_line_do_not():
    gateway, line = TcpAt("gate.lan", 502), LineAt("COM1")
    one = Bench(
        [box_spec("a", at=line), box_spec("b", at=line)],
        meters=[grid_meter("one", at=gateway, unit=1), grid_meter("two", at=gateway, unit=2)],
    )
    assert [(name, units) for name, _, units, *_ in served(one)] == [("a", [1]), ("b", [1]), ("one", [1, 2])]
    with pytest.raises(ValueError, match="one and two are both unit 1 at one address"):
        Bench(meters=[grid_meter("one", at=gateway), grid_meter("two", at=gateway)])


def test_an_attached_meter_needs_no_address_and_can_have_a_name():
    own = MeterSpec("inside", "eastron-sdm630", None, 0, "box")
    assert list(Bench([box_spec(attached=True)], meters=[own]).world.meters) == ["inside"]
    assert list(Bench([box_spec(attached=True)]).world.meters) == ["box-meter"]
    with pytest.raises(ValueError, match="meter inside has no address"):
        Bench([box_spec()], meters=[own])


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({"boxes": [box_spec(device="toaster")]}, "box: unknown device 'toaster'"),
        ({"meters": [grid_meter(device="power-brain")]}, "grid: power-brain is no meter"),
        ({"boxes": [box_spec(), box_spec()]}, "there are two of the box or meter box"),
        ({"boxes": [box_spec()], "meters": [grid_meter("box")]}, "there are two of the box or meter box"),
        ({"boxes": [box_spec()], "cars": [car_spec(leaves_us=HOUR), car_spec(plugs_us=HOUR)]}, "two of the car car"),
        ({"boxes": [box_spec()], "cars": [car_spec(box="cellar")]}, "car car is plugged in at cellar; there are box"),
        ({"cars": [car_spec()]}, "there are no boxes"),
    ],
)
def test_a_world_that_cannot_be_is_refused(parts, sentence):
    with pytest.raises((LookupError, ValueError)) as caught:
        Bench(**parts)
    assert sentence in str(caught.value)


def test_the_same_world_is_the_same_whatever_the_seed():
    spec = WorldSpec(ConnectionSpec(20_000), (box_spec(),), (grid_meter(),), (car_spec(),))
    runs = []
    for seed in (1, 2):
        events: list[Event] = []
        world = World(spec, Streams(seed), events.append, load)
        world.finish(HOUR)
        runs.append((events, world.figures()))
    assert runs[0] == runs[1]
